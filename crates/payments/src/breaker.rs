//! A circuit breaker around an adapter: a gateway that gives no answers is left alone for a while,
//! so that callers learn it at once instead of waiting for one more deadline, and the gateway is
//! not buried in repeats when it comes back.
//!
//! It changes no answer. While it is open a call was certainly not sent, which is what
//! [`ProviderError::Unavailable`] says; a definite no of the gateway is an answer like any other.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::HeaderMap;
use parking_lot::Mutex;

use crate::{
    health::{GatewayHealth, Recent},
    money::Money,
    provider::{
        Call, Capabilities, CreatePayment, CreateRefund, Forged, GatewayPayment, GatewayRefund,
        Notification, NotificationError, PaymentProvider, ProviderError,
    },
};

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct BreakerTerms {
    /// Calls without an answer, one after the other, that open it. Default 10: more than the
    /// repeats of one shopper's request.
    pub failures_max: u32,
    /// How long it stays open before one call may try again. Default 5 s: a shopper's request
    /// waits longer than that, and so finds out.
    pub pause: Duration,
}

impl Default for BreakerTerms {
    fn default() -> Self {
        Self { failures_max: 10, pause: Duration::from_secs(5) }
    }
}

/// An adapter behind a breaker.
pub struct Breaker {
    inner: Arc<dyn PaymentProvider>,
    terms: BreakerTerms,
    state: Mutex<State>,
    recent: Mutex<Recent>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Nothing is sent before this; then one call at a time tries.
    closed_until: Option<Instant>,
}

impl Breaker {
    /// Puts a breaker around `inner`.
    pub fn new(inner: Arc<dyn PaymentProvider>, terms: BreakerTerms) -> Self {
        let recent = Mutex::new(Recent::new(Instant::now()));
        Self { inner, terms, state: Mutex::new(State::default()), recent }
    }

    async fn guard<T>(
        &self,
        call: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let began = Instant::now();
        self.enter(began)?;
        // Whoever stops waiting had no answer either.
        let mut waiting = Waiting { breaker: self, began, is_over: false };
        let answer = call.await;
        waiting.is_over = true;
        let answered = match &answer {
            Ok(_) | Err(ProviderError::Refused { .. }) => true,
            Err(ProviderError::Unavailable { .. } | ProviderError::Unknown { .. }) => false,
        };
        self.over(answered, began);
        answer
    }

    /// A call that began then has ended.
    fn over(&self, answered: bool, began: Instant) {
        let now = Instant::now();
        self.leave(answered, now);
        self.recent.lock().called(answered, now - began, now);
    }

    /// Lets a call pass, or says that the gateway is left alone. The one that passes after a pause
    /// takes the next pause with it, so that nobody follows before its answer is there.
    fn enter(&self, now: Instant) -> Result<(), ProviderError> {
        let mut state = self.state.lock();
        let Some(until) = state.closed_until else { return Ok(()) };
        if now < until {
            let provider = self.inner.name().to_owned();
            metrics::counter!("seatgrid_payment_calls_spared_total", "provider" => provider)
                .increment(1);
            drop(state);
            self.recent.lock().spared(now);
            return Err(ProviderError::unavailable("the gateway gave no answers; it rests"));
        }
        state.closed_until = Some(now + self.terms.pause);
        Ok(())
    }

    fn leave(&self, answered: bool, now: Instant) {
        let mut state = self.state.lock();
        let was_open = state.closed_until.is_some();
        if answered {
            *state = State::default();
        } else {
            state.failures = state.failures.saturating_add(1);
            if state.failures >= self.terms.failures_max {
                state.closed_until = Some(now + self.terms.pause);
            }
        }
        let is_open = state.closed_until.is_some();
        drop(state);
        if was_open != is_open {
            self.tell(is_open);
        }
    }

    fn tell(&self, is_open: bool) {
        let provider = self.inner.name();
        metrics::gauge!("seatgrid_payment_gateway_rests", "provider" => provider.to_owned())
            .set(f64::from(u8::from(is_open)));
        match is_open {
            true => tracing::warn!(provider, "a payment gateway gives no answers and is spared"),
            false => tracing::info!(provider, "a payment gateway answers again"),
        }
    }
}

/// A call whose answer is waited for; dropped before it is there, it counts as one without.
struct Waiting<'a> {
    breaker: &'a Breaker,
    began: Instant,
    is_over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.breaker.over(false, self.began);
        }
    }
}

impl PaymentProvider for Breaker {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn create_payment(&self, request: CreatePayment) -> Call<'_, GatewayPayment> {
        Box::pin(self.guard(self.inner.create_payment(request)))
    }

    fn read_payment<'a>(&'a self, provider_ref: &'a str) -> Call<'a, GatewayPayment> {
        Box::pin(self.guard(self.inner.read_payment(provider_ref)))
    }

    fn cancel<'a>(&'a self, key: &'a str, provider_ref: &'a str) -> Call<'a, GatewayPayment> {
        Box::pin(self.guard(self.inner.cancel(key, provider_ref)))
    }

    fn capture<'a>(
        &'a self,
        key: &'a str,
        provider_ref: &'a str,
        amount: Money,
    ) -> Call<'a, GatewayPayment> {
        Box::pin(self.guard(self.inner.capture(key, provider_ref, amount)))
    }

    fn create_refund(&self, request: CreateRefund) -> Call<'_, GatewayRefund> {
        Box::pin(self.guard(self.inner.create_refund(request)))
    }

    fn read_refund<'a>(&'a self, provider_ref: &'a str) -> Call<'a, GatewayRefund> {
        Box::pin(self.guard(self.inner.read_refund(provider_ref)))
    }

    fn parse_notification(&self, body: &[u8]) -> Result<Notification, NotificationError> {
        self.inner.parse_notification(body)
    }

    fn check_signature(&self, headers: &HeaderMap, body: &[u8], now_ms: i64) -> Result<(), Forged> {
        self.inner.check_signature(headers, body, now_ms)
    }

    fn health(&self) -> Option<GatewayHealth> {
        let now = Instant::now();
        let is_resting = self.state.lock().closed_until.is_some_and(|until| until > now);
        Some(self.recent.lock().health(is_resting, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Secret, YooKassa, YooKassaConfig};

    const PAUSE: Duration = Duration::from_secs(5);

    fn breaker() -> Breaker {
        let config = YooKassaConfig {
            base_url: "http://127.0.0.1:1".to_owned(),
            shop_id: "1".to_owned(),
            secret: Secret::new("s"),
            ..YooKassaConfig::default()
        };
        let inner = Arc::new(YooKassa::new(config).expect("settings"));
        Breaker::new(inner, BreakerTerms { failures_max: 3, pause: PAUSE })
    }

    #[test]
    fn opens_after_failures_in_a_row_and_closes_with_an_answer() {
        let (breaker, start) = (breaker(), Instant::now());
        for _ in 0..2 {
            breaker.leave(false, start);
        }
        breaker.leave(true, start);
        for _ in 0..2 {
            breaker.leave(false, start);
            assert!(breaker.enter(start).is_ok(), "two in a row are not three");
        }
        breaker.leave(false, start);
        assert!(breaker.enter(start).is_err_and(|error| error.nothing_happened()));
        assert!(breaker.enter(start + PAUSE - Duration::from_millis(1)).is_err());
        breaker.enter(start + PAUSE).expect("one may try");
        assert!(breaker.enter(start + PAUSE).is_err(), "and only one");
        breaker.leave(false, start + PAUSE);
        assert!(breaker.enter(start + PAUSE * 2 - Duration::from_millis(1)).is_err());
        breaker.enter(start + PAUSE * 2).expect("one may try");
        breaker.leave(true, start + PAUSE * 2);
        assert!(breaker.enter(start + PAUSE * 2).is_ok() && breaker.enter(start).is_ok());
    }

    #[tokio::test]
    async fn a_call_that_nobody_waits_for_any_more_had_no_answer() {
        let breaker = breaker();
        for _ in 0..3 {
            let call = breaker.guard(std::future::pending::<Result<(), ProviderError>>());
            assert!(tokio::time::timeout(Duration::from_millis(1), call).await.is_err());
        }
        assert!(breaker.enter(Instant::now()).is_err_and(|error| error.nothing_happened()));
    }

    #[tokio::test]
    async fn a_gateway_that_is_not_there_is_asked_no_more() {
        let breaker = breaker();
        for _ in 0..3 {
            let error = breaker.read_payment("p1").await.expect_err("nobody listens");
            assert!(!error.to_string().contains("rests"), "{error}");
        }
        let error = breaker.read_payment("p1").await.expect_err("nobody is asked");
        assert!(error.to_string().contains("rests") && error.is_retryable(), "{error}");
        let health = breaker.health().expect("a breaker keeps count");
        assert_eq!((health.calls, health.failures, health.spared), (3, 3, 1));
        assert!(health.is_resting && health.p95_ms.is_some(), "{health:?}");
    }
}
