//! What is said to the bot: `/start CODE` binds the chat to the code's account, `/stop` lets it go.
//!
//! The Bot API hands updates out to one caller at a time, so workers agree by a lock of PostgreSQL on
//! who listens. How far was heard is written with what it did; an update that comes twice does nothing
//! more than once. Nothing of what people say is logged.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection, PgPool};

use super::bot::{Bot, Failure, Update};
use super::links;
use crate::database::{Database, DatabaseError, own_connection};
use crate::language::{Language, written};
use crate::sealing::ContactKey;

/// The lock of whoever listens, among PostgreSQL's advisory locks.
const LOCK: i64 = 0x5ea7_7e1e;
/// Pause after a failure, and between two looks for the lock.
const PAUSE: Duration = Duration::from_secs(2);
/// Longest text that may be a command.
const COMMAND_CHARS_MAX: usize = 100;

/// How often at most one chat is told what it may say.
const HELP_PAUSE: Duration = Duration::from_secs(60);

/// Which chats were told lately what they may say.
#[derive(Default)]
struct Helped(HashMap<i64, Instant>);

impl Helped {
    /// Whether this chat may be told now; notes that it is.
    fn may(&mut self, chat: i64, now: Instant) -> bool {
        self.0.retain(|_, at| now.duration_since(*at) < HELP_PAUSE);
        if self.0.contains_key(&chat) {
            return false;
        }
        self.0.insert(chat, now);
        true
    }
}

/// Hears what is said to the bot.
pub(crate) struct Listener {
    pub(crate) bot: Arc<Bot>,
    pub(crate) database: Arc<Database>,
    pub(crate) keys: Arc<ContactKey>,
}

/// What a text asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked<'a> {
    Start(&'a str),
    Stop,
    Else,
}

/// Why listening ended.
#[derive(Debug, thiserror::Error)]
enum ListenError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("the bot's server: {0}")]
    Bot(&'static str),
}

impl Listener {
    /// Listens for ever, or waits for whoever does to end.
    pub(crate) async fn run(self) {
        let mut helped = Helped::default();
        loop {
            if let Err(error) = self.listen(&mut helped).await {
                tracing::debug!(%error, "nothing was heard, listening again");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn listen(&self, helped: &mut Helped) -> Result<(), ListenError> {
        let mut own =
            self.database.run(|pool: PgPool| async move { own_connection(&pool).await }).await?;
        let of = DatabaseError::of;
        let is_ours: bool = sqlx::query_scalar("select pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut own)
            .await
            .map_err(of)?;
        if !is_ours {
            return Ok(());
        }
        // The lock goes with its connection, which is closed when this returns.
        loop {
            let next: i64 = sqlx::query_scalar("select next_update from office.telegram_cursor")
                .fetch_one(&mut own)
                .await
                .map_err(of)?;
            let updates = self.bot.updates(next).await;
            for update in updates.map_err(heard_nothing)? {
                self.hear(&mut own, &update, helped).await.map_err(of)?;
            }
        }
    }

    /// Does what an update asks for and notes that it was heard; then answers.
    async fn hear(
        &self,
        db: &mut PgConnection,
        update: &Update,
        helped: &mut Helped,
    ) -> Result<(), sqlx::Error> {
        let mut all = db.begin().await?;
        let mut answer = None;
        let said = update.message.as_ref().filter(|said| said.chat.kind == "private");
        if let Some(said) = said {
            let text = said.text.as_deref().unwrap_or("");
            let (chat, asked) = (said.chat.id, asked(text));
            let is_told = asked != Asked::Else || helped.may(chat, Instant::now());
            let words = self.obey(&mut all, chat, asked).await?;
            answer = is_told.then_some((chat, words));
        }
        sqlx::query("update office.telegram_cursor set next_update = $1")
            .bind(update.update_id + 1)
            .execute(&mut *all)
            .await?;
        all.commit().await?;
        if let Some((chat, text)) = answer {
            // An answer that is lost is no harm: what was asked for is done, and asking again shows it.
            self.bot.answer(chat, &text).await;
        }
        Ok(())
    }

    async fn obey(
        &self,
        db: &mut PgConnection,
        chat: i64,
        asked: Asked<'_>,
    ) -> Result<String, sqlx::Error> {
        let (outcome, language, words) = match asked {
            Asked::Start(code) => match links::link(db, &self.keys, (chat, code)).await? {
                Some(language) => ("linked", language, LINKED),
                None => ("wrong_code", None, WRONG_CODE),
            },
            Asked::Stop => match links::stop(db, &self.keys, chat).await? {
                true => ("stopped", None, STOPPED),
                false => ("not_linked", None, HELP),
            },
            Asked::Else => ("help", None, HELP),
        };
        metrics::counter!("seatgrid_telegram_updates_total", "outcome" => outcome).increment(1);
        Ok(told(language, words))
    }
}

fn heard_nothing(failure: Failure) -> ListenError {
    ListenError::Bot(match failure {
        Failure::Unknown(what) => what,
        Failure::Refused(401, ..) => "it does not know the token",
        Failure::Refused(409, ..) => "somebody else listens, or a webhook is set",
        Failure::Refused(..) => "it refused",
    })
}

fn asked(text: &str) -> Asked<'_> {
    if text.chars().count() > COMMAND_CHARS_MAX {
        return Asked::Else;
    }
    let mut words = text.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some("/start"), Some(code), None) => Asked::Start(code),
        (Some("/stop"), None, None) => Asked::Stop,
        _ => Asked::Else,
    }
}

const LINKED: (&str, &str) = (
    "Готово: уведомления будут приходить сюда. Отключить: /stop",
    "Done: notices come here from now on. To stop them: /stop",
);
const WRONG_CODE: (&str, &str) = (
    "Этот код не подходит или уже устарел. Возьмите новый в личном кабинете.",
    "That code does not fit or has ended. Take a new one on your account's page.",
);
const STOPPED: (&str, &str) =
    ("Уведомления сюда больше не приходят.", "No more notices come here.");
const HELP: (&str, &str) = (
    "Возьмите код в личном кабинете и пришлите: /start КОД",
    "Take a code on your account's page and send: /start CODE",
);

fn told(language: Option<Language>, words: (&str, &str)) -> String {
    written(language, words, "\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_is_told_what_it_may_say_once_a_minute() {
        let (mut helped, start) = (Helped::default(), Instant::now());
        assert!(helped.may(1, start) && helped.may(2, start));
        assert!(!helped.may(1, start + HELP_PAUSE - Duration::from_millis(1)));
        assert!(helped.may(1, start + HELP_PAUSE));
        assert!(!helped.may(1, start + HELP_PAUSE));
    }

    #[test]
    fn commands_are_read_strictly() {
        for (text, expected) in [
            ("/start ABC", Asked::Start("ABC")),
            (" /start  ABC ", Asked::Start("ABC")),
            ("/start", Asked::Else),
            ("/start A B", Asked::Else),
            ("/stop", Asked::Stop),
            ("/stop now", Asked::Else),
            ("hello", Asked::Else),
            ("", Asked::Else),
        ] {
            assert_eq!(asked(text), expected, "{text}");
        }
        assert_eq!(asked(&format!("/start {}", "x".repeat(100))), Asked::Else);
    }
}
