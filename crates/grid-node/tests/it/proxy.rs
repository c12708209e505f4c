//! A link that can be held up: bytes wait while it is, and nothing is closed, as when the process at
//! its end is stopped. What comes back can also come too late.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How late an answer comes to somebody who is to be deaf.
const LATE: Duration = Duration::from_secs(2);

/// Which way bytes flow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

/// What is held up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    pub there: bool,
    pub back: bool,
    /// All that comes back is too late for anybody who waits for it, but the greeting: the
    /// connection looks alive, and no call on it has an answer.
    pub deaf: bool,
}

/// A link to one address.
pub struct Proxy {
    pub address: SocketAddr,
    held: watch::Sender<Held>,
    there_bytes: Arc<AtomicU64>,
    back_bytes: Arc<AtomicU64>,
    _end: DropGuard,
}

impl Proxy {
    /// A link that lets all pass.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (held, end) = (watch::Sender::new(Held::default()), CancellationToken::new());
        let (there_bytes, back_bytes) = (Arc::default(), Arc::default());
        let proxy = Self {
            address,
            held: held.clone(),
            there_bytes: Arc::clone(&there_bytes),
            back_bytes: Arc::clone(&back_bytes),
            _end: end.clone().drop_guard(),
        };
        let ended = end.clone();
        tokio::spawn(end.run_until_cancelled_owned(async move {
            loop {
                let Ok((near, _)) = listener.accept().await else { return };
                let Ok(far) = TcpStream::connect(target).await else { continue };
                let (near_read, near_write) = near.into_split();
                let (far_read, far_write) = far.into_split();
                let ways = [
                    (Way::There, near_read, far_write, Arc::clone(&there_bytes)),
                    (Way::Back, far_read, near_write, Arc::clone(&back_bytes)),
                ];
                for (way, read, write, bytes) in ways {
                    let passing = pass(way, (read, write), held.subscribe(), bytes);
                    tokio::spawn(ended.clone().run_until_cancelled_owned(passing));
                }
            }
        }));
        proxy
    }

    /// Holds bytes up, or lets them go.
    pub fn hold(&self, held: Held) {
        self.held.send_replace(held);
    }

    /// Bytes that clients have sent.
    pub fn there_bytes(&self) -> u64 {
        self.there_bytes.load(Ordering::SeqCst)
    }

    /// Bytes that the unit has answered.
    pub fn back_bytes(&self) -> u64 {
        self.back_bytes.load(Ordering::SeqCst)
    }
}

async fn pass(
    way: Way,
    (mut read, mut write): (tokio::net::tcp::OwnedReadHalf, tokio::net::tcp::OwnedWriteHalf),
    mut held: watch::Receiver<Held>,
    bytes: Arc<AtomicU64>,
) {
    let mut buffer = vec![0; 16 << 10];
    let mut greeted = false;
    loop {
        let Ok(count) = read.read(&mut buffer).await else { return };
        let free = |held: &Held| !if way == Way::There { held.there } else { held.back };
        if held.wait_for(free).await.is_err() || count == 0 {
            return;
        }
        if way == Way::Back && greeted && held.borrow().deaf {
            // Longer than any call waits, shorter than a link takes for dead.
            let late = tokio::time::timeout(LATE, std::future::pending::<()>()).await;
            late.expect_err("nothing to wait for but the time");
        }
        greeted = true;
        bytes.fetch_add(count as u64, Ordering::SeqCst);
        if write.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
