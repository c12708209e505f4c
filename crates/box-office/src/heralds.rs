//! Notices become letters: what the outbox has for somebody who left an address is written to them,
//! in the transaction that marks the notice as sent, so that each goes out once.
//!
//! In the flow: the worker takes notices that nobody sent, opens the contact, writes the letter and
//! leaves it to [`crate::mail`]. A contact that nobody can open any more (its person was erased) or
//! that has no address is passed over. Nothing here logs what it opens.

use std::sync::Arc;

use serde_json::Value;
use sqlx::types::Json;
use sqlx::{Connection, FromRow, PgPool};
use uuid::Uuid;

use crate::catalogue::store::own_connection;
use crate::contact::Contact;
use crate::database::{Database, DatabaseError};
use crate::messages::{self, Letter, Outgoing};
use crate::sealing::{ContactKey, about_hold, about_wait, sealed_by};

/// Notices taken at a time.
const TAKEN_MAX: i64 = 100;

/// A notice that nobody sent yet.
#[derive(Debug, Clone, FromRow)]
struct Unsent {
    id: i64,
    about: String,
    kind: String,
    facts: Json<Value>,
    contact: Vec<u8>,
    sealed_to: String,
    event_name: Option<String>,
}

/// Writes letters for notices.
pub(crate) struct Herald {
    pub(crate) database: Arc<Database>,
    pub(crate) keys: Arc<ContactKey>,
}

impl Herald {
    /// One look; whether more is waiting.
    pub(crate) async fn look(&self) -> bool {
        let keys = self.keys.clone();
        match self.database.run(|pool| tell(pool, keys)).await {
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

async fn tell(pool: PgPool, keys: Arc<ContactKey>) -> Result<usize, sqlx::Error> {
    let mut own = own_connection(&pool).await?;
    let mut all = own.begin().await?;
    let unsent: Vec<Unsent> = sqlx::query_as(
        "select n.id, n.about, n.kind, n.facts, n.contact, n.sealed_to, e.name as event_name
         from office.notice n left join office.event e on e.id = n.event_id
         where n.sent_at is null order by n.id limit $1 for update of n skip locked",
    )
    .bind(TAKEN_MAX)
    .fetch_all(&mut *all)
    .await?;
    for notice in &unsent {
        if let Some((account, contact)) = open(&mut all, &keys, notice).await? {
            let letter = notice.letter(&contact);
            let outgoing = Outgoing::new(&keys, account, "notice", &letter);
            if let (true, Ok(outgoing)) = (wants_mail(&contact), outgoing) {
                messages::put(&mut all, &outgoing).await?;
            }
        }
        sqlx::query("update office.notice set sent_at = now() where id = $1")
            .bind(notice.id)
            .execute(&mut *all)
            .await?;
    }
    all.commit().await?;
    Ok(unsent.len())
}

fn wants_mail(contact: &Contact) -> bool {
    contact.channels.is_empty() || contact.channels.iter().any(|channel| channel == "email")
}

/// The contact in plain form, and whose account it is; opening a person's is noted.
async fn open(
    db: &mut sqlx::PgConnection,
    keys: &ContactKey,
    notice: &Unsent,
) -> Result<Option<(Option<Uuid>, Contact)>, sqlx::Error> {
    let Some(about) = notice.bound_to() else { return Ok(None) };
    let Some(account) = sealed_by(&notice.contact) else {
        let plain = keys.open_about(&about, &notice.contact).ok();
        return Ok(plain.and_then(|plain| Some((None, Contact::from_bytes(&plain)?))));
    };
    let wrapped: Option<Vec<u8>> =
        sqlx::query_scalar("select person_key from office.account where id = $1")
            .bind(account)
            .fetch_optional(&mut *db)
            .await?
            .flatten();
    let key = wrapped.and_then(|wrapped| keys.person(account, &wrapped).ok());
    let plain = key.and_then(|key| key.open_about(&about, &notice.contact).ok());
    let Some(contact) = plain.and_then(|plain| Contact::from_bytes(&plain)) else {
        return Ok(None);
    };
    sqlx::query(
        "insert into office.data_access (account_id, actor, purpose)
         values ($1, 'worker', 'notice')",
    )
    .bind(account)
    .execute(db)
    .await?;
    Ok(Some((Some(account), contact)))
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

    fn letter(&self, contact: &Contact) -> Letter {
        let event = self.event_name.as_deref().unwrap_or("");
        let (russian, english) = words(&self.kind);
        let seats = self.facts.0["seats"].as_array();
        let seats: Vec<&str> = seats.into_iter().flatten().filter_map(Value::as_str).collect();
        let seats = seats.join(", ");
        let (places, seats_word) = match seats.is_empty() {
            true => (String::new(), String::new()),
            false => (format!("\nМеста: {seats}"), format!("\nSeats: {seats}")),
        };
        let (when, when_english) = match self.moved_to() {
            None => (String::new(), String::new()),
            Some(at) => (format!("\nТеперь: {at}"), format!("\nNow: {at}")),
        };
        let about = &self.about;
        Letter {
            to: contact.email.clone(),
            subject: format!("{event}: {russian} / {english}"),
            text: format!(
                "Здравствуйте, {name}!\n{event}: {russian}.{when}{places}\nНомер: {about}\n\n\
                 Hello {name},\n{event}: {english}.{when_english}{seats_word}\nReference: {about}\n",
                name = contact.name,
            ),
        }
    }
}

impl Unsent {
    /// When a moved event starts now, as people read it.
    fn moved_to(&self) -> Option<String> {
        let starts_at: jiff::Timestamp = self.facts.0["to"]["starts_at"].as_str()?.parse().ok()?;
        Some(starts_at.strftime("%d.%m.%Y, %H:%M UTC").to_string())
    }
}

/// What a kind of notice says.
fn words(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "purchase_confirmed" => ("билеты куплены", "your tickets are bought"),
        "turn_came" => ("подошла ваша очередь", "your turn has come"),
        "seats_moved" => ("места заменены организатором", "your seats were moved"),
        "seats_removed" => ("места сняты организатором", "your seats were removed"),
        "seats_refunded" => ("места возвращены", "your seats were refunded"),
        "event_moved" => ("мероприятие перенесено", "the event was moved"),
        "event_cancelled" => ("мероприятие отменено", "the event is cancelled"),
        "money_returned" => ("деньги возвращены", "your money is on its way back"),
        "hold_withdrawn" => ("бронь снята", "your hold was withdrawn"),
        _ => ("есть новости о заказе", "there is news of your order"),
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
            event_name: Some("Гала".into()),
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
