//! The scripts against a real server, where one is installed.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tokio::task::JoinSet;
use uuid::Uuid;

use super::*;

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It keeps nothing that anybody wants.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `None` where no server is installed: these rivals are absent there.
fn server(more: &[&str]) -> Option<Server> {
    let port = std::net::TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]).args(more);
    let child = command.stdout(Stdio::null()).spawn().ok()?;
    Some(Server { child, address: ([127, 0, 0, 1], port).into() })
}

async fn connect(server: &Server, replicas: u32) -> Redis {
    let give_up = Instant::now() + Duration::from_secs(60);
    loop {
        match Redis::connect(server.address, replicas).await {
            Ok(redis) => return redis,
            Err(error) => assert!(Instant::now() < give_up, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

fn wish(seats: &[i32]) -> Wish {
    Wish { key: Uuid::now_v7(), hash: 1, choice: Choice::Seats(seats.to_vec()) }
}

fn granted(verdict: &Verdict) -> Option<(u64, Vec<i32>)> {
    match verdict {
        Verdict::Granted { hold, seats, .. } => Some((*hold, seats.clone())),
        Verdict::Taken | Verdict::Conflict => None,
    }
}

#[tokio::test]
async fn seats_are_held_once_repeated_by_key_and_free_after_release() {
    let Some(server) = server(&[]) else { return };
    let redis = connect(&server, 0).await;
    let first = wish(&[3, 4]);
    let held = redis.hold(first.clone()).await.expect("an answer");
    let (hold, _) = granted(&held).expect("granted");
    let again = redis.hold(first.clone()).await;
    assert_eq!(again, Ok(Verdict::Granted { hold, seats: vec![3, 4], is_replay: true }));
    assert_eq!(redis.hold(Wish { hash: 2, ..first }).await, Ok(Verdict::Conflict));
    assert_eq!(redis.hold(wish(&[4, 5])).await, Ok(Verdict::Taken));
    redis.release(hold).await.expect("an answer");
    assert!(granted(&redis.hold(wish(&[4, 5])).await.expect("an answer")).is_some());
}

#[tokio::test]
async fn a_crowd_gets_every_seat_once_over_pipelined_connections() {
    let Some(server) = server(&[]) else { return };
    let redis = connect(&server, 0).await;
    let mut crowd = JoinSet::new();
    for nth in 0..400 {
        let redis = redis.clone();
        crowd.spawn(async move { redis.hold(wish(&[nth % 40, nth % 40 + 1])).await });
    }
    let all = crowd.join_all().await;
    let verdicts: Vec<Verdict> = all.into_iter().map(|told| told.expect("an answer")).collect();
    let taken: Vec<i32> =
        verdicts.iter().filter_map(granted).flat_map(|(_, seats)| seats).collect();
    assert_eq!(taken.len(), taken.iter().collect::<BTreeSet<_>>().len());
    assert!(taken.len() >= 20, "{taken:?}");
}

#[tokio::test]
async fn a_hold_that_no_replica_has_is_not_acknowledged() {
    let Some(alone) = server(&[]) else { return };
    // Loading its scripts waits for a replica as well.
    let refused = loop {
        match Redis::connect(alone.address, 1).await {
            Err(RivalError::Redis(why)) if why.contains("replicas") => break why,
            Err(_) => tokio::task::yield_now().await,
            Ok(_) => panic!("nobody has it"),
        }
    };
    assert!(refused.contains("not on enough replicas"), "{refused}");
}
