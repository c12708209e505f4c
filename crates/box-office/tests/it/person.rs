//! Somebody with an account, for tests: registers, signs in, reads mail.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};

use crate::support::{Answer, Shop, read, until};

/// A password that nobody guesses first.
pub const PASSWORD: &str = "лошадь на крыше 47";

/// The tables of the data writer, as far as the office reads them.
const TABLES: &str = include_str!("../../../data-writer/migrations/0001_tables.sql");

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub phone: String,
    pub access: String,
    pub refresh: String,
    /// The change that the registration's code is for.
    pub verification: String,
}

/// A good body for `POST /auth/register`.
pub fn form(login: &str, phone_end: u32) -> Value {
    json!({
        "surname": "Петрова", "name": "Анна", "login": login,
        "email": format!("{login}@example.org"), "phone": format!("+7900{phone_end:07}"),
        "password": PASSWORD, "consents": [{"kind": "personal_data", "version": "2026-11"}],
    })
}

impl Shop {
    /// Makes the tables that the data writer makes.
    pub async fn with_tables(&self) -> PgConnection {
        let mut db = self.database().await;
        db.execute("create schema grid").await.expect("schema");
        db.execute(TABLES).await.expect("the data writer's tables");
        db
    }

    /// A connection to the shop's own database.
    pub async fn database(&self) -> PgConnection {
        let url = self.database.as_ref().expect("a database of its own").url();
        PgConnection::connect(url).await.expect("connected")
    }

    pub async fn register(&self, form: &Value) -> Answer {
        self.call(Method::POST, "/auth/register", "", Some(form)).await
    }

    pub async fn login(&self, identifier: &str, password: &str) -> Answer {
        let form = json!({"identifier": identifier, "password": password});
        self.call(Method::POST, "/auth/login", "", Some(&form)).await
    }

    /// Sends a request as the bearer of an access token; an empty one is nobody's.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        access: &str,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}/api/v1{path}", self.office));
        if !access.is_empty() {
            request = request.bearer_auth(access);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        read(request).await
    }

    /// Registers and signs in.
    pub async fn person(&self, login: &str, phone_end: u32) -> Person {
        let form = form(login, phone_end);
        let made = self.register(&form).await.expect(201);
        let tokens = self.login(login, PASSWORD).await.expect(200);
        Person {
            id: made.text("/id").to_owned(),
            email: form["email"].as_str().expect("text").to_owned(),
            phone: form["phone"].as_str().expect("text").to_owned(),
            access: tokens.text("/access_token").to_owned(),
            refresh: tokens.text("/refresh_token").to_owned(),
            verification: made.text("/verification/id").to_owned(),
        }
    }

    /// What was sent to an address or number, newest first.
    pub async fn mailbox(&self, to: &str) -> Vec<Value> {
        let url = format!("{}/mailbox?to={}", self.gateway, to.replace('+', "%2B"));
        let list = read(self.http.get(url)).await.expect(200);
        list.body.as_array().expect("a list").clone()
    }

    /// The newest of at least so many messages, once they are there.
    pub async fn letter(&self, to: &str, at_least: usize) -> String {
        until("the letter is there", async || {
            let letters = self.mailbox(to).await;
            let newest = letters.first()?["text"].as_str()?.to_owned();
            (letters.len() >= at_least).then_some(newest)
        })
        .await
    }

    /// The code in it.
    pub async fn code(&self, to: &str, at_least: usize) -> String {
        let text = self.letter(to, at_least).await;
        let words = text.split(|c: char| !c.is_ascii_digit());
        words.into_iter().find(|word| word.len() == 6).expect("six digits").to_owned()
    }
}
