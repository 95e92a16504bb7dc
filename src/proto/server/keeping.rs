//! What becomes of a message that did not go directly.
//!
//! The invariant: messages for one recipient leave the server in the order in which they came to it.
//! While any of them is stored, or on its way to or from the disk, the next one is stored behind it;
//! and where one that was to be passed on is not taken, it is stored with all behind it. Where one
//! of a current client is refused, those behind it wait until it has heard that: if it has not, it
//! will ask for all of them again, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::handing::ChatOf;
use super::handing::Owed;
use super::outbox::Item;
use super::requests::{Request, RequestId};
use super::{Server, ServerEvent};
use crate::proto::link::{Begun, Patience};
use crate::proto::{Now, StoreRequest, StoredMessage};
use crate::wire::{Datagram, MAX_DATAGRAM, MessageId, Nickname, Notice, Presence, Session};

/// Messages that wait to be relayed to one recipient. Past that, they are stored, all that were not sent yet, and
/// follow out of the mailbox: slower, but bounded.
const MAX_RELAYS: usize = 32;

/// Bytes of them.
const MAX_RELAY_BYTES: usize = 4 << 20;

/// Messages on their way to the disk, or to their recipients.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    /// Those that are on their way to each mailbox, and whose they are, oldest first.
    appending: BTreeMap<Nickname, Vec<(RequestId, Option<Session>)>>,
    /// How many there were so far.
    pub(super) appends: u64,
    /// What is being relayed to current clients, oldest first.
    relays: BTreeMap<Nickname, Vec<RequestId>>,
    /// Whose messages to whom were refused, which it has not heard.
    refused: BTreeMap<(Session, Nickname), Refused>,
    /// What waits until its recipient has all that is stored for it.
    held: BTreeMap<Nickname, Vec<RequestId>>,
    /// What is to be stored as soon as a classic recipient has taken what it was sent, or not: that comes before it.
    crowded: BTreeMap<Nickname, Vec<RequestId>>,
}

/// Refusals that their author has not heard.
#[derive(Debug, Default)]
struct Refused {
    /// The numbers of the messages.
    numbers: BTreeSet<u64>,
    /// What came behind the first of them, and waits.
    waiting: Vec<RequestId>,
}

impl Keeping {
    /// The store has an answer. Whether it was asked for one.
    fn appended(&mut self, recipient: &Nickname, id: RequestId) -> bool {
        let Some(appending) = self.appending.get_mut(recipient) else { return false };
        let before = appending.len();
        appending.retain(|(request, _)| *request != id);
        let was_asked = appending.len() < before;
        if appending.is_empty() {
            self.appending.remove(recipient);
        }
        was_asked
    }
}

impl Server {
    /// Finds out what is to become of a message.
    pub(super) fn pass_on(&mut self, now: Now, id: RequestId, recipient: &Nickname) {
        if self.waits_behind_a_refusal(id, recipient) {
            return;
        }
        let Some((address, presence)) = self.directory.find(recipient) else {
            return self.answer(now, id, Notice::NotExisted(recipient.clone()));
        };
        if !presence.is_online() {
            return self.keep(now, id);
        }
        match self.directory.session(recipient) {
            Some(_) => self.on_recipient_there(now, id, address),
            None => self.ask(now, id, address),
        }
    }

    /// Whether an earlier message of the same conversation was refused, and its author does not know.
    fn waits_behind_a_refusal(&mut self, id: RequestId, recipient: &Nickname) -> bool {
        let asker = self.requests.get(id).and_then(|(_, request)| request.asker());
        let Some((session, number)) = asker else { return false };
        let refused = self.keeping.refused.get_mut(&(session, recipient.clone()));
        let is_behind = |refused: &Refused| refused.numbers.first().is_some_and(|n| *n <= number);
        let Some(refused) = refused.filter(|refused| is_behind(refused)) else { return false };
        refused.waiting.push(id);
        true
    }

    /// A message of a current client is refused.
    pub(super) fn note_refusal(&mut self, of: MessageId, recipient: &Nickname) {
        let refused = self.keeping.refused.entry((of.author, recipient.clone())).or_default();
        refused.numbers.insert(of.number);
    }

    /// The author has heard that a message was refused.
    pub(super) fn on_refusal_heard(&mut self, now: Now, of: MessageId, recipient: Nickname) {
        let key = (of.author, recipient);
        let Some(refused) = self.keeping.refused.get_mut(&key) else { return };
        refused.numbers.remove(&of.number);
        let waiting = std::mem::take(&mut refused.waiting);
        if refused.numbers.is_empty() {
            self.keeping.refused.remove(&key);
        }
        // Behind another refusal they wait again.
        for id in waiting {
            self.proceed(now, id);
        }
    }

    /// The author does not listen: what waits until it has heard of a refusal is refused as well.
    pub(super) fn refuse_what_waits(&mut self, now: Now, session: Session) {
        let mut waiting = Vec::new();
        for ((author, _), refused) in &mut self.keeping.refused {
            if *author == session {
                waiting.append(&mut refused.waiting);
            }
        }
        for id in waiting {
            self.answer(now, id, Notice::NotSaved("the one before it was not".to_owned()));
        }
    }

    /// The author may not have heard it: it will ask again.
    pub(super) fn on_refusal_lost(&mut self, session: Session, recipient: Nickname) {
        let refused = self.keeping.refused.remove(&(session, recipient));
        for id in refused.into_iter().flat_map(|refused| refused.waiting) {
            self.requests.close(id);
        }
    }

    /// What the author of a message is told that is longer than one may be.
    pub(super) fn too_long(&self) -> Notice {
        let most = self.config.limits.message_bytes;
        Notice::NotSaved(format!("it is too long: the server takes {most} bytes"))
    }

    /// Whether something for this recipient is stored, as far as is known, or about to be.
    fn has_mail(&self, recipient: &Nickname) -> bool {
        self.keeping.appending.contains_key(recipient) || self.mail.has_some(recipient)
    }

    /// The recipient of a message is there, or held to be.
    pub(super) fn on_recipient_there(&mut self, now: Now, id: RequestId, address: SocketAddr) {
        let Some((from, Request::Keep { recipient, seen, .. })) = self.requests.get(id) else {
            return;
        };
        let (recipient, seen) = (recipient.clone(), *seen);
        if self.waits_behind_a_refusal(id, &recipient) {
            return;
        }
        if let Some(crowded) = self.keeping.crowded.get_mut(&recipient) {
            return crowded.push(id);
        }
        if self.has_mail(&recipient) {
            if seen == Presence::Offline && self.mail.is_under_way(&recipient) {
                // Its sender waits with the next one, and can go on directly when this one can.
                return self.keeping.held.entry(recipient).or_default().push(id);
            }
            return self.keep(now, id);
        }
        if seen == Presence::Offline && !self.is_relaying_of_its_author(id, &recipient) {
            return self.say_that_it_exists(now, id, from, recipient);
        }
        if self.directory.session(&recipient).is_some() {
            return self.relay(now, id, &recipient);
        }
        let Some((_, Request::Keep { sender, text, .. })) = self.requests.get(id) else { return };
        let (sender, text) = (sender.clone(), text.clone());
        let chat = Datagram::Chat { sender, text }.encode();
        if chat.len() > MAX_DATAGRAM {
            let reason = format!("it is too long for the program of {recipient}");
            return self.answer(now, id, Notice::NotSaved(reason));
        }
        let relay = Item::Relay { request: id, chat };
        self.links.push(now.at, address, relay, Patience::PUSH);
        if self.links.waiting(address, Item::is_relay) > MAX_RELAYS {
            self.store_those_who_wait(now, &recipient, address);
        }
    }

    /// Has what waits to be relayed to a classic client stored, unless it was sent: what becomes of that is awaited.
    fn store_those_who_wait(&mut self, now: Now, recipient: &Nickname, address: SocketAddr) {
        let waits = |item: &Item, begun| begun == Begun::No && item.is_relay();
        let waiting = self.links.cancel(now.at, address, waits);
        let requests = waiting.iter().filter_map(Item::relays).collect();
        self.keeping.crowded.insert(recipient.clone(), requests);
        if !self.links.has(address, Item::is_relay) {
            self.store_crowded(now, recipient);
        }
    }

    /// A classic client has taken the message that it was sent last, or does not take it.
    pub(super) fn store_crowded(&mut self, now: Now, recipient: &Nickname) {
        for id in self.end_crowded(recipient) {
            self.keep(now, id);
        }
    }

    /// What waits for that does not any more.
    pub(super) fn end_crowded(&mut self, recipient: &Nickname) -> Vec<RequestId> {
        self.keeping.crowded.remove(recipient).unwrap_or_default()
    }

    /// The recipient has all that was stored for it, or does not take it now.
    pub(super) fn release_held(&mut self, now: Now, recipient: &Nickname) {
        for id in self.keeping.held.remove(recipient).unwrap_or_default() {
            self.proceed(now, id);
        }
    }

    /// Whether an earlier message of the same conversation is being relayed. Its author may have forgotten it since,
    /// going offline and coming back; one that it sends directly could still come before it.
    fn is_relaying_of_its_author(&self, id: RequestId, recipient: &Nickname) -> bool {
        let author = |id| Some(self.requests.get(id)?.1.asker()?.0);
        let relays = self.keeping.relays.get(recipient).into_iter().flatten();
        author(id).is_some_and(|own| relays.copied().any(|relay| author(relay) == Some(own)))
    }

    /// The sender of a message, who did not try, is to send it directly.
    fn say_that_it_exists(&mut self, now: Now, id: RequestId, to: SocketAddr, who: Nickname) {
        match self.member_at(to) {
            Some(session) => {
                match self.is_past_lookup() {
                    // From now on it has a row of that one, as if it had asked.
                    true => self.on_lookup(session, &who),
                    false => self.tell_of(session, &who),
                }
                self.answer(now, id, Notice::Exists(who));
            }
            None => {
                self.answer(now, id, Notice::Exists(who));
                if self.directory.holder(to).is_some() {
                    self.push_table(now, to);
                }
            }
        }
    }

    /// Whether what waits does so for something that is under way.
    pub(super) fn is_crowd_within_bounds(&self) -> bool {
        self.keeping.crowded.iter().all(|(recipient, waiting)| {
            let address = self.directory.find(recipient).map(|(address, _)| address);
            address.is_some_and(|address| self.links.has(address, Item::is_relay))
                && waiting.iter().all(|id| self.requests.has(*id))
        })
    }

    /// Passes a message on to a current client, which is asked thereby whether it is there.
    fn relay(&mut self, now: Now, id: RequestId, recipient: &Nickname) {
        let waiting = self.keeping.relays.entry(recipient.clone()).or_default();
        waiting.push(id);
        let waiting = waiting.clone();
        let bytes: usize = waiting.iter().map(|id| self.requests.bytes(*id)).sum();
        if waiting.len() > MAX_RELAYS || bytes > MAX_RELAY_BYTES {
            if let Some(session) = self.directory.session(recipient) {
                drop(self.take_back_relays(session));
            }
            return self.store_relays(now, recipient);
        }
        let (message_id, request) = (self.identify(id), self.requests.get(id));
        let Some((_, Request::Keep { sender, text, .. })) = request else { return };
        let (sender, text) = (sender.clone(), text.clone());
        let message = ChatOf { sender: &sender, id: message_id, stored_at: None, text: &text };
        self.push_chat(now, recipient, &message, Owed::Relay(id));
    }

    /// The number of a message, which a classic one is given here.
    fn identify(&mut self, id: RequestId) -> Option<MessageId> {
        let (author, number) = (self.classic_author, self.last_number + 1);
        let given = MessageId { author, number };
        let identity = self.requests.identify(id, given);
        if identity == Some(given) {
            self.last_number = number;
        }
        identity
    }

    /// The recipient of a message that was passed on has taken it.
    pub(super) fn on_relayed(&mut self, now: Now, id: RequestId) {
        let Some((_, Request::Keep { recipient, .. })) = self.requests.get(id) else { return };
        let recipient = recipient.clone();
        self.forget_relay(&recipient, id);
        self.answer(now, id, Notice::Received(recipient));
    }

    pub(super) fn forget_relay(&mut self, recipient: &Nickname, id: RequestId) {
        if let Some(waiting) = self.keeping.relays.get_mut(recipient) {
            waiting.retain(|other| *other != id);
            if waiting.is_empty() {
                self.keeping.relays.remove(recipient);
            }
        }
    }

    /// What is being passed on to a member is to be stored instead. What was sent of it may be taken all the same: then
    /// its recipient knows it by its number when it comes again.
    pub(super) fn take_back_relays(&mut self, session: Session) -> Vec<Owed> {
        let is_relay = |owed: &Owed| matches!(owed, Owed::Relay(_));
        let flow = self.flows.get_mut(session);
        flow.map(|flow| flow.take_back_where(is_relay, &Owed::Nothing)).unwrap_or_default()
    }

    /// What was to be passed on to a current client is stored. It may have been taken all the same:
    /// then its recipient knows it by its number when it comes again.
    pub(super) fn store_relays(&mut self, now: Now, recipient: &Nickname) {
        for id in self.keeping.relays.remove(recipient).unwrap_or_default() {
            self.keep(now, id);
        }
    }

    /// Has the store keep the message of a request.
    pub(super) fn keep(&mut self, now: Now, id: RequestId) {
        let (message_id, request) = (self.identify(id), self.requests.get(id));
        let Some((_, Request::Keep { sender, recipient, text, .. })) = request else { return };
        let (sender, recipient, text) = (sender.clone(), recipient.clone(), text.clone());
        let author = message_id.map(|id| id.author);
        let appending = self.keeping.appending.entry(recipient.clone()).or_default();
        // What classic clients ask for has no order among them.
        let numbered = author.filter(|author| *author != self.classic_author);
        let before = appending.iter().rev().find(|(_, o)| *o == numbered && o.is_some());
        let follows = before.map(|(request, _)| *request);
        appending.push((id, numbered));
        self.keeping.appends += 1;
        let message = StoredMessage { sender, text, time: now.unix, id: message_id };
        self.store(StoreRequest::Append { request: id, follows, recipient, message });
    }

    /// The store has a message, or says why not.
    pub(super) fn on_kept(
        &mut self,
        now: Now,
        id: RequestId,
        recipient: Nickname,
        result: Result<(), String>,
    ) {
        if !self.keeping.appended(&recipient, id) {
            // The request may be of another kind: it is not to be answered with this.
            return;
        }
        match result {
            Ok(()) => {
                self.stats.messages_stored += 1;
                self.answer(now, id, Notice::Saved);
            }
            Err(reason) => {
                self.answer(now, id, Notice::NotSaved(reason.clone()));
                let nickname = recipient.clone();
                self.emit(ServerEvent::MailboxFault { nickname, reason });
            }
        }
        // It may have come back while its message was on the way to the disk.
        if let Some((_, Presence::Online)) = self.directory.find(&recipient) {
            self.start_mail(&recipient);
        }
    }
}
