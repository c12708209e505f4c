//! The gateway-wide fault switches: what goes wrong with the next requests of one kind.
//!
//! `POST /faults` sets them, `GET /faults` shows what is left, `DELETE /faults` clears them. They
//! live in memory only: a restarted gateway is a healthy one.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// How long `timeout` says nothing when the script names no delay, milliseconds.
const SILENCE_MS: u64 = 60_000;
/// How late `slow` answers when the script names no delay, milliseconds.
const SLOW_MS: u64 = 3_000;
/// How long a refund stays pending when the script names no delay, milliseconds.
const PENDING_MS: u64 = 5_000;
/// Keys whose 500 is kept; those of a long run are far fewer.
const KEPT_MAX: usize = 10_000;
/// Longest delay that a script may name, milliseconds: an hour.
const DELAY_MS_MAX: u64 = 3_600_000;

/// What a fault applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `POST /v3/payments`.
    Create,
    /// `GET /v3/payments/{id}`.
    Read,
    /// `POST /v3/payments/{id}/cancel`.
    Cancel,
    /// `POST /v3/payments/{id}/capture`.
    Capture,
    /// `POST /v3/refunds`.
    Refund,
    /// `GET /v3/refunds/{id}`.
    ReadRefund,
    /// Notifications on their way to the seller.
    Notify,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing is done and nothing is said for `delay_ms`; then the connection ends.
    Timeout,
    /// It is done, but nothing is said for `delay_ms`; then the connection ends.
    TimeoutAfterExecute,
    /// Nothing is done; 500.
    #[serde(rename = "error_500")]
    Error500,
    /// It is done; 500.
    #[serde(rename = "error_500_after_execute")]
    Error500AfterExecute,
    /// Nothing is done; 500, now and whenever the same key comes again, as Stripe keeps its answers.
    #[serde(rename = "error_500_kept")]
    Error500Kept,
    /// Nothing is done; 403 `forbidden`.
    Refuse,
    /// Nothing is done; 429 `too_many_requests`.
    TooManyRequests,
    /// Nothing is done; the connection ends. For `notify`: the notice is lost.
    Drop,
    /// It is done; the connection ends without an answer.
    DropAfterExecute,
    /// It is done, and answered after `delay_ms`.
    Slow,
    /// It is done; half an answer comes back.
    Malformed,
    /// It is done; a megabyte comes back.
    Oversized,
    /// Nothing is done; 302 to elsewhere.
    Redirect,
    /// `create` only: the payment is made and paid and the seller notified, then the request is
    /// answered as if the payment still waited.
    NotifyBeforeAnswer,
    /// `refund` only: the refund stays pending for `delay_ms`, then succeeds.
    Pending,
    /// `refund` only: the bank refuses the refund.
    Reject,
    /// `notify` only: each notice is sent twice.
    Duplicate,
}

impl Mode {
    /// Whether this can go wrong with that operation.
    fn fits(self, operation: Operation) -> bool {
        match self {
            Self::NotifyBeforeAnswer => operation == Operation::Create,
            Self::Pending | Self::Reject => operation == Operation::Refund,
            Self::Duplicate => operation == Operation::Notify,
            Self::Drop | Self::Slow => true,
            Self::Timeout
            | Self::TimeoutAfterExecute
            | Self::Error500
            | Self::Error500AfterExecute
            | Self::Error500Kept
            | Self::Refuse
            | Self::TooManyRequests
            | Self::DropAfterExecute
            | Self::Malformed
            | Self::Oversized
            | Self::Redirect => operation != Operation::Notify,
        }
    }

    fn default_delay_ms(self) -> u64 {
        match self {
            Self::Timeout | Self::TimeoutAfterExecute => SILENCE_MS,
            Self::Slow => SLOW_MS,
            Self::Pending => PENDING_MS,
            Self::Error500
            | Self::Error500AfterExecute
            | Self::Error500Kept
            | Self::Refuse
            | Self::TooManyRequests
            | Self::Drop
            | Self::DropAfterExecute
            | Self::Malformed
            | Self::Oversized
            | Self::Redirect
            | Self::NotifyBeforeAnswer
            | Self::Reject
            | Self::Duplicate => 0,
        }
    }
}

/// One switch as set and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// What goes wrong.
    pub mode: Mode,
    /// How many more times; absent means until the switch is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Milliseconds, where the mode has a delay; absent or zero takes the mode's own.
    #[serde(default)]
    pub delay_ms: u64,
}

/// A fault that strikes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub mode: Mode,
    /// Milliseconds.
    pub delay_ms: u64,
}

/// All switches by operation; the body of `POST /faults` has the same form.
pub type Switches = BTreeMap<Operation, Switch>;

/// The switches of a running gateway.
#[derive(Debug, Default)]
pub struct Faults {
    switches: Mutex<Switches>,
    /// Keys whose answer stays a 500.
    kept: Mutex<BTreeSet<String>>,
}

impl Faults {
    /// Sets the switches of the named operations and leaves the others.
    ///
    /// # Errors
    /// A sentence about the first switch that makes no sense; nothing is set.
    pub fn set(&self, new: Switches) -> Result<(), String> {
        for (operation, switch) in &new {
            if !switch.mode.fits(*operation) {
                return Err(format!("{:?} cannot happen to {operation:?}", switch.mode));
            }
            if switch.delay_ms > DELAY_MS_MAX {
                return Err(format!("delay_ms must be at most {DELAY_MS_MAX}"));
            }
            if switch.times == Some(0) {
                return Err("times must be at least 1".to_owned());
            }
        }
        self.switches.lock().extend(new);
        Ok(())
    }

    /// What is left.
    pub fn list(&self) -> Switches {
        self.switches.lock().clone()
    }

    /// Everything works again.
    pub fn clear(&self) {
        self.switches.lock().clear();
        self.kept.lock().clear();
    }

    /// Whether the answer of a key was a 500 that is kept.
    pub fn is_kept(&self, key: &str) -> bool {
        self.kept.lock().contains(key)
    }

    /// Keeps a 500 as the answer of a key.
    pub fn keep(&self, key: String) {
        let mut kept = self.kept.lock();
        if kept.len() < KEPT_MAX {
            kept.insert(key);
        }
    }

    /// Takes one turn of the operation's switch, if it is set.
    pub fn take(&self, operation: Operation) -> Option<Fault> {
        let mut switches = self.switches.lock();
        let switch = switches.get_mut(&operation)?;
        let mode = switch.mode;
        let delay_ms = match switch.delay_ms {
            0 => mode.default_delay_ms(),
            chosen => chosen,
        };
        if let Some(times) = &mut switch.times {
            *times -= 1;
            if *times == 0 {
                switches.remove(&operation);
            }
        }
        Some(Fault { mode, delay_ms })
    }
}
