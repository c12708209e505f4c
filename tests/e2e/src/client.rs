//! A shopper's HTTP client.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::wait::until;

/// A client of one system; cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

/// An answer with its body as JSON (null when it is none).
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as JSON.
    pub body: Value,
}

impl Answer {
    /// The problem's stable code.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

/// A hold of one's own.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its id.
    pub id: String,
    /// What proves that it is one's own.
    pub token: String,
    /// Ids of its seats.
    pub seats: Vec<String>,
}

impl Held {
    /// Reads a hold's document.
    pub fn of(body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().expect("a text").to_owned();
        let seats = body["seats"].as_array().expect("a list of seats").iter();
        let seats = seats.map(|seat| seat["id"].as_str().expect("an id").to_owned()).collect();
        Self { id: text("id"), token: text("token"), seats }
    }
}

/// A fresh version 7 UUID.
pub fn uuid_v7() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Chooses the cryptography of this process; done before, it stays.
pub(crate) fn use_ring() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Client {
    /// A client for the system at `base`.
    pub fn new(base: &str) -> Self {
        use_ring();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build();
        Self { http: http.expect("a client"), base: format!("{base}/api/v1") }
    }

    /// Sends a request; headers are (name, value).
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap_or_else(|e| panic!("{path}: {e}"));
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = answer.bytes().await.unwrap_or_default();
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    /// Reads.
    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let token = token.map(|token| ("X-Hold-Token", token));
        self.send(Method::GET, path, None, token.as_slice()).await
    }

    /// Changes something, under a fresh key.
    pub async fn post(&self, path: &str, body: Value, token: Option<&str>) -> Answer {
        self.post_with_key(path, body, token, &uuid_v7()).await
    }

    /// Changes something, under a given key. While the service says that it is busy or that the
    /// outcome is unknown, the same key is sent again, as the contract asks for.
    pub async fn post_with_key(
        &self,
        path: &str,
        body: Value,
        token: Option<&str>,
        key: &str,
    ) -> Answer {
        let mut headers = vec![("Idempotency-Key", key)];
        headers.extend(token.map(|token| ("X-Hold-Token", token)));
        let headers = &headers;
        until(&format!("a definite answer of {path}"), Duration::from_secs(60), || {
            let body = body.clone();
            async move {
                let answer = self.send(Method::POST, path, Some(body), headers).await;
                (answer.status != 503).then_some(answer)
            }
        })
        .await
    }

    /// Seats of an event with a status.
    pub async fn seats(&self, event: &str, status: &str) -> Vec<String> {
        let answer = self.get(&format!("/events/{event}/seats"), None).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let seats = answer.body["seats"].as_array().expect("a list of seats");
        let wanted = seats.iter().filter(|seat| seat["status"] == status);
        wanted.map(|seat| seat["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// Tries to hold seats.
    pub async fn hold(&self, event: &str, body: Value) -> Result<Held, Answer> {
        let answer = self.post(&format!("/events/{event}/holds"), body, None).await;
        if answer.status != 201 {
            return Err(answer);
        }
        Ok(Held::of(&answer.body))
    }

    /// Places an order for a hold.
    pub async fn order(&self, held: &Held) -> Answer {
        let buyer =
            json!({"name": "Анна Петрова", "email": "anna@example.org", "phone": "+79001234567"});
        let body = json!({
            "hold_id": held.id, "buyer": buyer, "consents": ["personal_data"], "channels": ["email"],
        });
        self.post("/orders", body, Some(&held.token)).await
    }

    /// Starts a payment at the sandbox.
    pub async fn pay(&self, order: &str, token: &str) -> Answer {
        self.pay_at("sandbox", order, token).await
    }

    /// Starts a payment at some gateway.
    pub async fn pay_at(&self, provider: &str, order: &str, token: &str) -> Answer {
        let body = json!({
            "provider": provider, "method": "bank_card", "return_url": "http://127.0.0.1/return",
        });
        self.post(&format!("/orders/{order}/payments"), body, Some(token)).await
    }

    /// Clicks on the sandbox's payment page.
    pub async fn decide(&self, payment: &Answer, outcome: &str) {
        let status = self.try_to_decide(payment, outcome).await;
        assert!(status.is_success(), "the payment page answered {status}");
    }

    /// Clicks on the sandbox's payment page, which may have closed.
    pub async fn try_to_decide(&self, payment: &Answer, outcome: &str) -> StatusCode {
        let url = payment.body["confirmation"]["confirmation_url"].as_str();
        let url = url.unwrap_or_else(|| panic!("no payment page in {:?}", payment.body));
        let sent = self.http.post(url).json(&json!({"outcome": outcome})).send().await;
        sent.expect("the payment page answers").status()
    }

    /// Throws fault switches of the sandbox at `url`.
    pub async fn throw(&self, url: &str, switches: Value) {
        let sent = self.http.post(format!("{url}/faults")).json(&switches).send().await;
        let status = sent.expect("the sandbox answers").status();
        assert!(status.is_success(), "the switches answered {status}");
    }

    /// Reads something that is no part of the API: probes, switches, a gateway's own objects.
    pub async fn read(&self, url: &str, basic: Option<(&str, &str)>) -> String {
        let mut request = self.http.get(url);
        if let Some((user, password)) = basic {
            request = request.basic_auth(user, Some(password));
        }
        let answer = request.send().await.unwrap_or_else(|e| panic!("{url}: {e}"));
        answer.text().await.unwrap_or_default()
    }

    /// Hold, order, payment, money: gives the order's id.
    pub async fn buy(&self, held: &Held, outcome: &str) -> String {
        let order = self.order(held).await;
        assert_eq!(order.status, 201, "{:?}", order.body);
        let id = order.body["id"].as_str().expect("an id").to_owned();
        let payment = self.pay(&id, &held.token).await;
        assert_eq!(payment.status, 201, "{:?}", payment.body);
        self.decide(&payment, outcome).await;
        id
    }

    /// Waits until an order has a status.
    pub async fn until_order(&self, order: &str, token: &str, status: &str) -> Value {
        let path = format!("/orders/{order}");
        until(&format!("order {order} is {status}"), Duration::from_secs(20), || async {
            let answer = self.get(&path, Some(token)).await;
            (answer.body["status"] == status).then_some(answer.body)
        })
        .await
    }
}
