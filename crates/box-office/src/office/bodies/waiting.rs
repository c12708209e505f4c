//! The documents of the waiting list.

use inventory::{HoldId, WaitId};
use processing_unit::WaitAnswer;
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::{rfc3339_ms as text, seconds_until};
use crate::plans::EventPlan;

/// A place in a waiting list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct WaitBody {
    pub(crate) id: String,
    /// Proof of possession, for `X-Hold-Token`; told once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    pub(crate) event_id: String,
    /// `waiting`, or `offered` once seats are held for it.
    pub(crate) status: &'static str,
    /// How many seats.
    pub(crate) number: u16,
    /// How many wait before it.
    pub(crate) before: u32,
    /// The hold that it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hold: Option<TurnBody>,
}

/// A hold that the waiting list gave; it is bought like any other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TurnBody {
    pub(crate) id: String,
    /// The hold's token.
    pub(crate) token: String,
    pub(crate) expires_at: String,
    pub(crate) expires_in: u64,
}

/// A place just taken. A replay of the request gives the same document.
pub(crate) fn joined(
    entry: WaitId,
    plan: &EventPlan,
    (number, before): (u16, u32),
    token: String,
) -> WaitBody {
    WaitBody {
        id: entry.to_string(),
        token: Some(token),
        event_id: plan.sale.event_id.clone(),
        status: "waiting",
        number,
        before,
        hold: None,
    }
}

/// A place as the grid has it; `token` is that of its hold.
pub(crate) fn place(
    entry: WaitId,
    found: &WaitAnswer,
    plan: &EventPlan,
    token: Option<String>,
) -> WaitBody {
    let turn = found.hold.as_ref().zip(token).map(|(hold, token)| TurnBody {
        id: HoldId { event: entry.event, no: hold.no }.to_string(),
        token,
        expires_at: text(hold.expires_at_ms),
        expires_in: seconds_until(hold.expires_at_ms, found.at_ms),
    });
    WaitBody {
        id: entry.to_string(),
        token: None,
        event_id: plan.sale.event_id.clone(),
        status: if turn.is_some() { "offered" } else { "waiting" },
        number: found.entry.wish.number,
        before: found.before,
        hold: turn,
    }
}
