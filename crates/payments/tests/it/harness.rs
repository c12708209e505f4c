//! A sandbox of one's own for each test, with its directory, ports and a seller that listens.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use payments::{
    CreatePayment, Currency, GatewayPayment, Method, Money, PaymentProvider, Secret, YooKassa,
    YooKassaConfig,
    sandbox::{self, Listeners, SandboxConfig, SandboxError},
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// The shop's id in tests.
pub const SHOP: &str = "100500";
/// The shop's secret in tests.
pub const SECRET: &str = "secret-of-the-test-shop";
/// Nothing in these tests may take longer.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running sandbox.
pub struct Stand {
    pub url: String,
    pub smtp: Option<SocketAddr>,
    pub provider: Arc<YooKassa>,
    pub http: reqwest::Client,
    pub dir: Arc<tempfile::TempDir>,
    stop: CancellationToken,
    served: JoinHandle<Result<(), SandboxError>>,
}

impl Stand {
    /// A sandbox that notifies nobody.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A sandbox whose configuration the test changes.
    pub async fn with(change: impl FnOnce(&mut SandboxConfig)) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        Self::at(dir.clone(), dir.path(), change).await
    }

    /// A sandbox on that data.
    pub async fn at(
        dir: Arc<tempfile::TempDir>,
        data: &Path,
        change: impl FnOnce(&mut SandboxConfig),
    ) -> Self {
        let mut config = config(data);
        change(&mut config);
        let listeners = Listeners::bind(&config).await.unwrap();
        let url = format!("http://{}", listeners.http_addr().unwrap());
        let smtp = listeners.smtp.as_ref().map(|listener| listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let served = tokio::spawn(sandbox::serve(config, listeners, stop.clone()));
        let provider = Arc::new(adapter(&url));
        Self { url, smtp, provider, http: reqwest::Client::new(), dir, stop, served }
    }

    /// Stops it and checks that it stopped well.
    pub async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.served).await.unwrap().unwrap().unwrap();
    }

    /// Waits until it has stopped by itself.
    pub async fn ended(self) -> Result<(), SandboxError> {
        timeout(PATIENCE, self.served).await.unwrap().unwrap()
    }

    /// A new card payment.
    pub async fn create(&self, capture: bool) -> GatewayPayment {
        self.provider.create_payment(wish(capture)).await.unwrap()
    }

    /// The payment as it is now.
    pub async fn read(&self, payment: &GatewayPayment) -> GatewayPayment {
        self.provider.read_payment(&payment.provider_ref).await.unwrap()
    }

    /// Reads until the payment is as wanted.
    pub async fn read_until(
        &self,
        payment: &GatewayPayment,
        wanted: impl Fn(&GatewayPayment) -> bool,
    ) -> GatewayPayment {
        let looking = async {
            loop {
                let now = self.read(payment).await;
                if wanted(&now) {
                    return now;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, looking).await.expect("payment did not get there")
    }

    /// Decides on the payment page as a script does.
    pub async fn decide(&self, payment: &GatewayPayment, body: Value) -> (u16, Value) {
        let page = payment.confirmation_url.as_ref().unwrap();
        self.post(page, body).await
    }

    /// Posts JSON.
    pub async fn post(&self, url: &str, body: Value) -> (u16, Value) {
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    /// Gets JSON.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    /// Throws fault switches.
    pub async fn faults(&self, body: Value) -> u16 {
        self.post(&format!("{}/faults", self.url), body).await.0
    }
}

/// The configuration of a test sandbox.
pub fn config(data: &Path) -> SandboxConfig {
    // The adapter does this for itself; plain clients of tests need it too.
    let _ = rustls::crypto::ring::default_provider().install_default();
    SandboxConfig {
        shop_id: SHOP.to_owned(),
        secret: Secret::new(SECRET),
        data_dir: data.to_owned(),
        notify_retry_ms: 20,
        ..SandboxConfig::default()
    }
}

/// The adapter of the test shop.
pub fn adapter(url: &str) -> YooKassa {
    YooKassa::new(YooKassaConfig {
        name: "sandbox".to_owned(),
        base_url: url.to_owned(),
        shop_id: SHOP.to_owned(),
        secret: Secret::new(SECRET),
        ..YooKassaConfig::default()
    })
    .unwrap()
}

/// A wish for a card payment of 3,500 roubles.
pub fn wish(capture: bool) -> CreatePayment {
    let id = uuid::Uuid::new_v4().to_string();
    CreatePayment {
        idempotence_key: id.clone(),
        payment_id: format!("payment-{id}"),
        order_id: format!("order-{id}"),
        amount: Money::new(350_000, Currency::RUB),
        method: Method::BankCard,
        return_url: "http://shop.example:8080/orders/1?from=pay".to_owned(),
        description: "Билеты".to_owned(),
        capture,
        pay_until_ms: jiff::Timestamp::now().as_millisecond() + 300_000,
        receipt: None,
    }
}

/// A seller's webhook that writes down what comes and answers as told.
pub struct Seller {
    pub url: String,
    heard: watch::Receiver<Vec<Value>>,
    state: Arc<SellerState>,
    served: JoinHandle<()>,
}

struct SellerState {
    heard: watch::Sender<Vec<Value>>,
    status: std::sync::atomic::AtomicU16,
}

impl Seller {
    /// A seller that answers 200.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, heard) = watch::channel(Vec::new());
        let status = std::sync::atomic::AtomicU16::new(200);
        let state = Arc::new(SellerState { heard: sender, status });
        let app = Router::new().route("/hook", post(hear)).with_state(state.clone());
        let served = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, heard, state, served }
    }

    /// From now on notices are answered so.
    pub fn answer(&self, status: u16) {
        self.state.status.store(status, std::sync::atomic::Ordering::SeqCst);
    }

    /// Everything heard so far.
    pub fn heard(&self) -> Vec<Value> {
        self.heard.borrow().clone()
    }

    /// Waits until what was heard is as wanted.
    pub async fn hears(&self, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut heard = self.heard.clone();
        let waited = timeout(PATIENCE, heard.wait_for(|heard| wanted(heard))).await;
        waited.unwrap_or_else(|_| panic!("heard only {:?}", self.heard())).unwrap().clone()
    }
}

impl Drop for Seller {
    fn drop(&mut self) {
        self.served.abort();
    }
}

async fn hear(State(state): State<Arc<SellerState>>, body: Bytes) -> StatusCode {
    let notice = serde_json::from_slice(&body).unwrap();
    state.heard.send_modify(|heard| heard.push(notice));
    let status = state.status.load(std::sync::atomic::Ordering::SeqCst);
    StatusCode::from_u16(status).unwrap()
}
