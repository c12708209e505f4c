//! Which orders are a person's: those that they placed signed in, and those of a guest that they have
//! shown to be theirs. From the tables, which are a moment behind the grid.

use sqlx::FromRow;
use uuid::Uuid;

use crate::database::{Database, DatabaseError};

/// An order of a person.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct OrderRef {
    pub(crate) order_id: String,
    pub(crate) created_ms: i64,
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) status: Option<String>,
    /// Only those before this one.
    pub(crate) before: Option<OrderRef>,
    pub(crate) max: i64,
}

/// A person's orders, the newest first.
pub(crate) async fn list(
    database: &Database,
    account: Uuid,
    asked: Asked,
) -> Result<Vec<OrderRef>, DatabaseError> {
    database
        .run(|pool| async move {
            let before =
                asked.before.unwrap_or(OrderRef { order_id: String::new(), created_ms: i64::MAX });
            sqlx::query_as(
                "select order_id, created_ms from (
                     select order_id, status,
                         (extract(epoch from created_at) * 1000)::bigint as created_ms
                     from grid.sale_order where buyer_id = $1 or order_id in
                         (select order_id from office.order_claim where account_id = $1)) o
                 where ($2::text is null or status = $2) and (created_ms, order_id) < ($3, $4)
                 order by created_ms desc, order_id desc limit $5",
            )
            .bind(account)
            .bind(asked.status)
            .bind(before.created_ms)
            .bind(before.order_id)
            .bind(asked.max)
            .fetch_all(&pool)
            .await
        })
        .await
}

/// Makes an order a person's, unless it is somebody's already.
pub(crate) async fn claim(
    database: &Database,
    account: Uuid,
    order_id: String,
) -> Result<(), DatabaseError> {
    database
        .run(|pool| async move {
            sqlx::query(
                "insert into office.order_claim (order_id, account_id) values ($1, $2)
                 on conflict (order_id) do nothing",
            )
            .bind(order_id)
            .bind(account)
            .execute(&pool)
            .await
        })
        .await
        .map(drop)
}

/// Whether an order is a person's, by the tables.
pub(crate) async fn is_of(
    database: &Database,
    account: Uuid,
    order_id: String,
) -> Result<bool, DatabaseError> {
    database
        .run(|pool| async move {
            sqlx::query_scalar(
                "select exists (select from grid.sale_order where order_id = $2 and buyer_id = $1)
                     or exists (select from office.order_claim
                         where order_id = $2 and account_id = $1)",
            )
            .bind(account)
            .bind(order_id)
            .fetch_one(&pool)
            .await
        })
        .await
}
