//! How a client reaches the grid, with its limits.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::platform::{Network, Tcp};
use crate::tls::TlsConfig;

/// Time for dial and handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A unit that stopped without closing its connections is passed over after this time.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
/// Calls to one unit that may wait; as many as a unit takes from one connection.
const IN_FLIGHT_MAX: usize = 16_384;
/// 16 MiB, the largest command a unit takes by default.
const COMMAND_BYTES_MAX: usize = 16 << 20;
/// 128 MiB: a whole large event for comparison.
const ANSWER_BYTES_MAX: usize = 128 << 20;
/// As many requests as one unit may owe: all of them may lose their leader at once.
const PARKED_MAX: usize = 16_384;
/// 64 MiB of commands that wait for a leader.
const PARKED_BYTES_MAX: usize = 64 << 20;

/// How a client reaches the grid.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Client addresses of some units to begin with; the others are learnt from them.
    pub units: Vec<SocketAddr>,
    /// What it dials on. Default TCP.
    pub network: Arc<dyn Network>,
    /// Certificates; plain TCP without.
    pub tls: TlsConfig,
    /// Where addresses are reached from here, if not under the ones that the units go by: for clients
    /// behind a translation of addresses. Default none.
    pub via: BTreeMap<SocketAddr, SocketAddr>,
    /// Time for dial and handshake. Default 1 s.
    pub connect_timeout: Duration,
    /// Patience with one unit before a command is sent to the next. Default 1 s.
    pub attempt_timeout: Duration,
    /// Calls to one unit, and commands of one shard, that may wait for answers. Default 16384; one
    /// more is `Busy`.
    pub in_flight_max: usize,
    /// Requests that may wait for their shard to have a leader. Default 16384; one more is `Busy`.
    pub parked_max: usize,
    /// Bytes of commands that may wait so. Default 64 MiB.
    pub parked_bytes_max: usize,
    /// Largest command sent. Default 16 MiB.
    pub command_bytes_max: usize,
    /// Largest answer taken. Default 128 MiB.
    pub answer_bytes_max: usize,
}

impl ClientConfig {
    /// Default limits, beginning with these units.
    #[must_use]
    pub fn new(units: Vec<SocketAddr>) -> Self {
        Self {
            units,
            network: Arc::new(Tcp),
            tls: TlsConfig::default(),
            via: BTreeMap::new(),
            connect_timeout: CONNECT_TIMEOUT,
            attempt_timeout: ATTEMPT_TIMEOUT,
            in_flight_max: IN_FLIGHT_MAX,
            parked_max: PARKED_MAX,
            parked_bytes_max: PARKED_BYTES_MAX,
            command_bytes_max: COMMAND_BYTES_MAX,
            answer_bytes_max: ANSWER_BYTES_MAX,
        }
    }
}

/// Who answers a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// The shard's leader.
    Leader,
    /// Any replica, however old its state.
    Any,
}
