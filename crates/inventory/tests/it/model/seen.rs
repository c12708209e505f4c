//! What a run has met: a command or an answer that never came would prove nothing about it.

use std::collections::BTreeMap;

use inventory::*;

/// Names of everything that must occur, as the compiler knows them: a new variant without a line here
/// does not compile.
macro_rules! names {
    ($name:ident, $all:ident, $of:ident: $($variant:ident)*) => {
        pub const $all: &[&str] = &[$(stringify!($variant)),*];

        pub fn $name(of: &$of) -> &'static str {
            match of {
                $($of::$variant { .. } => stringify!($variant),)*
            }
        }
    };
}

names! { command, COMMANDS, Command:
    OpenSale Hold ReleaseHold PlaceOrder CancelOrder StartPayment RecordPayment Settle RecordRefund
    ExpireHolds Acknowledge PauseSale ResumeSale Fence Unfence SwapSeats ExtendHold SetPersonLimit
    SetWindow PutCodes BlockSeats UnblockSeats RemoveSeats ReassignSeats ReplacePlan JoinWaitlist
    LeaveWaitlist AnswerOffer RefundSeats RetryRefund CancelEvent Bind Recover LimitOutbox
    OpenQueue EnterQueue TakeTurn
}

names! { refusal, REFUSALS, Refusal:
    IdempotencyConflict IdempotencyWindowExpired EventNotFound SaleDiffers SaleInvalid SaleNotOpen
    SaleClosed PlanChanged SeatsInvalid LimitPerHold SeatTaken NotEnoughSeats PersistenceBacklog
    HoldNotFound HoldExpired OrderNotFound OrderState PaymentPending PaymentAttempts PaymentNotFound
    RefundNotFound TooLong TextInvalid SalePaused EventCancelled EventMoved EventPresent TooMany
    LimitPerPerson HoldBudget ExtensionNotAllowed CodeUnknown CodeNotValid CodeUsedUp CompanionAlone
    SeatsWrong PlanLosesSeat WaitlistOff WaitlistTwice SeatsFree KeptForWaitlist WaitNotFound NoOffer
    RefundState OutOfRange NotEnoughAdjacent OtherDatabase RecoveryInvalid
    QueueRequired QueueOff QueuePlaceNotFound
}

/// The waiting room has tables and a model of its own (`queue`): in front of a sale it would keep most
/// random commands out.
const APART: [&str; 6] =
    ["OpenQueue", "EnterQueue", "TakeTurn", "QueueRequired", "QueueOff", "QueuePlaceNotFound"];

/// How often each command did something, and each refusal came.
#[derive(Default)]
pub struct Seen {
    pub commands: u64,
    done: BTreeMap<&'static str, u64>,
    refused: BTreeMap<&'static str, u64>,
    steps: BTreeMap<String, u64>,
    ends: BTreeMap<String, u64>,
}

impl Seen {
    pub fn note(&mut self, asked: &Command, reply: &Reply) {
        self.commands += 1;
        match &reply.outcome {
            Outcome::Refused(why) => *self.refused.entry(refusal(why)).or_default() += 1,
            outcome => {
                *self.done.entry(command(asked)).or_default() += 1;
                self.detail(outcome);
            }
        }
    }

    fn detail(&mut self, outcome: &Outcome) {
        if let Outcome::Held(held) | Outcome::Swapped(held) = outcome {
            *self.steps.entry(format!("{:?}", held.step)).or_default() += 1;
        }
        if let Outcome::Settled(settled) = outcome {
            *self.ends.entry(format!("{:?}", settled.settled_as)).or_default() += 1;
        }
    }

    /// Fails with what never came.
    pub fn check(&self) {
        let missing = |all: &[&'static str], seen: &BTreeMap<&str, u64>| -> Vec<&str> {
            let expected = all.iter().copied().filter(|name| !APART.contains(name));
            expected.filter(|name| !seen.contains_key(name)).collect()
        };
        let commands = missing(COMMANDS, &self.done);
        assert!(commands.is_empty(), "{commands:?} never did anything: {:?}", self.done);
        let refusals = missing(REFUSALS, &self.refused);
        assert!(refusals.is_empty(), "{refusals:?} never came: {:?}", self.refused);
        assert_eq!(self.steps.len(), 5, "named and the four rungs: {:?}", self.steps);
        assert_eq!(self.ends.len(), 5, "nothing and the four endings: {:?}", self.ends);
    }
}
