//! Redis as its experts would have it: one Lua script a hold, called by its hash over a few pipelined
//! connections, so that many holds share a round trip and, with the log synced always, a sync.
//!
//! Where replicas must have a hold before it is answered, each portion of a connection ends with one
//! `WAIT`: its holds wait together, as a group commit.

mod resp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::HOLD_TTL_S;
use crate::RivalError;
use crate::backend::{Choice, Lost, Verdict, Wish};

pub(crate) use resp::{Connection, Value};

/// Connections: one is enough for a server of one thread; while one waits for replicas others fill.
const CONNECTIONS: usize = 2;
const CONNECTIONS_THAT_WAIT: usize = 8;
/// How often ended holds are looked for, as the product does.
const SWEEP: Duration = Duration::from_secs(1);

const HOLD: &str = include_str!("redis/hold.lua");
const RELEASE: &str = include_str!("redis/release.lua");
const SWEEP_SCRIPT: &str = include_str!("redis/sweep.lua");

/// Pipelined connections to one server.
#[derive(Clone)]
pub(crate) struct Redis {
    connections: Arc<[Connection]>,
    next: Arc<AtomicUsize>,
    hold: Arc<str>,
    release: Arc<str>,
}

impl Redis {
    /// Loads the scripts; each hold waits for so many replicas.
    pub(crate) async fn connect(address: SocketAddr, replicas: u32) -> Result<Self, RivalError> {
        let count = if replicas > 0 { CONNECTIONS_THAT_WAIT } else { CONNECTIONS };
        let mut connections = Vec::new();
        for _ in 0..count {
            let connection = Connection::open(address, replicas).await;
            connections.push(connection.map_err(|error| RivalError::Redis(error.to_string()))?);
        }
        let hold = load(&connections[0], HOLD).await?;
        let release = load(&connections[0], RELEASE).await?;
        let sweep_hash = load(&connections[0], SWEEP_SCRIPT).await?;
        tokio::spawn(sweep(connections[0].clone(), sweep_hash));
        let next = Arc::new(AtomicUsize::new(0));
        Ok(Self { connections: connections.into(), next, hold, release })
    }

    fn connection(&self) -> &Connection {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        &self.connections[next % self.connections.len()]
    }

    pub(crate) async fn hold(&self, wish: Wish) -> Result<Verdict, Lost> {
        let Choice::Seats(seats) = wish.choice else {
            return Err(Lost("this rival takes named seats only".to_owned()));
        };
        let mut words = vec!["EVALSHA".to_owned(), self.hold.to_string(), "0".to_owned()];
        words.extend([wish.key.simple().to_string(), wish.hash.to_string()]);
        words.push(HOLD_TTL_S.to_string());
        words.extend(seats.iter().map(i32::to_string));
        match self.connection().call(&words).await? {
            Value::List(parts) => match parts.as_slice() {
                [Value::Number(0), ..] => Ok(Verdict::Taken),
                [Value::Number(3), ..] => Ok(Verdict::Conflict),
                [Value::Number(kind), Value::Number(hold)] => Ok(Verdict::Granted {
                    hold: hold.cast_unsigned(),
                    seats,
                    is_replay: *kind == 2,
                }),
                other => Err(Lost(format!("{other:?}"))),
            },
            other => Err(Lost(format!("{other:?}"))),
        }
    }

    pub(crate) async fn release(&self, hold: u64) -> Result<(), Lost> {
        let words = ["EVALSHA", &self.release, "0", &hold.to_string()];
        self.connection().call(&words).await.map(drop)
    }
}

async fn load(connection: &Connection, script: &str) -> Result<Arc<str>, RivalError> {
    let failed = |what: String| RivalError::Redis(what);
    match connection.call(&["SCRIPT", "LOAD", script]).await {
        Ok(Value::Text(hash)) => Ok(hash.into()),
        other => Err(failed(format!("{other:?}"))),
    }
}

/// Ends holds whose time is over, as long as the process lives.
async fn sweep(connection: Connection, script: Arc<str>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        if let Err(error) = connection.call(&["EVALSHA", &script, "0"]).await {
            tracing::warn!(%error, "ended holds are not swept");
        }
    }
}

#[cfg(test)]
mod tests;
