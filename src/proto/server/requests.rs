//! Requests that are under way.
//!
//! The invariant: a request that a client sends again, because an ack or an answer was lost, is the
//! same request until its answer was acknowledged; it is carried out once. A classic request has no
//! number, so that one of the same words in that time cannot be told from it: our client waits with
//! such a one.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::wire::{Nickname, Presence};

/// A number for each request that was ever opened.
pub(super) type RequestId = u64;

/// Requests under way for one address. A client has one at a time; a person who types ahead, a few.
const MAX_PER_ADDRESS: usize = 8;

/// Requests under way in all: 16 MiB if each is as long as it can be. A further one is not
/// acknowledged, so that it is sent again.
const MAX_OPEN: usize = 4096;

/// What a server is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Register { nickname: Nickname },
    Deregister { nickname: Nickname },
    Keep { sender: Nickname, recipient: Nickname, seen: Presence, text: String },
}

#[derive(Debug)]
struct Open {
    from: SocketAddr,
    request: Request,
    /// The table of users changed on the way: everyone is told with the answer.
    tells_all: bool,
    /// Its sender still is who asked.
    awaited: bool,
}

#[derive(Debug)]
pub(super) struct Requests {
    open: BTreeMap<RequestId, Open>,
    by_address: BTreeMap<SocketAddr, Vec<RequestId>>,
    last_id: RequestId,
}

impl Requests {
    pub(super) fn new() -> Self {
        Self { open: BTreeMap::new(), by_address: BTreeMap::new(), last_id: 0 }
    }

    /// Whether this request of this address is under way.
    pub(super) fn is_open(&self, from: SocketAddr, request: &Request) -> bool {
        self.by_address.get(&from).is_some_and(|ids| {
            ids.iter().any(|id| self.open.get(id).is_some_and(|open| open.request == *request))
        })
    }

    /// Opens a request, if there is room for it.
    pub(super) fn open(&mut self, from: SocketAddr, request: Request) -> Option<RequestId> {
        let of_address = self.by_address.get(&from).map_or(0, Vec::len);
        if self.open.len() >= MAX_OPEN || of_address >= MAX_PER_ADDRESS {
            return None;
        }
        self.last_id += 1;
        self.by_address.entry(from).or_default().push(self.last_id);
        let open = Open { from, request, tells_all: false, awaited: true };
        self.open.insert(self.last_id, open);
        Some(self.last_id)
    }

    /// Who asked, and what for.
    pub(super) fn get(&self, id: RequestId) -> Option<(SocketAddr, Request)> {
        self.open.get(&id).map(|open| (open.from, open.request.clone()))
    }

    pub(super) fn tell_all_when_answered(&mut self, id: RequestId) {
        if let Some(open) = self.open.get_mut(&id) {
            open.tells_all = true;
        }
    }

    pub(super) fn tells_all(&self, id: RequestId) -> bool {
        self.open.get(&id).is_some_and(|open| open.tells_all)
    }

    /// An earlier registration of this address, which waits for somebody else to be found gone, is
    /// not meant any more once another one, or a deregistration, was asked for.
    pub(super) fn forget_registrations(&mut self, from: SocketAddr, but: RequestId) {
        for id in self.by_address.get(&from).cloned().unwrap_or_default() {
            let request = self.open.get(&id).map(|open| &open.request);
            if id != but && matches!(request, Some(Request::Register { .. })) {
                self.close(id);
            }
        }
    }

    /// A new session begins at this address with this request. The earlier ones are carried out,
    /// but the new session would take their answers for the ones to its own.
    pub(super) fn begin_session(&mut self, from: SocketAddr, with: RequestId) {
        for id in self.by_address.insert(from, vec![with]).unwrap_or_default() {
            if let Some(open) = self.open.get_mut(&id) {
                open.awaited = id == with;
            }
        }
    }

    pub(super) fn is_awaited(&self, id: RequestId) -> bool {
        self.open.get(&id).is_some_and(|open| open.awaited)
    }

    /// The request is answered, and its sender knows, or does not listen.
    pub(super) fn close(&mut self, id: RequestId) {
        let Some(open) = self.open.remove(&id) else { return };
        if let Some(ids) = self.by_address.get_mut(&open.from) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_address.remove(&open.from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register(name: &str) -> Request {
        Request::Register { nickname: Nickname::new(name).unwrap() }
    }

    #[test]
    fn both_sides_of_the_limit_of_an_address() {
        let mut requests = Requests::new();
        let from = SocketAddr::from(([127, 0, 0, 1], 1));
        let ids: Vec<_> =
            (0..MAX_PER_ADDRESS).map(|_| requests.open(from, register("a")).unwrap()).collect();
        assert_eq!(requests.open(from, register("a")), None);
        requests.close(ids[0]);
        assert!(requests.open(from, register("a")).is_some());
    }

    #[test]
    fn a_closed_request_is_a_new_one() {
        let mut requests = Requests::new();
        let from = SocketAddr::from(([127, 0, 0, 1], 1));
        let id = requests.open(from, register("b")).unwrap();
        assert!(requests.is_open(from, &register("b")));
        assert!(!requests.is_open(from, &register("a")));
        requests.close(id);
        assert!(!requests.is_open(from, &register("b")));
    }
}
