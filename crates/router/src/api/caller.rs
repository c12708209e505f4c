//! Who calls about seats: their address and account, the token that they show, until when they wait.

use std::time::Instant;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http_api::token::ShownToken;
use http_api::{Arrived, Deadline, Peer, Problem, ip_bytes};
use inventory::{Actor, Subject};
use uuid::Uuid;

use crate::state::{App, Router};

/// Who asks, and until when they wait. An extractor.
pub(crate) struct Caller {
    pub(super) actor: Actor,
    pub(super) deadline: Deadline,
    /// The account of who is signed in.
    pub(super) account: Option<Uuid>,
    /// The proof that they show of an earlier hold.
    pub(super) token: ShownToken,
}

impl Caller {
    /// Whoever sent this head, which arrived then.
    ///
    /// # Errors
    /// `unauthenticated`, `csrf`, or `invalid_request` for a deadline that is none.
    pub(crate) fn of(
        parts: &Parts,
        app: &Router,
        (peer, arrived): (Option<Peer>, Instant),
    ) -> Result<Self, Problem> {
        let claims = app.access.signed_in(&parts.method, &parts.headers)?;
        let account = claims.map(|claims| claims.account);
        let subject = account.map_or(Subject::Guest, |id| Subject::Person(id.as_u128()));
        let actor = Actor { subject, ip: peer.map(|peer| ip_bytes(peer.0.ip())) };
        let deadline = Deadline::of(&parts.headers, arrived)?;
        Ok(Self { actor, deadline, account, token: ShownToken::of(&parts.headers) })
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Peer>().copied();
        let arrived = parts.extensions.get::<Arrived>().map_or_else(Instant::now, |at| at.0);
        Self::of(parts, app, (peer, arrived))
    }
}
