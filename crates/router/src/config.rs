//! Every knob of the router, with unit, default and reason.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http_api::server::ServerLimits;
use http_api::{ProxyHeader, TrustedProxies};
use processing_unit::GridConfig;
use serde::{Deserialize, Serialize};

use crate::credits::CreditLimits;
use crate::seatmap::MapLimits;

/// Everything a router needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouterConfig {
    /// The public address.
    pub listen: SocketAddr,
    /// Where probes and metrics are served.
    pub admin_listen: SocketAddr,
    /// The office's internal address.
    pub office: SocketAddr,
    /// File with the 32-byte key of hold tokens, shared with the office.
    pub hold_token_key_file: PathBuf,
    /// Keys of access tokens, the same file as the office's; without it everybody is a guest.
    pub access_key_file: Option<PathBuf>,
    /// Whether browsers reach the shop by TLS; the same as the office's setting.
    pub is_https: bool,
    /// Networks of the proxies before this server (`10.0.0.0/8`), which say in `proxy_header` whom they
    /// speak for; whoever else says so is not believed. None by default: the other end of a connection
    /// is the client.
    pub trusted_proxies: Vec<String>,
    /// Where those proxies say it: `x-forwarded-for`, or `forwarded` (RFC 7239). They must write it
    /// themselves.
    pub proxy_header: ProxyHeader,
    /// The payment provider that pages offer, by its name in the API.
    pub payment_provider: String,
    /// Open public connections at most; each costs a file descriptor and some 20 KB.
    pub connections_max: usize,
    /// Live seat streams at most, all events together; below `connections_max`.
    pub streams_max: usize,
    /// How long a request's head may take and a kept connection may idle, in milliseconds.
    pub head_within_ms: u64,
    /// How long `/readyz` says "draining" before the port closes, so that a load balancer notices,
    /// in milliseconds. 0 where nothing stands in front.
    pub drain_notice_ms: u64,
    /// How long requests under way may take at shutdown, in milliseconds.
    pub drain_within_ms: u64,
    /// Holds on their way to one shard at a time, at most; more are refused at once. Begins here and
    /// falls while their shortest time in a tenth of a second is above `hold_target_ms`.
    pub hold_credits_max: usize,
    /// It never falls below this: enough to fill the log entries of a shard.
    pub hold_credits_min: usize,
    /// How long a hold may take at the shard before that counts as a standing queue, in milliseconds.
    /// Raise it where a sync of the units' disks takes 20 ms and more.
    pub hold_target_ms: u64,
    /// Requests at the office at once; more are refused, so that a slow office cannot fill memory.
    pub office_in_flight_max: usize,
    /// Largest body passed on to the office, in bytes: a plan of 20,000 seats as JSON is 2 MB.
    pub office_body_bytes_max: usize,
    /// How long catalogue data on pages may be old, in milliseconds.
    pub catalogue_age_max_ms: u64,
    /// Events whose seat map is kept at once; the least used idle one makes room.
    pub maps_max: usize,
    /// Seats of all kept seat maps together; each costs some 450 bytes of memory, most of them
    /// rendered text. Must be above the largest plan.
    pub map_seats_max: usize,
    /// A seat map unused for so long is dropped, in milliseconds.
    pub map_idle_ms: u64,
    /// How old a seat map may be when it is answered, in milliseconds; an older one is refreshed
    /// first, by one question for all who wait.
    pub map_age_max_ms: u64,
    /// How old a seat map may be while the shard has no leader, in milliseconds; the answer says
    /// its age. Older than that is an error.
    pub map_stale_max_ms: u64,
    /// How long one question for news waits at the unit, in milliseconds.
    pub map_poll_wait_ms: u64,
    /// The pause between two questions for news, in milliseconds; bounds the load of a hot event.
    pub map_poll_pause_ms: u64,
    /// The time between two deltas of a live stream, in milliseconds; 250 is 4 a second.
    pub stream_tick_ms: u64,
    /// The time between two comments of a quiet stream, in milliseconds, so that proxies keep it.
    pub stream_comment_ms: u64,
    /// Admin addresses of the data writers, which keep refused attempts. Without any, refusals are
    /// counted and not kept.
    pub writers: Vec<SocketAddr>,
    /// Refused attempts that may wait for a writer; each costs some 300 bytes. More are counted as
    /// lost, and the count is kept.
    pub attempts_waiting_max: usize,
    /// Keeps one refused attempt in so many and counts the others: 1 keeps all.
    pub attempts_one_in: u32,
    /// The processing units.
    pub grid: GridConfig,
}

impl Default for RouterConfig {
    fn default() -> Self {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            listen: local(8080),
            admin_listen: local(9100),
            office: local(8081),
            hold_token_key_file: PathBuf::from("hold-token.key"),
            access_key_file: None,
            is_https: false,
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
            payment_provider: "sandbox".to_owned(),
            connections_max: 20_000,
            streams_max: 15_000,
            head_within_ms: 30_000,
            drain_notice_ms: 0,
            drain_within_ms: 10_000,
            hold_credits_max: 8_192,
            hold_credits_min: 640,
            hold_target_ms: 50,
            office_in_flight_max: 1_024,
            office_body_bytes_max: 4 * 1024 * 1024,
            catalogue_age_max_ms: 2_000,
            maps_max: 256,
            map_seats_max: 1_000_000,
            map_idle_ms: 60_000,
            map_age_max_ms: 250,
            map_stale_max_ms: 10_000,
            map_poll_wait_ms: 10_000,
            map_poll_pause_ms: 50,
            stream_tick_ms: 250,
            stream_comment_ms: 15_000,
            writers: Vec::new(),
            attempts_waiting_max: 100_000,
            attempts_one_in: 1,
            grid: GridConfig::default(),
        }
    }
}

/// Knobs that do not fit each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{knob}: {reason}")]
pub struct ConfigError {
    /// The knob to change.
    pub knob: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl RouterConfig {
    /// Checks the relations between knobs.
    ///
    /// # Errors
    /// Names the first knob that does not fit.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let rules = [
            (!self.grid.units.is_empty(), "grid.units", "name at least one processing unit"),
            (
                self.streams_max < self.connections_max,
                "streams_max",
                "must be below connections_max",
            ),
            (self.maps_max > 0, "maps_max", "must be 1 or more"),
            (
                self.map_seats_max >= inventory::PLAN_SEATS_MAX,
                "map_seats_max",
                "must not be below the largest plan, 250000",
            ),
            (self.hold_credits_min > 0, "hold_credits_min", "must be 1 or more"),
            (
                self.hold_credits_max >= self.hold_credits_min,
                "hold_credits_max",
                "must not be below hold_credits_min",
            ),
            (self.hold_target_ms > 0, "hold_target_ms", "must be 1 or more"),
            (self.office_in_flight_max > 0, "office_in_flight_max", "must be 1 or more"),
            (self.stream_tick_ms >= 20, "stream_tick_ms", "must be 20 or more"),
            (self.stream_comment_ms >= 1_000, "stream_comment_ms", "must be 1000 or more"),
            (self.map_poll_pause_ms >= 20, "map_poll_pause_ms", "must be 20 or more"),
            (self.attempts_one_in > 0, "attempts_one_in", "must be 1 or more"),
            (
                self.map_stale_max_ms >= self.map_age_max_ms,
                "map_stale_max_ms",
                "must not be below map_age_max_ms",
            ),
            (
                self.map_idle_ms > self.map_poll_wait_ms,
                "map_idle_ms",
                "must be above map_poll_wait_ms",
            ),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            Some((_, knob, reason)) => Err(ConfigError { knob, reason: reason.to_owned() }),
            None => self
                .grid
                .check_tls()
                .map_err(|error| ConfigError { knob: "grid", reason: error.to_string() }),
        }?;
        self.proxies().map(drop)
    }

    pub(crate) fn proxies(&self) -> Result<TrustedProxies, ConfigError> {
        TrustedProxies::new(&self.trusted_proxies, self.proxy_header)
            .map_err(|error| ConfigError { knob: "trusted_proxies", reason: error.to_string() })
    }

    pub(crate) fn server_limits(&self) -> ServerLimits {
        ServerLimits {
            connections_max: self.connections_max,
            head_within: Duration::from_millis(self.head_within_ms),
            drain_within: Duration::from_millis(self.drain_within_ms),
        }
    }

    pub(crate) fn credit_limits(&self) -> CreditLimits {
        CreditLimits {
            least: self.hold_credits_min,
            most: self.hold_credits_max,
            target: Duration::from_millis(self.hold_target_ms),
        }
    }

    pub(crate) fn map_limits(&self) -> MapLimits {
        MapLimits {
            maps_max: self.maps_max,
            seats_max: self.map_seats_max,
            idle: Duration::from_millis(self.map_idle_ms),
            age_max: Duration::from_millis(self.map_age_max_ms),
            stale_max: Duration::from_millis(self.map_stale_max_ms),
            poll_wait: Duration::from_millis(self.map_poll_wait_ms),
            poll_pause: Duration::from_millis(self.map_poll_pause_ms),
            tick: Duration::from_millis(self.stream_tick_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_fit_once_units_are_named() {
        let mut config = RouterConfig::default();
        assert_eq!(config.validate().expect_err("no units").knob, "grid.units");
        config.grid.units.push(config.listen);
        assert_eq!(config.validate(), Ok(()));
        config.streams_max = config.connections_max;
        assert_eq!(config.validate().expect_err("too many").knob, "streams_max");
        config.streams_max -= 1;
        config.trusted_proxies = vec!["10.0.0.0/8".to_owned(), "proxy.example".to_owned()];
        assert_eq!(config.validate().expect_err("no network").knob, "trusted_proxies");
    }
}
