//! Who sends a request where proxies of our own stand before the server: the last address in the header
//! of the proxies that none of them is known to have.
//!
//! Flow: the server knows the other end of a connection. Only if that is a proxy that is trusted, the
//! header is read, from its end, where the nearest proxy wrote: each trusted address leads to the one
//! before it, and the first that is not trusted is the client. What stands further in front was written
//! by the client and says nothing.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::{HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};

use crate::Peer;

/// In which header proxies tell whom they speak for. One alone is read: what a proxy does not write
/// itself it passes on from the client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// `X-Forwarded-For`: addresses, the nearest proxy's last.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// A network in CIDR notation; a bare address is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    /// IPv4 mapped into IPv6, as is what is compared with it.
    address: u128,
    bits: u32,
}

/// Some text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address nor a network such as 10.0.0.0/8")]
pub struct NetworkError(pub String);

/// The proxies that are believed. None by default.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    header: ProxyHeader,
}

impl TrustedProxies {
    /// Those in these networks, which tell by this header.
    ///
    /// # Errors
    /// The first text that is no network.
    pub fn new(networks: &[String], header: ProxyHeader) -> Result<Self, NetworkError> {
        let networks = networks.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        Ok(Self { networks, header })
    }

    /// Whom the other end of a connection speaks for: itself, unless it is a proxy that is trusted.
    /// The port of who is behind a proxy is 0.
    #[must_use]
    pub fn client(&self, peer: Peer, headers: &HeaderMap) -> Peer {
        // The usual case costs nothing.
        if self.networks.is_empty() || !self.trust(peer.0.ip()) {
            return peer;
        }
        let mut client = peer.0.ip();
        for hop in self.hops(headers) {
            // What cannot be read was passed on by the one before, whom we answer then.
            let Some(hop) = hop else { break };
            client = hop;
            if !self.trust(client) {
                break;
            }
        }
        if client == peer.0.ip() { peer } else { Peer(SocketAddr::new(client.to_canonical(), 0)) }
    }

    fn trust(&self, address: IpAddr) -> bool {
        let address = mapped(address);
        self.networks.iter().any(|network| network.has(address))
    }

    /// What the header tells, the nearest first; `None` for what cannot be read.
    fn hops<'a>(&self, headers: &'a HeaderMap) -> impl Iterator<Item = Option<IpAddr>> + 'a {
        let (name, read): (_, fn(&str) -> Option<IpAddr>) = match self.header {
            ProxyHeader::XForwardedFor => (HeaderName::from_static("x-forwarded-for"), node),
            ProxyHeader::Forwarded => (http::header::FORWARDED, element),
        };
        // Quotes are not looked at: those of a client could swallow what a proxy adds.
        let lines = headers.get_all(name).iter().rev();
        lines.flat_map(move |line| line.to_str().unwrap_or("?").rsplit(',').map(read))
    }
}

impl Network {
    fn has(self, address: u128) -> bool {
        let wild = 128 - self.bits;
        // A shift by all bits is none at all.
        wild == 128 || address >> wild == self.address >> wild
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError(text.to_owned());
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most: u32 = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| wrong()))?;
        if bits > most {
            return Err(wrong());
        }
        Ok(Self { address: mapped(address), bits: 128 - most + bits })
    }
}

fn mapped(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// An address, perhaps with a port, as proxies write it.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok();
    address
        .or_else(|| text.parse::<SocketAddr>().ok().map(|at| at.ip()))
        .map(|ip| ip.to_canonical())
}

/// The `for` of one element of `Forwarded`.
fn element(text: &str) -> Option<IpAddr> {
    let mut pairs = text.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    node(value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(trusted: &[&str], header: ProxyHeader, peer: &str, lines: &[&'static str]) -> String {
        let trusted: Vec<String> = trusted.iter().map(|text| (*text).to_owned()).collect();
        let proxies = TrustedProxies::new(&trusted, header).expect("networks");
        let mut headers = HeaderMap::new();
        for line in lines {
            let name = match header {
                ProxyHeader::XForwardedFor => "x-forwarded-for",
                ProxyHeader::Forwarded => "forwarded",
            };
            headers.append(name, HeaderValue::from_static(line));
        }
        let peer = Peer(SocketAddr::new(peer.parse().expect("an address"), 4711));
        proxies.client(peer, &headers).0.ip().to_string()
    }

    #[test]
    fn the_last_address_that_no_proxy_has_is_the_client() {
        let ours: &[&str] = &["10.0.0.0/8", "2001:db8::/32"];
        #[rustfmt::skip]
        let table: &[(&[&str], &str, &[&'static str], &str)] = &[
            // Nobody is trusted, and who is not trusted says nothing.
            (&[], "10.0.0.1", &["9.9.9.9"], "10.0.0.1"),
            (ours, "192.0.2.7", &["9.9.9.9"], "192.0.2.7"),
            // One proxy, two, and what a client wrote before them.
            (ours, "10.0.0.1", &["192.0.2.7"], "192.0.2.7"),
            (ours, "10.0.0.1", &["192.0.2.7, 10.0.0.2"], "192.0.2.7"),
            (ours, "10.0.0.1", &["9.9.9.9, 192.0.2.7"], "192.0.2.7"),
            (ours, "10.0.0.1", &["9.9.9.9, 10.0.0.3, 192.0.2.7, 10.0.0.2"], "192.0.2.7"),
            (ours, "10.0.0.1", &["9.9.9.9", "192.0.2.7"], "192.0.2.7"),
            (ours, "10.0.0.1", &["\"9.9.9.9, 192.0.2.7"], "192.0.2.7"),
            // All are ours: somebody of our own network.
            (ours, "10.0.0.1", &["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
            // What cannot be read ends it at who passed it on.
            (ours, "10.0.0.1", &["9.9.9.9, unknown"], "10.0.0.1"),
            (ours, "10.0.0.1", &["9.9.9.9, , 10.0.0.2"], "10.0.0.2"),
            (ours, "10.0.0.1", &[], "10.0.0.1"),
            (ours, "10.0.0.1", &[""], "10.0.0.1"),
            // Ports, IPv6 and IPv4 within it.
            (ours, "10.0.0.1", &["192.0.2.7:5000"], "192.0.2.7"),
            (ours, "2001:db8::1", &["[2001:db9::7]:80"], "2001:db9::7"),
            (ours, "::ffff:10.0.0.1", &["::ffff:192.0.2.7"], "192.0.2.7"),
            (&["10.0.0.1"], "10.0.0.2", &["192.0.2.7"], "10.0.0.2"),
            (&["0.0.0.0/0", "::/0"], "10.0.0.2", &["192.0.2.7"], "192.0.2.7"),
        ];
        for (trusted, peer, lines, expected) in table {
            let found = client(trusted, ProxyHeader::XForwardedFor, peer, lines);
            assert_eq!(found, *expected, "{trusted:?} {peer} {lines:?}");
        }
    }

    #[test]
    fn the_standards_header_is_read_where_it_is_the_one() {
        let table: [(&[&'static str], &str); 6] = [
            (&["for=192.0.2.7;proto=https;by=10.0.0.1"], "192.0.2.7"),
            (&["proto=http; For=\"[2001:db8::7]:4711\""], "2001:db8::7"),
            (&["for=9.9.9.9, for=\"192.0.2.7:80\""], "192.0.2.7"),
            (&["for=\"9.9.9.9, for=192.0.2.7"], "192.0.2.7"),
            (&["for=9.9.9.9, for=_hidden"], "10.0.0.1"),
            (&["proto=https"], "10.0.0.1"),
        ];
        for (lines, expected) in table {
            let found = client(&["10.0.0.0/8"], ProxyHeader::Forwarded, "10.0.0.1", lines);
            assert_eq!(found, expected, "{lines:?}");
        }
    }

    #[test]
    fn networks_are_in_range() {
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0/8", "shop.example", "::1/-1"]
        {
            assert!(
                TrustedProxies::new(&[bad.to_owned()], ProxyHeader::default()).is_err(),
                "{bad}"
            );
        }
    }
}
