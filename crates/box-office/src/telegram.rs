//! Telegram: notices go to a person's chat by the Bot API; a chat is bound to an account by a code that
//! the person sends to the bot, and let go by `/stop` or by blocking the bot.
//!
//! In the flow: the office makes codes and lets chats go; the worker hears what is said to the bot
//! ([`listener`]) and sends messages. The token is part of every address: no address is ever logged.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::dispatch::Carrier;
use crate::messages::{Letter, Sent, Taken};
use crate::people::choices::Channel;

pub(crate) use bot::{Bot, TelegramError};
pub(crate) use listener::Listener;

mod bot;
pub(crate) mod links;
mod listener;

/// How the worker reaches Telegram.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelegramConfig {
    /// Scheme and host of the Bot API. Default `https://api.telegram.org`; another one for a server of
    /// one's own or a stand-in.
    pub base_url: String,
    /// File with the bot's token, as `@BotFather` gave it; without it nothing goes by Telegram.
    pub token_file: Option<PathBuf>,
    /// How long the bot's server may wait for something to be said, seconds, 0 to 50. Default 25: one call
    /// a minute or two while nothing happens.
    pub poll_s: u64,
    /// Deadline of one call beyond that, milliseconds. Default 10,000.
    pub call_timeout_ms: u64,
}

impl Default for TelegramConfig {
    fn default() -> Self {
        Self {
            base_url: "https://api.telegram.org".to_owned(),
            token_file: None,
            poll_s: 25,
            call_timeout_ms: 10_000,
        }
    }
}

/// Sends messages to chats.
pub(crate) struct TelegramCarrier(pub(crate) std::sync::Arc<Bot>);

impl Carrier for TelegramCarrier {
    const CHANNEL: Channel = Channel::Telegram;

    fn is_open(&self) -> bool {
        self.0.is_open()
    }

    async fn give(&self, _: &Taken, letter: &Letter) -> Sent {
        match letter.to.parse() {
            Ok(chat) => self.0.send(chat, &letter.text).await,
            Err(_) => Sent::Never("not a chat".to_owned()),
        }
    }

    async fn forget(
        &self,
        db: &mut PgConnection,
        message: &Taken,
        _: &Letter,
    ) -> Result<bool, sqlx::Error> {
        let Some(account) = message.account_id else { return Ok(true) };
        links::unlink(db, account).await.map(|_| true)
    }
}
