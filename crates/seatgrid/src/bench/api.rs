//! The HTTP calls of a buyer. Each call is retried with the same idempotency key while its outcome
//! is unknown or the service is busy, until the buyer's patience ends.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// The pause before a call is tried again, unless the answer asks for a longer one.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest that one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The service under test.
#[derive(Clone)]
pub struct Api {
    client: reqwest::Client,
    base: String,
    patience: Duration,
}

/// One request of a buyer.
pub struct Call<'a> {
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
    /// Whether the call changes something and so carries an idempotency key.
    pub keyed: bool,
    pub token: Option<&'a str>,
}

/// An answer, or why there is none.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
    /// Attempts after the first.
    pub retries: u32,
}

impl Answer {
    /// The stable code of a problem, or the status.
    pub fn code(&self) -> String {
        self.body["code"].as_str().map_or_else(|| self.status.to_string(), str::to_owned)
    }
}

/// Counts of an event.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub struct Counts {
    pub total: u64,
    pub free: u64,
    pub held: u64,
    pub sold: u64,
}

impl Api {
    /// A client with a pool of kept connections.
    pub fn new(base: String, patience: Duration) -> Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(ATTEMPT)
            .pool_max_idle_per_host(512)
            .tcp_nodelay(true)
            .build()
            .context("building the HTTP client")?;
        Ok(Self { client, base, patience })
    }

    /// Counts of an event now.
    pub async fn availability(&self, event: &str) -> Result<Counts> {
        let path = format!("/api/v1/events/{event}/availability");
        let call = Call { method: Method::GET, path, body: None, keyed: false, token: None };
        let answer = self.call(call).await?;
        anyhow::ensure!(answer.status.is_success(), "{event}: {}", answer.code());
        let count = |name: &str| answer.body[name].as_u64().unwrap_or(0);
        let (total, free, held, sold) =
            (count("total"), count("free"), count("held"), count("sold"));
        Ok(Counts { total, free, held, sold })
    }

    /// Carries a call out to a definite answer; fails when patience ends first.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer> {
        let key = uuid::Uuid::now_v7().to_string();
        let give_up = Instant::now() + self.patience;
        let mut retries = 0;
        loop {
            let (pause, why) = match self.attempt(&call, &key).await {
                Ok((status, body, _)) if !try_again(status) => {
                    return Ok(Answer { status, body, retries });
                }
                Ok((status, body, pause)) => (pause, format!("{status} {}", body["code"])),
                Err(error) => (PAUSE, error.to_string()),
            };
            if Instant::now() + pause >= give_up {
                anyhow::bail!("no definite answer in {:?}: {why}", self.patience);
            }
            retries += 1;
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, call: &Call<'_>, key: &str) -> Result<(StatusCode, Value, Duration)> {
        let url = format!("{}{}", self.base, call.path);
        let mut request = self.client.request(call.method.clone(), url);
        if call.keyed {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(token) = call.token {
            request = request.header("X-Hold-Token", token);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let after = answer.headers().get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok());
        let pause = after.map_or(PAUSE, |s: u64| Duration::from_secs(s.min(5)).max(PAUSE));
        let bytes = answer.bytes().await?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok((status, body, pause))
    }

    /// Lets the sandbox gateway take the money, as the shopper's click would.
    pub async fn pay_at_gateway(&self, confirmation_url: &str) -> Result<()> {
        let give_up = Instant::now() + self.patience;
        let body = serde_json::json!({"outcome": "succeed"});
        loop {
            let sent = self.client.post(confirmation_url).json(&body).send().await;
            match sent {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) if !try_again(answer.status()) => {
                    anyhow::bail!("the payment page answered {}", answer.status());
                }
                Ok(_) | Err(_) if Instant::now() + PAUSE < give_up => {
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(answer) => anyhow::bail!("the payment page answered {}", answer.status()),
                Err(error) => return Err(error).context("the payment page did not answer"),
            }
        }
    }
}

fn try_again(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}
