//! Somebody registers, signs in, buys and reads their mail, through the router and with the real
//! processes; whoever is erased is found in no file of the system.

use std::path::Path;
use std::time::Duration;

use e2e::{Client, System, until, uuid_v7};
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "лошадь на крыше 47";

struct Person<'a> {
    client: &'a Client,
    access: String,
}

impl Person<'_> {
    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> e2e::Answer {
        let key = uuid_v7();
        let bearer = format!("Bearer {}", self.access);
        let headers = [("Authorization", bearer.as_str()), ("Idempotency-Key", key.as_str())];
        self.client.send(method, path, body, &headers).await
    }
}

fn form(login: &str) -> Value {
    json!({
        "surname": "Неповторимая", "name": "Аграфена", "login": login,
        "email": format!("{login}@people.example"), "phone": "+79005550123",
        "password": PASSWORD, "consents": [{"kind": "personal_data", "version": "1"}],
    })
}

async fn sign_in<'a>(client: &'a Client, login: &str) -> Person<'a> {
    let made = client.send(Method::POST, "/auth/register", Some(form(login)), &[]).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let body = json!({"identifier": format!("{login}@people.example"), "password": PASSWORD});
    let tokens = client.send(Method::POST, "/auth/login", Some(body), &[]).await;
    assert_eq!(tokens.status, 200, "{:?}", tokens.body);
    let access = tokens.body["access_token"].as_str().expect("a token").to_owned();
    Person { client, access }
}

/// Files below a directory that hold any of the words.
fn holding(dir: &Path, words: &[&str], found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            holding(&path, words, found);
        } else if let Ok(bytes) = std::fs::read(&path) {
            // The search of the standard library is quick also where this test is not.
            let text = String::from_utf8_lossy(&bytes);
            let has = |word: &str| text.contains(word);
            if words.iter().any(|word| has(word)) {
                found.push(path.display().to_string());
            }
        }
    }
}

#[tokio::test]
async fn a_person_buys_reads_mail_and_is_erased_everywhere() {
    let system = System::start();
    let client = Client::new(&system.url());
    let person = sign_in(&client, "agrafena").await;
    let sandbox = system.file("sandbox.url");
    let mail = until("the code is in the mailbox", Duration::from_secs(30), || async {
        let url = format!("{sandbox}/mailbox?to=agrafena@people.example");
        let list: Value = reqwest::get(url).await.ok()?.json().await.ok()?;
        list.as_array()?.first().cloned()
    })
    .await;
    assert!(mail["subject"].as_str().is_some_and(|subject| subject.contains("code")), "{mail}");

    let seats = client.seats("demo-hall", "free").await;
    let hold = json!({"seats": [seats[0], seats[1]]});
    let held = person.send(Method::POST, "/events/demo-hall/holds", Some(hold)).await;
    assert_eq!(held.status, 201, "{:?}", held.body);
    let id = held.body["id"].as_str().expect("an id");
    // The hold is the person's own, wherever they come from; for others there is none.
    assert_eq!(person.send(Method::GET, &format!("/holds/{id}"), None).await.status, 200);
    assert_eq!(client.get(&format!("/holds/{id}"), None).await.status, 404);
    let order = json!({
        "hold_id": id,
        "buyer": {"name": "Аграфена", "email": "agrafena@people.example"},
        "consents": ["personal_data"],
    });
    let order = person.send(Method::POST, "/orders", Some(order)).await;
    assert_eq!(order.status, 201, "{:?}", order.body);
    let order = order.body["id"].as_str().expect("an id").to_owned();
    let pay =
        json!({"provider": "sandbox", "method": "bank_card", "return_url": "http://127.0.0.1/r"});
    let payment = person.send(Method::POST, &format!("/orders/{order}/payments"), Some(pay)).await;
    assert_eq!(payment.status, 201, "{:?}", payment.body);
    client.decide(&payment, "succeed").await;
    until("the ticket is in the cabinet", Duration::from_secs(30), || async {
        let tickets = person.send(Method::GET, "/me/tickets?status=valid", None).await;
        (tickets.body["items"].as_array()?.len() == 2).then_some(())
    })
    .await;
    let orders = person.send(Method::GET, "/me/orders?status=paid", None).await;
    assert_eq!(orders.body["items"][0]["id"], order.as_str());

    let again = json!({"seats": [seats[2]]});
    let held = person.send(Method::POST, "/events/demo-hall/holds", Some(again)).await;
    assert_eq!(person.send(Method::DELETE, "/me", None).await.status, 204);
    assert_eq!(person.send(Method::GET, "/me", None).await.status, 401);
    // A token that is older and still good for minutes brings nothing back that could be read.
    let order = json!({
        "hold_id": held.body["id"], "consents": ["personal_data"],
        "buyer": {"name": "Аграфена", "email": "agrafena@people.example"},
    });
    let late = person.send(Method::POST, "/orders", Some(order)).await;
    assert_eq!(late.status, 201, "{:?}", late.body);
    let mut found = Vec::new();
    holding(&system.data_dir(), &["agrafena", "Неповторимая", "79005550123"], &mut found);
    assert_eq!(found, Vec::<String>::new(), "files that still know the person");
}
