//! The trusted proxies in front of this server, and the client's address behind them.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose `X-Forwarded-For` is trusted. Empty by default.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Parses a comma-separated list of addresses and networks, such as `10.0.0.0/8, 127.0.0.1`.
    ///
    /// # Errors
    /// The first item that is neither an address nor a network.
    pub fn parse(list: &str) -> Result<Self, String> {
        let networks = list.split(',').map(str::trim).filter(|text| !text.is_empty()).map(|text| {
            let network = text.parse::<IpNet>().ok();
            network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)).ok_or_else(|| text.to_owned())
        });
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }

    /// Returns whether `address` belongs to a trusted proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the client's address: the rightmost hop that is not a trusted proxy. The client may have forged the hops to
    /// the left of it.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        if !self.contains(peer) {
            return client;
        }
        let lines: Vec<&str> = headers.get_all(&FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            let Some(address) = parse_hop(hop.trim()) else { break };
            client = address;
            if !self.contains(address) {
                break;
            }
        }
        client
    }
}

/// Parses an address, with or without a port.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let address = hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_the_rightmost_hop_that_is_not_a_trusted_proxy() {
        let proxies = TrustedProxies::parse("10.0.0.0/8, 192.0.2.7").unwrap();
        for (peer, forwarded, client) in [
            ("198.51.100.9", &["203.0.113.1"][..], "198.51.100.9"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("10.1.2.3", &["203.0.113.1"], "203.0.113.1"),
            ("10.1.2.3", &["1.1.1.1, 203.0.113.1"], "203.0.113.1"),
            ("10.1.2.3", &["1.1.1.1", "203.0.113.1, 192.0.2.7"], "203.0.113.1"),
            ("10.1.2.3", &["203.0.113.1:4711"], "203.0.113.1"),
            ("10.1.2.3", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.1.2.3", &["203.0.113.1, nonsense"], "10.1.2.3"),
            ("10.1.2.3", &["10.9.9.9"], "10.9.9.9"),
            ("::ffff:10.1.2.3", &["203.0.113.1"], "203.0.113.1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in forwarded {
                headers.append(&FORWARDED_FOR, line.parse().unwrap());
            }
            let peer: IpAddr = peer.parse().unwrap();
            let found = proxies.client(peer.to_canonical(), &headers);
            assert_eq!(found, client.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn an_invalid_proxy_is_named() {
        assert_eq!(TrustedProxies::parse("10.0.0.0/8, proxy.local").unwrap_err(), "proxy.local");
        assert!(!TrustedProxies::default().contains("127.0.0.1".parse().unwrap()));
    }
}
