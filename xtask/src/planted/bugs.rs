//! Bugs that somebody might write, each as a change of one text of the product or of the writer's
//! model. The simulation must find every one.

/// One bug.
pub struct Bug {
    /// What it is, in a few words.
    pub name: &'static str,
    /// Where.
    pub file: &'static str,
    /// The sound text; it stands there once.
    pub from: &'static str,
    /// The unsound one.
    pub to: &'static str,
}

const fn bug(name: &'static str, file: &'static str, from: &'static str, to: &'static str) -> Bug {
    Bug { name, file, from, to }
}

/// All of them.
pub const ALL: &[Bug] = &[
    bug(
        "seats of others can be held",
        "crates/inventory/src/commands/choose.rs",
        "if !taken.is_empty() {",
        "if taken.len() > 1 {",
    ),
    bug(
        "keys are not remembered",
        "crates/inventory/src/state.rs",
        "if let Some(key) = &envelope.key {",
        "if let Some(key) = envelope.key.as_ref().filter(|key| key.id % 16 != 0) {",
    ),
    bug(
        "time may go back",
        "crates/inventory/src/state.rs",
        "self.at_ms = self.at_ms.max(stamp.at_ms);",
        "self.at_ms = stamp.at_ms.saturating_sub(stamp.log_index % 7);",
    ),
    bug(
        "holds end early",
        "crates/inventory/src/commands/expire_holds.rs",
        "first.copied().filter(|(when, ..)| *when <= at_ms)",
        "first.copied().filter(|(when, ..)| *when <= at_ms + 1)",
    ),
    bug(
        "an order is made of an expired hold",
        "crates/inventory/src/commands/scope.rs",
        "Some(hold) if self.at_ms < hold.expires_at_ms => Ok(hold),",
        "Some(hold) if self.at_ms < hold.expires_at_ms + 50 => Ok(hold),",
    ),
    bug(
        "money buys an expired hold",
        "crates/inventory/src/commands/settle.rs",
        "is_some_and(|hold| hold.expires_at_ms <= s.at_ms)",
        "is_some_and(|hold| hold.expires_at_ms + 50 <= s.at_ms)",
    ),
    bug(
        "an acknowledgement trims too much",
        "crates/inventory/src/outbox.rs",
        "while let Some(record) = self.records.front().filter(|r| r.last() <= up_to) {",
        "while let Some(record) =\n            self.records.front().filter(|r| \
         r.position.log_index <= up_to.log_index + 1)\n        {",
    ),
    bug(
        "the feed repeats a record",
        "crates/inventory/src/outbox.rs",
        "let known = self.records.partition_point(|r| r.last() <= position);",
        "let known = self.records.partition_point(|r| r.last() < position);",
    ),
    bug(
        "acknowledged before the sync",
        "crates/grid-node/src/wal/writer.rs",
        "if durable || clear_doubt {",
        "if clear_doubt {",
    ),
    bug(
        "a failed sync is tried again",
        "crates/grid-node/src/wal/writer.rs",
        "self.active.file.sync_data().at(\"syncing\", &self.active.path)?;",
        "let again = |_| self.active.file.sync_data();\n        \
         self.active.file.sync_data().or_else(again).at(\"syncing\", &self.active.path)?;",
    ),
    bug(
        "a cut log votes at once",
        "crates/grid-node/src/raft/gate.rs",
        "Doubt::Open => false,",
        "Doubt::Open => true,",
    ),
    bug(
        "a leader without a lease answers",
        "crates/grid-node/src/raft/group/leading.rs",
        "let alive = alone || acked.is_some_and(|age| age < self.lease);",
        "let alive = alone || acked.is_some();",
    ),
    bug(
        "a new leader answers before it has applied",
        "crates/grid-node/src/raft/group/leading.rs",
        "own_term && alive && keeps && vote.leader_id.node_id == self.node_id",
        "(own_term || true) && alive && keeps && vote.leader_id.node_id == self.node_id",
    ),
    bug(
        "a lost call is said to have done nothing",
        "crates/grid-node/src/client/attempts.rs",
        "attempts.maybe |= failed != CallError::NotSent;",
        "attempts.maybe |= failed == CallError::TimedOut;",
    ),
    bug(
        "replicas differ by their own time",
        "crates/grid-node/src/raft/state_machine.rs",
        "CommittedEntry { index, at_ms: self.at_ms, version: self.version, commands };",
        "CommittedEntry { index, at_ms: self.at_ms.max(crate::clock::now_ms()), version: \
         self.version, commands };",
    ),
    bug(
        "an entry is answered and not applied",
        "crates/grid-node/src/raft/state_machine.rs",
        "self.machine.apply(&committed, &mut replies);",
        "self.machine.apply(&committed, &mut replies);\n        if index % 64 == 63 { self.machine = \
         S::empty(0); }",
    ),
    bug(
        "replicas move within an epoch",
        "crates/grid-node/src/meta/moves.rs",
        "record.epoch += 1;",
        "record.epoch += u64::from(record.epoch == 0);",
    ),
    bug(
        "nobody ends holds",
        "crates/processing-unit/src/timekeeper.rs",
        "Some(Duration::ZERO) => propose",
        "Some(Duration::ZERO) if false => propose",
    ),
    bug(
        "the writer acknowledges before it commits",
        "tests/sim/src/tables.rs",
        "if !feed.records.is_empty() {",
        "if let Some(last) = feed.records.last() {\n                \
         let _ = self.grid.acknowledge(self.shard, last.last(), deadline).await;",
    ),
    bug(
        "the writer is not fenced",
        "tests/sim/src/tables.rs",
        "if checkpoint.epoch != epoch || checkpoint.position != from {",
        "if epoch == 0 {",
    ),
    bug(
        "the writer loses a record",
        "tests/sim/src/tables.rs",
        "extend_from_slice(records);",
        "extend_from_slice(if records.len() > 8 { &records[1..] } else { records });",
    ),
    bug(
        "rows lag behind their checkpoint",
        "tests/sim/src/tables.rs",
        "for record in records {\n            tables.take(record);",
        "for record in records.iter().skip(usize::from(records.len() > 8)) {\n            \
         tables.take(record);",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sound_text_stands_where_it_is_said_once() {
        for bug in ALL {
            let path = crate::command::root().join(bug.file);
            let text = std::fs::read_to_string(&path).expect("the file is there");
            assert_eq!(text.matches(bug.from).count(), 1, "{}: {}", bug.file, bug.from);
            assert_ne!(bug.from, bug.to);
        }
        assert!(ALL.len() >= 20);
    }
}
