//! Finds out what people must be told and puts it into the outbox. Looks at what there is, so a
//! restart loses nothing but turns whose hold ended meanwhile, of which there is nothing to tell.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use inventory::{EventNo, HoldId};
use processing_unit::{Grid, ShardId, Turn};

use crate::database::Database;
use crate::outbox;

/// Deadline of one question to a shard.
const ASK_DEADLINE: Duration = Duration::from_secs(5);
/// Turns asked for at once per shard; more are told at the next looks.
const TURNS_MAX: u32 = 2_000;

/// Looks again and again; remembers only which turns it wrote down, so as not to write them again.
pub(super) struct Notifier {
    grid: Grid,
    database: Arc<Database>,
    /// How long before an event owners are reminded, seconds; 0 for not at all.
    reminder_lead_s: u64,
    written: HashSet<HoldId>,
}

impl Notifier {
    pub(super) fn new(grid: Grid, database: Arc<Database>, reminder_lead_s: u64) -> Self {
        Self { grid, database, reminder_lead_s, written: HashSet::new() }
    }

    /// One look; whether more is waiting.
    pub(super) async fn look(&mut self) -> bool {
        self.tell_turns().await;
        match outbox::follow_moves(&self.database).await {
            Ok(made) => count("move", made),
            Err(error) => tracing::debug!(%error, "owners were not told of a move, trying again"),
        }
        let more_reminders = self.remind().await;
        match outbox::follow_ledger(&self.database).await {
            Ok((made, more)) => {
                count("ledger", made);
                more | more_reminders
            }
            Err(error) => {
                tracing::debug!(%error, "the ledger was not looked through, looking again");
                false
            }
        }
    }

    /// Whether more reminders are to be written at once.
    async fn remind(&self) -> bool {
        if self.reminder_lead_s == 0 {
            return false;
        }
        match outbox::remind(&self.database, self.reminder_lead_s).await {
            Ok((made, more)) => {
                count("reminder", made);
                more
            }
            Err(error) => {
                tracing::debug!(%error, "owners were not reminded, trying again");
                false
            }
        }
    }

    async fn tell_turns(&mut self) {
        let Ok(routes) = self.grid.refresh_routes(Instant::now() + ASK_DEADLINE).await else {
            return;
        };
        let shards: BTreeSet<ShardId> = routes.pins.values().map(|pin| pin.shard).collect();
        let (mut live, mut complete) = (Vec::new(), true);
        for shard in shards {
            match self.grid.turns(shard, TURNS_MAX, Instant::now() + ASK_DEADLINE).await {
                Ok(mut turns) => live.append(&mut turns),
                Err(error) => {
                    tracing::debug!(shard, %error, "turns of a shard were not read");
                    complete = false;
                }
            }
        }
        self.write(live, complete).await;
    }

    async fn write(&mut self, live: Vec<Turn>, complete: bool) {
        let id = |turn: &Turn| hold_id(turn.event, turn.hold.no);
        if complete {
            let there: HashSet<HoldId> = live.iter().map(id).collect();
            self.written.retain(|hold| there.contains(hold));
        }
        let new: Vec<Turn> =
            live.into_iter().filter(|turn| !self.written.contains(&id(turn))).collect();
        if new.is_empty() {
            return;
        }
        match outbox::put_turns(&self.database, &new).await {
            Ok(made) => {
                count("turn", made);
                self.written.extend(new.iter().map(id));
            }
            Err(error) => tracing::debug!(%error, "turns were not written down, trying again"),
        }
    }
}

fn hold_id(event: EventNo, no: u64) -> HoldId {
    HoldId { event, no }
}

fn count(from: &'static str, made: u64) {
    metrics::counter!("seatgrid_outbox_notices_total", "from" => from).increment(made);
}
