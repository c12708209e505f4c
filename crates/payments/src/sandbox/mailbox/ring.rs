//! A bounded list of messages, newest first; the oldest give way.
//!
//! Bounded in count and in bytes, since anybody on this machine may fill it.

use std::collections::VecDeque;

use parking_lot::Mutex;
use serde::Serialize;

use crate::sandbox::{store::now_ms, view};

/// Most messages kept: five for each seat of the small demonstration hall.
const MESSAGES_MAX: usize = 10_000;
/// Most bytes of text kept.
const TEXT_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// A file that came with a message; only its description is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// File name, may be empty.
    pub name: String,
    /// Media type without parameters.
    pub content_type: String,
    /// Size after decoding, bytes.
    pub bytes: usize,
}

/// A message as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Address, chat or subscription.
    pub to: String,
    /// The subject; empty where the medium has none.
    pub subject: String,
    /// The readable text.
    pub text: String,
    /// When it came, RFC 3339.
    pub at: String,
    /// Files that came with it.
    pub attachments: Vec<Attachment>,
}

impl Message {
    /// A message that came now.
    pub fn now(to: impl Into<String>, subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            to: to.into(),
            subject: subject.into(),
            text: text.into(),
            at: view::time(now_ms()),
            attachments: Vec::new(),
        }
    }

    fn bytes(&self) -> usize {
        self.to.len() + self.subject.len() + self.text.len()
    }
}

/// The messages of one medium.
#[derive(Debug, Default)]
pub struct Ring {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    newest_first: VecDeque<Message>,
    bytes: usize,
}

impl Ring {
    /// Adds a message and lets the oldest go where needed.
    pub fn add(&self, message: Message) {
        let mut inner = self.inner.lock();
        inner.bytes += message.bytes();
        inner.newest_first.push_front(message);
        while inner.newest_first.len() > MESSAGES_MAX || inner.bytes > TEXT_BYTES_MAX {
            let Some(oldest) = inner.newest_first.pop_back() else { break };
            inner.bytes -= oldest.bytes();
        }
    }

    /// All messages, or those to one receiver (capitals do not matter).
    pub fn list(&self, to: Option<&str>) -> Vec<Message> {
        let wanted = |message: &&Message| to.is_none_or(|to| same(&message.to, to));
        self.inner.lock().newest_first.iter().filter(wanted).cloned().collect()
    }
}

fn same(one: &str, other: &str) -> bool {
    // In a query a plus that is not escaped means a space.
    let plain = |text: &str| text.trim().trim_start_matches('+').to_lowercase();
    plain(one) == plain(other)
}
