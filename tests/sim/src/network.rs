//! A network inside one process: TCP as programs see it, with time, loss and cuts in between.
//!
//! What is written on one side arrives on the other in order, whole, after a delay, or not at all:
//! a lost segment comes again later, as TCP does it, so loss is delay, and a cut is silence until
//! somebody's patience ends. A process that ends resets its connections; a machine that loses power
//! does not, and answers with resets once it is back. Nothing here knows what bytes mean.

mod pipe;
mod ports;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use grid_node::platform::{Listening, Network, Stream};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use self::pipe::{Pipe, Reader, Writer};
use self::ports::{Arriving, Port};
use crate::trace::Trace;

/// A machine on the network.
pub type HostId = u8;

/// After a lost segment the next attempt comes so much later.
const RETRANSMIT: Duration = Duration::from_millis(200);

/// How well segments travel now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weather {
    /// Shortest and longest time on the way.
    pub delay: (Duration, Duration),
    /// Share of segments that are lost and sent again.
    pub loss: f64,
}

impl Weather {
    /// A quiet local network.
    pub const FAIR: Self =
        Self { delay: (Duration::from_micros(200), Duration::from_millis(2)), loss: 0.0 };
}

/// All machines, ports and connections.
#[derive(Clone)]
pub struct World(Arc<Mutex<State>>);

struct State {
    random: StdRng,
    weather: Weather,
    /// From whom to whom nothing comes through.
    cut: Vec<(HostId, HostId)>,
    ports: BTreeMap<SocketAddr, Port>,
    pipes: Vec<Pipe>,
    dials: u64,
    lost: u64,
    trace: Trace,
}

impl World {
    pub fn new(seed: u64, trace: Trace) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: StdRng::seed_from_u64(seed),
            weather: Weather::FAIR,
            cut: Vec::new(),
            ports: BTreeMap::new(),
            pipes: Vec::new(),
            dials: 0,
            lost: 0,
            trace,
        })))
    }

    /// The network as one machine sees it.
    pub fn of(&self, host: HostId) -> Arc<dyn Network> {
        Arc::new(Interface { world: self.clone(), host })
    }

    pub fn set_weather(&self, weather: Weather) {
        self.0.lock().weather = weather;
    }

    /// From now on nothing comes through from one to the other.
    pub fn cut(&self, from: HostId, to: HostId) {
        self.0.lock().cut.push((from, to));
    }

    /// Everything comes through again; what waited is sent again.
    pub fn mend(&self) {
        self.0.lock().cut.clear();
    }

    /// Segments that were lost so far.
    pub fn lost(&self) -> u64 {
        self.0.lock().lost
    }

    /// Resets some connection between two machines; says whether there was one.
    pub fn reset_one(&self) -> bool {
        let mut state = self.0.lock();
        let open: Vec<usize> =
            (0..state.pipes.len()).filter(|i| !state.pipes[*i].is_over()).collect();
        if open.is_empty() {
            return false;
        }
        let chosen = open[state.random.random_range(0..open.len())];
        let connection = state.pipes[chosen].connection;
        for pipe in state.pipes.iter_mut().filter(|pipe| pipe.connection == connection) {
            pipe.reset();
        }
        true
    }

    /// A machine's process has ended; its ports are closed. With power its connections are reset.
    pub fn end(&self, host: HostId, with_power: bool) {
        let mut state = self.0.lock();
        state.ports.retain(|_, port| port.host != host);
        for pipe in &mut state.pipes {
            if pipe.from == host || pipe.to == host {
                pipe.end(with_power);
            }
        }
    }

    /// A machine is there again: whoever still talks to what it was is told.
    pub fn begin(&self, host: HostId) {
        let mut state = self.0.lock();
        for pipe in &mut state.pipes {
            if (pipe.from == host || pipe.to == host) && pipe.is_silent() {
                pipe.reset();
            }
        }
    }

    /// Delivers what is due.
    pub fn tick(&self) {
        let now = Instant::now();
        let state = &mut *self.0.lock();
        for pipe in &mut state.pipes {
            if state.cut.contains(&(pipe.from, pipe.to)) {
                continue;
            }
            pipe.deliver(now, &state.trace);
        }
        for port in state.ports.values_mut() {
            port.deliver(now);
        }
        state.pipes.retain(|pipe| !pipe.is_over());
    }
}

impl State {
    /// When a segment sent now arrives.
    fn arrival(&mut self) -> Instant {
        let (least, most) = self.weather.delay;
        let mut delay = self.random.random_range(least..=most);
        while self.weather.loss > 0.0 && self.random.random_bool(self.weather.loss) {
            self.lost += 1;
            delay += RETRANSMIT;
        }
        Instant::now() + delay
    }
}

/// The network as one machine sees it.
struct Interface {
    world: World,
    host: HostId,
}

impl std::fmt::Debug for Interface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interface").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Network for Interface {
    fn listen(&self, at: SocketAddr) -> io::Result<Listening> {
        let mut state = self.world.0.lock();
        if state.ports.contains_key(&at) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (port, accept) = Port::open(self.host);
        state.ports.insert(at, port);
        Ok(Listening::Other(Box::new(accept)))
    }

    fn dial(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<Stream>> {
        let (world, host) = (self.world.clone(), self.host);
        Box::pin(async move {
            let knock = world.knock(host, to);
            match knock {
                Some(waiting) => waiting.await.map_err(|_| io::ErrorKind::ConnectionRefused)?,
                // Nobody is there to refuse.
                None => std::future::pending().await,
            }
        })
    }
}

type Answered = tokio::sync::oneshot::Receiver<io::Result<Stream>>;

impl World {
    /// Asks for a connection; nothing comes back while the way is cut.
    fn knock(&self, from: HostId, to: SocketAddr) -> Option<Answered> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let mut state = self.0.lock();
        state.dials += 1;
        let (connection, at) = (state.dials, state.arrival());
        let Some(host) = state.ports.get(&to).map(|port| port.host) else {
            let _ = answer.send(Err(io::ErrorKind::ConnectionRefused.into()));
            return Some(answered);
        };
        if state.cut.contains(&(from, host)) || state.cut.contains(&(host, from)) {
            return None;
        }
        let (there, back) = (Pipe::new(connection, from, host), Pipe::new(connection, host, from));
        let near = Stream::Other(
            Box::new(Reader::new(&back)),
            Box::new(Writer::new(self.clone(), &there)),
        );
        let far = Stream::Other(
            Box::new(Reader::new(&there)),
            Box::new(Writer::new(self.clone(), &back)),
        );
        state.pipes.extend([there, back]);
        let from = SocketAddr::from(([127, 0, 0, 1], 50_000 + u16::from(from)));
        let port = state.ports.get_mut(&to).expect("it was there");
        port.arrive(at, Arriving { far, from, near, answer });
        Some(answered)
    }
}
