//! The second form of commands is bound to version 2: an old log means what it always meant, a
//! newer command before the activation is refused and changes nothing, and two adjacent releases
//! run side by side with equal states.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use grid_node::meta::{MetaReply, OperationKind};
use grid_node::{
    AdminAnswer, AdminRequest, ClientConfig, CommittedEntry, Encode, GridClient, GridNode,
    MetaCommand, QueryFuture, QueryHandler, Replies, RestoreError, Shard, ShardId, StateMachine,
};
use inventory::*;
use processing_unit::{GridError, ShardMachine};

use crate::harness::{Cluster, PATIENCE, hall, named, until};

/// Commands of the first form as an earlier release wrote them, each by itself and without its key,
/// which is too old by now.
fn old_commands() -> Vec<Bytes> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../inventory/tests/golden/commands-v1.bin");
    let kept = std::fs::read(path).expect("the golden file");
    let whole = codec::decode_envelopes(&kept).expect("commands").len();
    // Behind the form's number and the number of commands they stand one after the other.
    let mut rest = &kept[2..];
    let mut commands: Vec<Bytes> = Vec::new();
    while !rest.is_empty() {
        let with_form = |len: &usize| [&[1], &rest[..*len]].concat();
        let ends = (1..=rest.len()).find(|len| codec::decode_envelope(&with_form(len)).is_ok());
        let len = ends.expect("a command");
        commands.push(with_form(&len).into());
        rest = &rest[len..];
    }
    assert_eq!(commands.len(), whole);
    let keyed = codec::decode_envelope(&commands[0]).expect("a command");
    let expire = |key| codec::encode_envelope(&Envelope { key, ..envelope(Command::ExpireHolds) });
    let key_bytes = expire(keyed.key).len() - expire(None).len() + 1;
    let without = |command: Bytes| [&[1, 0], &command[1 + key_bytes..]].concat().into();
    commands.into_iter().map(without).collect()
}

/// Applies one command in an entry of its own; its reply.
fn apply(machine: &mut ShardMachine, index: u64, version: u32, command: &[u8]) -> Bytes {
    let at_ms = 1_700_000_000_000 + index;
    let commands = [command].iter().collect();
    let mut replies = Replies::new(1, true);
    machine.apply(&CommittedEntry { index, at_ms, version, commands }, &mut replies);
    replies.into_pieces().shares().next().expect("a reply")
}

fn open_sale(event: EventNo) -> Command {
    let sale = Sale {
        event_id: "second form".into(),
        name: "Second form".into(),
        starts_at_ms: u64::MAX / 2,
        currency: *b"RUB",
        opens_at_ms: 0,
        closes_at_ms: u64::MAX / 4,
        hold_ttl_ms: 60_000,
        per_hold_max: 6,
        rules: SaleRules::default(),
    };
    Command::OpenSale(OpenSale { event, sale, plan: hall() })
}

fn envelope(command: Command) -> Envelope {
    Envelope { key: None, actor: Actor::SYSTEM, command }
}

/// Applies every command in an entry of its own.
fn replay(version: u32, commands: &[Bytes]) -> (ShardMachine, Vec<Bytes>) {
    let mut machine = ShardMachine::empty(1);
    let one = |(index, command): (u64, &Bytes)| apply(&mut machine, index, version, command);
    let replies = (1..).zip(commands).map(one).collect();
    (machine, replies)
}

#[test]
fn a_log_of_the_first_form_means_the_same_under_both_versions() {
    let commands = old_commands();
    let (before, answered) = replay(1, &commands);
    let (after, again) = replay(2, &commands);
    assert_eq!(answered, again);
    assert_eq!(before.digest(), after.digest());
    assert_eq!(before.state().events().count(), 1, "the sale was opened");
    assert!(answered.iter().all(|reply| reply.len() > 1), "all of them are commands");
}

#[test]
fn a_command_of_the_second_form_waits_for_its_version_and_changes_nothing_before() {
    let (mut machine, _) = replay(1, &old_commands());
    let digest = machine.digest();
    let command = Bytes::from(codec::encode_envelope(&envelope(open_sale(EventNo(9)))));
    assert_eq!(codec::form(&command), Some(2));
    assert_eq!(*apply(&mut machine, 50, 1, &command), [0], "refused by name");
    assert_eq!(machine.digest(), digest, "not even the time went on");
    let reply = apply(&mut machine, 51, 2, &command);
    let reply: Reply = codec::decode(&reply).expect("a reply");
    assert_eq!(reply.outcome, Outcome::SaleOpened);
    // A form that this release does not know is none under any version.
    let digest = machine.digest();
    assert_eq!(*apply(&mut machine, 52, 2, &[3, 0]), [0]);
    assert_eq!(machine.digest(), digest);
}

#[test]
fn what_the_first_form_has_is_written_in_it() {
    for command in old_commands() {
        let told = codec::decode_envelope(&command).expect("a command");
        let written = codec::encode_envelope(&told);
        assert_eq!(codec::decode_envelope(&written), Ok(told.clone()));
        match codec::form(&written) {
            Some(1) => assert_eq!(written, command, "byte for byte as the older release wrote it"),
            form => assert!(
                matches!(
                    told.command,
                    Command::OpenSale(_) | Command::Hold(_) | Command::RecordRefund(_)
                ),
                "{told:?} in form {form:?}"
            ),
        }
    }
    let payment = PaymentId { event: EventNo(3), no: 6 };
    let result = GatewayResult::Mismatched { amount_minor: 1 };
    let newer = codec::encode_envelope(&envelope(Command::Settle(Settle { payment, result })));
    assert_eq!(codec::form(&newer), Some(2), "the older release does not know this result");
    let pretended = [&[1], &newer[1..]].concat();
    assert!(codec::decode_envelope(&pretended).is_err(), "nor does it understand it");
}

/// The release before: the same rules, without the second form.
struct OlderRelease(ShardMachine);

impl StateMachine for OlderRelease {
    const VERSIONS: RangeInclusive<u32> = 1..=1;

    fn empty(shard: ShardId) -> Self {
        Self(ShardMachine::empty(shard))
    }

    fn apply(&mut self, entry: &CommittedEntry, replies: &mut Replies) {
        assert_eq!(entry.version, 1, "applied what it cannot read");
        for command in entry.commands.iter() {
            if codec::form(command) == Some(1) {
                let commands = [command].iter().collect();
                self.0.apply(&CommittedEntry { commands, ..entry.clone() }, replies);
            } else {
                // It cannot make anything of the bytes.
                replies.push(&[]);
            }
        }
    }

    fn freeze(&self) -> Encode {
        self.0.freeze()
    }

    fn digest(&self) -> u64 {
        self.0.digest()
    }

    fn restore(shard: ShardId, from: &mut dyn Read) -> Result<Self, RestoreError> {
        ShardMachine::restore(shard, from).map(Self)
    }
}

/// Nobody asks the older release.
struct Silent;

impl<S: StateMachine> QueryHandler<S> for Silent {
    fn query(&self, _shard: Arc<Shard<S>>, _body: Bytes, _deadline: Instant) -> QueryFuture {
        Box::pin(async { Ok(Bytes::new()) })
    }
}

/// Nodes of the older release on a cluster's directories.
struct Older(BTreeMap<u64, GridNode<OlderRelease>>);

impl Older {
    async fn start(cluster: &Cluster, nodes: impl IntoIterator<Item = u64>) -> Self {
        let mut older = BTreeMap::new();
        for node in nodes {
            let config = cluster.node_config(node);
            let started = GridNode::start(config, Arc::new(Silent)).await.expect("it starts");
            older.insert(node, started);
        }
        Self(older)
    }

    /// A replica's last applied entry and fingerprint.
    fn digest(&self, node: u64, shard: ShardId) -> Option<(u64, u64)> {
        let shard = self.0[&node].shard(shard)?;
        Some((shard.applied_index(), shard.read(StateMachine::digest)))
    }

    async fn stop(&mut self, node: u64) {
        self.0.remove(&node).expect("a running node").shutdown().await;
    }
}

async fn activate(cluster: &Cluster, version: u32) {
    let client = GridClient::new(ClientConfig::new(cluster.clients()));
    let give_up = cluster.deadline();
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    loop {
        ticks.tick().await;
        let kind = OperationKind::Activate { version };
        let request = AdminRequest::Change(MetaCommand::Begin { kind });
        let answer = client.admin_leader(0, &request, cluster.deadline()).await;
        if matches!(answer, Ok(AdminAnswer::Changed(MetaReply::Begun(_)))) {
            return;
        }
        assert!(Instant::now() < give_up, "not activated: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_releases_side_by_side_stay_equal_and_the_new_commands_come_with_the_activation() {
    let mut cluster = Cluster::prepare(3);
    let mut older = Older::start(&cluster, [1, 2]).await;
    cluster.start_again(3).await;
    let pin = cluster.grid.pin("second form", cluster.deadline()).await.expect("pinned");
    let event = EventNo(pin.number);

    // Whoever leads, the answer is the same and nothing happens.
    let raw = GridClient::new(ClientConfig::new(cluster.clients()));
    let old = old_commands();
    let opened = raw.submit(pin.shard, old[0].clone(), cluster.deadline()).await.expect("opened");
    let opened: Reply = codec::decode(&opened).expect("a reply");
    assert_eq!(opened.outcome, Outcome::SaleOpened);
    let command = cluster.keyed(open_sale(event));
    let refused = cluster.grid.command(event, &command, cluster.deadline()).await;
    assert_eq!(refused, Err(GridError::NotActive));
    for command in &old[1..] {
        raw.submit(pin.shard, command.clone(), cluster.deadline()).await.expect("applied");
    }
    let side_by_side = until("equal replicas of both releases", || {
        let new = cluster.applied(3, pin.shard)?;
        (older.digest(1, pin.shard)? == new && older.digest(2, pin.shard)? == new).then_some(new)
    })
    .await;
    assert!(side_by_side.0 >= old.len() as u64, "all of them are in it");

    for node in [1, 2] {
        older.stop(node).await;
        cluster.start_again(node).await;
    }
    let refused = cluster.grid.command(event, &command, cluster.deadline()).await;
    assert_eq!(refused, Err(GridError::NotActive), "not before it is activated");
    activate(&cluster, 2).await;
    let give_up = cluster.deadline();
    let reply = loop {
        match cluster.grid.command(event, &command, cluster.deadline()).await {
            Err(GridError::NotActive) if Instant::now() < give_up => {}
            reply => break reply.expect("an answer"),
        }
    };
    assert_eq!(reply.outcome, Outcome::SaleOpened);
    cluster.held(event, named(&[0])).await;
    cluster.until_replicas_agree(event).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_grid_goes_by_the_newest_version_by_itself() {
    let cluster = Cluster::start(1).await;
    let event = cluster.open("new", 60).await;
    cluster.held(event, named(&[0])).await;
    let give_up = Instant::now() + PATIENCE;
    let client = GridClient::new(ClientConfig::new(cluster.clients()));
    let answer = client.admin_leader(0, &AdminRequest::Meta { fresh: true }, give_up).await;
    let Ok(AdminAnswer::Meta(meta)) = answer else { panic!("{answer:?}") };
    assert_eq!(meta.version(), *ShardMachine::VERSIONS.end());
}
