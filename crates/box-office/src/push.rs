//! Web push: notices go to browsers that a person subscribed, encrypted for each (RFC 8291) and signed by
//! the shop (RFC 8292), through the push services of the browsers' makers.
//!
//! In the flow: the office keeps subscriptions and refuses addresses of nobody's push service, since the
//! worker calls what stands there; the worker seals and sends. The services see sizes and times, no words.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use payments::http_client;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, Url};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::database::Database;
use crate::dispatch::Carrier;
use crate::messages::{Letter, Sent, Taken};
use crate::people::choices::Channel;
use crate::sealing::ContactKey;
use subscriptions::Subscription;

pub use keys::{PushKey, PushKeyError, new_key};

mod keys;
mod seal;
pub(crate) mod subscriptions;

/// Services of the browsers' makers; a star stands for one name or more.
const SERVICES: [&str; 6] = [
    "https://fcm.googleapis.com",
    "https://updates.push.services.mozilla.com",
    "https://*.push.services.mozilla.com",
    "https://*.push.apple.com",
    "https://*.notify.windows.com",
    "https://push.yandex.ru",
];
/// Deadline of a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest pause that is believed.
const PAUSE_MAX: Duration = Duration::from_secs(3_600);

/// What the office needs to know of push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PushOfferConfig {
    /// The key by which push services know the shop, PKCS#8 in PEM, the same file as the worker's;
    /// without it nobody can subscribe.
    pub key_file: Option<PathBuf>,
    /// Push services that subscriptions may name, as scheme and host with a star for one name or more at
    /// the beginning. Default: those of the browsers' makers.
    pub services: Vec<String>,
}

impl Default for PushOfferConfig {
    fn default() -> Self {
        Self { key_file: None, services: SERVICES.map(str::to_owned).to_vec() }
    }
}

/// What the worker needs to know of push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PushConfig {
    /// The key by which push services know the shop, PKCS#8 in PEM, the same file as the office's; without
    /// it nothing is pushed.
    pub key_file: Option<PathBuf>,
    /// Whom a push service may ask about the shop, `mailto:` or `https:`.
    pub subject: String,
    /// How long a service keeps a message for a browser that is away, seconds, up to 4 weeks. Default
    /// 86,400: later it says nothing any more.
    pub ttl_s: u64,
    /// Deadline of one call, milliseconds. Default 10,000.
    pub call_timeout_ms: u64,
}

impl Default for PushConfig {
    fn default() -> Self {
        Self {
            key_file: None,
            subject: "mailto:tickets@localhost".to_owned(),
            ttl_s: 86_400,
            call_timeout_ms: 10_000,
        }
    }
}

/// Whether an address is one of the services'.
pub(crate) fn is_of_service(address: &str, services: &[String]) -> bool {
    let Ok(address) = address.parse::<Url>() else { return false };
    if !address.username().is_empty() || address.password().is_some() {
        return false;
    }
    services.iter().any(|service| fits(&address, service))
}

fn fits(address: &Url, service: &str) -> bool {
    let origin = address.origin().ascii_serialization();
    match service.split_once("*.") {
        None => origin == service.trim_end_matches('/'),
        Some((scheme, domain)) => {
            let rest = origin.strip_prefix(scheme).and_then(|host| host.strip_suffix(domain));
            let is_name = |name: &str| name.len() > 1 && name.ends_with('.');
            scheme.ends_with("://") && rest.is_some_and(is_name)
        }
    }
}

/// Sends messages to browsers.
pub(crate) struct PushCarrier {
    database: Arc<Database>,
    keys: Arc<ContactKey>,
    key: PushKey,
    config: PushConfig,
    /// One for plain addresses of stand-ins, one for the services.
    clients: (Client, Client),
    /// Until when everything rests.
    paused_until: Mutex<Option<std::time::Instant>>,
}

impl PushCarrier {
    /// By its settings; `None` without a key. Opens no connection.
    ///
    /// # Errors
    /// [`PushKeyError`] when the key or a client is of no use.
    pub(crate) fn open(
        config: &PushConfig,
        database: Arc<Database>,
        keys: Arc<ContactKey>,
    ) -> Result<Option<Self>, PushKeyError> {
        let Some(path) = &config.key_file else { return Ok(None) };
        let client = |target: &str| {
            let target: Url = target.parse().expect("a constant address");
            let within = Duration::from_millis(config.call_timeout_ms);
            http_client::build(&target, within, CONNECT_TIMEOUT.min(within))
                .map_err(PushKeyError::Client)
        };
        Ok(Some(Self {
            database,
            keys,
            key: PushKey::load(path)?,
            config: config.clone(),
            clients: (client("http://localhost")?, client("https://localhost")?),
            paused_until: Mutex::new(None),
        }))
    }

    async fn send(&self, subscription: &Subscription, letter: &Letter) -> Sent {
        let Ok(address) = subscription.endpoint.parse::<Url>() else {
            return Sent::Never("not an address".to_owned());
        };
        let sealed = seal::seal(subscription, letter.text.as_bytes());
        let Ok(sealed) = sealed else { return Sent::Gone("keys of no use".to_owned()) };
        let now_s = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
        let origin = address.origin().ascii_serialization();
        let Ok(token) = self.key.token(&origin, &self.config.subject, now_s) else {
            return Sent::NotYet("no signature".to_owned());
        };
        let client = if address.scheme() == "http" { &self.clients.0 } else { &self.clients.1 };
        let request = client
            .post(address)
            .header("TTL", self.config.ttl_s)
            .header("Urgency", "normal")
            .header(AUTHORIZATION, token)
            .header(CONTENT_ENCODING, "aes128gcm")
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(sealed);
        match request.send().await {
            Ok(answer) => {
                let sent = meaning(&answer);
                if let Sent::Later(pause, _) = &sent {
                    *self.paused_until.lock() = Some(std::time::Instant::now() + *pause);
                }
                sent
            }
            Err(_) => Sent::NotYet("no answer".to_owned()),
        }
    }
}

/// What a service's answer means (RFC 8030).
fn meaning(answer: &Response) -> Sent {
    let status = answer.status().as_u16();
    let seconds = || answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok();
    match status {
        200..=299 => Sent::Done,
        // Let go, or subscribed under another key of the shop.
        401 | 403 | 404 | 410 => Sent::Gone(format!("HTTP {status}")),
        429 => {
            let pause = Duration::from_secs(seconds().unwrap_or(1)).min(PAUSE_MAX);
            Sent::Later(pause, "told to wait".to_owned())
        }
        408 | 500..=599 => Sent::NotYet(format!("HTTP {status}")),
        _ => Sent::Never(format!("HTTP {status}")),
    }
}

impl Carrier for PushCarrier {
    const CHANNEL: Channel = Channel::Push;

    fn is_open(&self) -> bool {
        self.paused_until.lock().is_none_or(|until| std::time::Instant::now() >= until)
    }

    async fn give(&self, message: &Taken, letter: &Letter) -> Sent {
        let Some(account) = message.account_id else { return Sent::Never("nobody's".to_owned()) };
        let found = subscriptions::read(&self.database, &self.keys, (account, &letter.to)).await;
        match found {
            Ok(Some(subscription)) => self.send(&subscription, letter).await,
            Ok(None) => Sent::Gone("let go".to_owned()),
            Err(error) => Sent::NotYet(format!("{error:.0}")),
        }
    }

    async fn forget(
        &self,
        db: &mut PgConnection,
        message: &Taken,
        letter: &Letter,
    ) -> Result<bool, sqlx::Error> {
        let Some(account) = message.account_id else { return Ok(true) };
        subscriptions::forget(db, account, &letter.to).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_push_services_are_called() {
        let services: Vec<String> = PushOfferConfig::default().services;
        for (address, is_one) in [
            ("https://fcm.googleapis.com/fcm/send/abc", true),
            ("https://web.push.apple.com/QOd", true),
            ("https://wns2-db5p.notify.windows.com/w/?token=x", true),
            ("http://fcm.googleapis.com/fcm/send/abc", false),
            ("https://fcm.googleapis.com:8443/x", false),
            ("https://user@fcm.googleapis.com/x", false),
            ("https://fcm.googleapis.com.evil.example/x", false),
            ("https://evilpush.apple.com/x", false),
            ("https://push.apple.com/x", false),
            ("https://169.254.169.254/latest", false),
            ("http://127.0.0.1:9301/api/v1/admin", false),
            ("file:///etc/passwd", false),
            ("fcm.googleapis.com", false),
        ] {
            assert_eq!(is_of_service(address, &services), is_one, "{address}");
        }
        assert!(is_of_service("http://127.0.0.1:9400/push/7", &["http://127.0.0.1:9400".into()]));
    }
}
