//! Money with real processes: each adapter against a gateway in its language, and the matrix of
//! faults and steps.

use std::time::Duration;

use e2e::{Answer, Client, Held, System, until};
use serde_json::{Value, json};

mod matrix;

/// How long money may take to end when somebody has to be asked again.
const PATIENCE: Duration = Duration::from_secs(90);

/// An order of one seat, with a payment that waits for the shopper.
struct Begun {
    held: Held,
    order: String,
    payment: Answer,
}

impl Begun {
    async fn at(client: &Client, provider: &str, seat: &str) -> Self {
        let held = client.hold("demo-hall", json!({"seats": [seat]})).await.expect("free");
        let order = client.order(&held).await.body["id"].as_str().expect("an id").to_owned();
        let payment = client.pay_at(provider, &order, &held.token).await;
        assert_eq!(payment.status, 201, "{provider}: {:?}", payment.body);
        Self { held, order, payment }
    }

    async fn document(&self, client: &Client) -> Value {
        client.get(&format!("/orders/{}", self.order), Some(&self.held.token)).await.body
    }

    /// The order once its first payment has that end.
    async fn settled(&self, client: &Client, end: &str) -> Value {
        until(&format!("the money of {} is {end}", self.order), PATIENCE, || async {
            let body = self.document(client).await;
            (body["payments"][0]["settled_as"] == end).then_some(body)
        })
        .await
    }
}

/// How often the office heard such notices.
async fn notices(system: &System, client: &Client, provider: &str, end: &str) -> u64 {
    let office = system.processes().into_iter().find(|p| p.role == "office").expect("an office");
    let metrics = client.read(&format!("http://{}/metrics", office.admin), None).await;
    let (provider, end) = (format!("provider=\"{provider}\""), format!("end=\"{end}\""));
    let counted = |line: &&str| {
        line.starts_with("seatgrid_notices_total{")
            && line.contains(&provider)
            && line.contains(&end)
    };
    let line = metrics.lines().find(counted);
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

async fn bought(system: &System, client: &Client, provider: &str, seat: &str) {
    let begun = Begun::at(client, provider, seat).await;
    client.decide(&begun.payment, "succeed").await;
    let paid = begun.settled(client, "confirmed").await;
    assert_eq!(
        (&paid["status"], &paid["payments"][0]["provider"]),
        (&json!("paid"), &json!(provider))
    );
    // Not the poller, which would have come later, but the gateway's own notice.
    until("the notice is counted", PATIENCE, || async {
        (notices(system, client, provider, "done").await > 0).then_some(())
    })
    .await;
}

/// Another amount than asked buys nothing and goes back, all of it.
async fn given_back(client: &Client, provider: &str, seat: &str) {
    let begun = Begun::at(client, provider, seat).await;
    client.decide(&begun.payment, "amount_mismatch").await;
    until(&format!("{provider} gives the money back"), PATIENCE, || async {
        let body = begun.document(client).await;
        (body["refunds"][0]["status"] == "succeeded").then_some(())
    })
    .await;
    let body = begun.document(client).await;
    assert_ne!(body["status"], "paid", "{body}");
}

/// Who says that something was paid is not believed; who pays afterwards gets the seat.
async fn unmasked(system: &System, client: &Client, provider: &str, seat: &str) {
    let begun = Begun::at(client, provider, seat).await;
    client.decide(&begun.payment, "forged_notification").await;
    // YooKassa signs nothing, so that its gateway has to be asked; Stripe's signature says it at once.
    let end = if provider == "sandbox_stripe" { "forged" } else { "ignored" };
    until(&format!("{provider}: the notice is {end}"), PATIENCE, || async {
        (notices(system, client, provider, end).await > 0).then_some(())
    })
    .await;
    assert_eq!(begun.document(client).await["payments"][0]["status"], "pending");
    client.decide(&begun.payment, "succeed").await;
    begun.settled(client, "confirmed").await;
}

/// A gateway that cannot close its page may bring late money, which takes the free seat again.
async fn late_money(client: &Client, seat: &str) {
    let begun = Begun::at(client, "sandbox", seat).await;
    client.until_order(&begun.order, &begun.held.token, "expired").await;
    client.decide(&begun.payment, "succeed").await;
    assert_eq!(begun.settled(client, "retaken").await["status"], "paid");
}

/// A gateway that can close its page is told to, so that nobody pays for nothing.
async fn closed_page(client: &Client, seat: &str) {
    let begun = Begun::at(client, "sandbox_stripe", seat).await;
    client.until_order(&begun.order, &begun.held.token, "expired").await;
    until("the page is closed", PATIENCE, || async {
        let body = begun.document(client).await;
        (body["payments"][0]["status"] == "canceled").then_some(())
    })
    .await;
    assert_eq!(client.try_to_decide(&begun.payment, "succeed").await, 409);
}

#[tokio::test]
async fn yookassa_and_stripe_sell_give_back_and_take_nothing_for_nothing() {
    let system = System::start_with(&[("SEATGRID_OFFICE__DEMO_HOLD_TTL_S", "12")]);
    let client = Client::new(&system.url());
    tokio::join!(
        bought(&system, &client, "sandbox", "P-1-1"),
        bought(&system, &client, "sandbox_stripe", "P-2-1"),
        given_back(&client, "sandbox", "P-3-1"),
        given_back(&client, "sandbox_stripe", "P-4-1"),
        unmasked(&system, &client, "sandbox", "P-5-1"),
        unmasked(&system, &client, "sandbox_stripe", "P-6-1"),
        late_money(&client, "P-7-1"),
        closed_page(&client, "P-8-1"),
    );
}
