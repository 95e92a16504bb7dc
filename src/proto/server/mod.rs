//! The server engine.
//!
//! What it promises: a request is acknowledged at once, carried out once however often it is sent
//! while it is under way, and answered; no request waits for another one's peer. A message is
//! called saved only after the store said so, and leaves the store only after its recipient
//! acknowledged it. What is said "from N" counts only from the address that N is registered at.

mod interface;
mod mail;
mod outbox;
mod requests;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

pub use self::interface::{ServerCommand, ServerConfig, ServerEmit, ServerEvent};
use self::mail::Mail;
use self::outbox::Item;
use self::requests::{Request, RequestId, Requests};
use super::directory::Directory;
use super::link::{Begun, Links, Patience};
use super::{Engine, Input, Instant, Now, Output, Stats, StoreAnswer, StoreRequest, StoredMessage};
use crate::wire::{Datagram, DecodeError, MAX_DATAGRAM, Nickname, Notice, Presence, Row};

/// Messages that wait to be relayed to one recipient. Past that, the next is stored, and follows
/// out of the mailbox: slower, but bounded.
const MAX_RELAYS: usize = 32;

/// The server engine; the head of this file says what it promises.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    directory: Directory,
    links: Links<Item>,
    requests: Requests,
    /// Requests that wait to hear whether the user at an address is there.
    questions: BTreeMap<SocketAddr, Vec<RequestId>>,
    mail: Mail,
    stopping: bool,
    stopped: bool,
    outputs: VecDeque<Output<ServerEmit>>,
    stats: Stats,
}

impl Server {
    /// A server that nobody has registered with yet.
    #[must_use]
    pub fn new(config: ServerConfig) -> Self {
        Self {
            config,
            directory: Directory::new(config.max_users),
            links: Links::new(),
            requests: Requests::new(),
            questions: BTreeMap::new(),
            mail: Mail::new(),
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
        if payload.len() > MAX_DATAGRAM {
            self.stats.oversized += 1;
            return;
        }
        match Datagram::decode(payload) {
            Ok(Datagram::Ack) => self.on_ack(now, from),
            Ok(Datagram::Register { nickname }) => {
                self.on_request(now, from, Request::Register { nickname }, room);
            }
            Ok(Datagram::Deregister { nickname }) => {
                self.on_request(now, from, Request::Deregister { nickname }, room);
            }
            Ok(Datagram::Keep { sender, recipient, seen, text }) => {
                let request = Request::Keep { sender, recipient, seen, text };
                self.on_request(now, from, request, room);
            }
            Ok(_) => self.stats.unexpected += 1,
            Err(DecodeError::Malformed) => self.stats.malformed += 1,
            Err(DecodeError::Nickname(reason)) => {
                self.stats.malformed += 1;
                self.tell_stranger(now, from, Notice::NotAllowed(reason));
            }
        }
    }

    fn on_request(&mut self, now: Now, from: SocketAddr, request: Request, room: bool) {
        if self.stopping || !room || !self.has_room_for(from) {
            self.stats.busy += 1;
            return;
        }
        self.directory.touch(from);
        if self.requests.is_open(from, &request) {
            // Sent again because the ack or the answer is late; it is under way.
            return self.acknowledge(from);
        }
        // A client that asks for something new has heard the answer to the last. Were that sent
        // again, the client would take it for the answer to the new one.
        let told = |item: &Item, begun| begun == Begun::Yes && matches!(item, Item::Answer { .. });
        for heard in self.links.cancel(now.at, from, told) {
            self.on_dropped(now, heard);
        }
        let Some(id) = self.requests.open(from, request.clone()) else {
            self.stats.busy += 1;
            return;
        };
        self.acknowledge(from);
        match request {
            Request::Register { nickname } => {
                self.emit(ServerEvent::RegisterRequest { nickname, address: from });
            }
            Request::Deregister { nickname } => {
                self.emit(ServerEvent::DeregisterRequest { nickname, address: from });
            }
            Request::Keep { sender, recipient, .. } => {
                self.emit(ServerEvent::StoreRequest { sender: sender.clone(), recipient });
                // Only now: what was taken is kept, even if its sender leaves before it is done.
                if !self.directory.is_at(&sender, from) {
                    return self.answer(now, id, Notice::NotRegistered(sender));
                }
            }
        }
        self.proceed(now, id);
    }

    /// Takes a request as far as the table of users allows. When an answer that it waited for has
    /// changed the table, it is called again.
    fn proceed(&mut self, now: Now, id: RequestId) {
        let Some((from, request)) = self.requests.get(id) else { return };
        match request {
            Request::Register { nickname } => self.register(now, id, from, &nickname),
            Request::Deregister { nickname } => self.deregister(now, id, from, &nickname),
            Request::Keep { recipient, .. } => match self.directory.find(&recipient) {
                None => self.answer(now, id, Notice::NotExisted(recipient)),
                Some((address, Presence::Online)) => self.ask(now, id, address),
                Some((_, Presence::Offline)) => self.keep(now, id),
            },
        }
    }

    fn register(&mut self, now: Now, id: RequestId, from: SocketAddr, nickname: &Nickname) {
        if let Some((address, Presence::Online)) = self.directory.find(nickname)
            && address != from
        {
            return self.ask(now, id, address);
        }
        let before = self.directory.holder(from).cloned();
        if self.directory.set_online(nickname, from).is_err() {
            return self.answer(now, id, Notice::Full);
        }
        // Whatever was on its way to this address was for an earlier life of it.
        self.requests.forget_registrations(from, id);
        self.requests.begin_session(from, id);
        let dropped = self.links.cancel_all(now.at, from);
        self.end_mail(nickname);
        if let Some(before) = before.filter(|before| before != nickname) {
            self.emit(ServerEvent::Offline { nickname: before });
        }
        self.emit(ServerEvent::Online { nickname: nickname.clone(), address: from });
        self.answer(now, id, Notice::Welcome);
        self.push_tables(now);
        // Not before: a request that goes on may push a table, and none is taken before a welcome.
        self.let_go(now, from, dropped);
        self.start_mail(nickname);
    }

    fn deregister(&mut self, now: Now, id: RequestId, from: SocketAddr, nickname: &Nickname) {
        self.requests.forget_registrations(from, id);
        let online = self.directory.is_at(nickname, from);
        if online {
            self.directory.set_offline(nickname);
            let dropped = self.links.cancel_all(now.at, from);
            self.let_go(now, from, dropped);
            self.emit(ServerEvent::Offline { nickname: nickname.clone() });
        }
        // From another address it changes nothing, and yet tells the truth: it is not online there.
        self.answer(now, id, Notice::Bye);
        if online {
            self.push_tables(now);
        }
    }

    /// Asks whether the user at an address is there, for the sake of a request.
    fn ask(&mut self, now: Now, id: RequestId, address: SocketAddr) {
        let waiting = self.questions.entry(address).or_default();
        waiting.push(id);
        if waiting.len() == 1 {
            self.links.push(now.at, address, Item::Verification, Patience::VERIFICATION);
        }
    }

    fn on_ack(&mut self, now: Now, from: SocketAddr) {
        let Some(item) = self.links.acknowledge(now.at, from) else { return };
        self.directory.touch(from);
        match item {
            Item::Relay { request, .. } => {
                if let Some((_, Request::Keep { recipient, .. })) = self.requests.get(request) {
                    self.answer(now, request, Notice::Received(recipient));
                }
            }
            Item::MailNotice(recipient) => self.send_mail(now, from, &recipient),
            Item::Mail { recipient, .. } => self.on_mail_received(now, from, &recipient),
            Item::Answer { request: Some(id), .. } => self.requests.close(id),
            Item::Answer { request: None, .. }
            | Item::Table
            | Item::Verification
            | Item::Farewell => {}
        }
        if let Some(nickname) = self.directory.holder(from).cloned()
            && self.mail.resume(&nickname)
        {
            self.start_mail(&nickname);
        }
        // Whichever datagram it acknowledges, there is somebody there.
        for id in self.questions.remove(&from).unwrap_or_default() {
            self.on_there(now, from, id);
        }
    }

    /// The user at an address, about whom a request asked, is there.
    fn on_there(&mut self, now: Now, address: SocketAddr, id: RequestId) {
        match self.requests.get(id) {
            Some((_, Request::Register { nickname })) => {
                self.answer(now, id, Notice::AlreadyOnline(nickname));
            }
            Some((from, Request::Keep { recipient, seen: Presence::Offline, .. })) => {
                self.answer(now, id, Notice::Exists(recipient));
                self.push_table(now, from);
            }
            Some((_, Request::Keep { sender, text, .. })) => {
                let relays = |item: &Item| matches!(item, Item::Relay { .. });
                if self.links.waiting(address, relays) < MAX_RELAYS {
                    let chat = Datagram::Chat { sender, text }.encode();
                    let relay = Item::Relay { request: id, chat };
                    self.links.push(now.at, address, relay, Patience::PUSH);
                } else {
                    self.keep(now, id);
                }
            }
            Some((_, Request::Deregister { .. })) | None => {}
        }
    }

    /// Has the store keep the message of a request.
    fn keep(&mut self, now: Now, id: RequestId) {
        if let Some((_, Request::Keep { sender, recipient, text, .. })) = self.requests.get(id) {
            let message = StoredMessage { sender, text, time: now.unix };
            self.store(StoreRequest::Append { request: id, recipient, message });
        }
    }

    /// Nobody answers at an address: its user is offline, and requests that asked go on.
    fn on_gone(&mut self, now: Now, address: SocketAddr) {
        if let Some(nickname) = self.directory.holder(address).cloned() {
            self.directory.set_offline(&nickname);
            self.emit(ServerEvent::Offline { nickname });
        }
        let mut waiting = self.questions.remove(&address).unwrap_or_default();
        waiting.retain(|id| self.requests.get(*id).is_some());
        // What was for the user who is gone ends before a request can put another in its place,
        // whose mail would end with it.
        for item in self.links.cancel_all(now.at, address) {
            self.on_dropped(now, item);
        }
        if waiting.is_empty() {
            // Nobody asks any more, so that no answer brings the table with it.
            self.push_tables(now);
        }
        for id in waiting {
            self.requests.tell_all_when_answered(id);
            self.proceed(now, id);
        }
    }

    fn on_failed(&mut self, now: Now, to: SocketAddr, item: Item) {
        match item {
            Item::Verification => self.on_gone(now, to),
            // It said that it is there, and takes no message: its application does not keep up.
            Item::Relay { request, .. } => {
                self.keep(now, request);
                // Nor would it take the next ones, whose senders wait.
                let relays = |item: &Item, _| matches!(item, Item::Relay { .. });
                for item in self.links.cancel(now.at, to, relays) {
                    if let Item::Relay { request, .. } = item {
                        self.keep(now, request);
                    }
                }
            }
            Item::MailNotice(recipient) | Item::Mail { recipient, .. } => {
                self.end_mail(&recipient);
                self.mail.stall(recipient);
            }
            item => self.on_dropped(now, item),
        }
    }

    /// Ends what was under way to an address that begins a new life. Requests that asked whether
    /// its user is there go on with the user it has now.
    fn let_go(&mut self, now: Now, address: SocketAddr, dropped: Vec<Item>) {
        let waiting = self.questions.remove(&address).unwrap_or_default();
        for item in dropped {
            self.on_dropped(now, item);
        }
        for id in waiting {
            self.proceed(now, id);
        }
    }

    /// An item will not be acknowledged any more.
    fn on_dropped(&mut self, now: Now, item: Item) {
        match item {
            Item::Answer { request: Some(id), .. } => self.requests.close(id),
            Item::Relay { request, .. } => self.proceed(now, request),
            Item::MailNotice(recipient) | Item::Mail { recipient, .. } => {
                self.end_mail(&recipient);
            }
            Item::Answer { request: None, .. }
            | Item::Table
            | Item::Verification
            | Item::Farewell => {}
        }
    }

    fn on_store(&mut self, now: Now, answer: StoreAnswer) {
        if self.stopping {
            return;
        }
        match answer {
            StoreAnswer::Appended { request, recipient, result } => {
                match result {
                    Ok(()) => self.answer(now, request, Notice::Saved),
                    Err(reason) => {
                        self.answer(now, request, Notice::NotSaved(reason.clone()));
                        self.emit(ServerEvent::MailboxFault {
                            nickname: recipient.clone(),
                            reason,
                        });
                    }
                }
                // It may have come back while its message was on the way to the disk.
                if let Some((_, Presence::Online)) = self.directory.find(&recipient) {
                    self.start_mail(&recipient);
                }
            }
            StoreAnswer::Loaded { request, recipient, result } => {
                self.on_loaded(now, request, &recipient, result);
            }
            StoreAnswer::NotRemoved { recipient, reason } => {
                // Read again, it would be delivered again, and again.
                self.end_mail(&recipient);
                self.emit(ServerEvent::MailboxFault { nickname: recipient, reason });
            }
        }
    }

    fn stop(&mut self, now: Now) {
        if self.stopping {
            return;
        }
        self.stopping = true;
        // Whoever answers a question now does not set a request going again.
        self.questions.clear();
        for address in self.links.addresses() {
            for item in self.links.cancel_all(now.at, address) {
                if let Item::MailNotice(recipient) | Item::Mail { recipient, .. } = item {
                    self.end_mail(&recipient);
                }
            }
        }
        for address in self.directory.addresses() {
            self.links.push(now.at, address, Item::Farewell, Patience::FAREWELL);
        }
    }
}

impl Engine for Server {
    type Command = ServerCommand;
    type Emit = ServerEmit;

    fn handle(&mut self, now: Now, input: Input<'_, ServerCommand>) {
        match input {
            Input::Datagram { from, payload, room } => self.on_datagram(now, from, payload, room),
            Input::Command(ServerCommand::Store(answer)) => self.on_store(now, answer),
            Input::Command(ServerCommand::Stop) => self.stop(now),
            Input::Deadline => {}
        }
        self.flush(now);
    }

    fn poll_output(&mut self) -> Option<Output<ServerEmit>> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        self.links.deadline()
    }

    fn stats(&self) -> Stats {
        self.stats
    }
}
