//! Signing in with the real processes: by a provider of identities, which the sandbox is, and beside
//! somebody who registers with another's address.

use std::time::Duration;

use e2e::{Client, System, until, uuid_v7};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, redirect};
use serde_json::{Value, json};

const PASSWORD: &str = "лошадь на крыше 47";
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser that keeps its cookies and follows nothing by itself.
struct Browser {
    http: reqwest::Client,
    cookies: Vec<(String, String)>,
}

impl Browser {
    fn new() -> Self {
        let http = reqwest::Client::builder().redirect(redirect::Policy::none());
        Self { http: http.build().expect("a client"), cookies: Vec::new() }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> reqwest::Response {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let line = pairs.collect::<Vec<_>>().join("; ");
        let answer = request.header(COOKIE, line).send().await.expect("an answer");
        for line in answer.headers().get_all(SET_COOKIE) {
            let pair =
                line.to_str().expect("text").split(';').next().and_then(|p| p.split_once('='));
            let (name, value) = pair.expect("a pair");
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        answer
    }

    async fn led(&mut self, request: reqwest::RequestBuilder) -> String {
        let answer = self.send(request).await;
        assert_eq!(answer.status(), 303);
        answer.headers()[LOCATION].to_str().expect("text").to_owned()
    }

    /// To the provider, where one says who one is, and back; gives where it ends.
    async fn by_provider(&mut self, system: &System, sub: &str, email: &str) -> String {
        let start = format!("{}/api/v1/auth/social/sandbox?next=/account", system.url());
        let page = self.led(self.http.get(start)).await;
        let said = format!("sub={sub}&email={}&email_verified=true", email.replace('@', "%40"));
        let said = self.http.post(page).body(said);
        let said = said.header("content-type", "application/x-www-form-urlencoded");
        let back = self.led(said).await;
        assert!(back.starts_with(&system.url()), "{back}");
        self.led(self.http.get(back)).await
    }

    async fn by_password(&mut self, system: &System, login: &str) -> Value {
        let form = json!({"identifier": login, "password": PASSWORD});
        let url = format!("{}/api/v1/auth/login", system.url());
        let answer = self.send(self.http.post(url).json(&form)).await;
        assert_eq!(answer.status(), 200);
        answer.json().await.expect("JSON")
    }
}

async fn code(sandbox: &str, email: &str) -> String {
    until("the code has come", PATIENCE, || async {
        let url = format!("{sandbox}/mailbox?to={email}");
        let list: Value = reqwest::get(url).await.ok()?.json().await.ok()?;
        let text = list.as_array()?.last()?["text"].as_str()?.to_owned();
        let mut words = text.split(|c: char| !c.is_ascii_digit());
        words.find(|word| word.len() == 6).map(str::to_owned)
    })
    .await
}

/// Somebody whose address was shown to be theirs; their access token.
async fn registered(client: &Client, sandbox: &str, login: &str) -> String {
    let email = format!("{login}@people.example");
    let made = register(client, login, &email).await;
    let tokens = json!({"identifier": login, "password": PASSWORD});
    let tokens = client.send(Method::POST, "/auth/login", Some(tokens), &[]).await;
    let access = tokens.body["access_token"].as_str().expect("a token").to_owned();
    let path =
        format!("/me/changes/{}/confirm", made["verification"]["id"].as_str().expect("an id"));
    let code = json!({"code": code(sandbox, &email).await});
    let shown = call(client, &access, Method::POST, &path, Some(code)).await;
    assert_eq!(shown.body["email_verified"], true, "{:?}", shown.body);
    access
}

async fn register(client: &Client, login: &str, email: &str) -> Value {
    let form = json!({
        "surname": "Входящая", "name": "Вера", "login": login, "email": email,
        "phone": "+79005550188", "password": PASSWORD,
        "consents": [{"kind": "personal_data", "version": "1"}],
    });
    let made = client.send(Method::POST, "/auth/register", Some(form), &[]).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    made.body
}

async fn call(
    client: &Client,
    access: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> e2e::Answer {
    let (bearer, key) = (format!("Bearer {access}"), uuid_v7());
    let headers = [("Authorization", bearer.as_str()), ("Idempotency-Key", key.as_str())];
    client.send(method, path, body, &headers).await
}

#[tokio::test]
async fn one_signs_in_by_a_provider_once_the_password_has_shown_whose_account_it_is() {
    let system = System::start();
    let client = Client::new(&system.url());
    let sandbox = system.file("sandbox.url");
    let access = registered(&client, &sandbox, "vera").await;
    let email = "vera@people.example";
    let mut browser = Browser::new();
    let asked = browser.by_provider(&system, "vera-at-sandbox", email).await;
    assert_eq!(asked, "/signin?social=unknown", "a provider's word alone opens no account");
    browser.by_password(&system, "vera").await;
    let mut later = Browser::new();
    let done = later.by_provider(&system, "vera-at-sandbox", "other@people.example").await;
    assert_eq!(done, "/signin?next=%2Faccount");
    let me = format!("{}/api/v1/me", system.url());
    assert_eq!(later.send(later.http.get(&me)).await.status(), 200);

    let links = call(&client, &access, Method::GET, "/me/identities", None).await;
    assert_eq!(links.body["items"][0]["provider"], "sandbox", "{:?}", links.body);
    let path = format!("/me/identities/{}", links.body["items"][0]["id"].as_str().expect("an id"));
    assert_eq!(call(&client, &access, Method::DELETE, &path, None).await.status, 204);
    assert_eq!(later.send(later.http.get(&me)).await.status(), 401, "its session has ended");
    let shut = later.by_provider(&system, "vera-at-sandbox", email).await;
    assert_eq!(shut, "/signin?social=unknown");

    // Whoever registers with the address can do what anybody can, and learns nothing.
    register(&client, "eve", email).await;
    for name in ["eve", email] {
        Browser::new().by_password(&system, name).await;
    }
    let told = until("the owner is told", PATIENCE, || async {
        let text = client.read(&format!("{sandbox}/mailbox?to={email}"), None).await;
        text.contains("belongs to an account already").then_some(text)
    })
    .await;
    assert!(told.contains("Sandbox ID"), "and of the link: {told}");
}
