//! Clients that record what they are answered: requests by schedule for a few seats of one event, every
//! attempt a line of a history (crate `histories`).
//!
//! An attempt without a definite answer is repeated under its key by a client with another name, until
//! there is one or patience ends. Nothing here decides what is right.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use histories::{Line, Op};
use rand::Rng as _;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::client::uuid_v7;
use crate::drill::lasts;

/// The longest attempt: shorter than the service's own two seconds, so that late effects happen.
const ATTEMPT: Duration = Duration::from_millis(1_500);
/// Before an attempt is repeated.
const PAUSE: Duration = Duration::from_millis(60);
/// How long a request is repeated; what is open then stays unknown.
const PATIENCE: Duration = Duration::from_secs(40);
/// Holds that clients keep before the oldest is given back.
const HELD_MAX: usize = 25;
/// Seats that everybody wants.
const SEATS: usize = 80;

/// A recording under way.
pub struct Recorder {
    shared: Arc<Shared>,
    sender: tokio::task::JoinHandle<()>,
    file: PathBuf,
}

/// A recording that has ended.
pub struct Recording {
    /// Where its lines are.
    pub file: PathBuf,
    /// How many there are.
    pub attempts: u64,
}

struct Shared {
    http: reqwest::Client,
    base: String,
    event: String,
    seats: Vec<String>,
    began: Instant,
    clients: AtomicU64,
    attempts: AtomicU64,
    held: Mutex<VecDeque<Own>>,
    file: std::sync::Mutex<BufWriter<File>>,
}

/// A hold of the clients'.
#[derive(Clone)]
struct Own {
    id: String,
    token: String,
    seats: Vec<String>,
}

impl Recorder {
    /// Sends `rate` requests a second for `seconds` to one event of the system at `url`.
    pub async fn start(url: &str, event: &str, (rate, seconds): (u64, u64), dir: &Path) -> Self {
        crate::client::use_ring();
        let file = dir.join(format!("history-{event}.jsonl"));
        let http = reqwest::Client::builder().timeout(ATTEMPT).build().expect("a client");
        let free = crate::Client::new(url).seats(event, "free").await;
        let shared = Arc::new(Shared {
            http,
            base: format!("{url}/api/v1"),
            event: event.to_owned(),
            seats: free.into_iter().take(SEATS).collect(),
            began: Instant::now(),
            clients: AtomicU64::new(0),
            attempts: AtomicU64::new(0),
            held: Mutex::default(),
            file: std::sync::Mutex::new(BufWriter::new(File::create(&file).expect("a file"))),
        });
        let sender = tokio::spawn(send(Arc::clone(&shared), rate, seconds));
        Self { shared, sender, file }
    }

    /// Waits for the last answer, looks at every hold once more, and closes the file.
    pub async fn end(self) -> Recording {
        self.sender.await.expect("the clients do not fail");
        let mut looks = JoinSet::new();
        for own in self.shared.held.lock().await.drain(..) {
            let shared = Arc::clone(&self.shared);
            looks.spawn(async move { shared.read(&own).await });
        }
        looks.join_all().await;
        self.shared.file.lock().expect("nobody panicked").flush().expect("written");
        Recording { file: self.file, attempts: self.shared.attempts.load(Ordering::Relaxed) }
    }
}

/// Open loop: the schedule does not wait for answers.
async fn send(shared: Arc<Shared>, rate: u64, seconds: u64) {
    let (began, mut tasks) = (tokio::time::Instant::now(), JoinSet::new());
    for number in 0..rate * seconds {
        let due = began + Duration::from_secs_f64(number as f64 / rate as f64);
        tokio::time::sleep_until(due).await;
        let shared = Arc::clone(&shared);
        tasks.spawn(async move { shared.request().await });
        while let Some(done) = tasks.try_join_next() {
            done.expect("a client does not fail");
        }
    }
    tasks.join_all().await;
}

impl Shared {
    /// Some request, of a client that has none under way.
    async fn request(&self) {
        let choice = rand::rng().random_range(0..10);
        let own = {
            let mut held = self.held.lock().await;
            let full = held.len() > HELD_MAX;
            if choice < 3 || full { held.pop_front() } else { None }
        };
        match (own, choice) {
            (Some(own), 0) => {
                self.read(&own).await;
                self.held.lock().await.push_back(own);
            }
            (Some(own), 1) => {
                if let Some(own) = self.swap(own).await {
                    self.held.lock().await.push_back(own);
                }
            }
            (Some(own), _) => {
                self.release(&own).await;
                // Asked after: it must be gone.
                if choice == 2 {
                    self.read(&own).await;
                }
            }
            (None, _) => self.hold().await,
        }
    }

    fn wish(&self) -> Vec<String> {
        let mut random = rand::rng();
        let first = random.random_range(0..self.seats.len());
        let count = random.random_range(1..=3);
        self.seats[first..].iter().take(count).cloned().collect()
    }

    async fn hold(&self) {
        let seats = self.wish();
        let path = format!("/events/{}/holds", self.event);
        let body = json!({"seats": seats});
        let line = Line { seats, ..self.line(Op::Hold) };
        let Some(granted) = self.ask((Method::POST, &path, Some(body)), None, line).await else {
            return;
        };
        let text = |name: &str| granted[name].as_str().unwrap_or_default().to_owned();
        let own = Own { id: text("id"), token: text("token"), seats: seats_of(&granted) };
        self.held.lock().await.push_back(own);
    }

    /// The hold with its new seats; none when nobody knows which they are.
    async fn swap(&self, own: Own) -> Option<Own> {
        let (seats, path) = (self.wish(), format!("/holds/{}", own.id));
        let body = json!({"seats": seats});
        let line = Line { seats, named: own.seats.clone(), ..self.about(Op::Swap, &own) };
        let mut last = None;
        let call = (Method::PATCH, path.as_str(), Some(body));
        let answer = self.ask_with(call, Some(&own), line, &mut last).await;
        match (answer, last) {
            (Some(changed), _) => Some(Own { seats: seats_of(&changed), ..own }),
            // Refused at the first attempt: as it was. Else an earlier attempt may have done it.
            (None, Some(1)) => Some(own),
            (None, _) => None,
        }
    }

    async fn release(&self, own: &Own) {
        let path = format!("/holds/{}", own.id);
        let line = self.about(Op::Release, own);
        self.ask((Method::DELETE, &path, None), Some(own), line).await;
    }

    async fn read(&self, own: &Own) {
        let path = format!("/holds/{}", own.id);
        let line = self.about(Op::Read, own);
        self.ask((Method::GET, &path, None), Some(own), line).await;
    }

    fn about(&self, op: Op, own: &Own) -> Line {
        Line { hold: Some(own.id.clone()), seats: own.seats.clone(), ..self.line(op) }
    }

    fn line(&self, op: Op) -> Line {
        Line {
            t0: 0,
            t1: None,
            client: 0,
            key: uuid_v7(),
            op,
            event: self.event.clone(),
            seats: vec![],
            named: vec![],
            status: None,
            code: None,
            hold: None,
            version: None,
            until: None,
        }
    }

    async fn ask(
        &self,
        call: (Method, &str, Option<Value>),
        own: Option<&Own>,
        line: Line,
    ) -> Option<Value> {
        self.ask_with(call, own, line, &mut None).await
    }

    /// Repeats until there is a definite answer or patience ends; gives the body of what was done. In
    /// `definite` is the number of the attempt with a definite answer.
    async fn ask_with(
        &self,
        (method, path, body): (Method, &str, Option<Value>),
        own: Option<&Own>,
        line: Line,
        definite: &mut Option<u32>,
    ) -> Option<Value> {
        let give_up = Instant::now() + PATIENCE;
        for attempt in 1.. {
            let mut line = line.clone();
            line.client = self.clients.fetch_add(1, Ordering::Relaxed);
            let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
            if matches!(line.op, Op::Hold | Op::Swap) {
                request = request.header("Idempotency-Key", &line.key);
            }
            if let Some(own) = own {
                request = request.header("X-Hold-Token", &own.token);
            }
            if let Some(body) = &body {
                request = request.json(body);
            }
            line.t0 = self.now();
            let answer = definite_answer(request).await;
            let t1 = self.now();
            if let Some((status, version, body)) = answer {
                fill_in(&mut line, (status, version, t1), &body);
                self.write(&line);
                *definite = Some(attempt);
                return (status < 300).then_some(body);
            }
            self.write(&line);
            if Instant::now() > give_up {
                return None;
            }
            lasts(PAUSE).await;
        }
        None
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    fn write(&self, line: &Line) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let text = serde_json::to_string(line).expect("JSON");
        let mut file = self.file.lock().expect("nobody panicked");
        writeln!(file, "{text}").expect("written");
    }
}

/// Status, version and body of an answer that leaves nothing open.
async fn definite_answer(request: reqwest::RequestBuilder) -> Option<(u16, Option<u64>, Value)> {
    let answer = request.send().await.ok()?;
    let status = answer.status().as_u16();
    let version = answer.headers().get("grid-version");
    let version = version.and_then(|v| v.to_str().ok()?.parse().ok());
    let body = answer.bytes().await.ok()?;
    let open = status == 429 || status >= 500;
    (!open).then(|| (status, version, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

/// Brings what an answer says into its line.
fn fill_in(line: &mut Line, (status, version, t1): (u16, Option<u64>, u64), body: &Value) {
    (line.status, line.version, line.t1) = (Some(status), version, Some(t1));
    if status >= 300 {
        line.code = body["code"].as_str().map(str::to_owned);
        if line.op == Op::Hold {
            line.named = seats_of(body);
        }
        return;
    }
    match line.op {
        Op::Hold => {
            line.hold = body["id"].as_str().map(str::to_owned);
            line.seats = seats_of(body);
            // Told again it may have been granted some time before: the earlier end is the safe one.
            let lives = body["expires_in"].as_u64().unwrap_or(0).saturating_sub(1);
            let since = t1.saturating_sub(PATIENCE.as_nanos() as u64);
            line.until = Some(since.min(line.t0) + lives * 1_000_000_000);
        }
        Op::Swap | Op::Read => line.seats = seats_of(body),
        Op::Release => {}
    }
}

fn seats_of(body: &Value) -> Vec<String> {
    let seats = body["seats"].as_array().into_iter().flatten();
    seats.filter_map(|seat| seat["id"].as_str().map(str::to_owned)).collect()
}
