//! The stored form of a sale's finer terms and codes: JSON in PostgreSQL. Separate from the rules'
//! own types, so that each can change without the other; what is out of range is refused by them.

use http_api::code_hash;
use inventory::{Code, CodeKind, Discount, Extension, Fee, GuestIdentity, HoldBudget, SaleRules};
use serde::{Deserialize, Serialize};

use super::TierRecord;

/// Finer terms as stored; what is left out is not limited, not offered or costs nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RulesRecord {
    pub(crate) guests: Guests,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hold_budget: Option<BudgetRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extension: Option<ExtensionRecord>,
    pub(crate) fee: FeeRecord,
    /// How long other seats are offered for late money, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offer_ttl_s: Option<u32>,
    /// How long seats are held for the head of the waiting list, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waitlist_ttl_s: Option<u32>,
    /// From when seats for wheelchairs are sold to everybody, milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) accessible_public_at_ms: Option<u64>,
}

/// As whom guests count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Guests {
    #[default]
    Token,
    Address,
}

/// Holds that one person may take in a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetRecord {
    pub(crate) holds_max: u16,
    pub(crate) cool_down_s: u32,
}

/// More time for a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtensionRecord {
    pub(crate) by_s: u32,
    pub(crate) times_max: u8,
}

/// What is added to each seat's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FeeRecord {
    pub(crate) per_seat_minor: i64,
    pub(crate) basis_points: u16,
}

impl FeeRecord {
    /// The fee as the rules reckon it.
    pub(crate) fn fee(self) -> Fee {
        Fee { per_seat_minor: self.per_seat_minor, basis_points: self.basis_points }
    }
}

/// A promo or presale code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeRecord {
    pub(crate) code: String,
    pub(crate) kind: CodeWord,
    #[serde(default)]
    pub(crate) per_seat_minor: i64,
    #[serde(default)]
    pub(crate) basis_points: u16,
    pub(crate) from_ms: u64,
    pub(crate) until_ms: u64,
    /// Tiers it works for, by id; none means all.
    #[serde(default)]
    pub(crate) tiers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seats_max: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) budget_minor: Option<i64>,
}

/// What a code does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CodeWord {
    Promo,
    Presale,
}

/// A code cannot be used as it is stored; never repeats the code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a code names tier {tier}, which the event does not have")]
pub(crate) struct NoCodeTier {
    tier: String,
}

impl RulesRecord {
    /// The terms in the rules' own shape; `None` when a time is longer than they can say.
    pub(crate) fn to_rules(&self, per_person_max: u16) -> Option<SaleRules> {
        let ms = |s: u32| s.checked_mul(1_000);
        let optional_ms = |s: Option<u32>| s.map_or(Some(None), |s| ms(s).map(Some));
        let hold_budget = match self.hold_budget {
            None => None,
            Some(of) => {
                let cool_down_ms = ms(of.cool_down_s)?;
                Some(HoldBudget { holds_max: of.holds_max, cool_down_ms })
            }
        };
        let extension = match self.extension {
            None => None,
            Some(of) => Some(Extension { by_ms: ms(of.by_s)?, times_max: of.times_max }),
        };
        Some(SaleRules {
            per_person_max: Some(per_person_max),
            hold_budget,
            extension,
            fee: self.fee.fee(),
            offer_ttl_ms: optional_ms(self.offer_ttl_s)?,
            waitlist_ttl_ms: optional_ms(self.waitlist_ttl_s)?,
            accessible_public_at_ms: self.accessible_public_at_ms,
            guests: match self.guests {
                Guests::Token => GuestIdentity::Token,
                Guests::Address => GuestIdentity::Address,
            },
        })
    }
}

impl CodeRecord {
    /// The code as the grid knows it.
    pub(crate) fn to_code(&self, event: &str, tiers: &[TierRecord]) -> Result<Code, NoCodeTier> {
        let place = |id: &String| {
            let at = tiers.iter().position(|tier| tier.id == *id);
            at.and_then(|at| u16::try_from(at).ok()).ok_or_else(|| NoCodeTier { tier: id.clone() })
        };
        Ok(Code {
            hash: code_hash(event, &self.code),
            kind: match self.kind {
                CodeWord::Promo => CodeKind::Promo(Discount {
                    per_seat_minor: self.per_seat_minor,
                    basis_points: self.basis_points,
                }),
                CodeWord::Presale => CodeKind::Presale,
            },
            from_ms: self.from_ms,
            until_ms: self.until_ms,
            tiers: self.tiers.iter().map(place).collect::<Result<_, _>>()?,
            seats_max: self.seats_max,
            budget_minor: self.budget_minor,
        })
    }
}

/// When a withdrawn code works: in a past that nobody orders in.
const NEVER_MS: (u64, u64) = (0, 1);

/// The same code, working for nobody. The grid forgets no code, so that its use stays counted.
pub(crate) fn void(code: Code) -> Code {
    let (from_ms, until_ms) = NEVER_MS;
    Code { from_ms, until_ms, ..code }
}

/// Whether a code was withdrawn.
pub(crate) fn is_void(code: &Code) -> bool {
    (code.from_ms, code.until_ms) == NEVER_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stored_limits_nothing_but_persons() {
        let stored: RulesRecord = serde_json::from_str("{}").unwrap();
        let expected = SaleRules { per_person_max: Some(6), ..SaleRules::default() };
        assert_eq!(stored.to_rules(6), Some(expected));
    }

    #[test]
    fn everything_stored_arrives() {
        let text = r#"{"guests":"address","hold_budget":{"holds_max":9,"cool_down_s":60},
            "extension":{"by_s":120,"times_max":2},"fee":{"basis_points":500},"offer_ttl_s":600,
            "waitlist_ttl_s":300,"accessible_public_at_ms":5}"#;
        let stored: RulesRecord = serde_json::from_str(text).unwrap();
        let rules = stored.to_rules(4).unwrap();
        assert_eq!(rules.guests, GuestIdentity::Address);
        let budget = HoldBudget { holds_max: 9, cool_down_ms: 60_000 };
        assert_eq!(rules.hold_budget, Some(budget));
        assert_eq!(rules.extension, Some(Extension { by_ms: 120_000, times_max: 2 }));
        assert_eq!(rules.fee, Fee { per_seat_minor: 0, basis_points: 500 });
        assert_eq!((rules.offer_ttl_ms, rules.waitlist_ttl_ms), (Some(600_000), Some(300_000)));
        assert_eq!(rules.accessible_public_at_ms, Some(5));
        let endless = RulesRecord { offer_ttl_s: Some(u32::MAX), ..stored };
        assert_eq!(endless.to_rules(4), None);
    }

    #[test]
    fn codes_find_their_tiers() {
        let tiers = ["front", "back"].map(|id| TierRecord {
            id: id.into(),
            name: id.into(),
            price_minor: 100,
        });
        let text = r#"{"code":"Spring","kind":"promo","basis_points":1000,"from_ms":1,"until_ms":9,
            "tiers":["back"],"seats_max":5}"#;
        let stored: CodeRecord = serde_json::from_str(text).unwrap();
        let code = stored.to_code("gala", &tiers).unwrap();
        assert_eq!((code.hash, code.tiers.clone()), (code_hash("gala", "SPRING"), vec![1]));
        assert_ne!(code.hash, code_hash("other", "SPRING"), "codes are an event's own");
        let lost = CodeRecord { tiers: vec!["gold".into()], ..stored };
        assert_eq!(lost.to_code("gala", &tiers), Err(NoCodeTier { tier: "gold".into() }));
    }
}
