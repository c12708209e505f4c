//! Commands of one shard that are sent at the same moment share a frame.
//!
//! A command that is alone leaves at once; those that come while this process is busy leave
//! together, so the busier it is the less each costs. Only the sending is shared: every caller gets
//! the outcome of its own command and goes on by itself. No command waits for company.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::Inner;
use super::attempts::{Aim, Ask, Patience};
use super::leaders::{Leader, Place};
use crate::ShardId;
use crate::batch::{PIECE_OVERHEAD_BYTES, Pieces};
use crate::port::protocol::{Answer, BUNDLE_BYTES_MAX, Request};
use crate::rpc::CallError;

/// Commands of one bundle at most: a unit puts a bundle whole into one log entry.
const COMMANDS_MAX: usize = 512;
/// Bytes of one bundle at most; a larger command goes alone.
const BYTES_MAX: usize = BUNDLE_BYTES_MAX;
/// Deadlines within one bundle differ at most by so much: the earliest counts for all.
const DEADLINES_APART_MAX: Duration = Duration::from_millis(50);

/// What one attempt at a command came to.
type Outcome = Result<Answer, CallError>;

/// The commands of one shard on their way.
#[derive(Default)]
pub(super) struct Lane {
    queue: Mutex<Queue>,
    /// Commands that wait for answers.
    in_flight: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Passenger>,
    /// Whether a task is about to take what waits.
    leaving: bool,
}

/// One command.
struct Passenger {
    leader: Leader,
    epoch: u64,
    until: Instant,
    command: Bytes,
    outcome: oneshot::Sender<Outcome>,
}

/// Counts a command as long as its caller waits.
struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Inner {
    /// Sends a command to a leader, together with others that are sent now.
    pub(super) async fn send_together(
        self: &Arc<Self>,
        (shard, place): (ShardId, &Arc<Place>),
        leader: Leader,
        (aim, until): (Aim, Instant),
        command: Bytes,
    ) -> Outcome {
        let lane = &place.lane;
        let waiting = lane.in_flight.fetch_add(1, Ordering::Relaxed);
        let _in_flight = InFlight(&lane.in_flight);
        if waiting >= self.config.in_flight_max {
            return Err(CallError::Full);
        }
        let (sender, outcome) = oneshot::channel();
        let passenger = Passenger { leader, epoch: aim.epoch, until, command, outcome: sender };
        let must_leave = {
            let mut queue = lane.queue.lock();
            queue.waiting.push(passenger);
            !std::mem::replace(&mut queue.leaving, true)
        };
        if must_leave {
            let (inner, place) = (Arc::clone(self), Arc::clone(place));
            let closed = self.closed.clone();
            tokio::spawn(closed.run_until_cancelled_owned(leave(inner, shard, place)));
        }
        // Only a client that is closed forgets a bundle.
        outcome.await.unwrap_or(Err(CallError::Lost))
    }

    /// Sends one bundle and tells everybody in it what came of it.
    async fn carry(&self, shard: ShardId, place: &Place, bundle: Vec<Passenger>) {
        let now = Instant::now();
        let (bundle, late): (Vec<_>, Vec<_>) = bundle.into_iter().partition(|p| now < p.until);
        hand_out(late, Ok(Answer::Expired));
        let Some(first) = bundle.first() else { return };
        let (leader, epoch) = (first.leader, first.epoch);
        let until = bundle.iter().fold(first.until, |until, next| until.min(next.until));
        let commands: Pieces = bundle.iter().map(|passenger| &passenger.command).collect();
        let budget = until.saturating_duration_since(now);
        let ask = Ask { shard, patience: Patience::PerAttempt, bytes: commands.bytes() };
        let request = Request::Submit { shard, epoch, budget, commands };
        let answer = self.attempt(&ask, place, leader, (request, until)).await;
        hand_out(bundle, answer);
    }
}

/// Takes what waits once everybody who can send now has, and sends it.
async fn leave(inner: Arc<Inner>, shard: ShardId, place: Arc<Place>) {
    tokio::task::yield_now().await;
    let waiting = {
        let mut queue = place.lane.queue.lock();
        queue.leaving = false;
        std::mem::take(&mut queue.waiting)
    };
    let mut bundles = bundles(waiting);
    let last = bundles.pop().unwrap_or_default();
    for bundle in bundles {
        let (inner, place) = (Arc::clone(&inner), Arc::clone(&place));
        let closed = inner.closed.clone();
        let carried = async move { inner.carry(shard, &place, bundle).await };
        tokio::spawn(closed.run_until_cancelled_owned(carried));
    }
    inner.carry(shard, &place, last).await;
}

/// Those who go to the same leader at about the same time, in as few bundles as the limits allow.
fn bundles(waiting: Vec<Passenger>) -> Vec<Vec<Passenger>> {
    let mut bundles: Vec<(usize, Vec<Passenger>)> = Vec::new();
    for next in waiting {
        let bytes = next.command.len() + PIECE_OVERHEAD_BYTES;
        let takes = |(full_to, bundle): &&mut (usize, Vec<Passenger>)| {
            let first = &bundle[0];
            bundle.len() < COMMANDS_MAX
                && *full_to + bytes <= BYTES_MAX
                && (first.leader, first.epoch) == (next.leader, next.epoch)
                && apart(first.until, next.until) <= DEADLINES_APART_MAX
        };
        match bundles.iter_mut().rev().find(takes) {
            Some((full_to, bundle)) => {
                *full_to += bytes;
                bundle.push(next);
            }
            None => bundles.push((bytes, vec![next])),
        }
    }
    bundles.into_iter().map(|(_, bundle)| bundle).collect()
}

fn apart(a: Instant, b: Instant) -> Duration {
    a.saturating_duration_since(b).max(b.saturating_duration_since(a))
}

/// Gives everybody their part of the answer to a bundle.
fn hand_out(bundle: Vec<Passenger>, answer: Outcome) {
    let replies = match answer {
        Ok(Answer::Ok(body)) => Pieces::decode(body).ok().filter(|all| all.len() == bundle.len()),
        other => {
            for passenger in bundle {
                // The caller may have given up meanwhile.
                let _ = passenger.outcome.send(other.clone());
            }
            return;
        }
    };
    match replies {
        Some(replies) => {
            for (passenger, reply) in bundle.into_iter().zip(replies.shares()) {
                let _ = passenger.outcome.send(Ok(Answer::Ok(reply)));
            }
        }
        None => hand_out(bundle, Ok(Answer::Malformed("replies of other commands".into()))),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn passenger(node: u64, until: Instant, len: usize) -> (Passenger, oneshot::Receiver<Outcome>) {
        let (sender, outcome) = oneshot::channel();
        let leader = Leader { node, address: SocketAddr::from(([127, 0, 0, 1], 1)), term: 1 };
        let command = vec![0; len].into();
        (Passenger { leader, epoch: 1, until, command, outcome: sender }, outcome)
    }

    fn sizes(waiting: Vec<Passenger>) -> Vec<usize> {
        bundles(waiting).iter().map(Vec::len).collect()
    }

    #[test]
    fn only_those_who_fit_together_share_a_bundle() {
        let now = Instant::now();
        let late = now + DEADLINES_APART_MAX + Duration::from_millis(1);
        let one = |node, until, len| passenger(node, until, len).0;
        let mixed = [(1, now), (2, now), (1, late), (1, now), (2, now)];
        assert_eq!(sizes(mixed.map(|(node, until)| one(node, until, 9)).into()), [2, 2, 1]);
        let many = (0..COMMANDS_MAX + 1).map(|_| one(1, now, 1)).collect();
        assert_eq!(sizes(many), [COMMANDS_MAX, 1]);
        let large = [BYTES_MAX, 1, BYTES_MAX / 2, BYTES_MAX / 2, 1 << 20];
        assert_eq!(sizes(large.map(|len| one(1, now, len)).into()), [1, 2, 1, 1]);
        assert!(sizes(Vec::new()).is_empty());
    }

    #[test]
    fn everybody_gets_their_own_reply_or_the_same_refusal() {
        let pair = || {
            let both = [passenger(1, Instant::now(), 1), passenger(1, Instant::now(), 1)];
            let (bundle, outcomes): (Vec<_>, Vec<_>) = both.into_iter().unzip();
            let got = move || outcomes.into_iter().map(|mut o| o.try_recv().expect("told"));
            (bundle, got)
        };
        let replies =
            |all: &[&'static str]| Ok(Answer::Ok(all.iter().collect::<Pieces>().encode()));
        let (bundle, got) = pair();
        hand_out(bundle, replies(&["a", "b"]));
        let own = |reply: &'static str| Ok(Answer::Ok(Bytes::from_static(reply.as_bytes())));
        assert_eq!(got().collect::<Vec<_>>(), [own("a"), own("b")]);
        for refusal in [Ok(Answer::Busy), Err(CallError::Lost)] {
            let (bundle, got) = pair();
            hand_out(bundle, refusal.clone());
            assert!(got().all(|outcome| outcome == refusal));
        }
        let (bundle, got) = pair();
        hand_out(bundle, replies(&["a"]));
        assert!(got().all(|outcome| matches!(outcome, Ok(Answer::Malformed(_)))));
    }
}
