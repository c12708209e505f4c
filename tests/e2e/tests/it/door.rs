//! From the ticket to the door with the real processes: documents made by the worker, the first scan that
//! wins, a ticket that its owner gives up, whose code is void everywhere from then on.

use std::time::Duration;

use e2e::{Answer, Client, Held, System, until, uuid_v7};
use reqwest::Method;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);

/// The administrator, signed in.
pub struct Staff<'a> {
    pub client: &'a Client,
    pub bearer: String,
}

impl<'a> Staff<'a> {
    pub async fn sign_in(system: &System, client: &'a Client) -> Self {
        let password = system.file("admin.password");
        let body = json!({"identifier": "admin", "password": password.trim()});
        let tokens = client.send(Method::POST, "/auth/login", Some(body), &[]).await;
        assert_eq!(tokens.status, 200, "{:?}", tokens.body);
        let token = tokens.body["access_token"].as_str().expect("a token");
        Self { client, bearer: format!("Bearer {token}") }
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let key = uuid_v7();
        let headers = [("Authorization", self.bearer.as_str()), ("Idempotency-Key", &key)];
        self.client.send(method, path, body, &headers).await
    }

    async fn scan(&self, code: &Value) -> (Value, Value) {
        let scan = json!({"code": code, "gate": "main", "nonce": uuid_v7()});
        let answer = self.send(Method::POST, "/checkins", Some(scan)).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        (answer.body["status"].clone(), answer.body["reason"].clone())
    }
}

async fn pdf(system: &System, path: &str, token: &str) -> Option<Vec<u8>> {
    let url = format!("{}/api/v1{path}", system.url());
    let request = reqwest::Client::new().get(url).header("X-Hold-Token", token);
    let answer = request.header("Grid-Deadline-Ms", "10000").send().await.ok()?;
    if answer.status() != 200 {
        return None;
    }
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    Some(answer.bytes().await.ok()?.to_vec())
}

async fn tickets(client: &Client, order: &str, held: &Held) -> Vec<Value> {
    let listed = client.get(&format!("/orders/{order}/tickets"), Some(&held.token)).await;
    assert_eq!(listed.status, 200, "{:?}", listed.body);
    listed.body.as_array().expect("tickets").clone()
}

#[tokio::test]
async fn tickets_are_printed_shown_once_and_void_once_refunded() {
    let system = System::start();
    let client = Client::new(&system.url());
    let seats = client.seats("demo-hall", "free").await;
    let wish = json!({"seats": [seats[0], seats[1]]});
    let held = client.hold("demo-hall", wish).await.expect("a hold");
    let order = client.buy(&held, "succeed").await;
    client.until_order(&order, &held.token, "paid").await;
    let codes = tickets(&client, &order, &held).await;
    let path = format!("/tickets/{}.pdf", codes[0]["id"].as_str().expect("an id"));
    let document = until("the worker made the document", PATIENCE, || async {
        pdf(&system, &path, &held.token).await
    })
    .await;
    assert!(document.starts_with(b"%PDF-"), "{} bytes", document.len());
    assert!(pdf(&system, &path, "somebody-elses").await.is_none());

    let staff = Staff::sign_in(&system, &client).await;
    let jobs = staff.send(Method::GET, "/admin/jobs?kind=ticket_document", None).await;
    assert_eq!(jobs.body["items"].as_array().map(Vec::len), Some(1), "{:?}", jobs.body);
    let (code, other) = (&codes[0]["code"], &codes[1]["code"]);
    assert_eq!(staff.scan(code).await, (json!("admitted"), Value::Null));
    assert_eq!(staff.scan(code).await, (json!("refused"), json!("already_used")));
    assert_eq!(tickets(&client, &order, &held).await[0]["status"], "used");

    let refund = json!({"seats": [codes[1]["seat"]]});
    let terms = client.get(&format!("/orders/{order}/refund-terms"), Some(&held.token)).await;
    assert_eq!(terms.body["share_basis_points"], 10_000, "{:?}", terms.body);
    let used = json!({"seats": [codes[0]["seat"]]});
    let path = format!("/orders/{order}/refunds");
    let used = client.post(&path, used, Some(&held.token)).await;
    assert_eq!((used.status.as_u16(), used.code()), (409, "refund_refused"));
    let refund = client.post(&path, refund, Some(&held.token)).await;
    assert_eq!(refund.status, 201, "{:?}", refund.body);
    until("the money is back", PATIENCE, || async {
        let now = client.get(&format!("/orders/{order}"), Some(&held.token)).await;
        (now.body["refunds"][0]["status"] == "succeeded").then_some(())
    })
    .await;
    assert_eq!(staff.scan(other).await, (json!("refused"), json!("refunded")));
    let void = until("devices hear of it", PATIENCE, || async {
        let list = staff.send(Method::GET, "/events/demo-hall/revocations", None).await;
        list.body["items"].as_array().filter(|items| !items.is_empty()).map(|_| list.body.clone())
    })
    .await;
    assert_eq!(void["items"][0]["ticket_id"], codes[1]["id"]);
    assert!(void["age_ms"].as_u64().is_some_and(|age| age < 60_000), "{void}");
    let errors = staff.send(Method::GET, "/admin/errors", None).await;
    assert_eq!(errors.body, json!({"items": [], "next_cursor": null}));
}
