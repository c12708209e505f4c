//! A refund that no gateway carries out any more is paid by hand, and that is written down, once and for
//! good.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, Id, Problem, Strict, from_grid};
use inventory::{RefundId, RefundStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::Office;
use super::super::answer::private;
use super::super::bodies::Price;
use super::Staff;
use crate::clock::text_signed;
use crate::payouts::{self, NewPayout};

/// Longest reference, in characters.
const REFERENCE_CHARS_MAX: usize = 100;
/// Digits in a row, single spaces and hyphens between them aside, above which a reference looks like a
/// card's number.
const DIGITS_MAX: usize = 12;

/// That money was paid out.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct PayoutForm {
    /// Of the document that says so, 1 to 100 characters; no number of a card.
    reference: String,
}

/// A refund that was paid out by hand.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::office) struct PayoutBody {
    refund_id: String,
    amount: Price,
    reference: String,
    at: String,
}

/// Notes that a refund which was given up was paid out by hand; the first note stays.
#[utoipa::path(post, path = "/api/v1/admin/refunds/{id}/payout", tag = "staff",
request_body = PayoutForm, params(
    ("id" = String, Path, description = "The refund"),
), responses(
    (status = 200, description = "The note", body = PayoutBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`refund_not_found`"),
    (status = 409, description = "`order_state`: it was not given up; `taken`: noted otherwise"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn note(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    staff: Staff,
    Strict { body, .. }: Strict<PayoutForm>,
) -> Result<Response, Problem> {
    let missing = || Problem::new(Code::RefundNotFound);
    let refund: RefundId = id.parse().map_err(|_| missing())?;
    let reference = body.checked()?;
    let order = office.order_of_refund(refund, staff.deadline).await?;
    // Nobody has the gateway try it again between the look at the grid and the note.
    let mut work = payouts::alone(&office.database, refund).await?;
    let answer = office.grid.order(order, staff.deadline).await;
    let answer = answer.map_err(|error| from_grid(error, Code::RefundNotFound))?;
    let known = answer.refunds.iter().find(|known| known.no == refund.no).ok_or_else(missing)?;
    if known.status != RefundStatus::Dead {
        let problem = Problem::new(Code::OrderState).detail("The gateway may still pay it");
        return Err(problem.fact("refund_status", known.status.as_str()));
    }
    let plan = office.plans.get(refund.event, staff.deadline).await?;
    let payout = NewPayout {
        refund,
        amount_minor: known.amount_minor,
        currency: plan.currency(),
        reference: &reference,
        subject: staff.subject(),
    };
    let noted = payouts::note(&mut work, payout).await?;
    work.commit().await?;
    if noted.reference != reference {
        return Err(Problem::new(Code::Taken).fact("reference", noted.reference));
    }
    let document = PayoutBody {
        refund_id: refund.to_string(),
        amount: Price::new(noted.amount_minor, &noted.currency),
        reference: noted.reference,
        at: text_signed(noted.at_ms),
    };
    Ok(private(StatusCode::OK, None, document))
}

impl PayoutForm {
    fn checked(&self) -> Result<String, Problem> {
        let reference = self.reference.trim();
        let sized = (1..=REFERENCE_CHARS_MAX).contains(&reference.chars().count());
        if !sized || reference.chars().any(char::is_control) {
            return Err(Problem::invalid_at("/reference", "must have 1 to 100 characters"));
        }
        if digits_in_a_row(reference) > DIGITS_MAX {
            return Err(Problem::invalid_at("/reference", "looks like the number of a card"));
        }
        Ok(reference.to_owned())
    }
}

/// The longest run of digits, as numbers of cards are written: single spaces and hyphens do not end it.
fn digits_in_a_row(text: &str) -> usize {
    let (mut longest, mut run, mut was_digit) = (0, 0, false);
    for letter in text.chars() {
        let goes_on = was_digit && matches!(letter, ' ' | '-');
        was_digit = letter.is_ascii_digit();
        run = match (was_digit, goes_on) {
            (true, _) => run + 1,
            (false, true) => run,
            (false, false) => 0,
        };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::digits_in_a_row;

    #[test]
    fn digits_in_a_row_are_counted_as_cards_write_them() {
        for (text, digits) in [
            ("", 0),
            ("4111 1111-1111 1111", 16),
            ("No 17, 22.11.2026, 4810/2026", 4),
            ("1234  5678", 4),
        ] {
            assert_eq!(digits_in_a_row(text), digits, "{text}");
        }
    }
}
