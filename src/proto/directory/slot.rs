//! One row of the table of users, in 80 bytes.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::order::NOBODY;
use crate::proto::{Instant, Now};
use crate::wire::{Nickname, Session, UnixTime};

/// An address and a port: 23 bytes where [`SocketAddr`] has 32. An IPv6 flow label, which says nothing of where
/// something goes, is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proto) struct Address {
    ip: [u8; 16],
    scope: [u8; 4],
    port: [u8; 2],
    is_ipv4: bool,
}

impl Address {
    /// What it is told from others by.
    pub(in crate::proto) fn bytes(&self) -> [u8; 23] {
        let mut bytes = [0; 23];
        let (ip, rest) = bytes.split_at_mut(16);
        ip.copy_from_slice(&self.ip);
        let (scope, rest) = rest.split_at_mut(4);
        scope.copy_from_slice(&self.scope);
        let (port, rest) = rest.split_at_mut(2);
        port.copy_from_slice(&self.port);
        rest.copy_from_slice(&[u8::from(self.is_ipv4)]);
        bytes
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let (ip, scope) = match address {
            SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped(), 0),
            SocketAddr::V6(v6) => (*v6.ip(), v6.scope_id()),
        };
        Self {
            ip: ip.octets(),
            scope: scope.to_ne_bytes(),
            port: address.port().to_ne_bytes(),
            is_ipv4: address.is_ipv4(),
        }
    }
}

impl From<Address> for SocketAddr {
    fn from(Address { ip, scope, port, is_ipv4 }: Address) -> Self {
        let (ip, port) = (Ipv6Addr::from(ip), u16::from_ne_bytes(port));
        match ip.to_ipv4_mapped().filter(|_| is_ipv4) {
            Some(ip) => Self::new(IpAddr::V4(ip), port),
            None => SocketAddrV6::new(ip, port, 0, u32::from_ne_bytes(scope)).into(),
        }
    }
}

/// A user.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) nickname: Nickname,
    pub(super) address: Address,
    pub(super) online: bool,
    /// Only of who is online.
    pub(super) session: Option<Session>,
    /// When something came from this user last: the nanoseconds of an [`Instant`] while it is online,
    /// the microseconds of a [`UnixTime`] when it is not.
    heard: u64,
    /// The revision of the table in which this row last changed. No two are the same.
    pub(super) revision: u64,
    /// Who is beside it in the order of activity.
    pub(super) before: u32,
    pub(super) after: u32,
}

const _: () = assert!(size_of::<Slot>() == 80);

impl Slot {
    /// A user of whom nothing else is known: when it was heard of last, and where.
    pub(super) fn offline(nickname: Nickname, address: SocketAddr, last: UnixTime) -> Self {
        let (before, after) = (NOBODY, NOBODY);
        let heard = last.as_micros().cast_unsigned();
        let (address, online, session, revision) = (address.into(), false, None, 0);
        Self { nickname, address, online, session, heard, revision, before, after }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address.into()
    }

    /// When something came from this user last, who is online.
    pub(super) fn heard(&self) -> Instant {
        Instant::from_nanos(self.heard)
    }

    pub(super) fn hear(&mut self, now: Instant) {
        self.heard = now.nanos();
    }

    /// When something came from this user last, who is not online.
    pub(super) fn gone_since(&self) -> Option<UnixTime> {
        (!self.online).then(|| UnixTime::from_micros(self.heard.cast_signed()))
    }

    /// When something came from this user last, on the clock that people read.
    pub(super) fn last_seen(&self, now: Now) -> UnixTime {
        if let Some(time) = self.gone_since() {
            return time;
        }
        let ago = i64::try_from((now.at - self.heard()).as_micros()).unwrap_or(i64::MAX);
        UnixTime::from_micros(now.unix.as_micros().saturating_sub(ago))
    }

    pub(super) fn go_online(&mut self, now: Now, address: SocketAddr, session: Option<Session>) {
        (self.online, self.address, self.session) = (true, address.into(), session);
        self.hear(now.at);
    }

    pub(super) fn go_offline(&mut self, now: Now) {
        let last = self.last_seen(now);
        (self.online, self.session) = (false, None);
        self.heard = last.as_micros().cast_unsigned();
    }
}
