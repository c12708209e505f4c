//! The person to whom the limits of a sale apply: an account, else the guest of a token or an address.

use http_api::token::ShownToken;
use http_api::{Guest, counts_persons, person_of_account};
use inventory::GuestIdentity;
use uuid::Uuid;

use crate::seatmap::PlanView;
use crate::state::Router;

/// Whom a hold is for.
#[derive(Clone, Copy)]
pub(super) struct Asker {
    pub(super) guest: Guest,
    /// The account of who is signed in.
    pub(super) account: Option<Uuid>,
    pub(super) ip: Option<[u8; 16]>,
}

impl Asker {
    /// The person whose limits apply. One who is signed in is known in every sale, so that the hold
    /// is theirs wherever they come from.
    ///
    /// A guest is named where somebody is counted, or where a token was shown: it may be that of a
    /// place in the waiting room.
    pub(super) fn person(self, app: &Router, plan: &PlanView, token: &ShownToken) -> Option<u128> {
        let rules = &plan.sale.rules;
        let named = self.account.is_some()
            || counts_persons(rules)
            || rules.guests == GuestIdentity::Address
            || Guest::named(token).is_some();
        named.then(|| self.known(app, plan))
    }

    /// The person, whether anybody is counted or not.
    pub(super) fn known(self, app: &Router, plan: &PlanView) -> u128 {
        let (event, rules) = (plan.event, &plan.sale.rules);
        match self.account {
            Some(account) => person_of_account(&app.tokens, event, account),
            None => self.guest.person(&app.tokens, (event, rules), self.ip),
        }
    }
}
