//! How a person is told things: the language, and for each kind of notice the ways.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{FieldError, Problem, Strict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::Office;
use super::super::answer::private;
use super::{SignedIn, problem};
use crate::language::Language;
use crate::people::choices::{self, Channel, Choices, KINDS};

/// What is chosen. Kinds that are left out go the ways that are usual for them.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct NotificationsForm {
    /// `ru`, `en`, or nothing: both at once.
    #[serde(default)]
    language: Option<Language>,
    #[serde(default)]
    kinds: Vec<KindForm>,
}

/// The ways for one kind.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct KindForm {
    /// A kind of notice.
    kind: String,
    /// `email`, `push`, `telegram`. Where none of them leads to the person, mail does. Nothing means
    /// not to be told, which is not for kinds that are required.
    channels: Vec<String>,
}

/// How a person is told things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct NotificationsBody {
    /// `ru`, `en`, or nothing: both at once.
    language: Option<Language>,
    /// Every kind of notice.
    kinds: Vec<KindBody>,
}

/// How a person is told one kind of notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct KindBody {
    kind: String,
    /// The ways that it goes.
    channels: Vec<String>,
    /// Whether at least one way must stay.
    required: bool,
    /// Whether the person chose; else it is what is usual.
    chosen: bool,
}

/// How one is told things. Codes and word of changed data always go by mail.
#[utoipa::path(get, path = "/api/v1/me/notifications", tag = "people", responses(
    (status = 200, description = "Language and ways", body = NotificationsBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn read(
    State(office): State<Arc<Office>>,
    person: SignedIn,
) -> Result<Response, Problem> {
    let account = office.live_account(&person.claims).await?;
    let chosen = choices::read(&office.database, account.id).await.map_err(problem)?;
    Ok(private(StatusCode::OK, None, NotificationsBody::of(&chosen)))
}

/// Chooses how to be told things, in the place of what was chosen before.
#[utoipa::path(put, path = "/api/v1/me/notifications", tag = "people",
request_body = NotificationsForm, responses(
    (status = 200, description = "As it is now", body = NotificationsBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn put(
    State(office): State<Arc<Office>>,
    person: SignedIn,
    Strict { body, .. }: Strict<NotificationsForm>,
) -> Result<Response, Problem> {
    let chosen = body.check().map_err(Problem::invalid)?;
    let account = office.live_account(&person.claims).await?;
    choices::put(&office.database, account.id, &chosen).await.map_err(problem)?;
    Ok(private(StatusCode::OK, None, NotificationsBody::of(&chosen)))
}

impl NotificationsForm {
    fn check(&self) -> Result<Choices, Vec<FieldError>> {
        if self.kinds.len() > KINDS.len() {
            return Err(vec![FieldError::at("/kinds", "has more than there are kinds")]);
        }
        let (mut chosen, mut faults) = (Choices::default(), Vec::new());
        chosen.language = self.language;
        for (at, form) in self.kinds.iter().enumerate() {
            let known = choices::kind(&form.kind);
            let Some(known) = known.filter(|kind| chosen.chosen(kind.word).is_none()) else {
                let pointer = format!("/kinds/{at}/kind");
                faults.push(FieldError::at(pointer, "must be a kind of notice, each once"));
                continue;
            };
            match form.ways() {
                Ok(ways) if ways.is_empty() && known.is_required => {
                    let pointer = format!("/kinds/{at}/channels");
                    faults.push(FieldError::at(pointer, "must keep one: email, push, telegram"));
                }
                Ok(ways) => chosen.kinds.push((known.word.to_owned(), ways)),
                Err(wrong) => {
                    let pointer = format!("/kinds/{at}/channels/{wrong}");
                    faults.push(FieldError::at(pointer, "must be one of email, push, telegram"));
                }
            }
        }
        if faults.is_empty() { Ok(chosen) } else { Err(faults) }
    }
}

impl KindForm {
    /// The ways, each once; or the place of the first that is none.
    fn ways(&self) -> Result<Vec<Channel>, usize> {
        let mut ways = Vec::new();
        for (at, word) in self.channels.iter().enumerate() {
            ways.push(Channel::parse(word).ok_or(at)?);
        }
        ways.sort_unstable();
        ways.dedup();
        Ok(ways)
    }
}

impl NotificationsBody {
    pub(super) fn of(choices: &Choices) -> Self {
        let words = |channels: &[Channel]| {
            channels.iter().map(|channel| channel.as_str().to_owned()).collect()
        };
        let kinds = KINDS.iter().map(|kind| {
            let chosen = choices.chosen(kind.word);
            KindBody {
                kind: kind.word.to_owned(),
                channels: words(chosen.unwrap_or(kind.usual_channels())),
                required: kind.is_required,
                chosen: chosen.is_some(),
            }
        });
        Self { language: choices.language, kinds: kinds.collect() }
    }
}
