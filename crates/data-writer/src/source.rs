//! The grid as the writer sees it: a feed per shard, an acknowledgement, and what reconciliation
//! asks. The product's source is the typed client; tests drive the same rules in memory. Nothing
//! here changes a seat.

use std::future::Future;
use std::time::{Duration, Instant};

use inventory::{Code, EventNo, FeedPosition};
use processing_unit::{
    BesideAnswer, CheckedEvent, Feed, Grid, GridError, Pin, PlanAnswer, ShardId,
};

/// How long one question may take beyond the wait it asks for: a leader change included.
const ASK_DEADLINE: Duration = Duration::from_secs(3);
/// How long one acknowledgement may take. It is repeated with the next batch, so a lost one costs
/// nothing but room in the outbox.
const ACKNOWLEDGE_DEADLINE: Duration = Duration::from_secs(2);

/// What a sale is beside its terms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SaleStanding {
    /// No holds are granted for now.
    pub paused: bool,
    /// The event is cancelled, however far that is.
    pub cancelled: bool,
    /// Its codes.
    pub codes: Vec<Code>,
    /// Seats removed for good, persons' own limits, and the waiting list.
    pub beside: BesideAnswer,
}

/// Where changes come from.
pub trait FeedSource: Send + Sync + 'static {
    /// All events of the grid by public id, with their numbers and shards.
    fn pins(&self) -> impl Future<Output = Result<Vec<(String, Pin)>, GridError>> + Send;

    /// Records after a position, about `rows_max` ledger rows, waiting up to `wait` for the first.
    fn feed(
        &self,
        shard: ShardId,
        after: FeedPosition,
        rows_max: u32,
        wait: Duration,
    ) -> impl Future<Output = Result<Feed, GridError>> + Send;

    /// Says that everything up to a position, inclusive, is committed in PostgreSQL.
    fn acknowledge(
        &self,
        shard: ShardId,
        up_to: FeedPosition,
    ) -> impl Future<Output = Result<(), GridError>> + Send;

    /// Says which database a shard is written to; the one before, if any, must be told.
    fn bind(
        &self,
        shard: ShardId,
        from: Option<u128>,
        to: u128,
    ) -> impl Future<Output = Result<(), GridError>> + Send;

    /// An event's terms and plan.
    fn plan(&self, event: EventNo) -> impl Future<Output = Result<PlanAnswer, GridError>> + Send;

    /// One event whole, for comparison.
    fn check(&self, event: EventNo)
    -> impl Future<Output = Result<CheckedEvent, GridError>> + Send;

    /// How an event's sale stands.
    fn standing(
        &self,
        event: EventNo,
    ) -> impl Future<Output = Result<SaleStanding, GridError>> + Send;
}

impl FeedSource for Grid {
    async fn pins(&self) -> Result<Vec<(String, Pin)>, GridError> {
        let routes = self.refresh_routes(Instant::now() + ASK_DEADLINE).await?;
        Ok(routes.pins.iter().map(|(id, pin)| (id.clone(), *pin)).collect())
    }

    async fn feed(
        &self,
        shard: ShardId,
        after: FeedPosition,
        rows_max: u32,
        wait: Duration,
    ) -> Result<Feed, GridError> {
        let deadline = Instant::now() + wait + ASK_DEADLINE;
        Self::feed(self, shard, after, (rows_max, wait), deadline).await
    }

    async fn acknowledge(&self, shard: ShardId, up_to: FeedPosition) -> Result<(), GridError> {
        Self::acknowledge(self, shard, up_to, Instant::now() + ACKNOWLEDGE_DEADLINE).await
    }

    async fn bind(&self, shard: ShardId, from: Option<u128>, to: u128) -> Result<(), GridError> {
        Self::bind(self, shard, (from, to), Instant::now() + ASK_DEADLINE).await
    }

    async fn plan(&self, event: EventNo) -> Result<PlanAnswer, GridError> {
        Self::plan(self, event, Instant::now() + ASK_DEADLINE).await
    }

    async fn check(&self, event: EventNo) -> Result<CheckedEvent, GridError> {
        Self::check(self, event, Instant::now() + ASK_DEADLINE).await
    }

    async fn standing(&self, event: EventNo) -> Result<SaleStanding, GridError> {
        let sale = self.sale(event, Instant::now() + ASK_DEADLINE).await?;
        let codes = self.codes(event, Instant::now() + ASK_DEADLINE).await?;
        let codes = codes.into_iter().map(|used| used.code).collect();
        let beside = self.beside(event, Instant::now() + ASK_DEADLINE).await?;
        let (paused, cancelled) = (sale.paused, sale.cancel.is_some());
        Ok(SaleStanding { paused, cancelled, codes, beside })
    }
}
