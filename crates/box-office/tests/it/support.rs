//! A whole shop in one process: one unit, the sandbox gateway, the office, a database of its own,
//! and a worker when a test asks for one. Everything on free ports and in temporary places.

use std::time::{Duration, Instant};

use box_office::office::{self, Listeners};
use box_office::{WorkerConfig, worker};
use http_api::token::TokenKey;
use inventory::{
    Actor, Choice, Command, Envelope, EventNo, Held, HoldSeats, Outcome, RequestKey, SeatIx,
};
use local_postgres::testing::TestDatabase;
use payments::Secret;
use processing_unit::{Grid, GridConfig, Unit};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wiring::{gateway, office_config, providers, social, telegram, unit, worker_config};

pub use errors::watch_errors;

mod errors;
mod wiring;

/// How long anything that must happen may take.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// What staff shows.
pub const STAFF_TOKEN: &str = "token-of-the-staff-in-tests";
/// The shop's secret at the sandbox.
const SHOP_SECRET: &str = "test_secret_of_the_shop";

/// What a test wants to be special.
pub struct Wish {
    /// Seconds that a hold lives.
    pub hold_ttl_s: u32,
    /// Another PostgreSQL than the shared one.
    pub database_url: Option<String>,
    /// A replica of it.
    pub replica_url: Option<String>,
    /// Whether the gateway tells the office.
    pub with_notifications: bool,
    /// Time for one creation of a payment, milliseconds.
    pub payment_create_ms_max: u64,
    /// Whether the shop can sign passes for wallets.
    pub with_wallet: bool,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            hold_ttl_s: 300,
            database_url: None,
            replica_url: None,
            with_notifications: true,
            payment_create_ms_max: 8_000,
            with_wallet: false,
        }
    }
}

/// A running shop.
pub struct Shop {
    pub grid: Grid,
    pub http: reqwest::Client,
    pub office: String,
    pub admin: String,
    pub gateway: String,
    pub database: Option<TestDatabase>,
    tokens: TokenKey,
    shutdown: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    unit: Option<Unit>,
    worker_config: WorkerConfig,
    _dir: TempDir,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub headers: reqwest::header::HeaderMap,
}

impl Answer {
    /// A member of the body as text; empty when it is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn code(&self) -> &str {
        self.text("/code")
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    pub fn replayed(&self) -> bool {
        self.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
    }
}

/// A hold with its token.
#[derive(Debug, Clone)]
pub struct Hold {
    pub id: String,
    pub token: String,
}

/// An order on its way.
#[derive(Debug, Clone)]
pub struct Order {
    pub id: String,
    pub token: String,
}

/// A started payment.
#[derive(Debug, Clone)]
pub struct Payment {
    pub id: String,
    pub page: String,
}

impl Shop {
    pub async fn open() -> Self {
        Self::with(Wish::default()).await
    }

    pub async fn with(wish: Wish) -> Self {
        let shared = wish.database_url.is_none();
        let database = shared.then(local_postgres::testing::database);
        let dir = tempfile::tempdir().expect("temporary directory");
        let shutdown = CancellationToken::new();
        let (unit, units) = unit(dir.path()).await;
        let grid = GridConfig::new(units);
        let mut config = office_config(dir.path(), &wish, grid.clone());
        config.database_replica_url.0 = Secret::new(wish.replica_url.unwrap_or_default());
        let url = wish.database_url.or_else(|| Some(database.as_ref()?.url().to_owned()));
        config.database_url.0 = Secret::new(url.expect("one of both"));
        let listeners = Listeners::bind(&config).await.expect("free ports");
        let office = format!("http://{}", listeners.http.local_addr().expect("bound"));
        let admin = format!("http://{}", listeners.admin.local_addr().expect("bound"));
        let notify = format!("{office}/api/v1/webhooks/sandbox");
        let notify = if wish.with_notifications { notify } else { String::new() };
        let (gateway, mail, sandbox) = gateway(dir.path(), notify, &shutdown).await;
        config.providers = providers(dir.path(), &gateway);
        config.social = social(dir.path(), &gateway, &office);
        config.push.services.push(gateway.clone());
        let mut worker_config = worker_config(&config);
        worker_config.mail.relay = Some(mail);
        worker_config.telegram = telegram(dir.path(), &gateway);
        let serving = office::serve(config, listeners, shutdown.clone());
        let serving = tokio::spawn(async move { serving.await.expect("the office serves") });
        // The gateway's adapter installs it too; whoever comes second finds it there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().tls_certs_only([]).no_proxy();
        let shop = Self {
            grid: Grid::connect(&grid),
            http: http.build().expect("client"),
            office,
            admin,
            gateway,
            database,
            tokens: TokenKey::new(&[1; 32]),
            shutdown,
            tasks: vec![sandbox, serving],
            unit: Some(unit),
            worker_config,
            _dir: dir,
        };
        shop.until_ready().await;
        shop
    }

    async fn until_ready(&self) {
        until("the office is ready", async || {
            let url = format!("{}/readyz", self.admin);
            let answer = self.http.get(url).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// Starts a worker; it ends with the shop.
    pub fn start_worker(&mut self, change: impl FnOnce(&mut WorkerConfig)) {
        let mut config = self.worker_config.clone();
        change(&mut config);
        let work = worker::run(config, self.shutdown.clone());
        self.tasks.push(tokio::spawn(async move { work.await.expect("the worker works") }));
    }

    /// Stops everything in order.
    pub async fn close(mut self) {
        self.shutdown.cancel();
        for task in self.tasks.drain(..) {
            task.await.expect("a task ends by itself");
        }
        if let Some(unit) = self.unit.take() {
            unit.shutdown().await;
        }
    }

    pub async fn event_no(&self) -> EventNo {
        // An office that found PostgreSQL slow at its start is ready before its events are.
        until("the demo hall is pinned", async || {
            let pin = self.grid.route("demo-hall", soon()).await.ok()?;
            Some(EventNo(pin.number))
        })
        .await
    }

    /// Takes seats by their index in plan order.
    pub async fn hold(&self, seats: &[u32]) -> Hold {
        self.hold_in(self.event_no().await, seats).await
    }

    /// The same in another event.
    pub async fn hold_in(&self, event: EventNo, seats: &[u32]) -> Hold {
        let plan = self.grid.plan(event, soon()).await.expect("plan").plan;
        let choice = Choice::Seats(seats.iter().map(|at| SeatIx(*at)).collect());
        let command = Command::Hold(HoldSeats::of(event, plan.version, choice));
        let key = RequestKey { id: Uuid::new_v4().as_u128(), hash: 1, made_at_ms: None };
        let envelope = Envelope { key: Some(key), actor: Actor::SYSTEM, command };
        let reply = self.grid.command(event, &envelope, soon()).await.expect("grid");
        let Outcome::Held(Held { hold, .. }) = reply.outcome else { panic!("{reply:?}") };
        Hold { id: hold.to_string(), token: self.tokens.token(hold) }
    }

    /// Publishes an event that differs from the demonstration's in these columns, and waits until
    /// it is on sale.
    pub async fn publish(&self, columns: Value) -> EventNo {
        let id = columns["id"].as_str().expect("an id").to_owned();
        let url = self.database.as_ref().expect("a database of its own").url().to_owned();
        let mut db = PgConnection::connect(&url).await.expect("connected");
        let put = "insert into office.event select (jsonb_populate_record(event, $1)).*
            from office.event event where id = 'demo-hall'";
        sqlx::query(put).bind(columns).execute(&mut db).await.expect("put in");
        db.close().await.expect("closed");
        until("it is on sale", async || {
            let pin = self.grid.route(&id, soon()).await.ok()?;
            let plan = self.grid.plan(EventNo(pin.number), soon()).await.ok()?;
            Some(plan.event)
        })
        .await
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        let request = self.http.get(format!("{}{path}", self.office));
        read(request.header("x-hold-token", token)).await
    }

    pub async fn post(&self, path: &str, token: &str, key: Uuid, body: &Value) -> Answer {
        let request = self.http.post(format!("{}{path}", self.office)).json(body);
        let request = request.header("x-hold-token", token);
        read(request.header("idempotency-key", key.to_string())).await
    }

    pub async fn order(&self, hold: &Hold) -> Order {
        let answer =
            self.post("/api/v1/orders", &hold.token, Uuid::now_v7(), &form(&hold.id)).await;
        let answer = answer.expect(201);
        Order { id: answer.text("/id").to_owned(), token: hold.token.clone() }
    }

    pub async fn try_pay(&self, order: &Order, key: Uuid) -> Answer {
        let path = format!("/api/v1/orders/{}/payments", order.id);
        self.post(&path, &order.token, key, &pay_form()).await
    }

    pub async fn pay(&self, order: &Order) -> Payment {
        let answer = self.try_pay(order, Uuid::now_v7()).await.expect(201);
        Payment {
            id: answer.text("/id").to_owned(),
            page: answer.text("/confirmation/confirmation_url").to_owned(),
        }
    }

    /// Decides on the gateway's page.
    pub async fn decide(&self, payment: &Payment, decision: Value) {
        let answer = self.http.post(&payment.page).json(&decision).send().await.expect("page");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }

    /// Turns the gateway's fault switches.
    pub async fn faults(&self, faults: Value) {
        let url = format!("{}/faults", self.gateway);
        let answer = self.http.post(url).json(&faults).send().await.expect("faults");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }

    pub async fn no_faults(&self) {
        self.http.delete(format!("{}/faults", self.gateway)).send().await.expect("faults");
    }

    pub async fn notify(&self, provider: &str, body: impl Into<reqwest::Body>) -> Answer {
        let url = format!("{}/api/v1/webhooks/{provider}", self.office);
        read(self.http.post(url).header("content-type", "application/json").body(body)).await
    }

    pub async fn read_order(&self, order: &Order) -> Value {
        self.get(&format!("/api/v1/orders/{}", order.id), &order.token).await.expect(200).body
    }

    /// Waits until the order has the status and returns it.
    pub async fn until_status(&self, order: &Order, status: &str) -> Value {
        let what = format!("order {} is {status}", order.id);
        until(&what, async || {
            let now = self.read_order(order).await;
            (now["status"] == status).then_some(now)
        })
        .await
    }

    /// Everything that the gateway has, by our payment id.
    pub async fn at_gateway(&self, payment: &Payment) -> Value {
        let reference = payment.page.rsplit('/').next().expect("an address").to_owned();
        let reference = reference.split(['?', '#']).next().unwrap_or_default().to_owned();
        let url = format!("{}/v3/payments/{reference}", self.gateway);
        let request = self.http.get(url).basic_auth("100500", Some(SHOP_SECRET));
        read(request).await.expect(200).body
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// A deadline for one question.
pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// Asks until there is an answer.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + PATIENCE;
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    loop {
        ticks.tick().await;
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < give_up, "in {PATIENCE:?} it did not come true that {what}");
    }
}

/// A good body for `POST /orders`.
pub fn form(hold: &str) -> Value {
    json!({
        "hold_id": hold,
        "buyer": {"name": "Анна Петрова", "email": "anna@example.org", "phone": "+79001234567"},
        "consents": ["personal_data"],
        "channels": ["email"],
    })
}

/// A good body for `POST /orders/{id}/payments`.
pub fn pay_form() -> Value {
    json!({"provider": "sandbox", "method": "bank_card", "return_url": "http://127.0.0.1/return"})
}

/// Sends a request and reads its answer.
pub async fn read(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let bytes = answer.bytes().await.expect("a body");
    Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

/// A settlement of the test's own, beside the office's.
pub fn settlement(shop: &Shop) -> box_office::settlement::Settlement {
    box_office::settlement::Settlement::new(shop.grid.clone(), payments::Providers::new())
}
