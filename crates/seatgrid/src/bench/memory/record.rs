//! What a record takes while it waits for PostgreSQL: the same hall is sold twice, once acknowledged as it
//! goes and once not at all; the difference is what waits. In memory alone.

use anyhow::{Result, bail, ensure};
use inventory::{
    Acknowledge, Actor, Choice, Command, Envelope, EventNo, GatewayResult, HoldSeats, OpenSale,
    Outcome, PlaceOrder, Plan, RecordPayment, RequestKey, SeatIx, Settle, Stamp, StartPayment,
    State,
};

use super::{NOW_MS, ROW_SEATS, sale};
use crate::bench::grid::processes::Usage;

/// Sales of one run; enough that pages and tables do not matter.
const SALES: u32 = 60_000;
/// Records that wait in the acknowledged run at most.
const WAITING_MAX: u64 = 1_000;

/// One record of a sale and what the sale itself keeps, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    /// Of one waiting record.
    pub(super) record_bytes: f64,
    /// Records of one sale.
    pub(super) records_per_sale: f64,
    /// What a sale keeps for as long as its event is there: the order, its payment, its keys.
    pub(super) sale_bytes: f64,
}

/// Measures by resident memory: nothing else may run in this process meanwhile.
pub(super) fn measure() -> Result<Waiting> {
    let resident = || Usage::own().map(|usage| usage.resident_bytes as f64);
    let empty = resident()?;
    let told = Sold::new(true)?.sell()?;
    let with_sales = resident()?;
    let kept = Sold::new(false)?.sell()?;
    let with_records = resident()?;
    let records = kept.state.feed().len() as f64;
    let sales = f64::from(SALES);
    let sale_bytes = (with_sales - empty) / sales;
    let waiting = (with_records - with_sales) - (with_sales - empty);
    // Both are needed until here: what is freed may be taken again without growth.
    drop((told, kept));
    Ok(Waiting { record_bytes: waiting / records, records_per_sale: records / sales, sale_bytes })
}

struct Sold {
    state: State,
    entries: u64,
    acknowledges: bool,
}

impl Sold {
    fn new(acknowledges: bool) -> Result<Self> {
        let mut sold = Self { state: State::new(), entries: 0, acknowledges };
        let event = EventNo(1);
        let plan = Plan::hall(SALES, ROW_SEATS);
        let opened = sold.run(Command::OpenSale(OpenSale { event, sale: sale(event), plan }));
        ensure!(opened == Outcome::SaleOpened, "{opened:?}");
        Ok(sold)
    }

    fn sell(mut self) -> Result<Self> {
        for seat in 0..SALES {
            let seats = Choice::Seats(vec![SeatIx(seat)]);
            let hold = Command::Hold(HoldSeats::of(EventNo(1), 1, seats));
            let Outcome::Held(held) = self.run(hold) else { bail!("seat {seat} is not held") };
            // As long as a sealed contact is.
            let order = PlaceOrder { hold: held.hold, contact: vec![7; 200], buyer: None };
            let Outcome::OrderPlaced(placed) = self.run(Command::PlaceOrder(order)) else {
                bail!("no order for seat {seat}")
            };
            let (provider, method) = ("yookassa".to_owned(), "bank_card".to_owned());
            let start = StartPayment { order: placed.order, provider, method };
            let Outcome::PaymentStarted(started) = self.run(Command::StartPayment(start)) else {
                bail!("no payment for seat {seat}")
            };
            let (payment, amount_minor) = (started.payment, started.amount_minor);
            let provider_ref = format!("2f0a2b8c-000f-5000-9000-{payment:0>12}");
            let confirmation_url = format!("https://pay.example/checkout?order={payment}");
            let record = RecordPayment { payment, provider_ref, confirmation_url };
            self.run(Command::RecordPayment(record));
            let result = GatewayResult::Captured { amount_minor };
            let settled = self.run(Command::Settle(Settle { payment, result }));
            ensure!(matches!(settled, Outcome::Settled(_)), "{settled:?}");
            if self.acknowledges && self.state.feed().len() as u64 > WAITING_MAX {
                let up_to = self.state.feed_end();
                self.run(Command::Acknowledge(Acknowledge { up_to }));
            }
        }
        Ok(self)
    }

    fn run(&mut self, command: Command) -> Outcome {
        self.entries += 1;
        let stamp = Stamp { log_index: self.entries, at_ms: NOW_MS };
        let id = u128::from(self.entries).wrapping_mul(0x2d35_8dcc_aa6c_78a5_8bb8_4b93_962e_acc9);
        let key = Some(RequestKey { id, hash: 1, made_at_ms: None });
        self.state.apply(stamp, &Envelope { key, actor: Actor::SYSTEM, command }).outcome
    }
}
