//! How people want to be told things: in which language, and for each kind of notice by which ways.
//!
//! Here is the one list of kinds, with what is usual for each. Some must reach the person: of those at
//! least one way stays. Codes and word of changed data are no notices: they always go by mail.

use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use super::store::note_access;
use crate::database::{Database, DatabaseError, own_connection};
use crate::language::Language;

/// A way to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Channel {
    Email,
    Push,
    Telegram,
}

impl Channel {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Email, Self::Push, Self::Telegram];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Push => "push",
            Self::Telegram => "telegram",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == word)
    }
}

/// A kind of notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoticeKind {
    pub(crate) word: &'static str,
    /// Whether the person must hear of it: at least one way stays.
    pub(crate) is_required: bool,
    /// Whether it is of use for a moment only, and so goes by every way that there is.
    is_urgent: bool,
}

const fn usual(word: &'static str) -> NoticeKind {
    NoticeKind { word, is_required: false, is_urgent: false }
}

const fn required(word: &'static str) -> NoticeKind {
    NoticeKind { word, is_required: true, is_urgent: false }
}

const fn urgent(word: &'static str) -> NoticeKind {
    NoticeKind { word, is_required: false, is_urgent: true }
}

/// Every kind, in the order in which people are shown them.
pub(crate) const KINDS: [NoticeKind; 15] = [
    required("purchase_confirmed"),
    usual("hold_expired"),
    required("payment_failed"),
    required("payment_late"),
    usual("refund_started"),
    required("money_returned"),
    required("refund_failed"),
    required("seats_moved"),
    required("seats_removed"),
    required("seats_refunded"),
    required("event_moved"),
    required("event_cancelled"),
    required("hold_withdrawn"),
    urgent("turn_came"),
    urgent("reminder"),
];

impl NoticeKind {
    /// The ways when nobody chose.
    pub(crate) fn usual_channels(&self) -> &'static [Channel] {
        if self.is_urgent { &Channel::ALL } else { &[Channel::Email] }
    }
}

/// The kind with this word.
pub(crate) fn kind(word: &str) -> Option<&'static NoticeKind> {
    KINDS.iter().find(|kind| kind.word == word)
}

/// What one person chose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Choices {
    pub(crate) language: Option<Language>,
    /// Kinds by their words; each channel once.
    pub(crate) kinds: Vec<(String, Vec<Channel>)>,
}

impl Choices {
    /// The person's own choice for a kind.
    pub(crate) fn chosen(&self, word: &str) -> Option<&[Channel]> {
        self.kinds.iter().find(|(kind, _)| kind == word).map(|(_, channels)| channels.as_slice())
    }

    /// The ways for a kind: chosen by the person, else named with the order, else usual.
    pub(crate) fn channels(&self, word: &str, of_order: &[String]) -> Vec<Channel> {
        if let Some(chosen) = self.chosen(word) {
            return chosen.to_vec();
        }
        let named: Vec<Channel> = of_order.iter().filter_map(|w| Channel::parse(w)).collect();
        // Mail alone is what an order says that says nothing.
        match named.as_slice() {
            [] | [Channel::Email] => {
                kind(word).map_or(&[Channel::Email][..], NoticeKind::usual_channels).to_vec()
            }
            _ => named,
        }
    }
}

/// Reads a person's choices.
pub(crate) async fn read(database: &Database, account: Uuid) -> Result<Choices, DatabaseError> {
    database
        .run(|pool| async move {
            let mut db = pool.acquire().await?;
            read_in(&mut db, account).await
        })
        .await
}

/// The same within a transaction.
pub(crate) async fn read_in(db: &mut PgConnection, account: Uuid) -> Result<Choices, sqlx::Error> {
    let language: Option<Option<String>> =
        sqlx::query_scalar("select language from office.account where id = $1")
            .bind(account)
            .fetch_optional(&mut *db)
            .await?;
    let rows: Vec<(String, Vec<String>)> =
        sqlx::query_as("select kind, channels from office.notice_choice where account_id = $1")
            .bind(account)
            .fetch_all(db)
            .await?;
    let channels = |words: Vec<String>| words.iter().filter_map(|w| Channel::parse(w)).collect();
    Ok(Choices {
        language: language.flatten().as_deref().and_then(Language::parse),
        kinds: rows.into_iter().map(|(kind, words)| (kind, channels(words))).collect(),
    })
}

/// Puts choices in the place of those before, and notes that it was done.
pub(crate) async fn put(
    database: &Database,
    account: Uuid,
    choices: &Choices,
) -> Result<(), DatabaseError> {
    database.run(|pool| put_all(pool, account, choices)).await
}

async fn put_all(pool: PgPool, account: Uuid, choices: &Choices) -> Result<(), sqlx::Error> {
    let mut own = own_connection(&pool).await?;
    let mut all = own.begin().await?;
    // The account's row goes first, so that two changes at once are one after the other.
    sqlx::query("update office.account set language = $2 where id = $1 and erased_at is null")
        .bind(account)
        .bind(choices.language.map(Language::as_str))
        .execute(&mut *all)
        .await?;
    sqlx::query("delete from office.notice_choice where account_id = $1")
        .bind(account)
        .execute(&mut *all)
        .await?;
    for (kind, channels) in &choices.kinds {
        let words: Vec<&str> = channels.iter().map(|channel| channel.as_str()).collect();
        sqlx::query(
            "insert into office.notice_choice (account_id, kind, channels) values ($1, $2, $3)",
        )
        .bind(account)
        .bind(kind)
        .bind(words)
        .execute(&mut *all)
        .await?;
    }
    note_access(&mut *all, account, &account.to_string(), "notifications changed").await?;
    all.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_own_choice_counts_then_the_orders_then_what_is_usual() {
        use Channel::{Email, Push, Telegram};
        let chosen = vec![("reminder".to_owned(), vec![]), ("turn_came".to_owned(), vec![Push])];
        let choices = Choices { language: None, kinds: chosen };
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        for (kind, of_order, expected) in [
            ("reminder", &["email"][..], vec![]),
            ("turn_came", &["email"], vec![Push]),
            ("seats_moved", &["email", "telegram"], vec![Email, Telegram]),
            ("seats_moved", &["email"], vec![Email]),
            ("seats_moved", &[], vec![Email]),
            ("unheard_of", &[], vec![Email]),
        ] {
            assert_eq!(choices.channels(kind, &words(of_order)), expected, "{kind} {of_order:?}");
        }
        let nobody = Choices::default();
        assert_eq!(nobody.channels("reminder", &words(&["email"])), [Email, Push, Telegram]);
    }

    #[test]
    fn kinds_have_words_of_their_own() {
        let words: std::collections::BTreeSet<_> = KINDS.iter().map(|kind| kind.word).collect();
        assert_eq!(words.len(), KINDS.len());
        assert!(kind("reminder").is_some_and(|kind| !kind.is_required));
        assert!(kind("event_cancelled").is_some_and(|kind| kind.is_required));
    }
}
