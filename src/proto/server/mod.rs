//! The server engine.
//!
//! What it promises: a request is carried out once however often it is sent while it is under way,
//! and answered; no request waits for another one's peer. A message is called saved only after the
//! store said so, and leaves the store only after its recipient acknowledged it. What is said "from
//! N" counts only from the address that N is registered at, and nobody is registered at an address
//! that was not seen to receive.
//!
//! [`registration`] and [`departure`] are who comes and goes, [`keeping`] what becomes of a message,
//! [`mail`] the delivery of stored ones, and [`presence`] how the table is told; [`members`] speak the
//! current dialect, and clients of [`classic`] the other; [`admission`] is who is listened to at all.

mod admission;
mod budget;
mod classic;
mod cookie;
mod departure;
mod handing;
mod interface;
mod keeping;
mod known;
mod left;
mod mail;
mod mailboxes;
mod members;
mod outbox;
mod presence;
mod rates;
mod registration;
mod remembering;
mod requests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use self::budget::Budgets;
use self::cookie::CookieKey;
use self::handing::Owed;
pub use self::interface::{ServerCommand, ServerConfig, ServerEmit, ServerEvent};
use self::keeping::Keeping;
use self::mailboxes::Mail;
use self::members::Members;
use self::outbox::Item;
use self::presence::Presences;
use self::rates::Rates;
use self::registration::Asked;
use self::requests::{Request, RequestId, Requests};
use super::directory::Directory;
use super::flows::Flows;
use super::link::{Links, Patience};
use super::timers::Timers;
use super::{Engine, Input, Instant, Now, Output, Stats, StoreAnswer};
use crate::wire::{Datagram, MAX_DATAGRAM, Notice, Row, Session, is_packet};

/// How long somebody who waits for word of another one waits for it. Three losses in a row are rare.
const QUESTION_PATIENCE: Duration = Duration::from_millis(750);

/// What the server's timers are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Nobody at this address has answered a question.
    Question(SocketAddr),
    /// The table has changed, and the pace allows to say so.
    Round,
    /// Stored messages may have become too old.
    Expiry,
}

/// The server engine; the head of this file says what it promises.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    directory: Directory,
    /// What is said to classic clients.
    links: Links<Item>,
    /// What is said to current ones, and by them.
    flows: Flows<Owed>,
    members: Members,
    cookies: CookieKey,
    budgets: Budgets,
    rates: Rates,
    requests: Requests,
    /// Requests that wait to hear whether the user at an address is there.
    questions: BTreeMap<SocketAddr, BTreeSet<RequestId>>,
    keeping: Keeping,
    mail: Mail,
    presences: Presences,
    asked: Asked,
    timers: Timers<Timer>,
    /// Whose messages those are that have no number: what classic clients ask to keep is numbered when
    /// it comes, and what a program of 2017 has stored when it is delivered.
    classic_author: Session,
    stored_author: Session,
    last_number: u64,
    /// Bytes of long messages of which some parts have come.
    parts: usize,
    /// Answers that members have not taken.
    answers: usize,
    stopping: bool,
    stopped: bool,
    outputs: VecDeque<Output<ServerEmit>>,
    stats: Stats,
}

impl Server {
    /// A server that nobody has registered with yet. The seed must be one that nobody can guess: its
    /// session and the key of its cookies are made of it.
    #[must_use]
    pub fn new(config: ServerConfig, seed: [u64; 3]) -> Self {
        Self {
            config,
            directory: Directory::new(config.limits.users, [seed[1], seed[2]]),
            links: Links::new(),
            flows: Flows::new(Session::from_random(seed[0])),
            members: Members::new(config.limits.users),
            cookies: CookieKey::new([seed[1], seed[2]]),
            budgets: Budgets::new(&config.limits),
            rates: Rates::new(&config.limits),
            requests: Requests::new(),
            questions: BTreeMap::new(),
            keeping: Keeping::default(),
            mail: Mail::default(),
            presences: Presences::default(),
            asked: Asked::default(),
            timers: Timers::new(),
            classic_author: Session::from_random(seed[0].rotate_left(21)),
            stored_author: Session::from_random(seed[0].rotate_left(42)),
            last_number: 0,
            parts: 0,
            answers: 0,
            stopping: false,
            stopped: false,
            outputs: VecDeque::new(),
            stats: Stats::default(),
        }
    }

    /// Everyone who registered, online or not, by nickname.
    pub fn users(&self) -> impl Iterator<Item = Row> + '_ {
        self.directory.rows()
    }

    fn on_datagram(&mut self, now: Now, from: SocketAddr, payload: &[u8], room: bool) {
        self.stats.count_received(payload);
        if !self.admits(now, from) {
            self.stats.limited += 1;
            return;
        }
        if payload.len() > MAX_DATAGRAM {
            self.stats.oversized += 1;
            return;
        }
        if is_packet(payload) {
            return self.on_packet(now, from, payload, room);
        }
        match Datagram::decode(payload) {
            Ok(Datagram::Register { nickname, hello: Some(hello) })
                if self.is_proven(now, from, hello) =>
            {
                self.on_register(now, from, nickname, hello, room);
            }
            Ok(Datagram::Register { hello: Some(hello), .. }) => {
                self.send_cookie(now, from, hello.session, payload.len());
            }
            datagram => {
                self.earn(now, from, payload.len());
                self.on_classic(now, from, datagram, room);
            }
        }
    }

    /// Begins to carry out a request for which there is room.
    fn open(&mut self, now: Now, from: SocketAddr, request: Request) {
        let (event, refusal) = match &request {
            Request::Register { nickname, .. } => {
                (ServerEvent::RegisterRequest { nickname: nickname.clone(), address: from }, None)
            }
            Request::Deregister { nickname, .. } => {
                (ServerEvent::DeregisterRequest { nickname: nickname.clone(), address: from }, None)
            }
            Request::Keep { sender, recipient, text, .. } => {
                let (sender, recipient) = (sender.clone(), recipient.clone());
                // Only now: what was taken is kept, even if its sender leaves before it is done.
                let refusal = if !self.directory.is_at(&sender, from) {
                    Some(Notice::NotRegistered(sender.clone()))
                } else if text.len() > self.config.limits.message_bytes {
                    Some(self.too_long())
                } else {
                    None
                };
                (ServerEvent::StoreRequest { sender, recipient }, refusal)
            }
        };
        let id = self.requests.open(from, request, self.is_stranger(from));
        self.emit(event);
        match refusal {
            Some(notice) => self.answer(now, id, notice),
            None => self.proceed(now, id),
        }
    }

    /// Takes a request as far as the table of users allows. When an answer that it waited for has
    /// changed the table, it is called again.
    fn proceed(&mut self, now: Now, id: RequestId) {
        let Some((from, request)) = self.requests.get(id) else { return };
        if self.stopping {
            // Its answer would be one more that is waited for.
            return;
        }
        match request {
            Request::Register { nickname, hello } => {
                let session = hello.map(|hello| hello.session);
                self.register(now, id, from, &nickname.clone(), session);
            }
            Request::Deregister { nickname, .. } => {
                self.deregister(now, id, from, &nickname.clone());
            }
            Request::Keep { recipient, .. } => self.pass_on(now, id, &recipient.clone()),
        }
    }

    /// Asks whether the user at an address is there, for the sake of a request.
    fn ask(&mut self, now: Now, id: RequestId, address: SocketAddr) {
        if let Some(waiting) = self.questions.get_mut(&address) {
            waiting.insert(id);
            return;
        }
        self.questions.insert(address, BTreeSet::from([id]));
        match self.member_at(address) {
            Some(session) => self.verify(now, session),
            None => self.links.push(now.at, address, Item::Verification, Patience::VERIFICATION),
        }
    }

    /// Somebody at this address has taken something.
    fn on_sign_of_life(&mut self, now: Now, from: SocketAddr) {
        if let Some(nickname) = self.directory.holder(from).cloned()
            && self.mail.resume(&nickname)
        {
            self.start_mail(&nickname);
        }
        // Whatever it was, there is somebody there.
        self.on_heard(now, from);
    }

    /// Requests that asked for somebody at this address have their answer.
    fn on_heard(&mut self, now: Now, from: SocketAddr) {
        self.timers.stop(&Timer::Question(from));
        for id in self.questions.remove(&from).unwrap_or_default() {
            match self.requests.get(id) {
                Some((_, Request::Register { nickname, .. })) => {
                    self.answer(now, id, Notice::AlreadyOnline(nickname.clone()));
                }
                Some((_, Request::Keep { .. })) => self.on_recipient_there(now, id, from),
                Some((_, Request::Deregister { .. })) | None => {}
            }
        }
    }

    fn on_store(&mut self, now: Now, answer: StoreAnswer) {
        if self.stopping {
            return;
        }
        match answer {
            StoreAnswer::Appended { request, recipient, result } => {
                self.on_kept(now, request, recipient, result);
            }
            StoreAnswer::Loaded { request, recipient, result } => {
                self.on_loaded(now, request, &recipient, result);
            }
            StoreAnswer::NotRemoved { recipient, reason } => {
                self.on_not_removed(recipient, reason);
            }
            StoreAnswer::Expired { recipient, senders } => self.on_expired(recipient, &senders),
            StoreAnswer::Fault { reason } => self.emit(ServerEvent::StoreFault { reason }),
        }
    }

    fn stop(&mut self, now: Now) {
        if self.stopping {
            return;
        }
        self.stopping = true;
        // Whoever answers a question now does not set a request going again.
        self.questions.clear();
        self.timers = Timers::new();
        for address in self.links.addresses() {
            for item in self.links.cancel_all(now.at, address) {
                if let Item::MailNotice(recipient) | Item::Mail { recipient, .. } = item {
                    self.end_mail(&recipient);
                }
            }
        }
        self.remember_all_online(now);
        self.say_farewell();
        for address in self.directory.classic_addresses() {
            self.links.push(now.at, address, Item::Farewell, Patience::FAREWELL);
        }
    }

    fn on_timer(&mut self, now: Now, timer: Timer) {
        match timer {
            Timer::Question(address) => self.on_gone(now, address),
            Timer::Round => self.push_round(now),
            Timer::Expiry => self.expire(now),
        }
    }
}

impl Engine for Server {
    type Command = ServerCommand;
    type Emit = ServerEmit;

    fn take(&mut self, now: Now, input: Input<'_, ServerCommand>) {
        match input {
            Input::Datagram { from, payload, room } => self.on_datagram(now, from, payload, room),
            Input::Command(ServerCommand::Store(answer)) => self.on_store(now, answer),
            Input::Command(ServerCommand::Known(users)) => self.know(now, users),
            Input::Command(ServerCommand::Stop) => self.stop(now),
            Input::Deadline => {}
        }
    }

    fn flush(&mut self, now: Now) {
        while self.step(now) {}
        self.end_if_idle();
    }

    fn poll_output(&mut self) -> Option<Output<ServerEmit>> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        let timers = [self.timers.next(), self.lease_ends()];
        let deadlines = [self.links.deadline(), self.flows.deadline()].into_iter().chain(timers);
        deadlines.flatten().min()
    }

    fn counters(&self) -> Stats {
        self.stats
    }

    fn stats(&self) -> Stats {
        let mut stats = self.stats;
        stats.users = self.directory.len() as u64;
        stats.users_online = self.directory.online() as u64;
        stats.requests_pending = self.requests.len() as u64;
        stats.frames_pending = self.links.load() as u64;
        self.flows.observe(&mut stats);
        stats
    }

    fn is_within_bounds(&self) -> bool {
        self.directory.is_within_bounds()
            && self.requests.is_within_bounds(self.config.limits.handshakes)
            // Users, strangers, and those who were found gone in the last second, whose acks may come.
            && self.links.len() <= 3 * self.config.limits.users + self.config.limits.handshakes
            && self.questions.values().flatten().all(|id| self.requests.has(*id))
            && self.budgets.is_within_bounds()
            && self.mail.is_within_bounds(&self.directory)
            && (self.stopping || self.is_crowd_within_bounds())
            && self.presences.is_within_bounds()
            && self.are_members_within_bounds()
    }
}
