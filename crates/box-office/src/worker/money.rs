//! One look at all money whose end is not known: which payments and refunds are due now, and doing
//! them, a bounded number at a time.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use inventory::{PaymentId, RefundId};
use payments::PaymentStatus;
use processing_unit::{GridError, OpenPayment, OpenRefund, ShardId};

use super::pace::{payment_due_ms, refund_due_ms};
use crate::clock::now_ms;
use crate::config::WorkerConfig;
use crate::refunding::{self, DueRefund};
use crate::settlement::{FollowError, Followed, PaymentEnd, Settlement, within};

/// Deadline of the question what is open.
const ASK_DEADLINE: Duration = Duration::from_secs(3);
/// Deadline of one payment or refund: two calls to a gateway and two commands.
const WORK_DEADLINE: Duration = Duration::from_secs(25);
/// How long after the order's deadline a payment that the gateway does not know is given up.
const UNKNOWN_KEPT_MS: u64 = 60 * 60 * 1_000;

/// Looks again and again; remembers only when it asked last.
pub(super) struct MoneyRound {
    settlement: Settlement,
    open_max: u32,
    parallel_max: usize,
    refund_attempts_max: u32,
    unanswered_payment_ms: u64,
    payments_asked_ms: HashMap<PaymentId, u64>,
    refunds_asked_ms: HashMap<RefundId, u64>,
    /// Whether the last look went wrong somewhere, so that trouble is told once.
    in_trouble: bool,
}

/// What is open in all shards.
#[derive(Default)]
struct Open {
    payments: Vec<OpenPayment>,
    refunds: Vec<OpenRefund>,
    /// Whether every shard answered.
    complete: bool,
}

impl MoneyRound {
    pub(super) fn new(settlement: Settlement, config: &WorkerConfig) -> Self {
        Self {
            settlement,
            open_max: config.open_max,
            parallel_max: config.parallel_max,
            refund_attempts_max: config.refund_attempts_max,
            unanswered_payment_ms: config.unanswered_payment_ms,
            payments_asked_ms: HashMap::new(),
            refunds_asked_ms: HashMap::new(),
            in_trouble: false,
        }
    }

    /// One look.
    pub(super) async fn look(&mut self) {
        let open = match self.open().await {
            Ok(open) => open,
            Err(error) => return tracing::debug!(%error, "open money was not read"),
        };
        metrics::gauge!("seatgrid_payments_open").set(open.payments.len() as f64);
        metrics::gauge!("seatgrid_refunds_open").set(open.refunds.len() as f64);
        let (payments, refunds) = self.due(open);
        let asked = payments.len() + refunds.len();
        let followed = all(payments, self.parallel_max, |payment| {
            let question = self.question();
            async move { question.follow(&payment).await }
        });
        let mut ends = followed.await;
        let repaid = all(refunds, self.parallel_max, |refund| {
            let question = self.question();
            async move { question.refund(&refund).await }
        });
        ends.append(&mut repaid.await);
        self.tell(asked, &ends);
    }

    fn question(&self) -> Question {
        Question {
            settlement: self.settlement.clone(),
            refund_attempts_max: self.refund_attempts_max,
            unanswered_payment_ms: self.unanswered_payment_ms,
        }
    }

    async fn open(&self) -> Result<Open, GridError> {
        let deadline = Instant::now() + ASK_DEADLINE;
        let grid = self.settlement.grid();
        let routes = grid.refresh_routes(deadline).await?;
        let shards: BTreeSet<ShardId> = routes.pins.values().map(|pin| pin.shard).collect();
        let mut open = Open { complete: true, ..Open::default() };
        for shard in shards {
            // A shard without a leader must not hide the money of the others.
            match grid.pending_money(shard, self.open_max, Instant::now() + ASK_DEADLINE).await {
                Ok(mut pending) => {
                    open.payments.append(&mut pending.payments);
                    open.refunds.append(&mut pending.refunds);
                }
                Err(error) => {
                    tracing::debug!(shard, %error, "open money of a shard was not read");
                    metrics::counter!("seatgrid_worker_shards_silent_total").increment(1);
                    open.complete = false;
                }
            }
        }
        Ok(open)
    }

    /// What is due now, marked as asked; what is no longer open is forgotten.
    fn due(&mut self, open: Open) -> (Vec<OpenPayment>, Vec<DueRefund>) {
        let now = now_ms();
        let payments: BTreeSet<_> = open.payments.iter().map(|p| p.id).collect();
        let refunds: BTreeSet<_> = open.refunds.iter().map(|r| r.id).collect();
        if open.complete {
            self.payments_asked_ms.retain(|id, _| payments.contains(id));
            self.refunds_asked_ms.retain(|id, _| refunds.contains(id));
        }
        let payment_due = |p: &OpenPayment| {
            let asked = self.payments_asked_ms.get(&p.id).copied();
            payment_due_ms(p.payment.started_at_ms, asked) <= now
        };
        let refund_due = |r: &OpenRefund| {
            let asked = self.refunds_asked_ms.get(&r.id).copied();
            refund_due_ms(r.refund.attempts, asked) <= now
        };
        let payments: Vec<_> = open.payments.into_iter().filter(payment_due).collect();
        let refunds = open.refunds.into_iter().filter(refund_due);
        let refunds: Vec<_> = refunds.map(DueRefund::from).collect();
        self.payments_asked_ms.extend(payments.iter().map(|p| (p.id, now)));
        self.refunds_asked_ms.extend(refunds.iter().map(|r| (r.id, now)));
        (payments, refunds)
    }

    /// Trouble is told when it begins and when it ends, not at every look.
    fn tell(&mut self, asked: usize, ends: &[Result<(), FollowError>]) {
        let failed = ends.iter().filter(|end| end.is_err()).count();
        metrics::counter!("seatgrid_worker_questions_failed_total").increment(failed as u64);
        let was = self.in_trouble;
        self.in_trouble = failed > 0 || (asked == 0 && was);
        match (was, ends.iter().find_map(|end| end.as_ref().err())) {
            (false, Some(error)) => {
                tracing::warn!(failed, %error, "open money gets no answer, asked about later");
            }
            (true, None) if !self.in_trouble => tracing::info!("open money gets answers again"),
            _ => {}
        }
    }
}

/// One question to a gateway about one payment or refund.
struct Question {
    settlement: Settlement,
    refund_attempts_max: u32,
    unanswered_payment_ms: u64,
}

impl Question {
    async fn follow(&self, open: &OpenPayment) -> Result<(), FollowError> {
        let deadline = Instant::now() + WORK_DEADLINE;
        let provider = &open.payment.provider;
        let Some(provider_ref) = &open.payment.provider_ref else {
            return self.give_up_unanswered(open, deadline).await;
        };
        let followed =
            self.settlement.follow_payment(provider, open.id, provider_ref, deadline).await?;
        match followed {
            Followed::Open => self.cancel_overdue(open, provider_ref, deadline).await,
            Followed::NoSuchObject => self.give_up_unknown(open, deadline).await,
            Followed::Ended(PaymentEnd::Now(settled)) => {
                tracing::info!(
                    payment = %settled.payment,
                    status = settled.status.as_str(),
                    "a payment's end was found by asking"
                );
                Ok(())
            }
            Followed::Ended(PaymentEnd::Before)
            | Followed::Quarantined(_)
            | Followed::NotOurs { .. } => Ok(()),
        }
    }

    /// Nobody was ever shown a page for this attempt, so nobody can have paid it. Should the
    /// gateway know better one day, its notification still settles it.
    async fn give_up_unanswered(
        &self,
        open: &OpenPayment,
        deadline: Instant,
    ) -> Result<(), FollowError> {
        if now_ms() < open.payment.started_at_ms + self.unanswered_payment_ms {
            return Ok(());
        }
        self.settlement.give_up(open.id, "not_created", deadline).await.map(drop)
    }

    async fn give_up_unknown(
        &self,
        open: &OpenPayment,
        deadline: Instant,
    ) -> Result<(), FollowError> {
        if now_ms() < open.pay_until_ms + UNKNOWN_KEPT_MS {
            return Ok(());
        }
        tracing::warn!(payment = %open.id, "the gateway does not know a payment it once made");
        self.settlement.give_up(open.id, "unknown_at_gateway", deadline).await.map(drop)
    }

    /// An order that has ended wants no money any more: what can be cancelled is.
    async fn cancel_overdue(
        &self,
        open: &OpenPayment,
        provider_ref: &str,
        deadline: Instant,
    ) -> Result<(), FollowError> {
        if now_ms() < open.pay_until_ms {
            return Ok(());
        }
        let provider = self.settlement.provider(&open.payment.provider)?;
        let object = within(deadline, provider.read_payment(provider_ref)).await;
        let cancellable = match object.map_err(FollowError::Gateway)?.status {
            PaymentStatus::Pending => provider.capabilities().cancel_pending,
            PaymentStatus::WaitingForCapture => true,
            PaymentStatus::Succeeded | PaymentStatus::Canceled { .. } => false,
        };
        if !cancellable {
            return Ok(());
        }
        let key = format!("{}.{provider_ref}.cancel", open.id);
        let cancelled = within(deadline, provider.cancel(&key, provider_ref)).await;
        let object = cancelled.map_err(FollowError::Gateway)?;
        let name = &open.payment.provider;
        self.settlement.settle_as(name, open.id, &object, deadline).await.map(drop)
    }

    async fn refund(&self, refund: &DueRefund) -> Result<(), FollowError> {
        let deadline = Instant::now() + WORK_DEADLINE;
        let attempts_max = self.refund_attempts_max;
        refunding::carry_out(&self.settlement, refund, attempts_max, deadline).await.map(drop)
    }
}

/// Awaits all, so many at a time.
pub(super) async fn all<T, F: Future>(
    work: Vec<T>,
    parallel_max: usize,
    begin: impl FnMut(T) -> F,
) -> Vec<F::Output> {
    stream::iter(work).map(begin).buffer_unordered(parallel_max).collect().await
}
