//! A person's purchases: orders and tickets of the account. Which they are is in the tables; how they
//! stand is asked of the grid, and of the tables where the grid has forgotten them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::{StreamExt, stream};
use http_api::{Code, Params, Problem, from_grid};
use inventory::OrderId;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::Office;
use super::super::answer::private;
use super::super::bodies::{self, OrderBody, TicketBody};
use super::super::tickets;
use super::bodies::ItemsBody;
use super::{SignedIn, problem};
use crate::people::orders::{self, Asked, OrderRef};

/// Orders of one page, unless asked otherwise, and at most.
const PAGE: u16 = 20;
const PAGE_MAX: u16 = 100;
/// Orders of one export.
const EXPORT_MAX: u16 = 1_000;
/// Questions to the grid at a time.
const PARALLEL_MAX: usize = 8;
/// How long a new order is remembered here: the tables have it long before.
const RECENT: Duration = Duration::from_secs(60);
/// People whose new orders are remembered.
const RECENT_PEOPLE_MAX: usize = 10_000;
/// New orders remembered of one.
const RECENT_ORDERS_MAX: usize = 32;

const STATUSES: [&str; 7] = [
    "pending_payment",
    "paid",
    "cancelled",
    "expired",
    "refund_pending",
    "refunded",
    "partially_refunded",
];
const TICKET_STATUSES: [&str; 5] = ["valid", "used", "expired", "cancelled", "refunded"];

/// What to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::office) struct Listing {
    /// Only those of this status.
    #[serde(default)]
    status: Option<String>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
    /// 1 to 100, 20 unless given.
    #[serde(default)]
    limit: Option<u16>,
}

/// A ticket with what it is for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OwnTicketBody {
    #[serde(flatten)]
    ticket: TicketBody,
    order_id: String,
    event_id: String,
    event_name: Option<String>,
    starts_at: String,
}

/// Orders that were just placed, until the tables have them.
#[derive(Default)]
pub(in crate::office) struct RecentOrders {
    by_account: Mutex<HashMap<Uuid, Vec<(OrderId, Instant)>>>,
}

impl RecentOrders {
    /// Remembers a new order of a person.
    pub(in crate::office) fn note(&self, account: Uuid, order: OrderId) {
        let mut people = self.by_account.lock();
        if people.len() >= RECENT_PEOPLE_MAX {
            people.retain(|_, orders| orders.iter().any(|(_, at)| at.elapsed() < RECENT));
        }
        if people.len() >= RECENT_PEOPLE_MAX {
            people.clear();
        }
        let orders = people.entry(account).or_default();
        orders.retain(|(known, at)| *known != order && at.elapsed() < RECENT);
        orders.truncate(RECENT_ORDERS_MAX - 1);
        orders.insert(0, (order, Instant::now()));
    }

    fn of(&self, account: Uuid) -> Vec<OrderId> {
        let people = self.by_account.lock();
        let orders = people.get(&account).map(Vec::as_slice).unwrap_or_default();
        orders.iter().filter(|(_, at)| at.elapsed() < RECENT).map(|(order, _)| *order).collect()
    }
}

/// One's orders, the newest first.
#[utoipa::path(get, path = "/api/v1/me/orders", tag = "people", params(Listing), responses(
    (status = 200, description = "A page of orders", body = ItemsBody<OrderBody>),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn list(
    State(office): State<Arc<Office>>,
    person: SignedIn,
    Params(listing): Params<Listing>,
) -> Result<Response, Problem> {
    let asked = listing.asked(&STATUSES)?;
    let account = office.live_account(&person.claims).await?.id;
    let (items, next_cursor) = office.orders_of(account, asked, person.deadline).await?;
    Ok(private(StatusCode::OK, None, ItemsBody { items, next_cursor }))
}

/// One's tickets, those of the newest orders first.
#[utoipa::path(get, path = "/api/v1/me/tickets", tag = "people", params(Listing), responses(
    (status = 200, description = "Tickets of a page of orders", body = ItemsBody<OwnTicketBody>),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn own_tickets(
    State(office): State<Arc<Office>>,
    person: SignedIn,
    Params(listing): Params<Listing>,
) -> Result<Response, Problem> {
    let wanted = listing.status.clone();
    let mut asked = listing.asked(&TICKET_STATUSES)?;
    asked.status = None;
    let account = office.live_account(&person.claims).await?.id;
    let (refs, next_cursor) = office.refs_of(account, asked).await?;
    let found: Vec<OrderId> =
        refs.into_iter().filter_map(|order| order.order_id.parse().ok()).collect();
    let tickets = stream::iter(found)
        .map(|id| office.tickets_of(id, person.deadline))
        .buffered(PARALLEL_MAX)
        .concat()
        .await;
    let wanted = |ticket: &OwnTicketBody| {
        wanted.as_ref().is_none_or(|status| ticket.ticket.status == *status)
    };
    let items = tickets.into_iter().filter(wanted).collect();
    Ok(private(StatusCode::OK, None, ItemsBody { items, next_cursor }))
}

impl Listing {
    fn asked(self, statuses: &[&str]) -> Result<Asked, Problem> {
        let max = self.limit.unwrap_or(PAGE);
        if !(1..=PAGE_MAX).contains(&max) {
            return Err(Problem::invalid_parameter("limit", "must be 1 to 100"));
        }
        if self.status.as_deref().is_some_and(|status| !statuses.contains(&status)) {
            return Err(Problem::invalid_parameter("status", "is none that there is"));
        }
        let before = match self.cursor.as_deref().map(read_cursor) {
            Some(None) => return Err(Problem::invalid_parameter("cursor", "is none of ours")),
            cursor => cursor.flatten(),
        };
        Ok(Asked { status: self.status, before, max: max.into() })
    }
}

fn read_cursor(text: &str) -> Option<OrderRef> {
    let (ms, order_id) = text.split_once('~')?;
    let order_id = order_id.to_owned();
    (order_id.len() <= 64).then_some(OrderRef { created_ms: ms.parse().ok()?, order_id })
}

fn cursor(order: &OrderRef) -> String {
    format!("{}~{}", order.created_ms, order.order_id)
}

impl Office {
    /// A page of a person's orders with the cursor of the next.
    async fn refs_of(
        &self,
        account: Uuid,
        asked: Asked,
    ) -> Result<(Vec<OrderRef>, Option<String>), Problem> {
        let (max, is_first) = (asked.max as usize, asked.before.is_none());
        let mut refs = orders::list(&self.database, account, asked).await.map_err(problem)?;
        let next = (refs.len() == max).then(|| refs.last().map(cursor)).flatten();
        if is_first {
            for new in self.recent.of(account).into_iter().rev() {
                let order_id = new.to_string();
                if refs.iter().all(|known| known.order_id != order_id) {
                    refs.insert(0, OrderRef { order_id, created_ms: 0 });
                }
            }
        }
        Ok((refs, next))
    }

    async fn orders_of(
        &self,
        account: Uuid,
        asked: Asked,
        deadline: Instant,
    ) -> Result<(Vec<OrderBody>, Option<String>), Problem> {
        let status = asked.status.clone();
        let (refs, next) = self.refs_of(account, asked).await?;
        let found: Vec<_> = stream::iter(refs)
            .map(|order| self.any_order(order.order_id, deadline))
            .buffered(PARALLEL_MAX)
            .collect()
            .await;
        let orders = found.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten();
        let wanted = |order: &OrderBody| status.as_ref().is_none_or(|word| order.status == *word);
        Ok((orders.filter(wanted).collect(), next))
    }

    /// All of a person's orders, as far as one document goes.
    pub(super) async fn all_orders_of(&self, account: Uuid) -> Result<Vec<OrderBody>, Problem> {
        let asked = Asked { max: EXPORT_MAX.into(), ..Asked::default() };
        let deadline = Instant::now() + Duration::from_secs(10);
        Ok(self.orders_of(account, asked, deadline).await?.0)
    }

    /// An order as the grid has it, else as the tables do.
    pub(super) async fn any_order(
        &self,
        order_id: String,
        deadline: Instant,
    ) -> Result<Option<OrderBody>, Problem> {
        let Ok(id) = order_id.parse::<OrderId>() else { return Ok(None) };
        if let Ok(answer) = self.grid.order(id, deadline).await {
            let plan = self.plans.naming(id.event, &answer.order.seats, deadline).await?;
            return Ok(Some(bodies::order(id.event, &answer, &plan)));
        }
        let told = self.history.order(id).await.map_err(problem)?;
        Ok(told.map(|told| told.what))
    }

    /// The tickets of one order; none where there are none, or the grid does not say.
    async fn tickets_of(&self, id: OrderId, deadline: Instant) -> Vec<OwnTicketBody> {
        let found = async {
            let answer = self.grid.order(id, deadline).await;
            let answer = answer.map_err(|error| from_grid(error, Code::OrderNotFound))?;
            let seats = [answer.order.seats.clone(), answer.order.left.clone()].concat();
            let plan = self.plans.naming(id.event, &seats, deadline).await?;
            let used = self.used_tickets(id).await;
            let desk = self.ticket_desk(&plan);
            Ok::<_, Problem>(
                tickets::all(id, &answer, (&desk, &used))
                    .into_iter()
                    .map(|ticket| OwnTicketBody {
                        ticket,
                        order_id: id.to_string(),
                        event_id: plan.sale.event_id.clone(),
                        event_name: self.event_name(&plan.sale.event_id),
                        starts_at: crate::clock::rfc3339_ms(desk.starts_at_ms),
                    })
                    .collect(),
            )
        };
        found.await.unwrap_or_default()
    }

    fn event_name(&self, id: &str) -> Option<String> {
        Some(self.catalogue.get()?.event(id)?.name.clone())
    }
}
