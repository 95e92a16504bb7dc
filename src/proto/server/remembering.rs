//! What is remembered across restarts: who registered. And what is not kept for ever: stored messages.
//!
//! The invariant: the store remembers whoever is in the table, and nobody else. It is told without
//! being waited for: a user whom a crash has made the server forget is known again when it registers.

use std::time::Duration;

use super::{Server, ServerEvent, Timer};
use crate::proto::{LastSeen, Now, StoreRequest, UnixTime};
use crate::wire::{Frame, Nickname, Notice};

/// How often messages are looked for that are too old: they may wait so much longer.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(3600);

impl Server {
    /// Those who were in the table when the server ended, and what else there is to do at a start.
    pub(super) fn know(&mut self, now: Now, mut users: Vec<(Nickname, LastSeen)>) {
        // If they are too many, those who were here last stay.
        users.sort_by_key(|(_, last)| std::cmp::Reverse(last.time));
        let forgotten = users.split_off(users.len().min(self.config.limits.users));
        for (nickname, last) in users.into_iter().rev() {
            if self.directory.recall(&nickname, last).is_err() {
                self.store(StoreRequest::Forget { nickname });
            }
        }
        for (nickname, _) in forgotten {
            self.store(StoreRequest::Forget { nickname });
        }
        if self.config.limits.message_age.is_some() {
            self.timers.set(Timer::Expiry, now.at);
        }
    }

    /// Has a user remembered who has come or gone.
    pub(super) fn remember(&mut self, now: Now, nickname: &Nickname) {
        if let Some(last) = self.directory.last_seen(now, nickname) {
            self.store(StoreRequest::Remember { nickname: nickname.clone(), last });
        }
    }

    /// Has it remembered, before the server ends, when each user who is here was last heard of.
    pub(super) fn remember_all_online(&mut self, now: Now) {
        let online: Vec<_> = self.directory.online_users().cloned().collect();
        for nickname in online {
            self.remember(now, &nickname);
        }
    }

    /// Has the messages removed that have waited for too long.
    pub(super) fn expire(&mut self, now: Now) {
        let Some(age) = self.config.limits.message_age else { return };
        let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        let before = UnixTime::from_micros(now.unix.as_micros().saturating_sub(age));
        self.store(StoreRequest::Expire { before });
        self.timers.set(Timer::Expiry, now.at + EXPIRY_INTERVAL);
    }

    /// Some of a mailbox was removed. Who of the authors is here is told.
    pub(super) fn on_expired(&mut self, recipient: String, senders: &[Nickname]) {
        let text = Notice::Expired(recipient.clone()).to_string();
        let line = Frame::Notification { text, offline: false, answers: None };
        for sender in senders {
            self.push_frame(sender, &line);
        }
        self.emit(ServerEvent::MessagesExpired { recipient, count: senders.len() });
    }
}
