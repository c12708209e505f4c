//! How payment gateways do, for the board of sales: what this office's breakers saw lately.
//!
//! Reads memory only; asks no gateway, and works while PostgreSQL is away.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::Problem;

use super::super::Office;
use super::super::answer::private;
use super::super::bodies::staff::{GatewayBody, GatewaysBody};
use super::Staff;

/// How gateways did in the last minutes: whether they rest, calls, those without an answer, times.
#[utoipa::path(get, path = "/api/v1/admin/gateways", tag = "staff", responses(
    (status = 200, description = "Every configured gateway, by name", body = GatewaysBody),
    (status = 401, description = "`unauthenticated`"),
))]
pub(in crate::office) async fn list(
    State(office): State<Arc<Office>>,
    _staff: Staff,
) -> Result<Response, Problem> {
    Ok(private(StatusCode::OK, None, office.gateways()))
}

impl Office {
    fn gateways(&self) -> GatewaysBody {
        let health = |name: &str| {
            let health = self.providers.get(name)?.health()?;
            Some(GatewayBody::of(name, &health))
        };
        GatewaysBody { items: self.providers.names().filter_map(health).collect() }
    }
}
