//! How a person is told things: the language, and for each kind of notice the ways.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{FieldError, Problem, Strict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::Office;
use super::super::answer::private;
use super::push::SubscriptionBody;
use super::{SignedIn, problem};
use crate::clock::text_signed;
use crate::language::Language;
use crate::people::choices::{self, Channel, Choices, KINDS};
use crate::push::subscriptions;
use crate::telegram::links;

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
    telegram: TelegramBody,
    push: PushBody,
}

/// The person's chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TelegramBody {
    /// The shop's bot; absent when it has none.
    bot: Option<String>,
    /// Since when a chat is bound; absent when none is.
    linked_at: Option<String>,
}

/// The person's browsers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PushBody {
    /// What browsers subscribe with (`applicationServerKey`); absent when the shop has no push.
    key: Option<String>,
    /// The newest first.
    subscriptions: Vec<SubscriptionBody>,
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
    Ok(private(StatusCode::OK, None, office.notifications_of(account.id).await?))
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
    Ok(private(StatusCode::OK, None, office.notifications_of(account.id).await?))
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

impl Office {
    /// How a person is told things.
    pub(super) async fn notifications_of(
        &self,
        account: Uuid,
    ) -> Result<NotificationsBody, Problem> {
        let database = &self.database;
        let chosen = choices::read(database, account).await.map_err(problem)?;
        let linked_ms = links::linked_ms(database, account).await.map_err(problem)?;
        let browsers = subscriptions::list(database, account).await.map_err(problem)?;
        Ok(NotificationsBody {
            language: chosen.language,
            kinds: kinds(&chosen),
            telegram: TelegramBody {
                bot: self.telegram_bot.clone(),
                linked_at: linked_ms.map(text_signed),
            },
            push: PushBody {
                key: self.push.key.as_ref().map(|key| key.public()),
                subscriptions: browsers.iter().map(SubscriptionBody::of).collect(),
            },
        })
    }
}

fn kinds(choices: &Choices) -> Vec<KindBody> {
    let words =
        |channels: &[Channel]| channels.iter().map(|channel| channel.as_str().to_owned()).collect();
    let kinds = KINDS.iter().map(|kind| {
        let chosen = choices.chosen(kind.word);
        KindBody {
            kind: kind.word.to_owned(),
            channels: words(chosen.unwrap_or(kind.usual_channels())),
            required: kind.is_required,
            chosen: chosen.is_some(),
        }
    });
    kinds.collect()
}
