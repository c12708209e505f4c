//! The second factor: enrolling an authenticator, and giving it up by a code of it. Who is enrolled
//! shows a code at each signing in.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_api::{Code, NoBody, Problem, Strict};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::Office;
use super::super::answer::private;
use super::{Opened, SignedIn, problem};
use crate::clock::now_ms;
use crate::people::{store, totp};

/// What an authenticator is to be told, once.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct SecretBody {
    /// To be typed in, base32.
    secret: String,
    /// To be shown as a QR.
    otpauth_url: String,
}

/// A code of the authenticator.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct FactorForm {
    /// Six digits.
    code: String,
}

/// Begins to enrol an authenticator; it counts once a code of it was shown.
#[utoipa::path(post, path = "/api/v1/me/second-factor", tag = "people", responses(
    (status = 201, description = "The secret, shown once", body = SecretBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 409, description = "`taken`: there is one; give it up first"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn begin(
    State(office): State<Arc<Office>>,
    person: SignedIn,
    _: NoBody,
) -> Result<Response, Problem> {
    let opened = office.opened_account(&person.claims).await?;
    if opened.row.totp_on {
        return Err(Problem::new(Code::Taken).detail("There is a second factor already"));
    }
    let mut secret = [0; totp::SECRET_BYTES];
    SystemRandom::new().fill(&mut secret).map_err(Problem::internal)?;
    let sealed = opened.key.seal_about(&totp::about(opened.row.id), &secret);
    let sealed = Some(sealed.map_err(Problem::internal)?);
    put(&office, opened.row.id, (sealed, false)).await?;
    let secret = totp::base32(&secret);
    let otpauth_url = format!("otpauth://totp/seatgrid?secret={secret}&issuer=seatgrid");
    Ok(private(StatusCode::CREATED, None, SecretBody { secret, otpauth_url }))
}

/// Makes the authenticator count.
#[utoipa::path(post, path = "/api/v1/me/second-factor/confirm", tag = "people",
request_body = FactorForm, responses(
    (status = 204, description = "Signing in asks for a code from now on"),
    (status = 400, description = "`invalid_request`: not a code of it"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn confirm(
    State(office): State<Arc<Office>>,
    person: SignedIn,
    Strict { body, .. }: Strict<FactorForm>,
) -> Result<Response, Problem> {
    let opened = office.opened_account(&person.claims).await?;
    office.use_code(&opened, &body.code).await?;
    put(&office, opened.row.id, (opened.row.totp.clone(), true)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Gives the second factor up, which takes a code of it.
#[utoipa::path(post, path = "/api/v1/me/second-factor/end", tag = "people",
request_body = FactorForm, responses(
    (status = 204, description = "Signing in asks for the password alone"),
    (status = 400, description = "`invalid_request`: not a code of it"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn end(
    State(office): State<Arc<Office>>,
    person: SignedIn,
    Strict { body, .. }: Strict<FactorForm>,
) -> Result<Response, Problem> {
    let opened = office.opened_account(&person.claims).await?;
    office.use_code(&opened, &body.code).await?;
    put(&office, opened.row.id, (None, false)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn put(
    office: &Office,
    account: Uuid,
    (sealed, is_on): (Option<Vec<u8>>, bool),
) -> Result<(), Problem> {
    store::put_totp(&office.database, account, (sealed, is_on)).await.map_err(problem)
}

impl Office {
    /// Uses a code of the person's authenticator, once; guesses are counted as at signing in.
    async fn use_code(&self, opened: &Opened, code: &str) -> Result<(), Problem> {
        let wrong = || Problem::invalid_at("/code", "is not a code of the authenticator");
        let sealed = opened.row.totp.as_deref().ok_or_else(wrong)?;
        let account = opened.row.id;
        let guessed = self.guessed(&format!("second factor:{account}"), 0);
        let rest = crate::people::guesses::begin(&self.database, &guessed).await;
        if rest.map_err(problem)?.is_some() {
            return Err(Problem::new(Code::RateLimited));
        }
        let used = match self.used(opened, sealed, code).await {
            Ok(used) => used,
            Err(unknown) => return Err(self.no_guess(&guessed, unknown).await),
        };
        if !used {
            return Err(wrong());
        }
        crate::people::guesses::undo(&self.database, &guessed).await.map_err(problem)
    }

    /// Whether it is a code of the authenticator, used up by this.
    async fn used(&self, opened: &Opened, sealed: &[u8], code: &str) -> Result<bool, Problem> {
        let account = opened.row.id;
        let secret = opened.key.open_about(&totp::about(account), sealed);
        let secret = secret.map_err(Problem::internal)?;
        match totp::step_of(&secret, code, now_ms() / 1_000) {
            Some(step) => store::use_step(&self.database, account, step).await.map_err(problem),
            None => Ok(false),
        }
    }
}
