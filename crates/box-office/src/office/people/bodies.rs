//! The documents of people.

use http_api::access::Role;
use serde::Serialize;
use utoipa::ToSchema;

use super::Opened;
use crate::clock::text_signed;

/// A registration that was taken.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RegisteredBody {
    pub(crate) id: String,
    /// The code that was sent to the e-mail address is for this change.
    pub(crate) verification: ChangeBody,
}

/// A change that waits for its code.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ChangeBody {
    pub(crate) id: String,
    /// `email`, `phone` or `login`.
    pub(crate) field: String,
    /// Until when the code works.
    pub(crate) expires_at: String,
    /// Seconds until then.
    pub(crate) expires_in: u64,
}

/// What a session is carried on with.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct TokensBody {
    /// For `Authorization: Bearer`.
    pub(crate) access_token: String,
    /// Always `Bearer`.
    pub(crate) token_type: &'static str,
    /// Seconds until the access token ends.
    pub(crate) expires_in: u64,
    /// Works once, at `/auth/refresh`.
    pub(crate) refresh_token: String,
    /// For `X-CSRF-Token` of requests by cookie.
    pub(crate) csrf_token: String,
    pub(crate) account_id: String,
    /// `user`, `steward`, `organiser` or `administrator`.
    pub(crate) role: String,
}

/// A person as they see themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MeBody {
    pub(crate) id: String,
    pub(crate) surname: String,
    pub(crate) name: String,
    pub(crate) login: String,
    pub(crate) email: String,
    pub(crate) email_verified: bool,
    pub(crate) phone: String,
    pub(crate) phone_verified: bool,
    /// `user`, `steward`, `organiser` or `administrator`.
    pub(crate) role: String,
    /// Whether signing in asks for a code of an authenticator, too.
    pub(crate) second_factor: bool,
    pub(crate) created_at: String,
}

impl MeBody {
    pub(crate) fn of(opened: &Opened) -> Self {
        let Opened { row, profile, .. } = opened;
        Self {
            id: row.id.to_string(),
            surname: profile.surname.clone(),
            name: profile.name.clone(),
            login: profile.login.clone(),
            email: profile.email.clone(),
            email_verified: row.email_verified,
            phone: profile.phone.clone(),
            phone_verified: row.phone_verified,
            role: role(row.role()),
            second_factor: row.totp_on,
            created_at: text_signed(row.created_ms),
        }
    }
}

/// A role's word.
pub(crate) fn role(role: Role) -> String {
    role.as_str().to_owned()
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SessionBody {
    pub(crate) id: String,
    /// Whether it is the one that asks.
    pub(crate) current: bool,
    /// The browser or program, as it called itself.
    pub(crate) user_agent: Option<String>,
    /// Where it was opened from.
    pub(crate) ip: Option<String>,
    pub(crate) created_at: String,
    pub(crate) used_at: String,
    pub(crate) expires_at: String,
}

/// A list of what fits into one page.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ItemsBody<T: ToSchema> {
    pub(crate) items: Vec<T>,
    /// Asks for the next page; absent on the last one.
    pub(crate) next_cursor: Option<String>,
}
