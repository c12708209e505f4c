//! Takes refused attempts to the data writer: in numbered batches, each until a writer says that it
//! is kept. Nothing waits for it but the next batch.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, StatusCode};
use http_api::AttemptBatch;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio_util::sync::CancellationToken;

use super::{Attempts, Taken};

/// How long attempts gather: the ledger learns of a refusal within a second.
const GATHER: Duration = Duration::from_millis(500);
/// Opening a connection on the internal network.
const CONNECT_WITHIN: Duration = Duration::from_millis(500);
/// One batch's transaction, and room for a slow disk.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Between rounds over all writers while none keeps the batch, doubling.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// What may still be sent while the process ends.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// Sends until the router has drained, and then what is left, within a second.
pub(crate) async fn send_all(
    attempts: &Attempts,
    writers: &[SocketAddr],
    ended: CancellationToken,
) {
    if writers.is_empty() {
        return;
    }
    let mut sender = Sender::new(writers.to_vec());
    let _ = ended.run_until_cancelled(sender.run(attempts)).await;
    let _ = tokio::time::timeout(GOODBYE_MAX, sender.finish(attempts)).await;
    let left = attempts.waiting.lock().len();
    if left > 0 {
        tracing::warn!(left, "refused attempts were not kept: no writer took them in time");
    }
}

struct Sender {
    client: Client<HttpConnector, Full<Bytes>>,
    writers: Vec<SocketAddr>,
    /// The writer that took the last batch.
    active: usize,
    source: uuid::Uuid,
    /// The last batch's number.
    number: u64,
    /// A batch that was not answered yet: the process may end, or the future be dropped, meanwhile.
    open: Option<Taken>,
}

impl Sender {
    fn new(writers: Vec<SocketAddr>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_WITHIN));
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let source = uuid::Uuid::new_v4();
        Self { client, writers, active: 0, source, number: 0, open: None }
    }

    async fn run(&mut self, attempts: &Attempts) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(GATHER) => {}
                () = attempts.enough.notified() => {}
            }
            self.finish(attempts).await;
        }
    }

    /// Sends all that waits.
    async fn finish(&mut self, attempts: &Attempts) {
        loop {
            if self.open.is_none() {
                self.open = attempts.take();
                self.number += u64::from(self.open.is_some());
            }
            let Some(taken) = self.open.clone() else { return };
            self.keep(taken).await;
            self.open = None;
        }
    }

    /// Until a writer has kept it, or says that it never will.
    async fn keep(&mut self, taken: Taken) {
        let count = taken.attempts.len() as u64;
        let Taken { attempts, lost, sampled_out } = taken;
        let (source, number) = (self.source, self.number);
        let batch = AttemptBatch { source, number, lost, sampled_out, attempts };
        let body = Bytes::from(serde_json::to_vec(&batch).unwrap_or_default());
        let mut pause = PAUSE.0;
        let began = Instant::now();
        loop {
            for _ in 0..self.writers.len() {
                match self.post(self.writers[self.active], body.clone()).await {
                    Some(status) if status.is_success() => {
                        metrics::counter!("seatgrid_router_attempts_kept_total").increment(count);
                        metrics::histogram!("seatgrid_router_attempts_kept_seconds")
                            .record(began.elapsed().as_secs_f64());
                        return;
                    }
                    Some(status) if status.is_client_error() => {
                        tracing::error!(%status, count, "the writer refuses a batch of attempts");
                        return;
                    }
                    Some(_) | None => self.active = (self.active + 1) % self.writers.len(),
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    async fn post(&self, writer: SocketAddr, body: Bytes) -> Option<StatusCode> {
        let mut request = Request::post(format!("http://{writer}/admin/v1/attempts"))
            .body(Full::new(body))
            .expect("an address and a path make a request");
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        let sent = tokio::time::timeout(ANSWER_WITHIN, self.client.request(request)).await;
        match sent {
            Ok(Ok(response)) => Some(response.status()),
            Ok(Err(error)) => {
                tracing::debug!(%error, %writer, "the writer does not answer");
                None
            }
            Err(_) => None,
        }
    }
}
