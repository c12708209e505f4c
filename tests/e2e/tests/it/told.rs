//! Somebody binds a chat to their account and hears of a purchase there, through the router and with the
//! real processes: office, worker, data writer, sandbox.

use std::time::Duration;

use e2e::{Client, System, until, uuid_v7};
use reqwest::Method;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// What the sandbox lists.
async fn listed(url: &str) -> Option<Vec<Value>> {
    let list: Value = reqwest::get(url).await.ok()?.json().await.ok()?;
    list.as_array().cloned()
}

#[tokio::test]
async fn a_purchase_is_told_by_telegram_in_the_language_that_was_chosen() {
    let system = System::start();
    let client = Client::new(&system.url());
    let sandbox = system.file("sandbox.url");
    let form = json!({
        "surname": "Told", "name": "Tanya", "login": "tanya", "email": "tanya@people.example",
        "phone": "+79005550177", "password": "лошадь на крыше 47",
        "consents": [{"kind": "personal_data", "version": "1"}],
    });
    let made = client.send(Method::POST, "/auth/register", Some(form), &[]).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let login = json!({"identifier": "tanya", "password": "лошадь на крыше 47"});
    let tokens = client.send(Method::POST, "/auth/login", Some(login), &[]).await;
    let bearer = format!("Bearer {}", tokens.body["access_token"].as_str().expect("a token"));
    let send = async |method: Method, path: &str, body: Option<Value>| {
        let key = uuid_v7();
        let headers = [("Authorization", bearer.as_str()), ("Idempotency-Key", key.as_str())];
        client.send(method, path, body, &headers).await
    };

    let wish = json!({"language": "en", "kinds": [
        {"kind": "purchase_confirmed", "channels": ["telegram"]}]});
    assert_eq!(send(Method::PUT, "/me/notifications", Some(wish)).await.status, 200);
    let told = send(Method::GET, "/me/notifications", None).await.body;
    assert!(told["push"]["key"].is_string(), "browsers can subscribe, too: {told}");
    let code = send(Method::POST, "/me/telegram", None).await;
    assert_eq!(code.status, 201, "{:?}", code.body);
    let code = code.body["code"].as_str().expect("a code");
    let saying = json!({"chat_id": 4711, "text": format!("/start {code}")});
    let said = reqwest::Client::new().post(format!("{sandbox}/telegram/say")).json(&saying);
    assert_eq!(said.send().await.expect("the sandbox").status(), 204);
    let chat = format!("{sandbox}/telegram?to=4711");
    until("the bot answers", PATIENCE, || async {
        let answer = listed(&chat).await?.first()?["text"].as_str()?.to_owned();
        answer.contains("notices come here").then_some(())
    })
    .await;

    let seats = client.seats("demo-hall", "free").await;
    let hold = json!({"seats": [seats[0]]});
    let held = send(Method::POST, "/events/demo-hall/holds", Some(hold)).await;
    assert_eq!(held.status, 201, "{:?}", held.body);
    let order = json!({
        "hold_id": held.body["id"], "consents": ["personal_data"],
        "buyer": {"name": "Tanya", "email": "tanya@people.example"},
    });
    let order = send(Method::POST, "/orders", Some(order)).await;
    let id = order.body["id"].as_str().expect("an order").to_owned();
    let pay =
        json!({"provider": "sandbox", "method": "bank_card", "return_url": "http://127.0.0.1/r"});
    let payment = send(Method::POST, &format!("/orders/{id}/payments"), Some(pay)).await;
    client.decide(&payment, "succeed").await;
    let told = until("the purchase is told", PATIENCE, || async {
        let newest = listed(&chat).await?.first()?["text"].as_str()?.to_owned();
        newest.contains(&id).then_some(newest)
    })
    .await;
    assert!(told.contains("your tickets are bought") && !told.contains("билеты"), "{told}");
    let mail = listed(&format!("{sandbox}/mailbox?to=tanya@people.example")).await;
    let mail = mail.expect("a list");
    assert!(mail.iter().all(|one| !one["text"].as_str().unwrap_or("").contains(&id)), "{mail:?}");
}
