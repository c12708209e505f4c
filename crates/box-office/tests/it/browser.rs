//! A browser at the shop and at the provider of identities, for tests.

use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, Url};
use serde_json::json;

use crate::person::{PASSWORD, Person};
use crate::support::{Answer, Shop, read};

/// A browser as far as this needs one: it keeps cookies and follows nothing by itself.
pub struct Browser {
    pub http: Client,
    pub cookies: Vec<(String, String)>,
}

/// Where an answer sends to.
pub struct Sent {
    pub to: String,
}

impl Sent {
    pub fn url(&self) -> Url {
        self.to.parse().expect("an address")
    }
}

impl Browser {
    pub fn new() -> Self {
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let http = http.tls_certs_only([]).build().expect("client");
        Self { http, cookies: Vec::new() }
    }

    pub fn cookie_line(&self) -> String {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    pub fn has(&self, name: &str) -> bool {
        self.cookies.iter().any(|(known, value)| known == name && !value.is_empty())
    }

    /// Opens an address; it must send elsewhere.
    pub async fn open(&mut self, url: &str) -> Sent {
        let request = self.http.get(url).header(COOKIE, self.cookie_line());
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 303, "{url}");
        self.keep(answer.headers());
        let to = answer.headers()[LOCATION].to_str().expect("text").to_owned();
        Sent { to }
    }

    /// Says at the provider who one is; gives the way back.
    pub async fn say(&self, page: &str, sub: &str, email: &str, verified: bool) -> Sent {
        let shown = self.http.get(page).send().await.expect("the provider's page");
        assert!(shown.status().is_success() && shown.text().await.expect("text").contains("<form"));
        let verified = if verified { "&email_verified=true" } else { "" };
        let form = format!("sub={sub}&email={}{verified}", email.replace('@', "%40"));
        let request = self.http.post(page).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 303);
        Sent { to: answer.headers()[LOCATION].to_str().expect("text").to_owned() }
    }

    /// The whole way; gives where it ends.
    pub async fn sign_in(&mut self, shop: &Shop, sub: &str, email: &str, verified: bool) -> String {
        let start = format!("{}/api/v1/auth/social/sandbox?next=/account/orders", shop.office);
        let there = self.open(&start).await;
        let back = self.say(&there.to, sub, email, verified).await;
        self.open(&back.to).await.to
    }

    /// Whose session the cookies are.
    pub async fn account(&self, shop: &Shop) -> String {
        let request = self.http.get(format!("{}/api/v1/me", shop.office));
        let answer = request.header(COOKIE, self.cookie_line()).send().await.expect("an answer");
        let text = answer.text().await.expect("text");
        let body: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        body["id"].as_str().unwrap_or_default().to_owned()
    }

    /// Signs in by the password in this browser.
    pub async fn sign_in_by_password(&mut self, shop: &Shop, login: &str) -> Answer {
        let form = json!({"identifier": login, "password": PASSWORD});
        let request = self.http.post(format!("{}/api/v1/auth/login", shop.office)).json(&form);
        let answer = read(request.header(COOKIE, self.cookie_line())).await;
        self.keep(&answer.headers);
        answer
    }

    /// Keeps what an answer sets.
    fn keep(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE) {
            let line = line.to_str().expect("text");
            assert!(line.contains("SameSite=Lax") && line.contains("Path=/"), "{line}");
            let (name, value) =
                line.split(';').next().and_then(|p| p.split_once('=')).expect("pair");
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }
}

/// Somebody whose address was shown to be theirs.
pub async fn verified(shop: &Shop, login: &str, phone_end: u32) -> Person {
    let person = shop.person(login, phone_end).await;
    let code = shop.code(&person.email, 1).await;
    let path = format!("/me/changes/{}/confirm", person.verification);
    let body = json!({ "code": code });
    let done = shop.call(Method::POST, &path, &person.access, Some(&body)).await;
    assert!((200..300).contains(&done.status), "{}", done.body);
    person
}
