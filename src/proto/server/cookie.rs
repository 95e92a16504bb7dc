//! Stateless proof of an address: whoever sends back what was sent there receives there.

use std::hash::Hasher as _;
use std::net::SocketAddr;
use std::time::Duration;

use siphasher::sip::SipHasher24;

use crate::proto::Instant;
use crate::proto::directory::Address;
use crate::wire::Session;

/// How long a cookie is good, at the least; at the most twice as long.
const LIFETIME: Duration = Duration::from_secs(60);

/// The key of a server's cookies.
#[derive(Debug)]
pub(super) struct CookieKey(u64, u64);

impl CookieKey {
    pub(super) fn new(seed: [u64; 2]) -> Self {
        Self(seed[0], seed[1])
    }

    /// The cookie for a session at an address.
    pub(super) fn cookie(&self, now: Instant, address: SocketAddr, session: Session) -> u64 {
        self.of_period(period(now), address, session)
    }

    /// Whether it is one that was made for this session at this address, not long ago.
    pub(super) fn is_good(
        &self,
        now: Instant,
        address: SocketAddr,
        session: Session,
        cookie: u64,
    ) -> bool {
        let period = period(now);
        let periods = [Some(period), period.checked_sub(1)];
        periods.into_iter().flatten().any(|p| self.of_period(p, address, session) == cookie)
    }

    fn of_period(&self, period: u64, address: SocketAddr, session: Session) -> u64 {
        let mut hasher = SipHasher24::new_with_keys(self.0, self.1);
        hasher.write_u64(period);
        hasher.write(&Address::from(address).bytes());
        hasher.write_u64(session.number());
        // A number on the wire like the others.
        hasher.finish() % Session::LIMIT
    }
}

fn period(now: Instant) -> u64 {
    now.since_start().as_secs() / LIFETIME.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_good_for_one_session_at_one_address_for_a_while() {
        let key = CookieKey::new([1, 2]);
        let (a, b) = ("10.0.0.1:1".parse().unwrap(), "10.0.0.1:2".parse().unwrap());
        let (one, two) = (Session::from_random(1), Session::from_random(2));
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let cookie = key.cookie(at(59), a, one);
        assert!(key.is_good(at(59), a, one, cookie) && key.is_good(at(119), a, one, cookie));
        assert!(!key.is_good(at(120), a, one, cookie));
        assert!(!key.is_good(at(59), b, one, cookie) && !key.is_good(at(59), a, two, cookie));
        assert!(!CookieKey::new([1, 3]).is_good(at(59), a, one, cookie));
    }
}
