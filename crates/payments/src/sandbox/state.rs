//! What all of the sandbox's handlers and tasks share.
//!
//! Holds no rules; it only brings the parts together.

use std::{net::SocketAddr, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{
    SandboxConfig, SandboxError,
    faults::Faults,
    identity::IdentityProvider,
    ledger::Terms,
    mailbox::{Mailboxes, push::EndedPush, ring::Ring, telegram::Bot},
    store::Store,
    view::ViewFacts,
};
use crate::secret::Secret;

/// A sandbox gateway.
#[derive(Debug)]
pub struct Sandbox {
    pub(super) store: Store,
    pub(super) faults: Faults,
    pub(super) view: ViewFacts,
    pub(super) secret: Secret,
    pub(super) receipts_required: bool,
    pub(super) identity: IdentityProvider,
    pub(super) mail: Arc<Ring>,
    pub(super) telegram: Arc<Ring>,
    pub(super) bot: Bot,
    pub(super) push: Arc<Ring>,
    pub(super) ended_push: EndedPush,
    pub(super) stop: CancellationToken,
}

impl Sandbox {
    /// Reads the journal and makes everything ready to serve at `address`. Requests that are
    /// being held up by a fault end when `stop` is cancelled.
    ///
    /// # Errors
    /// [`SandboxError`]: configuration or journal.
    pub fn open(
        config: &SandboxConfig,
        address: SocketAddr,
        stop: CancellationToken,
    ) -> Result<Self, SandboxError> {
        config.check()?;
        let secret = config.read_secret()?;
        let public_url = match config.public_url.as_str() {
            "" => format!("http://{address}"),
            configured => configured.to_owned(),
        };
        let view = ViewFacts { public_url, shop_id: config.shop_id.clone() };
        let terms = Terms {
            view: view.clone(),
            notices: !config.notify_url.is_empty(),
            stripe_notices: !config.stripe_notify_url.is_empty(),
            pending_ttl_ms: signed(config.pending_ttl_ms),
            capture_ttl_ms: signed(config.capture_ttl_ms),
            payments_max: config.payments_max,
        };
        let store = Store::open(&config.data_dir, config.journal_compact_bytes, terms)?;
        let Mailboxes { mail, telegram, push } = Mailboxes::default();
        let (faults, receipts_required) = (Faults::default(), config.receipts_required);
        let identity = IdentityProvider::new().map_err(|_| SandboxError::IdentityKey)?;
        Ok(Self {
            store,
            faults,
            view,
            secret,
            receipts_required,
            identity,
            mail,
            telegram,
            bot: Bot::default(),
            push,
            ended_push: EndedPush::default(),
            stop,
        })
    }
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
