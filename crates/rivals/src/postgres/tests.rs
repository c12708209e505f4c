//! The functions against a real server: a rival that sold a seat twice would be no rival.

use std::collections::BTreeSet;

use tokio::task::JoinSet;
use uuid::Uuid;

use super::*;

async fn hall(seats: u32) -> (local_postgres::testing::TestDatabase, Postgres) {
    let database = local_postgres::testing::database();
    prepare(database.url(), &Hall::plain("gala", seats)).await.expect("tables");
    let postgres = Postgres::connect(database.url()).await.expect("a pool");
    (database, postgres)
}

fn wish(choice: Choice) -> Wish {
    Wish { key: Uuid::now_v7(), hash: 1, choice }
}

fn granted(verdict: &Verdict) -> Option<(u64, Vec<i32>)> {
    match verdict {
        Verdict::Granted { hold, seats, .. } => Some((*hold, seats.clone())),
        Verdict::Taken | Verdict::Conflict => None,
    }
}

#[tokio::test]
async fn named_seats_are_held_once_repeated_by_key_and_free_after_release() {
    let (_database, postgres) = hall(100).await;
    let first = wish(Choice::Seats(vec![3, 4]));
    let held = postgres.hold(first.clone()).await.expect("an answer");
    let (hold, seats) = granted(&held).expect("granted");
    assert_eq!(seats, [3, 4]);
    let again = postgres.hold(first.clone()).await.expect("an answer");
    assert_eq!(again, Verdict::Granted { hold, seats, is_replay: true });
    let other = Wish { hash: 2, ..first };
    assert_eq!(postgres.hold(other).await, Ok(Verdict::Conflict));
    assert_eq!(postgres.hold(wish(Choice::Seats(vec![4, 5]))).await, Ok(Verdict::Taken));
    assert_eq!(postgres.release(hold).await, Ok(vec![3, 4]));
    assert_eq!(postgres.release(hold).await, Ok(vec![]), "once");
    let then = postgres.hold(wish(Choice::Seats(vec![4, 5]))).await.expect("an answer");
    assert!(granted(&then).is_some());
}

#[tokio::test]
async fn a_crowd_gets_every_best_seat_once() {
    let (_database, postgres) = hall(60).await;
    let mut crowd = JoinSet::new();
    for _ in 0..50 {
        let postgres = postgres.clone();
        crowd.spawn(async move { postgres.hold(wish(Choice::Best(2))).await.expect("an answer") });
    }
    let all = crowd.join_all().await;
    let taken: Vec<i32> = all.iter().filter_map(granted).flat_map(|(_, seats)| seats).collect();
    let once: BTreeSet<i32> = taken.iter().copied().collect();
    assert_eq!(taken.len(), once.len(), "nobody has another's seat");
    // Whoever finds the last seats locked by others may go away empty.
    assert!(taken.len() >= 40, "{}", taken.len());
}

#[tokio::test]
async fn a_crowd_on_the_same_named_seats_gets_them_once() {
    let (_database, postgres) = hall(10).await;
    let mut crowd = JoinSet::new();
    for nth in 0..40 {
        let postgres = postgres.clone();
        // Named in either order: the edge sorts them, as here.
        let seats = vec![nth % 4, nth % 4 + 1];
        crowd.spawn(async move { postgres.hold(wish(Choice::Seats(seats))).await });
    }
    let all = crowd.join_all().await;
    let verdicts: Vec<Verdict> = all.into_iter().map(|told| told.expect("an answer")).collect();
    let taken: Vec<i32> =
        verdicts.iter().filter_map(granted).flat_map(|(_, seats)| seats).collect();
    assert_eq!(taken.len(), taken.iter().collect::<BTreeSet<_>>().len());
    assert!((2..=4).contains(&taken.len()), "{taken:?}");
}
