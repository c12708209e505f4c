//! Free ports for local servers. Below the kernel's ephemeral range (32768 and up on Linux), so
//! that no outgoing connection can take the port between this test and the server's own bind.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::LazyLock;

use parking_lot::Mutex;
use rand::Rng;

/// First and one past the last port tried. Above the well-known services, below 32768.
const PORTS: std::ops::Range<u16> = 10_000..30_000;
/// Attempts before giving up; with fewer than half of the ports in use the chance to fail is nil.
const ATTEMPTS_MAX: usize = 200;

/// What this process was given: nobody may have bound it yet.
static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

/// An address on 127.0.0.1 that could be bound a moment ago, never the same twice in one process.
///
/// # Errors
/// As [`free_port`].
pub fn free_address() -> std::io::Result<SocketAddr> {
    free_port(&mut GIVEN.lock()).map(|port| (Ipv4Addr::LOCALHOST, port).into())
}

/// A port on 127.0.0.1 that could be bound a moment ago and is not in `taken`; it is added there.
///
/// # Errors
/// When 200 random ports between 10000 and 29999 were all in use.
pub fn free_port(taken: &mut HashSet<u16>) -> std::io::Result<u16> {
    let mut last = None;
    for _ in 0..ATTEMPTS_MAX {
        let port = rand::rng().random_range(PORTS);
        if taken.contains(&port) {
            continue;
        }
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => {
                taken.insert(port);
                return Ok(port);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into()))
}

/// Whether `port` of 127.0.0.1 can be bound now.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_distinct_and_below_the_ephemeral_range() {
        let mut taken = HashSet::new();
        for _ in 0..50 {
            let port = free_port(&mut taken).expect("some port is free");
            assert!(PORTS.contains(&port));
        }
        assert_eq!(taken.len(), 50);
    }

    #[test]
    fn a_bound_port_is_not_free() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let port = listener.local_addr().expect("address").port();
        assert!(!is_free(port));
    }
}
