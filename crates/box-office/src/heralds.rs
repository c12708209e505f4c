//! Notices become messages: what the outbox has for somebody who left an address is written to them, in
//! the language and by the ways that they chose, in the transaction that marks the notice as sent, so
//! that each goes out once.
//!
//! In the flow: the worker takes notices that nobody sent, opens the contact, reads the choices of whose
//! account it is, writes messages and leaves them to [`crate::dispatch`]. A contact that nobody can open any
//! more (its person was erased) or that has no address is passed over. Nothing here logs what it opens.

use std::sync::Arc;

use serde_json::Value;
use sqlx::types::Json;
use sqlx::{Connection, FromRow, PgConnection, PgPool};
use uuid::Uuid;

use crate::contact::Contact;
use crate::database::{Database, DatabaseError, own_connection};
use crate::messages::{self, Letter, Outgoing, Parcel};
use crate::people::choices::{self, Channel, Choices};
use crate::people::store::note_access;
use crate::push::subscriptions;
use crate::sealing::{ContactKey, PersonKey, about_hold, about_wait, sealed_by};
use crate::telegram::links;
use words::Told;

mod words;

/// Notices taken at a time: each takes up to some twenty statements, and all share one deadline.
const TAKEN_MAX: i64 = 10;

/// A notice that nobody sent yet.
#[derive(Debug, Clone, FromRow)]
struct Unsent {
    id: i64,
    about: String,
    kind: String,
    facts: Json<Value>,
    contact: Vec<u8>,
    sealed_to: String,
    /// Who took the order over that a guest placed.
    claimed_by: Option<Uuid>,
    event_name: String,
    place: String,
    timezone: String,
}

/// Writes letters for notices.
pub(crate) struct Herald {
    pub(crate) database: Arc<Database>,
    pub(crate) keys: Arc<ContactKey>,
    /// Which ways there are beside mail.
    pub(crate) ways: Ways,
}

/// Ways that this worker sends by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ways {
    pub(crate) telegram: bool,
    pub(crate) push: bool,
}

impl Herald {
    /// One look; whether more is waiting.
    pub(crate) async fn look(&self) -> bool {
        let (keys, ways) = (self.keys.clone(), self.ways);
        match self.database.run(|pool| tell(pool, keys, ways)).await {
            Ok(told) => told == TAKEN_MAX as usize,
            Err(error @ DatabaseError::Away(_)) => {
                tracing::debug!(%error, "notices were not sent, looking again");
                false
            }
            Err(error) => {
                tracing::warn!(%error, "notices cannot be sent");
                false
            }
        }
    }
}

async fn tell(pool: PgPool, keys: Arc<ContactKey>, ways: Ways) -> Result<usize, sqlx::Error> {
    let mut own = own_connection(&pool).await?;
    let mut all = own.begin().await?;
    let unsent: Vec<Unsent> = sqlx::query_as(
        "select n.id, n.about, n.kind, n.facts, n.contact, n.sealed_to,
             (select account_id from office.order_claim c where c.order_id = n.about) as claimed_by,
             coalesce(e.name, '') as event_name, coalesce(v.timezone, 'UTC') as timezone,
             coalesce(v.name || ', ' || v.city || ', ' || v.address, '') as place
         from office.notice n left join office.event e on e.id = n.event_id
             left join office.venue v on v.id = e.venue_id
         where n.sent_at is null order by n.id limit $1 for update of n skip locked",
    )
    .bind(TAKEN_MAX)
    .fetch_all(&mut *all)
    .await?;
    for notice in &unsent {
        if let Some(reader) = reader(&mut all, &keys, notice).await? {
            write(&mut all, &keys, (notice, ways), &reader).await?;
        }
        sqlx::query("update office.notice set sent_at = now() where id = $1")
            .bind(notice.id)
            .execute(&mut *all)
            .await?;
    }
    all.commit().await?;
    Ok(unsent.len())
}

/// Whom a notice is for.
struct Reader {
    /// The account and its key; a guest has none.
    account: Option<(Uuid, PersonKey)>,
    contact: Contact,
    choices: Choices,
}

/// Writes one notice's messages. Where no chosen way leads to somebody who wants to be told, mail does;
/// it also takes the place of a way that turns out to be closed.
async fn write(
    db: &mut PgConnection,
    keys: &ContactKey,
    (notice, ways): (&Unsent, Ways),
    reader: &Reader,
) -> Result<(), sqlx::Error> {
    let channels = reader.choices.channels(&notice.kind, &reader.contact.channels);
    if channels.is_empty() {
        return Ok(());
    }
    let told = notice.told();
    let language = reader.choices.language.or(reader.contact.language);
    let (subject, text) = words::letter(&told, &reader.contact.name, language);
    let mail = Letter { to: reader.contact.email.clone(), subject, text };
    let others = others(db, reader, (&channels, ways)).await?;
    let by_mail = channels.contains(&Channel::Email) || others.is_empty();
    let account = reader.account.as_ref().map(|(account, _)| *account);
    let mut parcels: Vec<(Channel, Parcel)> = Vec::new();
    if by_mail {
        parcels.push((Channel::Email, Parcel { letter: mail.clone(), instead: None }));
    }
    for (channel, to) in others {
        let text = match channel {
            Channel::Push => words::screen(&told, language),
            Channel::Email | Channel::Telegram => mail.text.clone(),
        };
        let letter = Letter { to, subject: String::new(), text };
        let instead = (!by_mail).then(|| mail.clone());
        parcels.push((channel, Parcel { letter, instead }));
    }
    for (channel, parcel) in parcels {
        if let Ok(outgoing) = Outgoing::by(keys, account, (channel, "notice"), &parcel) {
            messages::put(db, &outgoing).await?;
        }
    }
    Ok(())
}

/// Where else than by mail the person is reached: the chat, and each browser.
async fn others(
    db: &mut PgConnection,
    reader: &Reader,
    (channels, ways): (&[Channel], Ways),
) -> Result<Vec<(Channel, String)>, sqlx::Error> {
    let Some((account, key)) = &reader.account else { return Ok(Vec::new()) };
    let mut others = Vec::new();
    if ways.telegram && channels.contains(&Channel::Telegram) {
        let chat = links::chat_of(db, *account, key).await?;
        others.extend(chat.map(|chat| (Channel::Telegram, chat.to_string())));
    }
    if ways.push && channels.contains(&Channel::Push) {
        let browsers = subscriptions::list_in(db, *account).await?;
        others.extend(browsers.iter().map(|one| (Channel::Push, one.id.to_string())));
    }
    Ok(others)
}

/// The contact in plain form, and what its person chose; opening a person's is noted.
async fn reader(
    db: &mut PgConnection,
    keys: &ContactKey,
    notice: &Unsent,
) -> Result<Option<Reader>, sqlx::Error> {
    let Some(about) = notice.bound_to() else { return Ok(None) };
    let owner = sealed_by(&notice.contact);
    let account = match owner.or(notice.claimed_by) {
        Some(account) => person_key(db, keys, account).await?.map(|key| (account, key)),
        None => None,
    };
    let plain = match (owner, &account) {
        (None, _) => keys.open_about(&about, &notice.contact).ok(),
        (Some(_), Some((_, key))) => key.open_about(&about, &notice.contact).ok(),
        (Some(_), None) => None,
    };
    let Some(contact) = plain.and_then(|plain| Contact::from_bytes(&plain)) else {
        return Ok(None);
    };
    let choices = match &account {
        Some((account, _)) => {
            note_access(&mut *db, *account, "worker", "notice").await?;
            choices::read_in(db, *account).await?
        }
        None => Choices::default(),
    };
    Ok(Some(Reader { account, contact, choices }))
}

/// The key of an account that was not erased.
async fn person_key(
    db: &mut PgConnection,
    keys: &ContactKey,
    account: Uuid,
) -> Result<Option<PersonKey>, sqlx::Error> {
    let wrapped: Option<Option<Vec<u8>>> =
        sqlx::query_scalar("select person_key from office.account where id = $1")
            .bind(account)
            .fetch_optional(db)
            .await?;
    Ok(wrapped.flatten().and_then(|wrapped| keys.person(account, &wrapped).ok()))
}

impl Unsent {
    /// What the contact was sealed to.
    fn bound_to(&self) -> Option<String> {
        match self.sealed_to.split_once(':')? {
            ("hold", id) => Some(about_hold(id.parse().ok()?)),
            ("wait", place) => {
                let (event, person) = place.split_once('-')?;
                let event = inventory::EventNo(event.parse().ok()?);
                Some(about_wait(event, u128::from_str_radix(person, 16).ok()?))
            }
            _ => None,
        }
    }

    fn told(&self) -> Told<'_> {
        Told {
            kind: &self.kind,
            about: &self.about,
            facts: &self.facts.0,
            event: &self.event_name,
            place: &self.place,
            timezone: &self.timezone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_knows_what_its_contact_is_bound_to() {
        let notice = |sealed_to: &str| Unsent {
            id: 1,
            about: "o1-5".into(),
            kind: "seats_moved".into(),
            facts: Json(serde_json::json!({"seats": ["A-1-2", "A-1-3"]})),
            contact: vec![],
            sealed_to: sealed_to.into(),
            claimed_by: None,
            event_name: "Гала".into(),
            place: String::new(),
            timezone: "UTC".into(),
        };
        let hold = "h7-4".parse().expect("an id");
        assert_eq!(notice("hold:h7-4").bound_to(), Some(about_hold(hold)));
        let place = about_wait(inventory::EventNo(7), 0xab);
        assert_eq!(notice("wait:7-000000000000000000000000000000ab").bound_to(), Some(place));
        for wrong in ["", "hold:x", "wait:7", "soul:1"] {
            assert_eq!(notice(wrong).bound_to(), None, "{wrong}");
        }
    }
}
