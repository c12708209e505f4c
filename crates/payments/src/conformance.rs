//! The kit that every payment adapter must pass against a running gateway.
//!
//! An adapter's author implements [`Gateway`] for a test gateway that can be told how to behave,
//! and calls [`run_all`]. The cases know only the provider interface; what they demand is what the
//! box office relies on. They share no state and may run in any order.

use std::{future::Future, pin::Pin, sync::Arc};

use http::HeaderMap;

use crate::{
    adapter::AdapterConfigError,
    provider::{EventKind, GatewayPayment, PaymentProvider},
};

pub use sandbox::{SandboxGateway, Tongue};

mod faults;
mod mismatches;
mod money;
mod notices;
mod payments;
mod receipts;
mod sandbox;
mod settings;
mod sheet;
mod signatures;
mod support;

/// Something to be awaited that may fail with a sentence.
pub type Step<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// A gateway to test an adapter against.
pub trait Gateway: Send + Sync {
    /// The adapter under test, wired as asked. Its deadline must be below two seconds, so that the
    /// cases about silence end soon.
    fn adapter(&self, wiring: Wiring) -> Arc<dyn PaymentProvider>;

    /// Does on the payment page what a shopper would do, and returns when it is in force.
    fn settle<'a>(&'a self, payment: &'a GatewayPayment, how: Settle) -> Step<'a>;

    /// Makes the next call of that kind go wrong, once.
    fn break_next(&self, call: CallKind, breakage: Breakage) -> Step<'_>;

    /// A well-formed notification as this gateway would send it, about that object.
    fn notification(&self, kind: EventKind, provider_ref: &str) -> Vec<u8>;

    /// Texts that may never appear in an error: secrets, in every form in which they are sent.
    fn secrets(&self) -> Vec<String>;

    /// A well-formed notification of an event that the adapter has no use for.
    fn unknown_notification(&self) -> Vec<u8>;

    /// The headers with which this gateway would send that body, signed at that time by `signer`;
    /// nothing where the gateway signs nothing.
    fn signed(&self, signer: Signer, body: &[u8], now_ms: i64) -> Option<HeaderMap>;

    /// Whether this shop's payments must come with the positions of a receipt.
    fn needs_receipt(&self) -> bool;

    /// The adapter as it would be made for another address.
    ///
    /// # Errors
    /// What the adapter says to its configuration.
    fn made_for(&self, base_url: &str) -> Result<Arc<dyn PaymentProvider>, AdapterConfigError>;

    /// The address of the running gateway: scheme, host and port.
    fn base_url(&self) -> &str;

    /// Everything that may end up in a log about the adapter by itself: its debug form and that of
    /// its configuration.
    fn shown(&self) -> String;
}

/// How the adapter reaches the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wiring {
    /// As it should be.
    Proper,
    /// With credentials that the gateway does not know.
    WrongSecret,
    /// At an address of this machine where nobody listens.
    NobodyThere,
}

/// What the shopper and the bank do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settle {
    /// The money is taken, or reserved.
    Pay,
    /// The bank says no.
    Decline,
    /// Nobody comes until the gateway gives the payment up.
    Expire,
    /// Another amount is taken than was asked for.
    PayOtherAmount,
    /// Money of another currency is taken.
    PayOtherCurrency,
    /// The money is taken, and the object names another order and payment.
    PayOtherOrder,
    /// Nothing is paid, but somebody says so.
    Forge,
}

/// Who signs a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// The gateway.
    Gateway,
    /// Somebody who does not know its key.
    Stranger,
}

/// Which call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// `create_payment`
    Create,
    /// `read_payment`
    Read,
    /// `cancel`
    Cancel,
    /// `capture`
    Capture,
    /// `create_refund`
    Refund,
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakage {
    /// Not done, no answer within the adapter's deadline.
    Silence,
    /// Done, no answer within the adapter's deadline.
    SilenceAfterDoing,
    /// Not done, 5xx.
    ServerError,
    /// Done, 5xx.
    ServerErrorAfterDoing,
    /// Done, the connection ends without an answer.
    CutAfterDoing,
    /// Not done, a definite no for other reasons than the request.
    Refusal,
    /// Not done, turned away for load.
    TooMany,
    /// Not done, sent elsewhere.
    Redirect,
    /// Done, half an answer.
    Malformed,
    /// Done, a far too large answer.
    Oversized,
    /// Done, answered late but within the deadline.
    Slow,
    /// Refunds only: the bank takes a moment.
    BankWaits,
    /// Refunds only: the bank says no.
    BankRefuses,
}

/// One demand on an adapter.
#[derive(Clone, Copy)]
pub struct Case {
    /// The demand as a name.
    pub name: &'static str,
    run: for<'a> fn(&'a dyn Gateway) -> Step<'a>,
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases that held.
    pub passed: Vec<&'static str>,
    /// Cases that did not, with the reason.
    pub failed: Vec<(&'static str, String)>,
}

/// The cases as a table with a column for each report: `ok`, `FAILED`, or nothing where a case did
/// not run.
pub fn table(reports: &[(&str, &Report)]) -> String {
    let width = cases().iter().map(|case| case.name.len()).max().unwrap_or_default();
    let heads: Vec<String> = reports.iter().map(|(name, _)| format!("{name:<10}")).collect();
    let mut text = format!("{:<width$}  {}\n", "case", heads.join(" "));
    for case in cases() {
        let cell = |report: &Report| {
            let failed = report.failed.iter().any(|(name, _)| *name == case.name);
            match (failed, report.passed.contains(&case.name)) {
                (true, _) => "FAILED",
                (false, true) => "ok",
                (false, false) => "-",
            }
        };
        let row: Vec<String> =
            reports.iter().map(|(_, report)| format!("{:<10}", cell(report))).collect();
        text.push_str(&format!("{:<width$}  {}\n", case.name, row.join(" ")));
    }
    text
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Every case, in reading order.
pub fn cases() -> Vec<Case> {
    [
        settings::CASES,
        sheet::CASES,
        payments::CASES,
        mismatches::CASES,
        receipts::CASES,
        money::CASES,
        faults::CASES,
        notices::CASES,
        signatures::CASES,
    ]
    .concat()
}

/// Runs every case, one after the other.
pub async fn run_all(gateway: &dyn Gateway) -> Report {
    let mut report = Report::default();
    for case in cases() {
        match (case.run)(gateway).await {
            Ok(()) => report.passed.push(case.name),
            Err(reason) => report.failed.push((case.name, reason)),
        }
    }
    report
}
