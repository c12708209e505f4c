//! Sending: messages that wait are given to a mail relay by SMTP; messages to phone numbers go to the
//! e-mail address that the operator's text-message service has for them.
//!
//! In the flow: [`crate::messages`] keeps what waits; the worker takes it, sends it here and notes how
//! it ended. The relay stands on our own network and signs and encrypts what leaves it. Nothing here
//! logs an address or a text.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::database::Database;
use crate::messages::{self, Letter, Sent, Taken};
use crate::sealing::ContactKey;

mod letter;
mod smtp;

/// Messages taken at a time.
const TAKEN_MAX: i64 = 50;
/// Messages sent at a time; each is a conversation of some milliseconds with a near relay.
const PARALLEL_MAX: usize = 8;

/// How messages leave the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailConfig {
    /// The relay, on this machine or our own network; without one messages wait.
    pub relay: Option<SocketAddr>,
    /// The sender's address.
    pub from: String,
    /// Domain of the text-message service's e-mail gateway, to which a message for +79001234567
    /// goes as `79001234567@domain`. Without it messages to numbers are given up.
    pub phone_domain: Option<String>,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self { relay: None, from: "tickets@localhost".to_owned(), phone_domain: None }
    }
}

impl MailConfig {
    /// The first thing that cannot work.
    pub(crate) fn fault(&self) -> Option<(&'static str, &'static str)> {
        let is_address = |text: &str| {
            let plain = text.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"".contains(&b));
            plain && text.split_once('@').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
        };
        if !is_address(&self.from) {
            return Some(("mail.from", "must be an e-mail address"));
        }
        let domain = self.phone_domain.as_ref().map(|domain| format!("7@{domain}"));
        let wrong = domain.is_some_and(|address| !is_address(&address));
        wrong.then_some(("mail.phone_domain", "must be a domain"))
    }
}

/// Sends what waits.
pub(crate) struct Mailer {
    pub(crate) database: Arc<Database>,
    pub(crate) keys: Arc<ContactKey>,
    pub(crate) config: MailConfig,
}

impl Mailer {
    /// Sends what is due now; whether more may be waiting.
    pub(crate) async fn look(&self) -> bool {
        let Some(relay) = self.config.relay else { return false };
        let taken = match messages::take(&self.database, TAKEN_MAX).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::debug!(%error, "messages were not read, looking again");
                return false;
            }
        };
        let more = taken.len() as i64 == TAKEN_MAX;
        let sending = taken.into_iter().map(|message| self.send(relay, message));
        use futures_util::StreamExt;
        futures_util::stream::iter(sending).buffer_unordered(PARALLEL_MAX).collect::<()>().await;
        more
    }

    async fn send(&self, relay: SocketAddr, message: Taken) {
        let sent = match message.open(&self.keys) {
            Ok(letter) => self.give(relay, &message, &letter).await,
            Err(_) => Sent::Never("cannot be opened".to_owned()),
        };
        let outcome = match &sent {
            Sent::Done => "sent",
            Sent::NotYet(_) => "again",
            Sent::Never(_) => "never",
        };
        metrics::counter!("seatgrid_messages_total", "outcome" => outcome).increment(1);
        let (id, kind) = (message.id, message.kind.as_str());
        match messages::end(&self.database, &message, sent).await {
            Ok(true) => tracing::error!(id, kind, "a message is given up; see office.message"),
            Ok(false) => {}
            // It is sent once more in a minute, with the same Message-ID.
            Err(error) => tracing::debug!(id, %error, "the end of a message was not noted"),
        }
    }

    async fn give(&self, relay: SocketAddr, message: &Taken, letter: &Letter) -> Sent {
        let to = match (letter.to.strip_prefix('+'), &self.config.phone_domain) {
            (None, _) => letter.to.clone(),
            (Some(digits), Some(domain)) => format!("{digits}@{domain}"),
            (Some(_), None) => return Sent::Never("no text-message service".to_owned()),
        };
        let text = letter::text(&self.config.from, &to, letter, message.id);
        smtp::send(relay, (&self.config.from, &to), &text).await
    }
}
