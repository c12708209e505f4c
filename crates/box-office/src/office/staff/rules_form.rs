//! The finer terms of a sale as staff writes them. What is out of range is refused by the rules.

use http_api::Money;
use http_api::time::rfc3339_ms;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::checks::Faults;
use crate::catalogue::{BudgetRecord, ExtensionRecord, FeeRecord, Guests, RulesRecord};

/// Finer terms; what is left out is not limited, not offered or costs nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RulesForm {
    /// As whom guests count: by the `token` of an earlier hold, or by `address`.
    #[schema(value_type = String)]
    guests: Guests,
    /// `{"holds_max","cool_down_s"}`: holds that one person may take in a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    hold_budget: Option<BudgetRecord>,
    /// `{"by_s","times_max"}`: more time for a hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    extension: Option<ExtensionRecord>,
    fee: FeeForm,
    /// How long other seats are offered for late money, 5 to 86,400; absent refunds it at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    offer_ttl_s: Option<u32>,
    /// How long seats are held for the head of the waiting list, 5 to 86,400; absent has no list.
    #[serde(skip_serializing_if = "Option::is_none")]
    waitlist_ttl_s: Option<u32>,
    /// From when seats for wheelchairs are sold to everybody, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    accessible_public_at: Option<String>,
}

/// What is added to each seat's price.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FeeForm {
    #[serde(skip_serializing_if = "Option::is_none")]
    per_seat: Option<Money>,
    /// A part of the price in hundredths of a percent, 0 to 10,000.
    basis_points: u16,
}

impl RulesForm {
    /// As the catalogue stores it.
    pub(super) fn record(&self, currency: &str, faults: &mut Faults) -> RulesRecord {
        let per_seat = self.fee.per_seat.as_ref();
        let per_seat = per_seat.map(|fee| faults.money("/rules/fee/per_seat", fee, currency));
        let public = self.accessible_public_at.as_ref();
        let public = public.map(|at| faults.time("/rules/accessible_public_at", at));
        RulesRecord {
            guests: self.guests,
            hold_budget: self.hold_budget,
            extension: self.extension,
            fee: FeeRecord {
                per_seat_minor: per_seat.unwrap_or(0),
                basis_points: self.fee.basis_points,
            },
            offer_ttl_s: self.offer_ttl_s,
            waitlist_ttl_s: self.waitlist_ttl_s,
            accessible_public_at_ms: public.and_then(|at| u64::try_from(at).ok()),
        }
    }

    /// As staff reads it.
    pub(super) fn of(record: &RulesRecord, currency: [u8; 3]) -> Self {
        let per_seat = record.fee.per_seat_minor;
        Self {
            guests: record.guests,
            hold_budget: record.hold_budget,
            extension: record.extension,
            fee: FeeForm {
                per_seat: (per_seat != 0).then(|| Money::from_minor(per_seat, currency)),
                basis_points: record.fee.basis_points,
            },
            offer_ttl_s: record.offer_ttl_s,
            waitlist_ttl_s: record.waitlist_ttl_s,
            accessible_public_at: record.accessible_public_at_ms.map(rfc3339_ms),
        }
    }
}
