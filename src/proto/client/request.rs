//! Registrations, and what a client asks of a classic server, one thing at a time.
//!
//! A registration shows both dialects: a classic server answers it as it always did, a current one
//! sends a cookie, and wants the registration again with that. (What else a current server is asked
//! for goes over a flow: see `server`.)
//!
//! The invariant: a request is settled by a Notification that answers it, never by an ack alone. A
//! classic server acknowledges whatever it reads, acks included, so that an ack says no more than
//! that the server is alive. But an answer that comes before any ack may be a late repeat of the one
//! before: it counts only once no such repeat can come any more.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Client, ClientEmit, ClientEvent, Delivery, Failure, Phase, Ticket, Timer};
use crate::proto::{Instant, Now};
use crate::wire::{Datagram, Hello, Nickname, Notice, Presence, Session};

/// How often a request is sent before the server counts as not responding.
const TRIES: u32 = 5;

/// How often the last one is: somebody waits for the program to end.
const FAREWELL_TRIES: u32 = 2;

/// How long an ack is waited for.
const ACK_PATIENCE: Duration = Duration::from_millis(500);

/// The longest time from one try to the next of a client that has lost its server, and goes on until
/// it is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// How long the answer is waited for once an ack came. The server repeats it by itself, so that
/// asking again is for one that forgot; and asking again while the answer is on its way may have the
/// request carried out twice. So this is longer than the slowest answer: a Verification (750 ms), a
/// relay that is not taken (2.5 s), and the disk.
const ANSWER_PATIENCE: Duration = Duration::from_secs(4);

/// How long after an answer the server may repeat it: five tries, 500 ms apart, and the way.
const REPEATED_FOR: Duration = Duration::from_millis(3500);

/// How long the table that follows a welcome is waited for. It follows at once; if it was lost, it
/// comes again after 500 ms.
const TABLE_PATIENCE: Duration = Duration::from_secs(2);

/// Something that the server is asked for.
#[derive(Debug, Clone)]
pub(super) enum Request {
    /// Without a ticket the client does so by itself: its server has lost it.
    Register { ticket: Option<Ticket>, nickname: Nickname, session: Session, number: u64 },
    /// Without a ticket it is the client's last word.
    Deregister { ticket: Option<Ticket> },
    /// Take the first message of this conversation.
    Keep { recipient: Nickname, number: u64, seen: Presence, text: String },
}

impl Request {
    fn datagram(&self, sender: &Nickname, floor: u64, cookie: Option<u64>) -> Vec<u8> {
        match self {
            Self::Register { nickname, session, number, .. } => {
                let (session, number) = (*session, *number);
                let hello = Hello { session, number, floor, cookie };
                Datagram::Register { nickname: nickname.clone(), hello: Some(hello) }
            }
            Self::Deregister { .. } => Datagram::Deregister { nickname: sender.clone() },
            Self::Keep { recipient, seen, text, .. } => Datagram::Keep {
                sender: sender.clone(),
                recipient: recipient.clone(),
                seen: *seen,
                text: text.clone(),
            },
        }
        .encode()
    }

    /// How often it is sent before the server counts as not responding.
    fn tries(&self) -> u32 {
        match self {
            Self::Register { ticket: None, .. } => u32::MAX,
            Self::Deregister { ticket: None } => FAREWELL_TRIES,
            _ => TRIES,
        }
    }
}

/// A Notification, as an answer to a request.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) notice: Option<Notice>,
    pub(super) text: &'a str,
    /// The client is offline from now on.
    pub(super) offline: bool,
}

impl Answer<'_> {
    fn refusal(&self) -> Failure {
        Failure::Refused(self.text.to_owned())
    }
}

/// Whether the server heard a request that nobody waits for any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    Yes,
    Perhaps,
}

#[derive(Debug)]
struct Current {
    request: Request,
    /// The number of the first packet to the server that is to be counted after a registration.
    floor: u64,
    datagram: Vec<u8>,
    tries: u32,
    /// An ack came since it was sent, and since it was last sent.
    acknowledged: bool,
    acknowledged_again: bool,
}

/// The request under way and those that wait: one for each conversation at the most, and a bounded
/// number of registrations and deregistrations.
#[derive(Debug, Default)]
pub(super) struct Requests {
    current: Option<Current>,
    waiting: VecDeque<Request>,
    /// When the last Notification was acknowledged.
    pub(super) heard_at: Option<Instant>,
    /// The last request to keep a message that was answered.
    last_kept: Vec<u8>,
}

impl Requests {
    /// Until when the server may repeat its last answer, if it still may.
    fn repeats_until(&self, now: Instant) -> Option<Instant> {
        self.heard_at.map(|heard_at| heard_at + REPEATED_FOR).filter(|until| now < *until)
    }

    fn is_like_the_last(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.datagram == self.last_kept)
    }

    /// How many registrations and deregistrations wait for their turn.
    pub(super) fn sessions_waiting(&self) -> usize {
        self.waiting.iter().filter(|request| !matches!(request, Request::Keep { .. })).count()
    }
}

impl Client {
    pub(super) fn request(&mut self, now: Now, request: Request) {
        self.requests.waiting.push_back(request);
        self.next_request(now);
    }

    fn next_request(&mut self, now: Now) {
        if self.requests.current.is_some() {
            return;
        }
        let Some(mut request) = self.requests.waiting.pop_front() else { return };
        if let Request::Register { nickname, session, .. } = &mut request {
            // A registration before it may have given the client another nickname.
            *session = self.session_for(nickname);
        }
        let floor = self.next_to_server(now);
        let datagram = request.datagram(&self.nickname, floor, None);
        self.requests.current = Some(Current {
            request,
            floor,
            datagram,
            tries: 0,
            acknowledged: false,
            acknowledged_again: false,
        });
        match self.requests.repeats_until(now.at) {
            // The server would take it for a repeat of the last one, of which it may not know yet
            // that the answer came.
            Some(until) if self.requests.is_like_the_last() => {
                self.timers.set(Timer::Request, until);
            }
            _ => self.transmit_request(now),
        }
    }

    /// Whether a Notification that comes now may be a repeat of one that was answered already, and
    /// must not be taken for the answer to the request under way.
    pub(super) fn may_be_repeated(&self, now: Now) -> bool {
        let current = self.requests.current.as_ref();
        let unheard = current.is_some_and(|current| !current.acknowledged);
        unheard && self.requests.repeats_until(now.at).is_some()
    }

    fn transmit_request(&mut self, now: Now) {
        let Some(current) = &mut self.requests.current else { return };
        current.tries += 1;
        current.acknowledged_again = false;
        let datagram = current.datagram.clone();
        let patience = match current.request {
            Request::Register { ticket: None, .. } => {
                (ACK_PATIENCE * 2u32.pow(current.tries.min(8) - 1)).min(LONGEST_PAUSE)
            }
            _ => ACK_PATIENCE,
        };
        self.timers.set(Timer::Request, now.at + patience);
        self.transmit(self.server, datagram);
    }

    /// The server has sent a cookie for this session. Whether a registration was waiting for it.
    pub(super) fn on_cookie(&mut self, now: Now, to: Session, cookie: u64) -> bool {
        let Some(current) = &mut self.requests.current else { return false };
        if !matches!(current.request, Request::Register { session, .. } if session == to) {
            return false;
        }
        let datagram = current.request.datagram(&self.nickname, current.floor, Some(cookie));
        if current.datagram != datagram {
            current.datagram = datagram;
            // It is there: that it takes two round trips is no sign that it does not respond.
            current.tries = 0;
            self.transmit_request(now);
        }
        true
    }

    /// Whether a request is under way.
    pub(super) fn is_asking(&self) -> bool {
        self.requests.current.is_some()
    }

    /// Whether the registration under way is one that nobody asked for.
    pub(super) fn registers_by_itself(&self) -> bool {
        let current = self.requests.current.as_ref().map(|current| &current.request);
        matches!(current, Some(Request::Register { ticket: None, .. }))
    }

    /// The number and the session of the registration under way, and the number of the first packet
    /// that is to be counted after it.
    pub(super) fn registering_as(&self) -> Option<(u64, Session, u64)> {
        let current = self.requests.current.as_ref()?;
        match current.request {
            Request::Register { number, session, .. } => Some((number, session, current.floor)),
            _ => None,
        }
    }

    pub(super) fn on_server_ack(&mut self, now: Now) {
        if let Some(current) = &mut self.requests.current
            && !current.acknowledged_again
            && current.tries > 0
        {
            current.acknowledged = true;
            current.acknowledged_again = true;
            let patience = match current.request {
                Request::Deregister { ticket: None } => ACK_PATIENCE,
                _ => ANSWER_PATIENCE,
            };
            self.timers.set(Timer::Request, now.at + patience);
        }
    }

    pub(super) fn on_request_timeout(&mut self, now: Now) {
        let Some(current) = &self.requests.current else { return };
        if current.tries < current.request.tries() {
            self.transmit_request(now);
        } else {
            self.fail_request(now, &Failure::ServerNotResponding);
        }
    }

    /// A Notification came. If it answers the request under way, that is settled.
    pub(super) fn on_answer(&mut self, now: Now, answer: &Answer<'_>) {
        match self.requests.current.as_ref().map(|current| current.request.clone()) {
            Some(Request::Register { ticket, nickname, session, .. }) => {
                self.on_registration_answer(now, ticket, nickname, session, answer);
            }
            Some(Request::Keep { recipient, number, .. }) => {
                self.on_keep_answer(now, &recipient, number, answer);
            }
            Some(Request::Deregister { .. }) if answer.offline => {
                self.go_offline(now, &Failure::NotRegistered);
                self.settle_deregistration(Ok(()));
            }
            None if answer.offline => self.go_offline(now, &Failure::NotRegistered),
            Some(Request::Deregister { .. }) | None => {}
        }
        self.next_request(now);
    }

    fn on_registration_answer(
        &mut self,
        now: Now,
        ticket: Option<Ticket>,
        nickname: Nickname,
        session: Session,
        answer: &Answer<'_>,
    ) {
        match &answer.notice {
            Some(Notice::Welcome) => {
                self.end_request();
                // The table of an earlier welcome is not waited for any longer.
                self.settle_registration();
                if self.is_present() && nickname != self.nickname {
                    // What was said under the old nickname is not for the new one.
                    self.go_offline(now, &Failure::NotRegistered);
                }
                let quietly = ticket.is_none() && self.phase == Phase::Online;
                self.nickname = nickname.clone();
                self.take_session(session);
                // Unless it says more: see `on_registration_answered`.
                let before = self.current.take();
                self.phase = Phase::Welcomed { ticket };
                self.timers.set(Timer::FirstTable, now.at + TABLE_PATIENCE);
                if !quietly {
                    self.event(ClientEvent::Registered { nickname });
                }
                if let Some(mut before) = before {
                    // A server that speaks the classic dialect has taken its place, and dies of a packet.
                    self.flows.close(before.session);
                    self.parts.remove(&before.session);
                    if let Some(waiting) = before.take_deregistering() {
                        self.on_welcome_instead(now, ticket.is_none(), waiting);
                    }
                }
            }
            // A late word to the session before this one.
            Some(Notice::Bye | Notice::NotRegistered(_)) => {}
            Some(Notice::AlreadyOnline(taken)) if *taken == nickname => {
                self.fail_request(now, &Failure::NameTaken(nickname));
            }
            _ if answer.offline => self.fail_request(now, &answer.refusal()),
            _ => {}
        }
    }

    fn on_keep_answer(&mut self, now: Now, recipient: &Nickname, number: u64, answer: &Answer<'_>) {
        if answer.offline {
            // First the request, so that nothing more is asked of a server that would not hear it.
            self.end_request();
            return self.go_offline(now, &Failure::NotRegistered);
        }
        let outcome = match &answer.notice {
            Some(Notice::Saved) => Ok(Delivery::Stored),
            Some(Notice::Received(name)) if name == recipient => Ok(Delivery::Relayed),
            Some(Notice::Exists(name)) if name == recipient => {
                self.end_request();
                return self.on_there_after_all(now, recipient, number, answer.refusal());
            }
            Some(Notice::NotExisted(name)) if name == recipient => {
                Err(Failure::UnknownUser(name.clone()))
            }
            Some(Notice::NotSaved(_)) => Err(answer.refusal()),
            _ => return,
        };
        if let Some(current) = &self.requests.current {
            self.requests.last_kept.clone_from(&current.datagram);
        }
        self.end_request();
        self.settle(now, recipient, number, outcome);
    }

    fn end_request(&mut self) -> Option<Request> {
        self.timers.stop(&Timer::Request);
        self.requests.current.take().map(|current| current.request)
    }

    fn settle_deregistration(&mut self, result: Result<(), Failure>) {
        match self.end_request() {
            Some(Request::Deregister { ticket: None }) => self.end(),
            Some(Request::Deregister { ticket }) => self.tell_session(ticket, result),
            _ => {}
        }
    }

    /// The request under way will not be answered as it should be.
    pub(super) fn fail_request(&mut self, now: Now, why: &Failure) {
        match self.requests.current.as_ref().map(|current| current.request.clone()) {
            Some(Request::Register { ticket, nickname, .. }) => {
                self.end_request();
                self.tell_session(ticket, Err(why.clone()));
                // Under another nickname, if it has one, it is online as before.
                if !self.is_registered() || nickname == self.nickname {
                    self.go_offline(now, &Failure::NotRegistered);
                }
            }
            Some(Request::Deregister { .. }) => {
                // Offline is what was asked for, and a server that is gone holds nobody online.
                self.go_offline(now, &Failure::NotRegistered);
                self.settle_deregistration(Err(why.clone()));
            }
            Some(Request::Keep { recipient, number, .. }) => {
                self.end_request();
                self.settle(now, &recipient, number, Err(why.clone()));
            }
            None => {}
        }
        self.next_request(now);
    }

    /// Whether a registration is under way or waits for its turn.
    pub(super) fn is_registering(&self) -> bool {
        let current = self.requests.current.as_ref().map(|current| &current.request);
        let mut requests = current.into_iter().chain(&self.requests.waiting);
        requests.any(|request| matches!(request, Request::Register { .. }))
    }

    /// Fails every request. If the server was asked to register this client: as whom, and whether it
    /// heard.
    pub(super) fn fail_requests(&mut self, why: &Failure) -> Option<(Nickname, Heard)> {
        let heard = match self.requests.current.as_ref()?.acknowledged {
            true => Heard::Yes,
            false => Heard::Perhaps,
        };
        let current = self.end_request();
        let registering = match &current {
            Some(Request::Register { nickname, .. }) => Some((nickname.clone(), heard)),
            _ => None,
        };
        for request in current.into_iter().chain(std::mem::take(&mut self.requests.waiting)) {
            if let Request::Register { ticket, .. } | Request::Deregister { ticket } = request {
                self.tell_session(ticket, Err(why.clone()));
            }
        }
        registering
    }

    /// Forgets a registration that the client makes by itself.
    pub(super) fn forget_own_registration(&mut self) {
        let own = |request: &Request| matches!(request, Request::Register { ticket: None, .. });
        self.requests.waiting.retain(|request| !own(request));
        if self.requests.current.as_ref().is_some_and(|current| own(&current.request)) {
            self.end_request();
        }
    }

    /// Says what became of a registration or deregistration, if anybody waits to hear.
    pub(super) fn tell_session(&mut self, ticket: Option<Ticket>, result: Result<(), Failure>) {
        if let Some(ticket) = ticket {
            self.emit(ClientEmit::Session(ticket, result));
        }
    }

    /// Forgets the requests that wait for the sake of conversations which failed.
    pub(super) fn forget_keeps(&mut self) {
        self.requests.waiting.retain(|request| !matches!(request, Request::Keep { .. }));
    }
}
