//! The Bot API as far as it is used: `sendMessage` and `getUpdates`, with what its answers mean for a
//! message. When the API asks for a pause, everything pauses.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use payments::Secret;
use payments::http_client;
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::TelegramConfig;
use crate::messages::Sent;

/// Longest text of a message, characters.
const TEXT_CHARS_MAX: usize = 4_096;
/// Updates asked for at once.
const UPDATES_MAX: u32 = 100;
/// Longest pause that is believed.
const PAUSE_MAX: Duration = Duration::from_secs(3_600);
/// Deadline of a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Largest answer that is read, bytes: a hundred updates with the longest texts.
const ANSWER_BYTES_MAX: u64 = 4 * 1_024 * 1_024;

/// Why there is no bot.
#[derive(Debug, thiserror::Error)]
pub enum TelegramError {
    /// Its token cannot be read.
    #[error("Telegram: token file {path}: {detail}")]
    Token {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong; never the token.
        detail: String,
    },
    /// Its address is of no use.
    #[error("telegram.base_url must be http:// or https:// with a host")]
    BaseUrl,
    /// No client can be made.
    #[error("Telegram: {0}")]
    Client(#[source] reqwest::Error),
}

/// The bot.
pub(crate) struct Bot {
    http: Client,
    /// `<base>/bot<token>/`.
    address: Secret,
    poll_s: u64,
    call_timeout: Duration,
    /// Until when the API wants to be left alone.
    paused_until: Mutex<Option<Instant>>,
}

/// Something that was said to the bot.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Update {
    pub(super) update_id: i64,
    #[serde(default)]
    pub(super) message: Option<Said>,
}

/// By whom and what.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Said {
    pub(super) chat: Chat,
    #[serde(default)]
    pub(super) text: Option<String>,
}

/// Where.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Chat {
    pub(super) id: i64,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// The form of every answer.
#[derive(Debug, Deserialize)]
struct Answer<T> {
    ok: bool,
    result: Option<T>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Debug, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

/// A call that did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The API refused: its status, its words, and the pause that it asks for.
    Refused(u16, String, Option<Duration>),
    /// No answer, or none that can be read.
    Unknown(&'static str),
}

impl Bot {
    /// A bot by its settings; `None` without a token. Opens no connection.
    pub(crate) fn open(config: &TelegramConfig) -> Result<Option<Self>, TelegramError> {
        let Some(path) = &config.token_file else { return Ok(None) };
        let failed = |detail: String| TelegramError::Token { path: path.clone(), detail };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let token = text.trim();
        if !is_token(token) {
            return Err(failed("must hold a token such as 123456:AbC-dEf".to_owned()));
        }
        let base = config.base_url.trim_end_matches('/');
        let target: Url = base.parse().map_err(|_| TelegramError::BaseUrl)?;
        if !matches!(target.scheme(), "http" | "https") || !target.has_host() {
            return Err(TelegramError::BaseUrl);
        }
        let call_timeout = Duration::from_millis(config.call_timeout_ms);
        let longest = call_timeout + Duration::from_secs(config.poll_s);
        let http = http_client::build(&target, longest, CONNECT_TIMEOUT.min(call_timeout));
        Ok(Some(Self {
            http: http.map_err(TelegramError::Client)?,
            address: Secret::new(format!("{base}/bot{token}/")),
            poll_s: config.poll_s,
            call_timeout,
            paused_until: Mutex::new(None),
        }))
    }

    /// Whether the API may be called now.
    pub(super) fn is_open(&self) -> bool {
        self.paused_until.lock().is_none_or(|until| Instant::now() >= until)
    }

    /// Sends a text to a chat.
    pub(super) async fn send(&self, chat: i64, text: &str) -> Sent {
        let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
        let body = json!({"chat_id": chat, "text": text});
        match self.call::<Value>("sendMessage", &body, self.call_timeout).await {
            Ok(_) => Sent::Done,
            Err(failure) => meaning(failure),
        }
    }

    /// Answers a chat. When the API has had enough of answers, messages go on all the same, so that nobody
    /// stops them by talking to the bot; an answer that is lost is not sent again.
    pub(super) async fn answer(&self, chat: i64, text: &str) {
        let body = json!({"chat_id": chat, "text": text});
        let _ = self.ask::<Value>("sendMessage", &body, self.call_timeout).await;
    }

    /// What was said from update `from` on; waits a while when there is nothing.
    pub(super) async fn updates(&self, from: i64) -> Result<Vec<Update>, Failure> {
        let body = json!({"offset": from, "limit": UPDATES_MAX, "timeout": self.poll_s,
            "allowed_updates": ["message"]});
        let within = self.call_timeout + Duration::from_secs(self.poll_s);
        self.call("getUpdates", &body, within).await
    }

    /// Asks the API, and leaves it alone for as long as it wants.
    async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &Value,
        within: Duration,
    ) -> Result<T, Failure> {
        let answer = self.ask(method, body, within).await;
        if let Err(Failure::Refused(_, _, Some(pause))) = &answer {
            *self.paused_until.lock() = Some(Instant::now() + *pause);
        }
        answer
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &Value,
        within: Duration,
    ) -> Result<T, Failure> {
        let address = format!("{}{method}", self.address.reveal());
        let answer = self.http.post(address).timeout(within).json(body).send().await;
        let answer = answer.map_err(|_| Failure::Unknown("no answer"))?;
        let status = answer.status();
        if answer.content_length().is_some_and(|bytes| bytes > ANSWER_BYTES_MAX) {
            return Err(Failure::Unknown("too long an answer"));
        }
        let answer: Answer<T> = answer.json().await.map_err(|_| unreadable(status))?;
        match answer.result {
            Some(result) if answer.ok => Ok(result),
            _ => {
                let pause = answer.parameters.and_then(|parameters| parameters.retry_after);
                let pause = pause.map(|s| Duration::from_secs(s).min(PAUSE_MAX));
                let words = answer.description.unwrap_or_default();
                Err(Failure::Refused(status.as_u16(), words, pause))
            }
        }
    }
}

/// An answer that is none of the API's: a proxy's page, or half of one.
fn unreadable(status: StatusCode) -> Failure {
    if status.is_success() {
        Failure::Unknown("an answer that cannot be read")
    } else {
        Failure::Refused(status.as_u16(), String::new(), None)
    }
}

/// What a failed call means for its message. The API's words are looked at and not kept: they may name
/// a person.
fn meaning(failure: Failure) -> Sent {
    match failure {
        Failure::Unknown(what) => Sent::NotYet(what.to_owned()),
        Failure::Refused(_, _, Some(pause)) => Sent::Later(pause, "told to wait".to_owned()),
        // Blocked by the person, deactivated, or never begun.
        Failure::Refused(403, ..) => Sent::Gone("HTTP 403".to_owned()),
        Failure::Refused(400, words, _) if words.contains("chat not found") => {
            Sent::Gone("chat not found".to_owned())
        }
        Failure::Refused(400, ..) => Sent::Never("HTTP 400".to_owned()),
        // A wrong token is mended by the operator, the rest by itself.
        Failure::Refused(status, ..) => Sent::NotYet(format!("HTTP {status}")),
    }
}

/// A number, a colon, a word.
fn is_token(token: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    token.split_once(':').is_some_and(|(id, secret)| {
        let number = !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
        number && !secret.is_empty() && secret.bytes().all(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_the_api_says() {
        let pause = Duration::from_secs(7);
        let refused = |status, words: &str| Failure::Refused(status, words.to_owned(), None);
        for (failure, sent) in [
            (Failure::Unknown("no answer"), Sent::NotYet("no answer".into())),
            (
                Failure::Refused(429, "Too Many Requests".into(), Some(pause)),
                Sent::Later(pause, "told to wait".into()),
            ),
            (refused(403, "Forbidden: bot was blocked"), Sent::Gone("HTTP 403".into())),
            (refused(400, "Bad Request: chat not found"), Sent::Gone("chat not found".into())),
            (refused(400, "Bad Request: text is empty"), Sent::Never("HTTP 400".into())),
            (refused(401, "Unauthorized"), Sent::NotYet("HTTP 401".into())),
            (refused(502, ""), Sent::NotYet("HTTP 502".into())),
        ] {
            assert_eq!(meaning(failure.clone()), sent, "{failure:?}");
        }
    }

    #[test]
    fn a_file_that_holds_no_token_is_told_without_its_text() {
        let file = std::env::temp_dir().join(format!("seatgrid-token-{}", std::process::id()));
        std::fs::write(&file, "secret words").expect("written");
        let config = TelegramConfig { token_file: Some(file.clone()), ..Default::default() };
        let error = Bot::open(&config).err().expect("no token").to_string();
        assert!(error.contains("must hold a token") && !error.contains("secret words"), "{error}");
        std::fs::write(&file, "42:good-token_1\n").expect("written");
        assert!(Bot::open(&config).is_ok_and(|bot| bot.is_some()));
        let nowhere = TelegramConfig { base_url: "nowhere".to_owned(), ..config };
        assert!(Bot::open(&nowhere).is_err());
        std::fs::remove_file(&file).expect("removed");
        assert!(Bot::open(&TelegramConfig::default()).is_ok_and(|bot| bot.is_none()));
    }
}
