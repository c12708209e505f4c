//! What every handler may use; made once, shared by all requests.

use std::sync::Arc;
use std::time::Duration;

use http_api::TrustedProxies;
use http_api::access::Access;
use http_api::admin::Probes;
use http_api::telemetry::PrometheusHandle;
use http_api::token::TokenKey;
use processing_unit::Grid;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::attempts::Attempts;
use crate::credits::Credits;
use crate::office::{Catalogue, Office};
use crate::pages::Rooms;
use crate::seatmap::SeatMaps;

/// The router's parts.
pub(crate) struct Router {
    pub(crate) grid: Grid,
    pub(crate) tokens: TokenKey,
    /// Who is signed in.
    pub(crate) access: Access,
    /// Who speaks for others.
    pub(crate) proxies: TrustedProxies,
    pub(crate) maps: Arc<SeatMaps>,
    pub(crate) office: Office,
    pub(crate) catalogue: Catalogue,
    /// Which events have a waiting room, for pages.
    pub(crate) rooms: Rooms,
    /// Room for holds on their way to shards.
    pub(crate) credits: Credits,
    /// Refused attempts on their way into the ledger.
    pub(crate) attempts: Arc<Attempts>,
    /// Room for live streams.
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) stream_comment: Duration,
    /// The provider's name that pages offer.
    pub(crate) payment_provider: String,
    pub(crate) probes: Probes,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) shutdown: CancellationToken,
}

/// How handlers get it.
pub(crate) type App = Arc<Router>;
