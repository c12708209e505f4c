//! The sandbox's memory: payments, refunds, used keys, waiting notifications, and when each wants
//! to be looked at again.
//!
//! Questions and decisions read it and return [`Change`]s; [`Ledger::apply`] is the only way in,
//! at run time as at replay. It does no I/O and reads no clock: the caller says what time it is.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::{
    object::{Change, Language, Notice, Payment, Refund, Status, Target, UsedKey},
    refusal::Refusal,
    stripe,
    view::{self, ViewFacts},
};

pub use decide::DecideError;
pub use requests::{NewPayment, NewRefund, RefundManner};

mod decide;
mod requests;

/// How long a key is remembered, milliseconds: a day, as the API promises.
const KEY_LIFE_MS: i64 = 24 * 60 * 60 * 1_000;
/// Most notifications that may wait. A seller who is away for hours must read its payments
/// itself anyway; above this no further notices are kept.
const NOTICES_MAX: usize = 100_000;
/// Most refunds of one payment; more is a runaway loop.
const REFUNDS_PER_PAYMENT_MAX: usize = 100;
/// Finished payments older than this are dropped at start, milliseconds: 30 days.
const FINISHED_LIFE_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// The terms under which the ledger works.
#[derive(Debug, Clone)]
pub struct Terms {
    /// For the JSON inside notifications.
    pub view: ViewFacts,
    /// Whether anybody is to be notified in YooKassa's form.
    pub notices: bool,
    /// Whether anybody is to be notified in Stripe's.
    pub stripe_notices: bool,
    /// How long a payment waits for the shopper, milliseconds.
    pub pending_ttl_ms: i64,
    /// How long reserved money waits for the capture, milliseconds.
    pub capture_ttl_ms: i64,
    /// Most payments kept.
    pub payments_max: usize,
}

/// Everything that the gateway knows.
#[derive(Debug)]
pub struct Ledger {
    terms: Terms,
    payments: HashMap<String, Payment>,
    refunds: HashMap<String, Refund>,
    refunds_of: HashMap<String, Vec<String>>,
    keys: HashMap<String, UsedKey>,
    keys_by_age: VecDeque<(i64, String)>,
    timers: BTreeSet<(i64, Target)>,
    notices: BTreeMap<u64, Notice>,
    unsent: BTreeSet<(i64, u64)>,
    next_notice: u64,
}

impl Ledger {
    /// Nothing has happened yet.
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            payments: HashMap::new(),
            refunds: HashMap::new(),
            refunds_of: HashMap::new(),
            keys: HashMap::new(),
            keys_by_age: VecDeque::new(),
            timers: BTreeSet::new(),
            notices: BTreeMap::new(),
            unsent: BTreeSet::new(),
            next_notice: 1,
        }
    }

    /// Puts one change in force.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Payment(payment) => self.put_payment(payment),
            Change::Refund(refund) => self.put_refund(refund),
            Change::Key(key) => self.put_key(key),
            Change::Notice(notice) => self.put_notice(notice),
            Change::NoticeDone(id) => {
                if let Some(notice) = self.notices.remove(&id) {
                    self.unsent.remove(&(notice.due_at_ms, id));
                }
            }
        }
    }

    /// The payment with that id.
    pub fn payment(&self, id: &str) -> Option<&Payment> {
        self.payments.get(id)
    }

    /// The refund with that id.
    pub fn refund(&self, id: &str) -> Option<&Refund> {
        self.refunds.get(id)
    }

    /// What an earlier request with this key made, if there was one.
    ///
    /// # Errors
    /// A refusal if the earlier request was another one.
    pub fn replay(&self, key: &RequestKey, now_ms: i64) -> Result<Option<Target>, Refusal> {
        let fresh = |used: &&UsedKey| now_ms.saturating_sub(used.used_at_ms) < KEY_LIFE_MS;
        match self.keys.get(&key.key).filter(fresh) {
            None => Ok(None),
            Some(used) if used.fingerprint == key.fingerprint => Ok(Some(used.target.clone())),
            Some(_) => Err(Refusal::invalid("Idempotence-Key", "Idempotence key duplicated")),
        }
    }

    /// The earliest moment at which [`Ledger::on_due`] has something to do.
    pub fn next_timer_ms(&self) -> Option<i64> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// What time itself does up to `now_ms`, for at most `max` objects.
    pub fn on_due(&self, now_ms: i64, max: usize) -> Vec<Change> {
        let due = self.timers.iter().take_while(|(due, _)| *due <= now_ms).take(max);
        let mut draft = Draft::new(self);
        for (_, target) in due {
            match target {
                Target::Payment(id) => {
                    self.payments.get(id).into_iter().for_each(|p| draft.payment_due(p, now_ms));
                }
                Target::Refund(id) => {
                    self.refunds.get(id).into_iter().for_each(|r| draft.refund_due(r, now_ms));
                }
            }
        }
        draft.changes
    }

    /// The earliest moment at which a notice is to be sent.
    pub fn next_notice_ms(&self) -> Option<i64> {
        self.unsent.first().map(|(due, _)| *due)
    }

    /// Takes one notice that is due. It stays known until it is done or postponed.
    pub fn take_notice(&mut self, now_ms: i64) -> Option<Notice> {
        let (due, id) = *self.unsent.first()?;
        if due > now_ms {
            return None;
        }
        self.unsent.pop_first();
        self.notices.get(&id).cloned()
    }

    /// Puts a taken notice back, to be sent again.
    pub fn postpone_notice(&mut self, id: u64, due_at_ms: i64) {
        if let Some(notice) = self.notices.get_mut(&id) {
            notice.due_at_ms = due_at_ms;
            self.unsent.insert((due_at_ms, id));
        }
    }

    /// So much in the currency of a payment that is known.
    pub fn same_currency(&self, id: &str, minor: i64) -> Option<crate::money::Money> {
        let payment = self.payments.get(id)?;
        Some(crate::money::Money::new(minor, payment.amount.currency))
    }

    /// Whether that notice is not yet acknowledged.
    pub fn has_notice(&self, id: u64) -> bool {
        self.notices.contains_key(&id)
    }

    /// Drops payments that ended long ago, with their refunds. Called at start only.
    pub fn forget_finished(&mut self, now_ms: i64) {
        let old = |p: &Payment| {
            let finished = p.due_at_ms().is_none();
            finished && now_ms.saturating_sub(p.created_at_ms) > FINISHED_LIFE_MS
        };
        let ids: Vec<String> =
            self.payments.values().filter(|p| old(p)).map(|p| p.id.clone()).collect();
        for id in ids {
            self.payments.remove(&id);
            for refund in self.refunds_of.remove(&id).unwrap_or_default() {
                self.refunds.remove(&refund);
            }
        }
    }

    /// The whole content as changes, enough to build an equal ledger.
    pub fn content(&self) -> impl Iterator<Item = Change> {
        let payments = self.payments.values().cloned().map(Change::Payment);
        let refunds = self.refunds.values().cloned().map(Change::Refund);
        let keys = self.keys_by_age.iter().filter_map(|(_, key)| self.keys.get(key).cloned());
        let notices = self.notices.values().cloned().map(Change::Notice);
        payments.chain(refunds).chain(keys.map(Change::Key)).chain(notices)
    }

    fn put_payment(&mut self, payment: Payment) {
        let target = Target::Payment(payment.id.clone());
        if let Some(due) = payment.due_at_ms() {
            self.timers.insert((due, target.clone()));
        }
        let due = payment.due_at_ms();
        let old = self.payments.insert(payment.id.clone(), payment);
        self.drop_timer(old.and_then(|old| old.due_at_ms()), due, target);
    }

    fn put_refund(&mut self, refund: Refund) {
        let target = Target::Refund(refund.id.clone());
        if let Some(due) = refund.due_at_ms() {
            self.timers.insert((due, target.clone()));
        }
        let due = refund.due_at_ms();
        let (id, payment_id) = (refund.id.clone(), refund.payment_id.clone());
        let old = self.refunds.insert(id.clone(), refund);
        if old.is_none() {
            self.refunds_of.entry(payment_id).or_default().push(id);
        }
        self.drop_timer(old.and_then(|old| old.due_at_ms()), due, target);
    }

    fn drop_timer(&mut self, old: Option<i64>, new: Option<i64>, target: Target) {
        if let Some(due) = old.filter(|due| Some(*due) != new) {
            self.timers.remove(&(due, target));
        }
    }

    fn put_key(&mut self, key: UsedKey) {
        while let Some((used_at_ms, _)) = self.keys_by_age.front() {
            if key.used_at_ms.saturating_sub(*used_at_ms) < KEY_LIFE_MS {
                break;
            }
            self.forget_oldest_key();
        }
        self.keys_by_age.push_back((key.used_at_ms, key.key.clone()));
        self.keys.insert(key.key.clone(), key);
    }

    fn forget_oldest_key(&mut self) {
        let Some((used_at_ms, key)) = self.keys_by_age.pop_front() else { return };
        // The key may have been used anew after its day; only this old use is forgotten.
        if self.keys.get(&key).is_some_and(|used| used.used_at_ms == used_at_ms) {
            self.keys.remove(&key);
        }
    }

    fn put_notice(&mut self, notice: Notice) {
        self.next_notice = self.next_notice.max(notice.id + 1);
        self.unsent.insert((notice.due_at_ms, notice.id));
        self.notices.insert(notice.id, notice);
    }
}

/// The idempotence key of a request and what the request was.
#[derive(Debug, Clone)]
pub struct RequestKey {
    /// As sent.
    pub key: String,
    /// SHA-256 in hex of method, path and body.
    pub fingerprint: String,
}

/// Changes being put together by one decision.
struct Draft<'a> {
    ledger: &'a Ledger,
    changes: Vec<Change>,
    next_notice: u64,
}

impl<'a> Draft<'a> {
    fn new(ledger: &'a Ledger) -> Self {
        Self { ledger, changes: Vec::new(), next_notice: ledger.next_notice }
    }

    fn payment(&mut self, payment: Payment) {
        self.changes.push(Change::Payment(payment));
    }

    fn key(&mut self, key: &RequestKey, target: Target, now_ms: i64) {
        self.changes.push(Change::Key(UsedKey {
            key: key.key.clone(),
            fingerprint: key.fingerprint.clone(),
            target,
            used_at_ms: now_ms,
        }));
    }

    /// Tells the seller where the payment stands, or is said to stand.
    fn tell_payment(&mut self, payment: &Payment, due_at_ms: i64, now_ms: i64) {
        if let Some(tale) = tale_of(payment, &self.ledger.terms.view) {
            self.tell(Tale { due_at_ms, ..tale }, now_ms);
        }
    }

    /// Somebody else tells it, without the gateway's key.
    fn tell_forged(&mut self, payment: &Payment, due_at_ms: i64, now_ms: i64) {
        if let Some(tale) = tale_of(payment, &self.ledger.terms.view) {
            self.tell(Tale { due_at_ms, forged: true, ..tale }, now_ms);
        }
    }

    /// Tells the seller that a refund succeeded; the API has no other event for refunds.
    fn tell_refund(&mut self, refund: &Refund, now_ms: i64) {
        if refund.status != Status::Succeeded {
            return;
        }
        let language = refund.language;
        let (event, object) = match language {
            Language::Yookassa => ("refund.succeeded", view::refund(refund)),
            Language::Stripe => ("refund.updated", stripe::refund(refund)),
        };
        self.tell(Tale { language, event, object, forged: false, due_at_ms: now_ms }, now_ms);
    }

    fn tell(&mut self, tale: Tale, now_ms: i64) {
        let is_heard = match tale.language {
            Language::Yookassa => self.ledger.terms.notices,
            Language::Stripe => self.ledger.terms.stripe_notices,
        };
        if !is_heard || self.ledger.notices.len() >= NOTICES_MAX {
            return;
        }
        let id = self.next_notice;
        self.next_notice += 1;
        self.changes.push(Change::Notice(Notice {
            id,
            language: tale.language,
            forged: tale.forged,
            event: tale.event.to_owned(),
            object: tale.object,
            created_at_ms: now_ms,
            due_at_ms: tale.due_at_ms,
        }));
    }
}

/// What is to be told.
struct Tale {
    language: Language,
    event: &'static str,
    object: serde_json::Value,
    forged: bool,
    due_at_ms: i64,
}

/// How a payment's status is told; neither API has an event for one that begins to wait.
fn tale_of(payment: &Payment, facts: &ViewFacts) -> Option<Tale> {
    let (event, object) = match payment.language {
        Language::Stripe => stripe::event_of(payment, facts)?,
        Language::Yookassa => {
            let event = match payment.status {
                Status::Pending => return None,
                Status::WaitingForCapture => "payment.waiting_for_capture",
                Status::Succeeded => "payment.succeeded",
                Status::Canceled => "payment.canceled",
            };
            (event, view::payment(payment, facts))
        }
    };
    Some(Tale { language: payment.language, event, object, forged: false, due_at_ms: 0 })
}
