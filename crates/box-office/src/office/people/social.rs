//! Signing in by a provider of identities: the way there, and the way back.
//!
//! What one sign-in must remember waits sealed in a cookie of the browser that began it, so that
//! nobody else's browser can end it and the office keeps nothing. Whatever goes wrong leads back to
//! the page of sign-in with one word; what it was is counted and told to nobody. An identity that is
//! nobody's yet waits in the same way for its owner to sign in by the password ([`super::links`]).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use http_api::access::cookie;
use http_api::{Code, Problem};
use serde::Serialize;
use subtle::ConstantTimeEq;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::Office;
use super::{Client, problem};
use crate::clock::now_ms;
use crate::people::oidc::{Attempt, OidcError};
use crate::people::social::{self, Found, Kept};
use crate::people::store::AccountRow;

/// How long somebody may take at the provider, seconds.
const ATTEMPT_TTL_S: u64 = 10 * 60;
/// What the cookie is sealed to.
const ABOUT: &str = "seatgrid social sign-in";
/// Longest path to go on to, and longest code of a provider, bytes.
const NEXT_BYTES_MAX: usize = 512;
const CODE_BYTES_MAX: usize = 2_048;

/// A provider of identities.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::office) struct SocialBody {
    /// Its name in addresses.
    name: String,
    /// What the button says.
    title: String,
    /// Where a browser goes to sign in by it; `?next=/path` says where to go on to.
    href: String,
}

/// All providers of identities.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::office) struct SocialListBody {
    items: Vec<SocialBody>,
}

/// Which providers of identities people may sign in by.
#[utoipa::path(get, path = "/api/v1/auth/social", tag = "people", responses(
    (status = 200, description = "In the order of names; none where none is configured",
        body = SocialListBody),
))]
pub(in crate::office) async fn list(State(office): State<Arc<Office>>) -> Json<SocialListBody> {
    let items = office.social.titles().map(|(name, title)| SocialBody {
        name: name.to_owned(),
        title: title.to_owned(),
        href: format!("/api/v1/auth/social/{name}"),
    });
    Json(SocialListBody { items: items.collect() })
}

/// Sends a browser to the provider.
#[utoipa::path(get, path = "/api/v1/auth/social/{provider}", tag = "people", params(
    ("provider" = String, Path, description = "The provider's name"),
    ("next" = Option<String>, Query, description = "A path of the shop to go on to"),
), responses(
    (status = 303, description = "To the provider, or back to the page of sign-in"),
    (status = 404, description = "`not_found`"),
))]
pub(in crate::office) async fn begin(
    State(office): State<Arc<Office>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let provider = office.social.get(&name).ok_or_else(|| Problem::new(Code::NotFound))?;
    let next = field(query.as_deref(), "next").filter(|next| is_own_path(next));
    let next = next.unwrap_or_default();
    let attempt = Attempt::new(&name, &next, now_ms() + ATTEMPT_TTL_S * 1_000);
    let attempt = attempt.ok_or_else(|| Problem::internal("there is no chance for a sign-in"))?;
    let address = match provider.address(&attempt).await {
        Ok(address) => address,
        Err(error) => return Ok(office.failed(&name, &error)),
    };
    let plain = serde_json::to_vec(&attempt).map_err(Problem::internal)?;
    let sealed = office.contacts.seal_about(ABOUT, &plain).map_err(Problem::internal)?;
    let mut answer = see_other(&address);
    let value = BASE64.encode(sealed);
    answer.headers_mut().append(SET_COOKIE, office.access.names().brief(&value, ATTEMPT_TTL_S));
    Ok(answer)
}

/// Where the provider sends the browser back to.
#[utoipa::path(get, path = "/api/v1/auth/social/{provider}/callback", tag = "people", params(
    ("provider" = String, Path, description = "The provider's name"),
    ("code" = Option<String>, Query, description = "The provider's code"),
    ("state" = Option<String>, Query, description = "What the sign-in sent"),
), responses(
    (status = 303, description = "Signed in, with a session as cookies; or back to the page of \
        sign-in with `social=unknown`, `second_factor` or `failed`"),
    (status = 404, description = "`not_found`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn end(
    State(office): State<Arc<Office>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    client: Client,
) -> Result<Response, Problem> {
    let provider = office.social.get(&name).ok_or_else(|| Problem::new(Code::NotFound))?;
    let query = query.as_deref();
    let Some(attempt) = office.attempt(&name, query, &client.headers) else {
        count(&name, "state");
        return Ok(office.back("failed"));
    };
    let code = field(query, "code").filter(|code| (1..=CODE_BYTES_MAX).contains(&code.len()));
    let Some(code) = code else {
        count(&name, "refused");
        return Ok(office.back("failed"));
    };
    let identity = match provider.identity(&attempt, &code, now_ms() / 1_000).await {
        Ok(identity) => identity,
        Err(error) => return Ok(office.failed(&name, &error)),
    };
    let kept = Kept::of(&office.contacts, &name, &identity);
    let (account, link) =
        match social::find(&office.database, kept.clone()).await.map_err(problem)? {
            Found::Known(account, _) if !may(&account) => {
                count(&name, "second_factor");
                return Ok(office.back("second_factor"));
            }
            Found::Known(account, link) => (account, link),
            Found::Same(account) if office.link_own(&account, &kept, &client).await? => {
                count(&name, "linked");
                return Ok(office.on_to(&attempt.next));
            }
            // The answer is the same, so that an address says nothing about who is here.
            Found::Same(_) | Found::Nobody => {
                count(&name, "unknown");
                return office.wait_for_owner(&kept);
            }
        };
    count(&name, "done");
    office.signed_in_at((&account, link), &client, &attempt.next).await
}

/// A provider does not stand in for our second factor, and staff sign in by their own password.
pub(super) fn may(account: &AccountRow) -> bool {
    !account.totp_on && account.role() == http_api::access::Role::User
}

impl Office {
    /// The sign-in that this browser began and the provider ends, if they are the same.
    fn attempt(&self, name: &str, query: Option<&str>, headers: &HeaderMap) -> Option<Attempt> {
        let sealed = BASE64.decode(cookie(headers, self.access.names().brief_name())?).ok()?;
        let plain = self.contacts.open_about(ABOUT, &sealed).ok()?;
        let attempt: Attempt = serde_json::from_slice(&plain).ok()?;
        let state = field(query, "state")?;
        let same: bool = attempt.state.as_bytes().ct_eq(state.as_bytes()).into();
        (same && attempt.provider == name && attempt.until_ms > now_ms()).then_some(attempt)
    }

    async fn signed_in_at(
        &self,
        (account, link): (&AccountRow, Uuid),
        client: &Client,
        next: &str,
    ) -> Result<Response, Problem> {
        let session = self.open_session(account, client, Some(link)).await?;
        let mut answer = self.on_to(next);
        for line in session.headers().get_all(SET_COOKIE) {
            answer.headers_mut().append(SET_COOKIE, line.clone());
        }
        Ok(answer)
    }

    /// To where the person wanted to go, by the page of sign-in.
    fn on_to(&self, next: &str) -> Response {
        let mut answer = see_other(&sign_in_page(&[("next", next)]));
        answer.headers_mut().append(SET_COOKIE, self.access.names().brief("", 0));
        answer
    }

    fn failed(&self, name: &str, error: &OidcError) -> Response {
        let outcome = match error {
            OidcError::Provider(_) => "provider",
            OidcError::Refused => "refused",
            OidcError::Token(_) => "token",
        };
        count(name, outcome);
        tracing::warn!(provider = name, %error, "a sign-in by a provider of identities failed");
        self.back("failed")
    }

    /// To the page of sign-in, which says what to do.
    pub(super) fn back(&self, why: &str) -> Response {
        let mut answer = see_other(&sign_in_page(&[("social", why)]));
        answer.headers_mut().append(SET_COOKIE, self.access.names().brief("", 0));
        answer
    }
}

pub(super) fn count(provider: &str, outcome: &'static str) {
    let provider = provider.to_owned();
    metrics::counter!("seatgrid_people_social_total", "provider" => provider, "outcome" => outcome)
        .increment(1);
}

fn sign_in_page(fields: &[(&str, &str)]) -> String {
    let given = fields.iter().filter(|(_, value)| !value.is_empty());
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    if query.is_empty() { "/signin".to_owned() } else { format!("/signin?{query}") }
}

fn see_other(address: &str) -> Response {
    let Ok(address) = HeaderValue::from_str(address) else {
        return Problem::internal("an address of sign-in is no header").into_response();
    };
    let headers = [(LOCATION, address), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::SEE_OTHER, headers).into_response()
}

fn field(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query?.as_bytes());
    pairs.find(|(given, _)| given == name).map(|(_, value)| value.into_owned())
}

/// A path of ours and nothing that a browser takes for another host.
fn is_own_path(next: &str) -> bool {
    let plain = next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    next.starts_with('/') && !next.starts_with("//") && plain && next.len() <= NEXT_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::is_own_path;

    #[test]
    fn one_goes_on_within_the_shop_only() {
        for good in ["/", "/account/orders?x=1#y", "/events/demo-hall"] {
            assert!(is_own_path(good), "{good}");
        }
        for bad in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a b", "a"] {
            assert!(!is_own_path(bad), "{bad}");
        }
    }
}
