//! Sending: messages that wait are given to a mail relay by SMTP; messages to phone numbers go to the
//! e-mail address that the operator's text-message service has for them.
//!
//! In the flow: [`crate::messages`] keeps what waits; the worker takes it, sends it here and notes how
//! it ended ([`crate::dispatch`]). The relay stands on our own network and signs and encrypts what
//! leaves it. Nothing here logs an address or a text.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::dispatch::Carrier;
use crate::messages::{Letter, Sent, Taken};
use crate::people::choices::Channel;

mod letter;
mod smtp;

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

/// Sends letters.
pub(crate) struct MailCarrier(pub(crate) MailConfig);

impl Carrier for MailCarrier {
    const CHANNEL: Channel = Channel::Email;

    fn is_open(&self) -> bool {
        self.0.relay.is_some()
    }

    async fn give(&self, message: &Taken, letter: &Letter) -> Sent {
        let Some(relay) = self.0.relay else { return Sent::NotYet("no relay".to_owned()) };
        let to = match (letter.to.strip_prefix('+'), &self.0.phone_domain) {
            (None, _) => letter.to.clone(),
            (Some(digits), Some(domain)) => format!("{digits}@{domain}"),
            (Some(_), None) => return Sent::Never("no text-message service".to_owned()),
        };
        let text = letter::text(&self.0.from, &to, letter, message.id);
        smtp::send(relay, (&self.0.from, &to), &text).await
    }

    /// There is no other way after mail.
    async fn forget(
        &self,
        _: &mut PgConnection,
        _: &Taken,
        _: &Letter,
    ) -> Result<bool, sqlx::Error> {
        Ok(false)
    }
}
