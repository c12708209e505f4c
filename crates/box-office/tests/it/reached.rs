//! People are reached by Telegram and by push: a chat and browsers are bound to an account, notices go
//! there, and when they are there no more, mail goes instead.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Method;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::notifying::{choose, put_notice};
use crate::person::Person;
use crate::support::{Shop, read, until};

impl Shop {
    /// Turns something of the sandbox's, which answers with nothing.
    async fn sandbox(&self, method: Method, path: &str, body: &Value) {
        let url = format!("{}{path}", self.gateway);
        read(self.http.request(method, url).json(body)).await.expect(204);
    }

    async fn says(&self, chat: i64, text: &str) {
        let body = json!({"chat_id": chat, "text": text});
        self.sandbox(Method::POST, "/telegram/say", &body).await;
    }

    /// What was sent to a chat or a browser, newest first, once there is so much.
    async fn sent(&self, path: &str, at_least: usize) -> Vec<String> {
        until("it was sent", async || {
            let all = read(self.http.get(format!("{}{path}", self.gateway))).await.expect(200).body;
            let texts = all.as_array()?.iter().filter_map(|one| one["text"].as_str());
            let texts: Vec<String> = texts.map(str::to_owned).collect();
            (texts.len() >= at_least).then_some(texts)
        })
        .await
    }

    async fn told(&self, person: &Person) -> Value {
        self.call(Method::GET, "/me/notifications", &person.access, None).await.expect(200).body
    }

    /// Binds a chat to a person.
    async fn link(&self, person: &Person, chat: i64) -> String {
        let begun = self.call(Method::POST, "/me/telegram", &person.access, None).await.expect(201);
        let code = begun.text("/code").to_owned();
        assert_eq!(begun.text("/link"), format!("https://t.me/sandbox_bot?start={code}"));
        self.says(chat, &format!("/start {code}")).await;
        until("the chat is bound", async || {
            self.told(person).await["telegram"]["linked_at"].is_string().then_some(())
        })
        .await;
        code
    }
}

async fn count(db: &mut PgConnection, text: &'static str) -> i64 {
    sqlx::query_scalar(text).fetch_one(db).await.expect("counted")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_bound_by_a_code_and_notices_go_there_until_it_is_blocked() {
    let mut shop = Shop::open().await;
    let mut db = shop.with_tables().await;
    shop.start_worker(|_| {});
    let anna = shop.person("anna.chats", 51).await;
    shop.letter(&anna.email, 1).await;
    let wish = json!({"language": "en", "kinds": [
        {"kind": "seats_moved", "channels": ["telegram"]}]});
    choose(&shop, &anna, &wish).await;
    assert_eq!(
        shop.told(&anna).await["telegram"],
        json!({"bot": "sandbox_bot", "linked_at": null})
    );
    shop.says(77, "/start AAAAAAAAAAAAAAAAAAAA").await;
    assert!(shop.sent("/telegram?to=77", 1).await[0].contains("does not fit"));
    let code = shop.link(&anna, 77).await;
    let told = shop.sent("/telegram?to=77", 2).await;
    assert!(told[0].contains("Done") && !told[0].contains("Готово"), "{told:?}");
    shop.says(78, &format!("/start {code}")).await;
    assert!(shop.sent("/telegram?to=78", 1).await[0].contains("does not fit"), "a code works once");

    put_notice(&mut db, "seats_moved", 4, Some(&anna)).await;
    let told = shop.sent("/telegram?to=77", 3).await;
    assert!(told[0].contains("your seats were moved") && told[0].contains("o77-4"), "{told:?}");
    assert_eq!(shop.mailbox(&anna.email).await.len(), 1, "and not by mail");

    // The API is busy for a while: nothing is lost.
    let busy = json!({"busy_times": 2, "retry_after_s": 1});
    shop.sandbox(Method::POST, "/telegram/manners", &busy).await;
    put_notice(&mut db, "seats_moved", 5, Some(&anna)).await;
    shop.sent("/telegram?to=77", 4).await;
    until("both are noted as sent", async || {
        let sent = "select count(*) from office.message
            where channel = 'telegram' and status = 'sent'";
        (count(&mut db, sent).await == 2).then_some(())
    })
    .await;

    shop.sandbox(Method::POST, "/telegram/manners", &json!({"blocked": ["77"]})).await;
    put_notice(&mut db, "seats_moved", 6, Some(&anna)).await;
    let letter = shop.letter(&anna.email, 2).await;
    assert!(letter.contains("your seats were moved") && letter.contains("o77-6"), "{letter}");
    assert_eq!(shop.told(&anna).await["telegram"]["linked_at"], Value::Null);

    // Bound again, and let go by a word in the chat; then by a call.
    shop.sandbox(Method::POST, "/telegram/manners", &json!({})).await;
    shop.link(&anna, 77).await;
    shop.says(77, "/stop").await;
    let gone = async || shop.told(&anna).await["telegram"]["linked_at"].is_null().then_some(());
    until("the chat is let go", gone).await;
    shop.link(&anna, 79).await;
    shop.call(Method::DELETE, "/me/telegram", &anna.access, None).await.expect(204);
    assert_eq!(shop.told(&anna).await["telegram"]["linked_at"], Value::Null);
    shop.link(&anna, 80).await;
    shop.call(Method::DELETE, "/me", &anna.access, None).await.expect(204);
    assert_eq!(count(&mut db, "select count(*) from office.telegram_chat").await, 0);
    shop.close().await;
}

/// A browser: its key, and the public half with what it adds.
struct Browser {
    key: EphemeralPrivateKey,
    point: Vec<u8>,
    auth: [u8; 16],
}

impl Browser {
    fn new() -> Self {
        let key = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).expect("random");
        let point = key.compute_public_key().expect("a point").as_ref().to_vec();
        Self { key, point, auth: [7; 16] }
    }

    fn form(&self, endpoint: &str) -> Value {
        json!({"endpoint": endpoint, "expirationTime": null, "keys": {
            "p256dh": URL_SAFE_NO_PAD.encode(&self.point),
            "auth": URL_SAFE_NO_PAD.encode(self.auth)}})
    }

    /// Opens a message as browsers do (RFC 8291); a key of this library opens one.
    fn open(self, listed: &str) -> Value {
        let body = STANDARD.decode(listed).expect("base64");
        let (salt, rest) = body.split_at(16);
        let (ours, sealed) = rest[5..].split_at(usize::from(rest[4]));
        let plain =
            agree_ephemeral(self.key, &UnparsedPublicKey::new(&ECDH_P256, ours), |shared| {
                let info = [b"WebPush: info\0".as_slice(), &self.point, ours].concat();
                let combined = derive::<32>(&self.auth, shared, &info);
                let key = derive::<16>(salt, &combined, b"Content-Encoding: aes128gcm\0");
                let nonce = derive::<12>(salt, &combined, b"Content-Encoding: nonce\0");
                let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).expect("a key"));
                let (nonce, mut text) = (Nonce::assume_unique_for_key(nonce), sealed.to_vec());
                key.open_in_place(nonce, Aad::empty(), &mut text).expect("opens").to_vec()
            });
        let plain = plain.expect("a point");
        serde_json::from_slice(plain.strip_suffix(&[2]).expect("the last record")).expect("JSON")
    }
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive<const N: usize>(salt: &[u8], from: &[u8], info: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let info = [info];
    let key = Salt::new(HKDF_SHA256, salt).extract(from);
    key.expand(&info, Bytes(N)).and_then(|okm| okm.fill(&mut out)).expect("derived");
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_pushed_to_until_they_are_gone() {
    let mut shop = Shop::open().await;
    let mut db = shop.with_tables().await;
    shop.start_worker(|_| {});
    let anna = shop.person("anna.browses", 52).await;
    shop.letter(&anna.email, 1).await;
    let wish = json!({"language": "en", "kinds": [{"kind": "seats_moved", "channels": ["push"]}]});
    choose(&shop, &anna, &wish).await;
    let path = "/me/push-subscriptions";
    let (first, second) = (Browser::new(), Browser::new());
    let at = |name: &str| format!("{}/push/{name}", shop.gateway);
    for (endpoint, p256dh, pointer) in [
        ("http://169.254.169.254/latest", None, "/endpoint"),
        (&at("x").replace("127.0.0.1", "localhost"), None, "/endpoint"),
        (&at("x"), Some("AAAA"), "/keys/p256dh"),
    ] {
        let mut form = first.form(endpoint);
        if let Some(p256dh) = p256dh {
            form["keys"]["p256dh"] = json!(p256dh);
        }
        let wrong = shop.call(Method::POST, path, &anna.access, Some(&form)).await.expect(400);
        assert_eq!(wrong.text("/errors/0/pointer"), pointer, "{form}");
    }
    let form = first.form(&at("one"));
    let one = shop.call(Method::POST, path, &anna.access, Some(&form)).await.expect(201);
    let again = shop.call(Method::POST, path, &anna.access, Some(&form)).await.expect(201);
    assert_eq!(again.text("/id"), one.text("/id"), "the same browser keeps its id");
    let told = shop.told(&anna).await;
    assert_eq!(told["push"]["subscriptions"].as_array().expect("a list").len(), 1);
    let key = URL_SAFE_NO_PAD.decode(told["push"]["key"].as_str().expect("a key")).expect("bytes");
    assert_eq!((key.len(), key[0]), (65, 4), "a point for browsers to subscribe with");

    put_notice(&mut db, "seats_moved", 4, Some(&anna)).await;
    let listed = shop.sent("/push?to=one", 1).await;
    let shown = first.open(&listed[0]);
    assert_eq!(
        (&shown["body"], &shown["about"]),
        (&json!("your seats were moved"), &json!("o77-4"))
    );

    let form = second.form(&at("two"));
    let two = shop.call(Method::POST, path, &anna.access, Some(&form)).await.expect(201);
    shop.sandbox(Method::DELETE, "/push/one", &json!({})).await;
    put_notice(&mut db, "seats_moved", 5, Some(&anna)).await;
    shop.sent("/push?to=two", 1).await;
    until("the first browser is let go", async || {
        let told = shop.told(&anna).await;
        let left = told["push"]["subscriptions"].as_array()?;
        (left.len() == 1 && left[0]["id"] == two.body["id"]).then_some(())
    })
    .await;
    assert_eq!(shop.mailbox(&anna.email).await.len(), 1, "the second one was told");
    shop.sandbox(Method::DELETE, "/push/two", &json!({})).await;
    put_notice(&mut db, "seats_moved", 6, Some(&anna)).await;
    let letter = shop.letter(&anna.email, 2).await;
    assert!(letter.contains("your seats were moved") && letter.contains("o77-6"), "{letter}");

    let three = shop.call(Method::POST, path, &anna.access, Some(&form)).await.expect(201);
    let eve = shop.person("eve.browses", 53).await;
    let own = format!("{path}/{}", three.text("/id"));
    shop.call(Method::DELETE, &own, &eve.access, None).await.expect(404);
    shop.call(Method::DELETE, &own, &anna.access, None).await.expect(204);
    shop.call(Method::DELETE, &own, &anna.access, None).await.expect(404);
    let dead = "select count(*) from office.message where status = 'dead'";
    assert_eq!(count(&mut db, dead).await, 0, "what is gone is no failure");
    shop.close().await;
}
