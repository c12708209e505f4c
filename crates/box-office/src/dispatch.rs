//! Sending messages that wait, by one way: taken from the queue, given to the way's carrier, and noted
//! how it ended. When a receiver is there no more, the way to it is closed and mail goes instead; mail also
//! goes instead of what is given up.
//!
//! In the flow: [`crate::messages`] keeps what waits; carriers are [`crate::mail`], [`crate::telegram`]
//! and [`crate::push`]. Nothing here logs an address or a text.

use std::future::Future;
use std::sync::Arc;

use futures_util::StreamExt;
use sqlx::PgConnection;

use crate::database::{Database, DatabaseError};
use crate::messages::{self, Letter, Sent, Taken};
use crate::people::choices::Channel;
use crate::sealing::ContactKey;

/// Messages taken at a time: so few that all have been given before anybody else gets them.
const TAKEN_MAX: i64 = 16;
/// Messages sent at a time; each is a conversation of some milliseconds.
const PARALLEL_MAX: usize = 8;

/// One way by which messages leave.
pub(crate) trait Carrier: Send + Sync {
    /// Which messages it takes.
    const CHANNEL: Channel;

    /// Whether it can send now; else messages wait.
    fn is_open(&self) -> bool;

    /// Sends one.
    fn give(&self, message: &Taken, letter: &Letter) -> impl Future<Output = Sent> + Send;

    /// Closes the way to a receiver that is there no more; whether that was the person's last one of this
    /// kind, so that mail should go instead. In one transaction with the message's end.
    fn forget(
        &self,
        db: &mut PgConnection,
        message: &Taken,
        letter: &Letter,
    ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;
}

/// Sends what waits for one carrier.
pub(crate) struct Dispatcher<C> {
    pub(crate) database: Arc<Database>,
    pub(crate) keys: Arc<ContactKey>,
    pub(crate) carrier: C,
}

impl<C: Carrier> Dispatcher<C> {
    /// Sends what is due now; whether more may be waiting.
    pub(crate) async fn look(&self) -> bool {
        if !self.carrier.is_open() {
            return false;
        }
        let taken = match messages::take(&self.database, C::CHANNEL, TAKEN_MAX).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::debug!(%error, "messages were not read, looking again");
                return false;
            }
        };
        let more = taken.len() as i64 == TAKEN_MAX;
        let sending = taken.into_iter().map(|message| self.send(message));
        futures_util::stream::iter(sending).buffer_unordered(PARALLEL_MAX).collect::<()>().await;
        more
    }

    async fn send(&self, message: Taken) {
        let Ok(parcel) = message.open(&self.keys) else {
            return self.end(&message, Sent::Never("cannot be opened".to_owned())).await;
        };
        if !self.carrier.is_open() {
            // It closed since the message was taken, which was not tried, then.
            if let Err(error) = messages::put_back(&self.database, &message).await {
                tracing::debug!(id = message.id, %error, "a message was not put back");
            }
            return;
        }
        let sent = self.carrier.give(&message, &parcel.letter).await;
        let why = match (sent, &parcel.instead) {
            (Sent::Gone(why), _) => why,
            (sent, Some(instead)) if message.is_final(&sent) => {
                return self.send_instead(&message, instead).await;
            }
            (sent, _) => return self.end(&message, sent).await,
        };
        self.count("gone");
        let forgotten = self.forget(&message, &parcel).await;
        if let Err(error) = forgotten {
            // It is tried once more in a minute, and found gone again.
            tracing::debug!(id = message.id, why, %error, "a lost receiver was not noted");
        }
    }

    async fn end(&self, message: &Taken, sent: Sent) {
        self.count(match &sent {
            Sent::Done => "sent",
            Sent::NotYet(_) | Sent::Later(..) => "again",
            Sent::Never(_) | Sent::Gone(_) => "never",
        });
        let (id, kind) = (message.id, message.kind.as_str());
        match messages::end(&self.database, message, sent).await {
            Ok(true) => tracing::error!(id, kind, "a message is given up; see office.message"),
            Ok(false) => {}
            // It is sent once more in a minute; mail has the same Message-ID then.
            Err(error) => tracing::debug!(id, %error, "the end of a message was not noted"),
        }
    }

    /// Mail goes in the place of a message that is given up.
    async fn send_instead(&self, message: &Taken, instead: &Letter) {
        self.count("never");
        let redirected = async {
            let mut work = self.database.begin().await?;
            messages::redirect(work.db(), &self.keys, message, Some(instead))
                .await
                .map_err(DatabaseError::of)?;
            work.commit().await
        };
        if let Err(error) = redirected.await {
            // It is tried once more in a minute.
            tracing::debug!(id = message.id, %error, "a message was not made a letter");
        }
    }

    async fn forget(
        &self,
        message: &Taken,
        parcel: &messages::Parcel,
    ) -> Result<(), DatabaseError> {
        let mut work = self.database.begin().await?;
        let was_last = self.carrier.forget(work.db(), message, &parcel.letter).await;
        let was_last = was_last.map_err(DatabaseError::of)?;
        let instead = parcel.instead.as_ref().filter(|_| was_last);
        messages::redirect(work.db(), &self.keys, message, instead)
            .await
            .map_err(DatabaseError::of)?;
        work.commit().await
    }

    fn count(&self, outcome: &'static str) {
        let channel = C::CHANNEL.as_str();
        metrics::counter!("seatgrid_messages_total", "channel" => channel, "outcome" => outcome)
            .increment(1);
    }
}
