//! I12: what follows a granted hold is never refused for lack of room in the ledger.

use inventory::{Command, Outcome, Refusal};

use super::{Check, Finished};

/// See the module.
pub struct Room;

impl Check for Room {
    fn name(&self) -> &'static str {
        "I12 room for every confirm"
    }

    fn finish(&mut self, run: &Finished<'_>) -> Result<(), String> {
        let confirms = |command: &Command| {
            matches!(command, Command::PlaceOrder(_) | Command::Settle(_) | Command::ReleaseHold(_))
        };
        let refused = Outcome::Refused(Refusal::PersistenceBacklog);
        let mut all = run.log.operations.iter().filter(|o| confirms(&o.command));
        match all.find(|o| o.replies.iter().any(|reply| reply.outcome == refused)) {
            Some(operation) => Err(format!("refused: {operation:?}")),
            None => Ok(()),
        }
    }
}
