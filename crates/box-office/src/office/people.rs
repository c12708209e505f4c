//! People over HTTP: registration and signing in, sessions, the cabinet, a person's orders.
//!
//! In the flow: a handler checks what was typed, reads and writes accounts by [`crate::people`], and
//! answers. Whether a person is signed in is said by their token alone; whether the session behind
//! it still lives is asked for wherever the database is needed anyhow.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use http_api::access::Claims;
use http_api::{Code, Deadline, Problem};
use uuid::Uuid;

use super::Office;
use super::answer::client_ip;
use crate::database::DatabaseError;
use crate::people::profile::Profile;
use crate::people::store::AccountRow;
use crate::people::{passwords::Passwords, rate::RateLimits, sessions};
use crate::push::{PushKey, PushKeyError, PushOfferConfig};
use crate::sealing::PersonKey;

pub(super) mod bodies;
pub(super) mod cabinet;
pub(super) mod changes;
pub(super) mod claims;
pub(super) mod links;
pub(super) mod login;
pub(super) mod notifications;
pub(super) mod orders;
pub(super) mod password;
pub(super) mod push;
pub(super) mod register;
pub(super) mod roles;
pub(super) mod second_factor;
pub(super) mod session_list;
pub(super) mod social;
pub(super) mod telegram;

mod letters;
pub(super) mod limits;

/// What the handlers of people share.
pub(super) struct PeopleParts {
    pub(super) passwords: Passwords,
    pub(super) rates: RateLimits,
}

impl PeopleParts {
    pub(super) fn new() -> Self {
        Self { passwords: Passwords::new(), rates: RateLimits::default() }
    }
}

/// What the shop has of push.
pub(super) struct PushParts {
    /// Without it nobody subscribes.
    key: Option<PushKey>,
    services: Vec<String>,
}

impl PushParts {
    pub(super) fn new(config: &PushOfferConfig) -> Result<Self, PushKeyError> {
        let key = config.key_file.as_deref().map(PushKey::load).transpose()?;
        Ok(Self { key, services: config.services.clone() })
    }
}

/// Somebody who is signed in. An extractor that refuses everybody else.
pub(super) struct SignedIn {
    pub(super) claims: Claims,
    /// When they stop waiting.
    pub(super) deadline: Instant,
}

impl FromRequestParts<Arc<Office>> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, office: &Arc<Office>) -> Result<Self, Problem> {
        let Deadline(deadline) = Deadline::from_request_parts(parts, office).await?;
        let claims = office.access.signed_in(&parts.method, &parts.headers)?;
        let claims = claims.ok_or_else(|| Problem::new(Code::Unauthenticated))?;
        Ok(Self { claims, deadline })
    }
}

/// Where a request comes from. An extractor.
pub(super) struct Client {
    pub(super) headers: HeaderMap,
}

impl FromRequestParts<Arc<Office>> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Office>) -> Result<Self, Problem> {
        Ok(Self { headers: parts.headers.clone() })
    }
}

impl Client {
    /// The network that guesses and calls are counted by; all whose address is unknown are one.
    pub(super) fn network(&self) -> u128 {
        limits::network(client_ip(&self.headers))
    }
}

/// An account, opened.
pub(super) struct Opened {
    pub(super) row: AccountRow,
    pub(super) key: PersonKey,
    pub(super) profile: Profile,
}

impl Office {
    /// The account of a session that still lives.
    pub(super) async fn live_account(&self, claims: &Claims) -> Result<AccountRow, Problem> {
        let found = sessions::account(&self.database, claims.session).await.map_err(problem)?;
        let is_own = |row: &AccountRow| row.id == claims.account;
        found.filter(is_own).ok_or_else(|| Problem::new(Code::Unauthenticated))
    }

    /// The same with what is sealed.
    pub(super) async fn opened_account(&self, claims: &Claims) -> Result<Opened, Problem> {
        let row = self.live_account(claims).await?;
        let (key, profile) = row.open(&self.contacts).map_err(Problem::internal)?;
        Ok(Opened { row, key, profile })
    }

    /// The sealing key that a token carries; needs no database.
    pub(super) fn person_key(&self, claims: &Claims) -> Result<PersonKey, Problem> {
        use base64::Engine;
        let wrapped = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&claims.sealing);
        let wrapped = wrapped.map_err(|_| Problem::new(Code::Unauthenticated))?;
        let key = self.contacts.person(claims.account, &wrapped);
        key.map_err(|_| Problem::new(Code::Unauthenticated))
    }
}

/// PostgreSQL's silence or refusal as a problem.
pub(super) fn problem(error: DatabaseError) -> Problem {
    match error {
        DatabaseError::Away(_) => Problem::new(Code::DatabaseUnavailable),
        other => Problem::internal(other),
    }
}

/// An id from a path; what is none belongs to nobody.
pub(super) fn uuid(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| Problem::new(Code::NotFound))
}
