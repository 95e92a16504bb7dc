//! Who comes, who goes, and who is found gone.
//!
//! The invariant: a user is in the table at an address only after that address was seen to receive.
//! A current client sends back a cookie that was sent there, before its request counts at all; a
//! classic one, which knows of none, acknowledges its welcome.

use std::net::SocketAddr;
use std::time::Duration;

use super::departure::Ended;
use super::outbox::Item;
use super::requests::{Request, RequestId};
use super::{Server, ServerEvent};
use crate::proto::link::Patience;
use crate::proto::{Instant, Now, StoreRequest};
use crate::wire::{Hello, Nickname, Notice, Presence, Session};

/// How long a user may be silent before it is asked whether it is there.
const LEASE: Duration = Duration::from_secs(15);

/// How often some of those are asked whose lease is over.
const ASKING: Duration = Duration::from_millis(20);

/// How many at a time, at the least. Else twice as many as are to be asked if all say nothing by themselves: what
/// was put off, because the server had no time, is done soon, and not all at once.
const ASKED_AT_ONCE: usize = 200;

/// Those who were asked of late whether they are there.
#[derive(Debug, Default)]
pub(super) struct Asked {
    since: Instant,
    count: usize,
}

/// What may be sent to one who has just left, or is refused, and whose address is proven.
const PROVEN_BYTES: usize = 450;

impl Server {
    /// Whether a registration shows that its sender receives where it comes from.
    pub(super) fn is_proven(&self, now: Now, from: SocketAddr, hello: Hello) -> bool {
        let good = |cookie| self.cookies.is_good(now.at, from, hello.session, cookie);
        hello.cookie.is_some_and(good)
    }

    /// A current client asks to be registered, at an address that it has proven.
    pub(super) fn on_register(
        &mut self,
        now: Now,
        from: SocketAddr,
        nickname: Nickname,
        hello: Hello,
        room: bool,
    ) {
        if self.stopping || !room {
            self.stats.busy += 1;
            return;
        }
        if self.is_anothers(hello.session, &nickname) || self.is_old(hello) {
            self.stats.unexpected += 1;
            return;
        }
        self.directory.touch(now, from);
        if self.is_registered_by(from, &nickname, hello) {
            // The answer was lost.
            return self.welcome(now, hello.session, hello.number);
        }
        let request = Request::Register { nickname, hello: Some(hello) };
        if self.requests.is_open(from, &request) {
            return;
        }
        if !self.admits_request(now, from, &request) {
            self.stats.limited += 1;
            return;
        }
        if !self.requests.has_room_at(from, self.is_stranger(from)) {
            self.stats.busy += 1;
            return;
        }
        self.open(now, from, request);
    }

    pub(super) fn register(
        &mut self,
        now: Now,
        id: RequestId,
        from: SocketAddr,
        nickname: &Nickname,
        session: Option<Session>,
    ) {
        if let Some((address, Presence::Online)) = self.directory.find(nickname)
            && address != from
        {
            if session.is_some() && self.is_stranger(from) {
                // It waits, and so makes room for others like all who do. What it is answered is not counted.
                let displaced = self.budgets.grant(from, 0);
                self.displace(now, displaced);
            }
            return self.ask(now, id, address);
        }
        if session.is_none() && self.directory.holder(from).is_none() {
            // Its ack proves the address: see `on_proven`. An earlier one is not meant any more.
            self.forget_registrations(from, id);
            let welcomes = |item: &Item, _| matches!(item, Item::Answer { proves: true, .. });
            drop(self.links.cancel(now.at, from, welcomes));
            let item = Item::Answer { notice: Notice::Welcome, request: Some(id), proves: true };
            return self.links.push(now.at, from, item, Patience::PUSH);
        }
        if let Some(ended) = self.settle_in(now, id, from, nickname, session) {
            self.answer(now, id, Notice::Welcome);
            self.begin_session(now, nickname, ended);
        }
    }

    /// A classic client acknowledged the welcome that it was given before it was in the table.
    pub(super) fn on_proven(&mut self, now: Now, id: RequestId) {
        let Some((from, Request::Register { nickname, .. })) = self.requests.get(id) else {
            return;
        };
        let nickname = nickname.clone();
        if let Some((address, Presence::Online)) = self.directory.find(&nickname)
            && address != from
        {
            // Somebody else was quicker. The address is proven all the same.
            self.grant(now, from);
            return self.answer(now, id, Notice::AlreadyOnline(nickname));
        }
        if let Some(ended) = self.settle_in(now, id, from, &nickname, None) {
            self.begin_session(now, &nickname, ended);
        }
    }

    /// Puts a user online at an address, if the table has room. What was under way to that address
    /// was for an earlier life of it, unless the same session only says again that it is there: then
    /// what is passed on to it goes on behind what is stored for it.
    fn settle_in(
        &mut self,
        now: Now,
        id: RequestId,
        from: SocketAddr,
        nickname: &Nickname,
        session: Option<Session>,
    ) -> Option<Ended> {
        let before = self.directory.holder(from).cloned();
        let same = before.as_ref() == Some(nickname)
            && self.directory.session(nickname) == session
            && session.is_some();
        if session.is_some_and(|session| self.is_anothers(session, nickname)) {
            // Taken meanwhile. Nobody else's session is registered.
            self.stats.unexpected += 1;
            self.requests.close(id);
            return None;
        }
        if !self.directory.has_room_for(nickname) {
            self.answer(now, id, Notice::Full);
            return None;
        }
        self.forget_registrations(from, id);
        let ended = if same {
            // Its mailbox is read again: whatever is stored from now on comes behind that, and this before it.
            session.map_or_else(Ended::default, |session| Ended::of(self.take_back_relays(session)))
        } else {
            self.requests.begin_session(from, id);
            // Now, and not when what was under way goes on: that goes behind the new delivery.
            for name in before.iter().chain([nickname]) {
                self.end_mail(name);
            }
            self.outdate_registration(from);
            self.end_session_at(now, from).without_mail()
        };
        // There is room: see above.
        if let Ok(Some(forgotten)) = self.directory.set_online(now, nickname, from, session) {
            self.store(StoreRequest::Forget { nickname: forgotten });
        }
        if !same {
            self.remember(now, nickname);
        }
        if let Some(before) = before.filter(|before| before != nickname) {
            self.went_offline(now, before);
        }
        self.emit(ServerEvent::Online { nickname: nickname.clone(), address: from });
        if let Some((_, Request::Register { hello: Some(hello), .. })) = self.requests.get(id) {
            self.add_member(*hello, same);
        }
        Some(ended)
    }

    /// The user was welcomed. Only now: what goes on may push a table, and none is taken before a
    /// welcome.
    fn begin_session(&mut self, now: Now, nickname: &Nickname, ended: Ended) {
        self.table_changed(now);
        // First: what is passed on after this may be stored, and nothing before it is to be on its way.
        self.start_mail(nickname);
        self.go_on(now, ended);
    }

    pub(super) fn deregister(
        &mut self,
        now: Now,
        id: RequestId,
        from: SocketAddr,
        nickname: &Nickname,
    ) {
        self.forget_registrations(from, id);
        let online = self.directory.is_at(nickname, from);
        if online {
            self.outdate_registration(from);
            let ended = self.end_session_at(now, from);
            self.directory.set_offline(now, nickname);
            self.go_on(now, ended);
            self.went_offline(now, nickname.clone());
            // Its address is proven: the answer, five times, need not be earned.
            self.grant(now, from);
        }
        // From another address it changes nothing, and yet tells the truth: it is not online there.
        self.answer(now, id, Notice::Bye);
        if online {
            self.table_changed(now);
        }
    }

    /// So many bytes came from an address: more of them may be sent there, if nobody is there yet.
    pub(super) fn earn(&mut self, now: Now, from: SocketAddr, bytes: usize) {
        if self.is_stranger(from) {
            let displaced = self.budgets.earn(from, bytes);
            self.displace(now, displaced);
        }
    }

    fn grant(&mut self, now: Now, to: SocketAddr) {
        let displaced = self.budgets.grant(to, PROVEN_BYTES);
        self.displace(now, displaced);
    }

    /// When a lease ends, if nothing comes from its user; and there is time for that.
    pub(super) fn lease_ends(&self) -> Option<Instant> {
        let silent = self.directory.longest_silent().filter(|_| !self.stopping);
        let ends = silent.map(|since| since + LEASE);
        let rounds = usize::try_from(LEASE.as_millis() / ASKING.as_millis()).unwrap_or(usize::MAX);
        let most = ASKED_AT_ONCE.max(2 * self.directory.online() / rounds);
        let again = self.asked.since + ASKING;
        ends.map(|ends| if self.asked.count < most { ends } else { ends.max(again) })
    }

    /// Ends a lease that is over: its user is asked whether it is there. It is asked once, since that ends in an
    /// answer, and a new lease, or in silence, and the user is gone.
    pub(super) fn end_lease(&mut self, now: Now) -> bool {
        let over = self.lease_ends().is_some_and(|at| at <= now.at);
        if !over {
            return false;
        }
        if now.at >= self.asked.since + ASKING {
            self.asked = Asked { since: now.at, count: 0 };
        }
        self.asked.count += 1;
        let Some(address) = self.directory.ask_longest_silent() else { return false };
        match self.member_at(address) {
            Some(session) => self.remind(session),
            None => self.links.push(now.at, address, Item::Verification, Patience::LEASE),
        }
        true
    }
}
