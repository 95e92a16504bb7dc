//! What comes from those who speak the classic dialect.

use std::net::SocketAddr;

use chrono::NaiveDateTime;

use super::peers::same_address;
use super::request::Answer;
use super::{Arrival, Client, ClientEvent, Failure, Route, SentAt};
use crate::proto::Now;
use crate::wire::{Nickname, Notice, Row};

impl Client {
    /// A message came in the classic dialect. It counts only from the address that the table has for
    /// its sender; where the table may lack that, a current server is asked, and a classic one
    /// trusted.
    pub(super) fn on_classic_chat(
        &mut self,
        now: Now,
        from: SocketAddr,
        sender: Nickname,
        text: String,
    ) {
        let known = self.table.get(&sender).map(|row| same_address(row.address, from));
        let trusted = from == self.server || self.current.is_none() && known.is_none();
        if !trusted && known != Some(true) {
            self.stats.unexpected += 1;
            if self.strangers.come(now.at, &sender, None) {
                self.look_up(now, sender);
            }
            return;
        }
        self.acknowledge(from);
        let message = self.arrival(from, sender, text);
        self.message(message);
    }

    pub(super) fn arrival(&self, from: SocketAddr, sender: Nickname, text: String) -> Arrival {
        if from != self.server {
            return Arrival { sender, text, route: Route::Direct, sent_at: None };
        }
        match split_stamp(&text) {
            Some((stored_at, rest)) => {
                let (text, sent_at) = (rest.to_owned(), Some(SentAt::Local(stored_at)));
                Arrival { sender, text, route: Route::Stored, sent_at }
            }
            None => Arrival { sender, text, route: Route::Relayed, sent_at: None },
        }
    }

    pub(super) fn on_notification(&mut self, now: Now, text: String, offline: bool) {
        let answer = Answer { notice: Notice::parse(&text), text: &text, offline };
        let down = offline && answer.notice == Some(Notice::ServerDown);
        // What answers no request is no repeat of an answer.
        let answers = answer.notice != Some(Notice::HaveMessages);
        if !down && answers && self.may_be_repeated(now) {
            // Unacknowledged, it comes again.
            self.stats.unexpected += 1;
            return;
        }
        self.acknowledge(self.server);
        self.requests.heard_at = Some(now.at);
        // That a recipient is unknown is the outcome of its message, and said as such.
        if !matches!(answer.notice, Some(Notice::NotExisted(_))) {
            self.event(ClientEvent::Notification { text: text.clone() });
        }
        if down {
            // First the cause, then what fails of it.
            self.event(ClientEvent::ServerDown);
            self.go_offline(now, &Failure::ServerNotResponding);
            return self.fail_request(now, &Failure::ServerNotResponding);
        }
        self.on_answer(now, &answer);
    }

    pub(super) fn on_table(&mut self, now: Now, rows: Vec<Row>) {
        if !self.is_registered() {
            return;
        }
        self.by_session.clear();
        self.table = rows.into_iter().map(|row| (row.nickname.clone(), row)).collect();
        self.event(ClientEvent::UsersChanged);
        self.on_table_known(now);
    }
}

/// Takes the server's local time off the front of a stored message.
fn split_stamp(text: &str) -> Option<(NaiveDateTime, &str)> {
    let (stamp, rest) = text.split_at_checked("2017-03-01 15:28:35".len())?;
    let time = NaiveDateTime::parse_from_str(stamp, "%Y-%m-%d %H:%M:%S").ok()?;
    // Only what would be written the same way is the server's: no missing zero, no 60th second.
    let same = time.format("%Y-%m-%d %H:%M:%S").to_string() == stamp;
    same.then_some((time, rest.strip_prefix(' ')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_taken_off_only_where_the_server_put_one() {
        let (time, rest) = split_stamp("2017-03-01 15:28:35 hi").unwrap();
        assert_eq!((time.to_string().as_str(), rest), ("2017-03-01 15:28:35", "hi"));
        for text in [
            "hi",
            "2017-03-01 15:28:35",
            "2017-03-01 15:28:35x",
            "2017-13-01 15:28:35 hi",
            "2017-3-001 15:28:35 hi",
            "2017-03-01 15:28:3é hi",
        ] {
            assert_eq!(split_stamp(text), None, "{text}");
        }
    }
}
