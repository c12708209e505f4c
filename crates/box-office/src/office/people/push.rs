//! A person's browsers that take push messages.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http_api::{Code, FieldError, Id, NoBody, Problem, Strict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::Office;
use super::super::answer::private;
use super::{SignedIn, problem, uuid};
use crate::clock::text_signed;
use crate::push::is_of_service;
use crate::push::subscriptions::{self, Listed, NewSubscription, Subscription};

/// Longest address of a browser, bytes.
const ENDPOINT_BYTES_MAX: usize = 1_000;
/// Bytes of a point, uncompressed, and its first one.
const POINT: (usize, u8) = (65, 4);
/// Bytes that the browser adds to the keys.
const AUTH_BYTES: usize = 16;
/// As browsers write it, with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a browser's `PushSubscription` says of itself.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct SubscriptionForm {
    /// Where its push service takes messages for it.
    endpoint: String,
    keys: KeysForm,
    /// Told by browsers and not needed: a service says when a subscription has ended.
    #[serde(default, rename = "expirationTime")]
    #[schema(value_type = Option<f64>)]
    _expiration_time: Option<serde_json::Number>,
}

/// The browser's keys, base64url.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct KeysForm {
    /// Its P-256 point, uncompressed, 65 bytes.
    p256dh: String,
    /// 16 bytes.
    auth: String,
}

/// A browser that takes push messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SubscriptionBody {
    id: String,
    made_at: String,
}

/// Subscribes a browser; the same one keeps its id. An eleventh takes the place of the oldest.
#[utoipa::path(post, path = "/api/v1/me/push-subscriptions", tag = "people",
request_body = SubscriptionForm, responses(
    (status = 201, description = "Notices may go to this browser", body = SubscriptionBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`not_found`: the shop has no push"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn subscribe(
    State(office): State<Arc<Office>>,
    person: SignedIn,
    Strict { body, .. }: Strict<SubscriptionForm>,
) -> Result<Response, Problem> {
    if office.push.key.is_none() {
        return Err(Problem::new(Code::NotFound));
    }
    let subscription = body.check(&office.push.services).map_err(Problem::invalid)?;
    let opened = office.opened_account(&person.claims).await?;
    let id = opened.row.id;
    let new = NewSubscription::new(&office.contacts, (id, &opened.key), &subscription);
    let new = new.map_err(Problem::internal)?;
    let listed = subscriptions::put(&office.database, id, new).await.map_err(problem)?;
    Ok(private(StatusCode::CREATED, None, SubscriptionBody::of(&listed)))
}

/// Lets a browser go.
#[utoipa::path(delete, path = "/api/v1/me/push-subscriptions/{id}", tag = "people",
params(("id" = String, Path, description = "The subscription")), responses(
    (status = 204, description = "Nothing goes to that browser any more"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`not_found`, also for what belongs to somebody else"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn unsubscribe(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    person: SignedIn,
    _: NoBody,
) -> Result<Response, Problem> {
    let account = office.live_account(&person.claims).await?.id;
    let removed = subscriptions::remove(&office.database, account, uuid(&id)?).await;
    match removed.map_err(problem)? {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(Problem::new(Code::NotFound)),
    }
}

impl SubscriptionForm {
    fn check(&self, services: &[String]) -> Result<Subscription, Vec<FieldError>> {
        let mut faults = Vec::new();
        let fits = self.endpoint.len() <= ENDPOINT_BYTES_MAX;
        if !fits || !is_of_service(&self.endpoint, services) {
            faults.push(FieldError::at("/endpoint", "must be an address at a known push service"));
        }
        let p256dh = BASE64.decode(&self.keys.p256dh).unwrap_or_default();
        if p256dh.len() != POINT.0 || p256dh[0] != POINT.1 {
            faults.push(FieldError::at("/keys/p256dh", "must be a P-256 point in base64url"));
        }
        let auth = BASE64.decode(&self.keys.auth).unwrap_or_default();
        if auth.len() != AUTH_BYTES {
            faults.push(FieldError::at("/keys/auth", "must be 16 bytes in base64url"));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Subscription { endpoint: self.endpoint.clone(), p256dh, auth })
    }
}

impl SubscriptionBody {
    pub(super) fn of(listed: &Listed) -> Self {
        Self { id: listed.id.to_string(), made_at: text_signed(listed.made_ms) }
    }
}
