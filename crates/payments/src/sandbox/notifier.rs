//! The task that tells the seller: every waiting notice is posted until it is answered 200.
//!
//! Waits double from notice to notice up to an hour; after a day a notice is given up, as the real
//! gateway does. Waiting notices are in the journal, so that a restart begins again. Order is not
//! kept, and a notice may come twice: the seller has to live with both.

use std::{collections::HashMap, sync::Arc, time::Duration};

use reqwest::{Client, RequestBuilder, Url};
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    SandboxConfig, SandboxError,
    faults::{Mode, Operation},
    object::{Change, Language, Notice},
    state::Sandbox,
    store::now_ms,
    stripe,
    timekeeper::until,
};
use crate::{http_client, secret::Secret, stripe::signature};

/// The seller has this long to acknowledge a notice, milliseconds: a day.
const NOTICE_LIFE_MS: i64 = 24 * 60 * 60 * 1_000;
/// Longest wait between two tries, milliseconds: an hour.
const RETRY_MS_MAX: i64 = 60 * 60 * 1_000;
/// Longest sleep; the calendar clock may be set while we sleep.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// Sends notices to one address.
pub struct Notifier {
    sandbox: Arc<Sandbox>,
    client: Client,
    target: Option<Url>,
    stripe_target: Option<Url>,
    retry_ms: i64,
    in_flight_max: usize,
    tries: HashMap<u64, u32>,
}

/// What became of one try.
struct Tried {
    notice: Notice,
    acknowledged: bool,
}

impl Notifier {
    /// A notifier for the configured address, if there is one.
    ///
    /// # Errors
    /// [`SandboxError::Client`] or [`SandboxError::Config`].
    pub fn new(
        sandbox: Arc<Sandbox>,
        config: &SandboxConfig,
    ) -> Result<Option<Self>, SandboxError> {
        let target = url("notify_url", &config.notify_url)?;
        let stripe_target = url("stripe_notify_url", &config.stripe_notify_url)?;
        let Some(some) = target.as_ref().or(stripe_target.as_ref()) else { return Ok(None) };
        let timeout = Duration::from_millis(config.notify_timeout_ms);
        let client = http_client::build(some, timeout, timeout)?;
        let retry_ms = i64::try_from(config.notify_retry_ms).unwrap_or(RETRY_MS_MAX);
        let in_flight_max = config.notify_in_flight_max;
        let tries = HashMap::new();
        Ok(Some(Self { sandbox, client, target, stripe_target, retry_ms, in_flight_max, tries }))
    }

    /// Runs until the sandbox stops or its journal breaks.
    pub async fn run(mut self) {
        let sandbox = self.sandbox.clone();
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() < self.in_flight_max {
                match sandbox.store.take_notice().await {
                    Ok(Some(notice)) => under_way.spawn(self.send(notice)),
                    Ok(None) => break,
                    Err(_) => return,
                };
            }
            let has_room = under_way.len() < self.in_flight_max;
            let wait = sandbox.store.peek(|ledger| ledger.next_notice_ms()).map(until);
            let wait = wait.map_or(SLEEP_MAX, |wait| wait.min(SLEEP_MAX));
            tokio::select! {
                () = sandbox.stop.cancelled() => return,
                Some(tried) = under_way.join_next() => match tried {
                    Ok(tried) => self.settle(tried),
                    Err(error) => tracing::error!(%error, "a sandbox notification panicked"),
                },
                () = sandbox.store.notices_changed(), if has_room => {}
                () = tokio::time::sleep(wait), if has_room => {}
            }
        }
    }

    fn send(&self, notice: Notice) -> impl Future<Output = Tried> + Send + use<> {
        let (sandbox, client) = (self.sandbox.clone(), self.client.clone());
        let target = match notice.language {
            Language::Yookassa => self.target.clone(),
            Language::Stripe => self.stripe_target.clone(),
        };
        async move {
            let fault = sandbox.faults.take(Operation::Notify);
            let mut copies = 1;
            match fault.map(|fault| (fault.mode, fault.delay_ms)) {
                Some((Mode::Drop, _)) => copies = 0,
                Some((Mode::Duplicate, _)) => copies = 2,
                Some((_, delay_ms)) => tokio::time::sleep(Duration::from_millis(delay_ms)).await,
                None => {}
            }
            let mut acknowledged = true;
            // One that nobody listens for any more, after a change of settings, is done with.
            for target in target.iter().flat_map(|target| std::iter::repeat_n(target, copies)) {
                let request = request(&client, target, &notice, &sandbox.secret);
                acknowledged &= post(request, notice.id).await;
            }
            Tried { notice, acknowledged }
        }
    }

    fn settle(&mut self, tried: Tried) {
        let Tried { notice, acknowledged } = tried;
        let result = if acknowledged { "acknowledged" } else { "failed" };
        metrics::counter!("seatgrid_sandbox_notices_total", "result" => result).increment(1);
        if acknowledged {
            self.tries.remove(&notice.id);
            return self.sandbox.store.note(vec![Change::NoticeDone(notice.id)]);
        }
        let tries = self.tries.entry(notice.id).or_default();
        let wait_ms = self.retry_ms.saturating_mul(1_i64 << (*tries).min(32)).min(RETRY_MS_MAX);
        *tries += 1;
        if now_ms().saturating_add(wait_ms) > notice.created_at_ms.saturating_add(NOTICE_LIFE_MS) {
            tracing::warn!(notice = notice.id, "notification given up after a day");
            self.tries.remove(&notice.id);
            return self.sandbox.store.note(vec![Change::NoticeDone(notice.id)]);
        }
        self.sandbox.store.postpone_notice(notice.id, wait_ms);
    }
}

/// A notice in its form; Stripe's are signed when they are sent, so that a repeat is fresh.
fn request(client: &Client, target: &Url, notice: &Notice, secret: &Secret) -> RequestBuilder {
    let request = client.post(target.clone());
    if notice.language == Language::Yookassa {
        let (event, object) = (&notice.event, &notice.object);
        return request.json(&json!({ "type": "notification", "event": event, "object": object }));
    }
    let (body, now_s) = (stripe::event(notice).to_string(), now_ms() / 1_000);
    let key = if notice.forged { "a key of somebody else" } else { secret.reveal() };
    let signature = signature(key, now_s, body.as_bytes());
    request
        .header("Content-Type", "application/json; charset=utf-8")
        .header("Stripe-Signature", format!("t={now_s},v1={signature}"))
        .body(body)
}

fn url(field: &'static str, text: &str) -> Result<Option<Url>, SandboxError> {
    if text.is_empty() {
        return Ok(None);
    }
    let detail = "must be an http(s) address";
    Url::parse(text).map(Some).map_err(|_| SandboxError::Config { field, detail })
}

/// Posts one notice; `true` when the seller answered 200 and nothing else.
async fn post(request: RequestBuilder, notice: u64) -> bool {
    match request.send().await {
        Ok(answer) if answer.status().as_u16() == 200 => true,
        Ok(answer) => {
            tracing::debug!(notice, status = %answer.status(), "notice not taken");
            false
        }
        Err(error) => {
            let error = error.without_url();
            tracing::debug!(notice, %error, "notice not delivered");
            false
        }
    }
}
