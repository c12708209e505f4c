//! The matrix of faults and steps of a purchase: in each cell something else breaks, and there is
//! one ending that is allowed. Whatever breaks, money that was taken is confirmed, given back, or
//! told to a person; and nothing is given away for no money.
//!
//! Faults of the gateway are switches that strike once, so that cells begin one after the other and
//! end together. The stand-in speaks YooKassa's language and Stripe's; both adapters go through it.

use std::fmt;

use e2e::drill::knob;
use e2e::{OwnDatabase, until};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Begun, Client, Held, PATIENCE, System};

/// How a cell may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Money was taken and the order has its tickets.
    Confirmed,
    /// Money was taken and has gone back.
    Refunded,
    /// Money was taken, did not go back, and a person was told.
    Told,
    /// No money was taken and no ticket given.
    Nothing,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Confirmed => "confirmed",
            Self::Refunded => "refunded",
            Self::Told => "told to a person",
            Self::Nothing => "nothing taken",
        })
    }
}

use Ending::{Confirmed, Nothing, Refunded, Told};

/// One cell: at which step what breaks, what the shopper then does on the page, how it must end.
struct Cell {
    provider: &'static str,
    step: &'static str,
    fault: &'static str,
    /// The gateway's switch: operation and setting.
    switch: Option<(&'static str, Value)>,
    outcome: &'static str,
    allowed: Ending,
}

fn switched(
    step: &'static str,
    operation: &'static str,
    mode: &'static str,
    (outcome, allowed): (&'static str, Ending),
) -> Cell {
    // Silence and slowness last longer than one call and shorter than a shopper's patience.
    let setting = json!({"mode": mode, "times": 1, "delay_ms": 2_000});
    let provider = YOOKASSA;
    Cell { provider, step, fault: mode, switch: Some((operation, setting)), outcome, allowed }
}

fn lying(outcome: &'static str, allowed: Ending) -> Cell {
    Cell { provider: YOOKASSA, step: "settle", fault: outcome, switch: None, outcome, allowed }
}

/// The gateways: one stand-in, in two languages.
const YOOKASSA: &str = "sandbox";
const STRIPE: &str = "sandbox_stripe";
/// Given up before it is paid, so that its page has to be closed.
const CANCEL: &str = "the order is cancelled";

/// Cells of the ordinary run: of each step what loses most. The long form (`cargo xtask drill`) has
/// all of them.
const SHORT: [(&str, &str); 8] = [
    ("create", "refuse"),
    ("create", "drop_after_execute"),
    ("settle", "malformed"),
    ("webhook", "drop"),
    ("settle", "forged_notification"),
    ("settle", "currency_mismatch"),
    ("settle", "metadata_mismatch"),
    ("refund", "error_500_after_execute"),
];

/// The same in Stripe's language, of what differs there: a page that is closed, notices that are signed,
/// answers that are kept under their key.
const SHORT_STRIPE: [(&str, &str); 9] = [
    ("create", "drop_after_execute"),
    ("settle", "forged_notification"),
    ("settle", "unknown_order"),
    ("settle", "amount_mismatch"),
    ("settle", "duplicate"),
    ("settle", "reorder"),
    ("settle", "expire"),
    ("close", "error_500"),
    ("refund", "error_500_kept"),
];

/// The cells to run.
fn cells() -> Vec<Cell> {
    let is_whole = knob("MONEY_MATRIX_WHOLE", 0) == 1;
    let chosen = |cell: &Cell| {
        let short: &[_] = if cell.provider == STRIPE { &SHORT_STRIPE } else { &SHORT };
        is_whole || short.contains(&(cell.step, cell.fault))
    };
    all_cells().into_iter().chain(stripe_cells()).filter(chosen).collect()
}

/// All cells in Stripe's language: the faults of the other, and those that only Stripe has. Money is taken
/// at once, so that nothing is captured apart.
fn stripe_cells() -> Vec<Cell> {
    let close = ["timeout", "error_500", "error_500_after_execute", "drop_after_execute", "slow"];
    let own = close.map(|mode| switched("close", "cancel", mode, (CANCEL, Nothing)));
    let kept = switched("refund", "refund", "error_500_kept", ("amount_mismatch", Told));
    let cells = all_cells().into_iter().chain(own).chain([kept]);
    cells.map(|cell| Cell { provider: STRIPE, ..cell }).collect()
}

/// All cells of the gateway's faults.
fn all_cells() -> Vec<Cell> {
    let paid = ("succeed", Confirmed);
    let back = ("amount_mismatch", Refunded);
    let create = [
        "timeout",
        "timeout_after_execute",
        "error_500",
        "error_500_after_execute",
        "drop",
        "drop_after_execute",
        "malformed",
        "oversized",
        "redirect",
        "too_many_requests",
        "slow",
    ];
    let read = ["timeout", "error_500", "drop", "malformed", "redirect", "slow"];
    let notify = ["drop", "duplicate", "slow"];
    let refund = [
        "timeout",
        "timeout_after_execute",
        "error_500_after_execute",
        "drop_after_execute",
        "malformed",
        "pending",
    ];
    let mut cells = vec![switched("create", "create", "refuse", ("", Nothing))];
    cells.extend(create.map(|mode| switched("create", "create", mode, paid)));
    cells.extend(read.map(|mode| switched("settle", "read", mode, paid)));
    cells.extend(notify.map(|mode| switched("webhook", "notify", mode, paid)));
    cells.extend([
        lying("fail", Nothing),
        lying("expire", Nothing),
        lying("forged_notification", Nothing),
        lying("unknown_order", Nothing),
        lying("duplicate", Confirmed),
        lying("reorder", Confirmed),
        lying("lost_notification", Confirmed),
        lying("amount_mismatch", Refunded),
        lying("currency_mismatch", Refunded),
        lying("metadata_mismatch", Refunded),
    ]);
    cells.extend(refund.map(|mode| switched("refund", "refund", mode, back)));
    cells
}

/// The system under test, with its gateway.
struct Bench<'a> {
    system: &'a System,
    client: &'a Client,
    gateway: String,
}

/// A cell whose fault has struck.
struct Running<'a> {
    cell: &'a Cell,
    begun: Option<Begun>,
}

impl Bench<'_> {
    /// Brings a cell to where only waiting is left.
    async fn begin<'a>(&self, cell: &'a Cell, seat: &str) -> Running<'a> {
        let at_create = cell.step == "create";
        if at_create {
            self.throw(cell).await;
        }
        let held = self.client.hold("demo-hall", json!({"seats": [seat]})).await.expect("free");
        let order = self.client.order(&held).await.body["id"].as_str().expect("an id").to_owned();
        let payment = self.client.pay_at(cell.provider, &order, &held.token).await;
        if payment.status != 201 {
            assert_eq!(payment.code(), "payment_refused", "{:?}", payment.body);
            self.struck(cell).await;
            self.check_unpaid(&held, &order).await;
            return Running { cell, begun: None };
        }
        let begun = Begun { held, order, payment };
        if !at_create {
            self.throw(cell).await;
        }
        if cell.outcome == CANCEL {
            let path = format!("/orders/{}/cancel", begun.order);
            let given_up = self.client.post(&path, json!({}), Some(&begun.held.token)).await;
            assert_eq!(given_up.status, 200, "{:?}", given_up.body);
        } else {
            self.client.decide(&begun.payment, cell.outcome).await;
        }
        self.struck(cell).await;
        Running { cell, begun: Some(begun) }
    }

    async fn throw(&self, cell: &Cell) {
        if let Some((operation, setting)) = &cell.switch {
            self.client.throw(&self.gateway, json!({ *operation: setting })).await;
        }
    }

    /// Waits until the fault has struck, so that it strikes nobody else.
    async fn struck(&self, cell: &Cell) {
        let Some((operation, _)) = &cell.switch else { return };
        until(&format!("{} at {} strikes", cell.fault, cell.step), PATIENCE, || async {
            let left = self.client.read(&format!("{}/faults", self.gateway), None).await;
            (!left.contains(&format!("\"{operation}\""))).then_some(())
        })
        .await;
    }

    async fn check_unpaid(&self, held: &Held, order: &str) {
        let order = self.client.get(&format!("/orders/{order}"), Some(&held.token)).await;
        assert_ne!(order.body["status"], "paid");
    }

    /// What the gateway has of the payment: taken and given back, in words of its own.
    async fn money(&self, begun: &Begun) -> Value {
        let url = begun.payment.body["confirmation"]["confirmation_url"].as_str().expect("a page");
        let id = url.rsplit('/').next().expect("an id");
        let secret = self.system.file("secrets/sandbox.secret");
        let url = format!("{}/v3/payments/{id}", self.gateway);
        let text = self.client.read(&url, Some(("seatgrid", &secret))).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// How it ended; nothing while it has not, or while somebody has lost something.
    async fn ending(&self, begun: &Begun) -> Option<Ending> {
        let (money, order) = (self.money(begun).await, begun.document(self.client).await);
        let is_paid = order["status"] == "paid";
        let dead = order["refunds"].as_array()?.iter().any(|refund| refund["status"] == "dead");
        if money["status"] != "succeeded" {
            assert!(!is_paid, "tickets for no money: {order}");
            return Some(Nothing);
        }
        if money["refunded_amount"]["value"] == money["amount"]["value"] {
            assert!(!is_paid, "tickets for money that went back: {order}");
            return Some(Refunded);
        }
        match (is_paid, dead) {
            (true, _) => Some(Confirmed),
            (false, true) => Some(Told),
            (false, false) => None,
        }
    }

    /// Waits for the allowed ending, and for no other.
    async fn end(&self, running: &Running<'_>) -> Ending {
        let cell = running.cell;
        let Some(begun) = &running.begun else { return Nothing };
        let what =
            format!("{}: {} at {} ends as {}", cell.provider, cell.fault, cell.step, cell.allowed);
        until(&what, PATIENCE, || async {
            // Nobody may pay for what was given up.
            if cell.outcome == CANCEL && self.money(begun).await["status"] != "canceled" {
                return None;
            }
            let ending = self.ending(begun).await?;
            (ending == cell.allowed).then_some(ending)
        })
        .await
    }
}

impl Bench<'_> {
    /// A refund that the gateway refuses as often as it is asked is left to a person.
    async fn never_back(&self, seat: &str) -> Ending {
        let cell = switched("refund", "refund", "reject", ("amount_mismatch", Told));
        self.client.throw(&self.gateway, json!({"refund": {"mode": "reject"}})).await;
        let begun = Begun::at(self.client, "sandbox", seat).await;
        self.client.decide(&begun.payment, cell.outcome).await;
        self.end(&Running { cell: &cell, begun: Some(begun) }).await
    }
}

/// A purchase while something of our own is away; the page of the ticket must open all the same.
async fn buys(client: &Client, seat: &str, with_ticket: bool) -> Ending {
    let begun = Begun::at(client, "sandbox", seat).await;
    client.decide(&begun.payment, "succeed").await;
    begun.settled(client, "confirmed").await;
    if with_ticket {
        let path = format!("/orders/{}/tickets", begun.order);
        let tickets = client.get(&path, Some(&begun.held.token)).await;
        assert_eq!(tickets.status, 200, "{:?}", tickets.body);
        assert!(tickets.body.to_string().contains("code"), "{:?}", tickets.body);
    }
    Confirmed
}

/// The row of a table.
fn row(provider: &str, (step, fault): (&str, &str), ending: Ending) -> String {
    format!("{provider:<16} {step:<8} {fault:<26} {ending}")
}

#[expect(clippy::print_stdout, reason = "the table is what the run is for")]
fn tell(rows: &[String]) {
    println!("{:<16} {:<8} {:<26} ending", "gateway", "step", "fault");
    rows.iter().for_each(|row| println!("{row}"));
}

#[tokio::test]
async fn each_fault_at_each_step_has_its_one_ending() {
    let mut database = OwnDatabase::start().await;
    let system = System::start_on_with(
        database.url(),
        &[
            ("SEATGRID_OFFICE__PROVIDERS__SANDBOX__CALL_TIMEOUT_MS", "1000"),
            ("SEATGRID_OFFICE__PROVIDERS__SANDBOX__CONNECT_TIMEOUT_MS", "1000"),
            ("SEATGRID_WORKER__PROVIDERS__SANDBOX__CALL_TIMEOUT_MS", "1000"),
            ("SEATGRID_WORKER__PROVIDERS__SANDBOX__CONNECT_TIMEOUT_MS", "1000"),
            ("SEATGRID_OFFICE__PROVIDERS__SANDBOX_STRIPE__CALL_TIMEOUT_MS", "1000"),
            ("SEATGRID_OFFICE__PROVIDERS__SANDBOX_STRIPE__CONNECT_TIMEOUT_MS", "1000"),
            ("SEATGRID_WORKER__PROVIDERS__SANDBOX_STRIPE__CALL_TIMEOUT_MS", "1000"),
            ("SEATGRID_WORKER__PROVIDERS__SANDBOX_STRIPE__CONNECT_TIMEOUT_MS", "1000"),
            // Enough for a fault that strikes once, and soon over where it does not.
            ("SEATGRID_WORKER__REFUND_ATTEMPTS_MAX", "3"),
            // Nobody takes a letter: the whole matrix is sold without mail.
            ("SEATGRID_WORKER__MAIL__RELAY", "127.0.0.1:1"),
        ],
    );
    let client = Client::new(&system.url());
    let bench = Bench { system: &system, client: &client, gateway: system.file("sandbox.url") };
    let cells = cells();
    let mut seats = client.seats("demo-hall", "free").await.into_iter();
    let mut running = Vec::new();
    for cell in &cells {
        running.push(bench.begin(cell, &seats.next().expect("a free seat")).await);
    }
    let ends = join_all(running.iter().map(|running| bench.end(running))).await;
    let ended = cells.iter().zip(ends);
    let mut rows: Vec<String> =
        ended.map(|(cell, end)| row(cell.provider, (cell.step, cell.fault), end)).collect();

    let told = bench.never_back(&seats.next().expect("free")).await;
    rows.push(row(YOOKASSA, ("refund", "reject, for good"), told));
    for running in &running {
        if let Some(begun) = &running.begun {
            let (ending, allowed) = (bench.ending(begun).await, Some(running.cell.allowed));
            assert_eq!(ending, allowed, "{} at {}", running.cell.fault, running.cell.step);
        }
    }

    database.stop().await;
    let seat = seats.next().expect("a free seat");
    rows.push(row(YOOKASSA, ("all", "PostgreSQL down"), buys(&client, &seat, true).await));
    database.start_again().await;
    let bought = buys(&client, &seats.next().expect("a seat"), true).await;
    rows.push(row(YOOKASSA, ("all", "mail down"), bought));
    tell(&rows);
    assert!(cells.len() >= SHORT.len() + SHORT_STRIPE.len());
    assert_eq!(rows.len(), cells.len() + 3);
}
