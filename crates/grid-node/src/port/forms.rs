//! Tests: what clients and nodes say to each other keeps its form, and damage is refused.

use std::time::Duration;

use bytes::Bytes;

use super::protocol::{Answer, Hello, Request, decode_greeting, encode_greeting};
use crate::admin::AdminRequest;
use crate::codec;
use crate::forms::{damaged, golden_all};
use crate::meta::{MetaCommand, MetaState};
use crate::routes::{RouteUpdate, RoutesKnown, ShardHint};

fn requests() -> Vec<Request> {
    let budget = Duration::from_millis(1500);
    let payload = Bytes::from_static(b"payload");
    vec![
        Request::Submit {
            shard: 3,
            epoch: 1 << 40,
            budget,
            commands: ["one", "", "three"].iter().collect(),
        },
        Request::Query { shard: 4, epoch: 0, budget, body: payload.clone() },
        Request::Routes { known: RoutesKnown { revision: 7, topology: 9 }, wait: budget },
        Request::FreshRoutes { budget, known: RoutesKnown::default() },
        Request::Pin { budget, key: "key".into() },
        Request::Status,
        Request::Ping,
        Request::Admin { budget, body: payload },
        Request::MetaWatch { known: 5, wait: budget },
        Request::WhoLeads { shard: 5 },
    ]
}

fn answers() -> Vec<Answer> {
    vec![
        Answer::Ok(Bytes::from_static(b"reply")),
        Answer::Moved(Box::<ShardHint>::default()),
        Answer::Busy,
        Answer::TooLarge,
        Answer::Expired,
        Answer::Unknown,
        Answer::Stopped,
        Answer::Malformed("why".into()),
    ]
}

#[test]
fn frames_keep_their_form() {
    let written: Vec<Bytes> = requests().iter().map(Request::encode).collect();
    let kept = golden_all("client-requests-3.bin", &written);
    for (bytes, request) in kept.iter().zip(requests()) {
        assert_eq!(Request::decode(bytes.clone()), Ok(request));
        damaged("a request", bytes, Request::decode);
    }
    let written: Vec<Bytes> = answers().iter().map(Answer::encode).collect();
    let kept = golden_all("client-answers-3.bin", &written);
    for (bytes, answer) in kept.iter().zip(answers()) {
        assert_eq!(Answer::decode(bytes.clone()), Ok(answer));
        damaged("an answer", bytes, Answer::decode);
    }
    let (chosen, greeting) = (3, encode_greeting(5, 6, 3));
    let kept = golden_all("client-introduction-3.bin", &[Hello::encode(), greeting]);
    assert_eq!(Hello::decode(kept[0].clone()), Ok(chosen));
    assert_eq!(decode_greeting(kept[1].clone()), Ok((5, 6)));
    damaged("a hello", &kept[0], Hello::decode);
    damaged("a greeting", &kept[1], decode_greeting);
}

/// What goes through the codec: damaged counts must not reserve what they claim.
#[test]
fn values_of_the_codec_survive_damage() {
    let pin = MetaCommand::Pin { key: "some event".into(), shards: 16 };
    let voters = AdminRequest::SetVoters { shard: 4, voters: vec![1, 2, 3] };
    let mut state = MetaState::default();
    for number in 0..20 {
        let key = format!("event {number}");
        state.execute(MetaCommand::Pin { key, shards: 16 }, 1_700_000_000_000);
    }
    damaged("a command", &codec::encode(&pin), |bytes| {
        drop(codec::decode::<MetaCommand>(&bytes));
    });
    damaged("an instruction", &codec::encode(&voters), |bytes| {
        drop(codec::decode::<AdminRequest>(&bytes));
    });
    damaged("a state", &codec::encode(&state), |bytes| {
        drop(codec::decode::<MetaState>(&bytes));
        drop(codec::decode::<RouteUpdate>(&bytes));
    });
}
