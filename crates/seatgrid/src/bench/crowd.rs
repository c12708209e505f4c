//! Sends the buyers by schedule, whatever the service does, and gathers what became of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;

use super::OnSale;
use super::api::Api;
use super::buyer::{Buyer, End, Times};

/// What became of everybody.
pub struct Crowd {
    pub ends: Vec<(End, Times)>,
    pub took: Duration,
}

/// Sends everybody and waits for the last.
pub async fn send(api: &Api, args: &OnSale) -> Crowd {
    let mut random = StdRng::seed_from_u64(args.seed);
    let event: Arc<str> = args.event.as_str().into();
    let started = Instant::now();
    let mut buyers = JoinSet::new();
    let mut ends = Vec::with_capacity(args.buyers as usize);
    for id in 0..args.buyers {
        let due = Duration::from_secs_f64(f64::from(id) / f64::from(args.rate));
        let scheduled = started + due;
        tokio::time::sleep_until(scheduled.into()).await;
        let (api, event) = (api.clone(), event.clone());
        let number = random.random_range(1..=args.seats_max);
        buyers.spawn(async move {
            let times = Times::default();
            Buyer { api: &api, event: &event, number, id, scheduled, times }.walk().await
        });
        while let Some(done) = buyers.try_join_next() {
            ends.extend(done.ok());
        }
    }
    while let Some(done) = buyers.join_next().await {
        ends.extend(done.ok());
    }
    Crowd { ends, took: started.elapsed() }
}
