//! From a host and a port to an address.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};

use super::Error;

/// The address that `host:port` stands for. Where there are several, an IPv4 one: classic programs
/// know no other.
pub(super) fn resolve(address: &str) -> Result<SocketAddr, Error> {
    let fail = |reason| Error::Address { address: address.to_owned(), reason };
    let found: Vec<SocketAddr> = address.to_socket_addrs().map_err(fail)?.collect();
    let ipv4 = found.iter().find(|address| address.is_ipv4());
    ipv4.or(found.first())
        .copied()
        .ok_or_else(|| fail(io::Error::new(io::ErrorKind::NotFound, "no address")))
}

/// Where a client of this server binds unless told otherwise: on the loopback interface if its
/// peers can only be there, and on all interfaces otherwise.
pub(super) fn default_host(server: SocketAddr) -> IpAddr {
    match (server.ip().is_loopback(), server.is_ipv4()) {
        (true, true) => Ipv4Addr::LOCALHOST.into(),
        (true, false) => Ipv6Addr::LOCALHOST.into(),
        (false, true) => Ipv4Addr::UNSPECIFIED.into(),
        (false, false) => Ipv6Addr::UNSPECIFIED.into(),
    }
}
