//! Who is listened to.
//!
//! The invariant: whoever may be anybody takes nothing from those who are somebody. What strangers do is
//! counted, and bounded, apart from what users do, and one of them makes room for another.

use std::net::SocketAddr;

use super::Server;
use super::rates::network;
use super::requests::{Request, RequestId};
use crate::proto::Now;
use crate::wire::{Nickname, Presence};

impl Server {
    /// Whether nobody is registered at this address.
    pub(super) fn is_stranger(&self, address: SocketAddr) -> bool {
        self.directory.holder(address).is_none()
    }

    /// Whether a datagram from this address is looked at.
    pub(super) fn admits(&mut self, now: Now, from: SocketAddr) -> bool {
        match self.is_stranger(from) {
            true => self.rates.strangers.admits(now.at, &network(from)),
            false => self.rates.members.admits(now.at, &from),
        }
    }

    /// Whether a request is within the rate of its name. What others ask for under a name counts for
    /// nothing there: it is not theirs to use up.
    pub(super) fn admits_request(&mut self, now: Now, from: SocketAddr, request: &Request) -> bool {
        let (name, is_own) = match request {
            Request::Register { nickname, hello } => {
                let is_member = !self.is_stranger(from);
                if is_member && !self.rates.strangers.admits(now.at, &network(from)) {
                    return false;
                }
                let is_proven = is_member || hello.is_some();
                (nickname, is_proven && !self.is_elsewhere(nickname, from))
            }
            Request::Deregister { nickname, .. } => {
                (nickname, self.directory.is_at(nickname, from))
            }
            Request::Keep { sender, .. } => (sender, self.directory.is_at(sender, from)),
        };
        !is_own || self.rates.names.admits(now.at, name)
    }

    /// Whether this name is online at another address.
    fn is_elsewhere(&self, nickname: &Nickname, from: SocketAddr) -> bool {
        let found = self.directory.find(nickname);
        found.is_some_and(|(address, presence)| presence == Presence::Online && address != from)
    }

    /// Forgets what is under way with an address that has made room for another.
    pub(super) fn displace(&mut self, now: Now, address: Option<SocketAddr>) {
        let Some(address) = address else { return };
        let requests = self.requests.of_stranger(address);
        // It may have registered since.
        let items = match self.is_stranger(address) {
            true => self.links.forget(address),
            false => Vec::new(),
        };
        if !requests.is_empty() || !items.is_empty() {
            self.stats.displaced += 1;
        }
        for id in requests {
            self.forget_request(id);
        }
        for item in items {
            self.on_dropped(now, item);
        }
    }

    /// An earlier registration of this address, which waits for somebody else to be found gone, is
    /// not meant any more once another one, or a deregistration, was asked for.
    pub(super) fn forget_registrations(&mut self, from: SocketAddr, but: RequestId) {
        for id in self.requests.registrations(from, but) {
            self.forget_request(id);
        }
    }

    /// Closes a request that nobody means any more. It does not wait for word of anybody, either.
    fn forget_request(&mut self, id: RequestId) {
        if let Some((_, Request::Register { nickname, .. })) = self.requests.get(id)
            && let Some((address, _)) = self.directory.find(nickname)
            && let Some(waiting) = self.questions.get_mut(&address)
        {
            waiting.remove(&id);
        }
        self.requests.close(id);
    }
}
