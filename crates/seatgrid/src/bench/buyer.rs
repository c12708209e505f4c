//! One buyer's journey: hold, order, payment, pay at the gateway, wait until the order is paid.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};

use super::api::{Answer, Api, Call};

/// How often a buyer looks whether the order is paid.
const LOOK: Duration = Duration::from_millis(150);

/// What became of a buyer.
pub enum End {
    /// Paid for these seats.
    Bought(Vec<String>),
    /// Told no, with this code.
    Refused(String),
    /// Had no definite answer at this step.
    Failed(&'static str, String),
}

/// How long the steps took, from the scheduled moment for the first and from its start for others.
#[derive(Default)]
pub struct Times {
    pub hold: Option<Duration>,
    pub order: Option<Duration>,
    pub payment: Option<Duration>,
    /// From the scheduled moment to a paid order.
    pub bought: Option<Duration>,
    pub retries: u32,
}

/// A buyer with a wish.
pub struct Buyer<'a> {
    pub api: &'a Api,
    pub event: &'a str,
    pub number: u16,
    pub id: u32,
    pub scheduled: Instant,
    pub times: Times,
}

/// A step that ended the journey.
type Stopped = End;

impl Buyer<'_> {
    /// Walks the whole way.
    pub async fn walk(mut self) -> (End, Times) {
        let end = match self.steps().await {
            Ok(seats) => {
                self.times.bought = Some(self.scheduled.elapsed());
                End::Bought(seats)
            }
            Err(end) => end,
        };
        (end, self.times)
    }

    async fn steps(&mut self) -> Result<Vec<String>, Stopped> {
        let hold = self.hold().await?;
        let token = text(&hold, "token");
        let seats = hold["seats"].as_array().into_iter().flatten();
        let seats = seats.map(|seat| text(seat, "id")).collect();
        let order = self.order(&text(&hold, "id"), &token).await?;
        let page = self.payment(&order, &token).await?;
        let paid = self.api.pay_at_gateway(&page).await;
        paid.map_err(|e| End::Failed("gateway", format!("{e:#}")))?;
        self.wait_until_paid(&order, &token).await?;
        Ok(seats)
    }

    async fn hold(&mut self) -> Result<Value, Stopped> {
        let path = format!("/api/v1/events/{}/holds", self.event);
        let body = json!({"best": {"number": self.number, "prevent_orphans": true}});
        let answer = self.post("hold", path, body, None).await?;
        self.times.hold = Some(self.scheduled.elapsed());
        created(answer)
    }

    async fn order(&mut self, hold: &str, token: &str) -> Result<String, Stopped> {
        let started = Instant::now();
        let buyer = json!({
            "name": format!("Buyer {}", self.id),
            "email": format!("buyer{}@example.org", self.id),
            "phone": format!("+7900{:07}", self.id),
        });
        let body = json!({
            "hold_id": hold, "buyer": buyer, "consents": ["personal_data"], "channels": ["email"],
        });
        let answer = self.post("order", "/api/v1/orders".into(), body, Some(token)).await?;
        self.times.order = Some(started.elapsed());
        created(answer).map(|order| text(&order, "id"))
    }

    async fn payment(&mut self, order: &str, token: &str) -> Result<String, Stopped> {
        let started = Instant::now();
        let path = format!("/api/v1/orders/{order}/payments");
        let body = json!({
            "provider": "sandbox", "method": "bank_card", "return_url": "http://127.0.0.1/return",
        });
        let answer = self.post("payment", path, body, Some(token)).await?;
        self.times.payment = Some(started.elapsed());
        created(answer).map(|payment| text(&payment["confirmation"], "confirmation_url"))
    }

    async fn wait_until_paid(&mut self, order: &str, token: &str) -> Result<(), Stopped> {
        let give_up = Instant::now() + Duration::from_secs(60);
        loop {
            let path = format!("/api/v1/orders/{order}");
            let call =
                Call { method: Method::GET, path, body: None, keyed: false, token: Some(token) };
            let answer = self.definite("paid", call).await?;
            match answer.body["status"].as_str() {
                Some("paid") => return Ok(()),
                Some("pending_payment") if Instant::now() < give_up => {
                    tokio::time::sleep(LOOK).await;
                }
                status => return Err(End::Failed("paid", format!("the order is {status:?}"))),
            }
        }
    }

    async fn post(
        &mut self,
        step: &'static str,
        path: String,
        body: Value,
        token: Option<&str>,
    ) -> Result<Answer, Stopped> {
        let call = Call { method: Method::POST, path, body: Some(body), keyed: true, token };
        self.definite(step, call).await
    }

    async fn definite(&mut self, step: &'static str, call: Call<'_>) -> Result<Answer, Stopped> {
        let answer = self.api.call(call).await.context(step);
        let answer = answer.map_err(|e| End::Failed(step, format!("{e:#}")))?;
        self.times.retries += answer.retries;
        Ok(answer)
    }
}

/// The body of a 2xx; anything else ends the journey as a refusal.
fn created(answer: Answer) -> Result<Value, Stopped> {
    if answer.status.is_success() { Ok(answer.body) } else { Err(End::Refused(answer.code())) }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}
