//! Who is gone, and what waited for it.
//!
//! The invariant: what a session leaves behind is taken out whole, before anything goes on that may
//! begin another in its place.

use std::net::SocketAddr;

use super::handing::Owed;
use super::outbox::Item;
use super::requests::{Request, RequestId, Requests};
use super::{Server, ServerEvent, Timer};
use crate::proto::Now;
use crate::wire::Nickname;

/// What waited for a session that has ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// What its member has not taken.
    owed: Vec<Owed>,
    /// What its classic client has not acknowledged.
    items: Vec<Item>,
    /// Requests that waited until it takes what came before them, and those that asked whether it is there.
    waiting: Vec<RequestId>,
}

impl Ended {
    /// What a member has not taken whose session goes on.
    pub(super) fn of(owed: Vec<Owed>) -> Self {
        Self { owed, ..Self::default() }
    }

    /// The same without the messages of mailboxes, whose deliveries were ended.
    pub(super) fn without_mail(mut self) -> Self {
        self.owed.retain(|owed| !matches!(owed, Owed::Mail(..)));
        self.items.retain(|item| !matches!(item, Item::MailNotice(_) | Item::Mail { .. }));
        self
    }

    /// The requests to keep a message that are among it.
    fn keeps(&self, requests: &Requests) -> Vec<RequestId> {
        let owed = self.owed.iter().filter_map(|owed| match owed {
            Owed::Relay(id) => Some(*id),
            _ => None,
        });
        let items = self.items.iter().filter_map(Item::relays);
        let keeps = |id: &RequestId| matches!(requests.get(*id), Some((_, Request::Keep { .. })));
        owed.chain(items).chain(self.waiting.iter().copied()).filter(keeps).collect()
    }
}

impl Server {
    /// Nobody answers at an address: its user is offline, and requests that asked go on.
    pub(super) fn on_gone(&mut self, now: Now, address: SocketAddr) {
        let ended = self.end_session_at(now, address);
        if let Some(nickname) = self.directory.holder(address).cloned() {
            self.directory.set_offline(now, &nickname);
            self.went_offline(now, nickname);
        }
        let keeps = ended.keeps(&self.requests);
        if keeps.is_empty() {
            // Nobody waits whose answer brings the table with it.
            self.table_changed(now);
        }
        for id in keeps {
            self.requests.tell_all_when_answered(id);
        }
        self.go_on(now, ended);
    }

    /// A user is not online any more: the table says so.
    pub(super) fn went_offline(&mut self, now: Now, nickname: Nickname) {
        self.remember(now, &nickname);
        self.mail.forget(&nickname);
        self.emit(ServerEvent::Offline { nickname });
    }

    /// Ends what is under way to an address whose session is over, before the table says so. What is to become of it depends on
    /// what the table says then: see [`go_on`](Self::go_on).
    pub(super) fn end_session_at(&mut self, now: Now, address: SocketAddr) -> Ended {
        self.timers.stop(&Timer::Question(address));
        let holder = self.directory.holder(address).cloned();
        let mut waiting = holder.map(|name| self.end_crowded(&name)).unwrap_or_default();
        waiting.extend(self.questions.remove(&address).into_iter().flatten());
        Ended {
            owed: self.drop_member(address),
            items: self.links.cancel_all(now.at, address),
            waiting,
        }
    }

    /// Goes on with what waited for a session that has ended, now that the table says so: first what
    /// was for its user, so that it ends before another takes the place.
    pub(super) fn go_on(&mut self, now: Now, ended: Ended) {
        for owed in ended.owed {
            self.on_not_taken(now, owed);
        }
        for item in ended.items {
            self.on_dropped(now, item);
        }
        for id in ended.waiting {
            self.proceed(now, id);
        }
    }
}
