//! Requests that are under way.
//!
//! The invariant: a request that a client sends again, because an ack or an answer was lost, is the
//! same request until its answer was acknowledged; it is carried out once. A classic request has no
//! number, so that one of the same words in that time cannot be told from it: our client waits with
//! such a one. A current one has a number, and is over when its answer was sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::wire::{Hello, MessageId, Nickname, Notice, Presence, Session};

/// A number for each request that was ever opened.
pub(super) type RequestId = u64;

/// Requests under way for one address of a classic client. It has one at a time; a person who types
/// ahead, a few.
const MAX_PER_ADDRESS: usize = 8;

/// The same for an address where nobody is registered: one, and the one that comes in its place.
const MAX_PER_STRANGER: usize = 2;

/// Messages under way of one current client, which does not wait for one to send the next.
const MAX_PER_MEMBER: usize = 256;

/// The same once half of what there is room for is under way, so that a few leave room for others.
const MAX_PER_MEMBER_OF_MANY: usize = 16;

/// Requests of classic clients and registrations that have room when messages of current ones have
/// none any more.
const RESERVE: usize = 1024;

/// Requests under way in all, strangers' left out. A further one is not acknowledged, so that it is sent
/// again.
const MAX_OPEN: usize = 4096;

/// Bytes of their texts, past which no further one is taken.
const MAX_OPEN_BYTES: usize = 64 << 20;

/// Bytes of those of one current client past which no further one of it is taken: eight of the longest.
const MAX_BYTES_PER_MEMBER: usize = 8 << 20;

/// The same once half of what there is room for is under way: who sends lines has room beside those who
/// send books.
const MAX_BYTES_PER_MEMBER_OF_MANY: usize = 64 << 10;

/// Answers that are remembered until their authors have heard them, so that a message that is asked for once
/// more, because its author had to register again before that, is not dealt with twice. As many as there may be
/// while nobody hears anything for a few seconds, in 15 MB.
const MAX_ANSWERED: usize = 65_536;

/// What a server is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Register {
        nickname: Nickname,
        hello: Option<Hello>,
    },
    Deregister {
        nickname: Nickname,
        id: Option<MessageId>,
    },
    Keep {
        sender: Nickname,
        recipient: Nickname,
        seen: Presence,
        text: String,
        id: Option<MessageId>,
    },
}

impl Request {
    /// The session that asks, and its number for the request, if it speaks the current dialect.
    pub(super) fn asker(&self) -> Option<(Session, u64)> {
        match self {
            Self::Register { hello, .. } => hello.map(|hello| (hello.session, hello.number)),
            Self::Deregister { id, .. } | Self::Keep { id, .. } => {
                id.map(|id| (id.author, id.number))
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Keep { text, .. } => text.len(),
            _ => 0,
        }
    }
}

#[derive(Debug)]
struct Open {
    from: SocketAddr,
    request: Request,
    /// The table of users changed on the way: everyone is told with the answer.
    tells_all: bool,
    /// Its sender still is who asked.
    awaited: bool,
    /// Nobody was registered where it came from.
    stranger: bool,
    /// What the message is known by, once it is: a classic one is given a number here.
    identity: Option<MessageId>,
}

#[derive(Debug)]
pub(super) struct Requests {
    open: BTreeMap<RequestId, Open>,
    by_address: BTreeMap<SocketAddr, Vec<RequestId>>,
    /// What current clients ask to keep: which request that is, and the bytes of it.
    numbered: BTreeMap<MessageId, (RequestId, usize)>,
    /// What became of messages, and which answer that was.
    answered: BTreeMap<(Nickname, MessageId), (u64, Notice)>,
    by_answer: BTreeMap<u64, (Nickname, MessageId)>,
    last_answer: u64,
    bytes: usize,
    /// How many of those that are open are strangers'.
    strangers: usize,
    last_id: RequestId,
}

impl Requests {
    pub(super) fn new() -> Self {
        Self {
            open: BTreeMap::new(),
            by_address: BTreeMap::new(),
            numbered: BTreeMap::new(),
            answered: BTreeMap::new(),
            by_answer: BTreeMap::new(),
            last_answer: 0,
            bytes: 0,
            strangers: 0,
            last_id: 0,
        }
    }

    /// Whether this request of this address is under way.
    pub(super) fn is_open(&self, from: SocketAddr, request: &Request) -> bool {
        self.by_address.get(&from).is_some_and(|ids| {
            ids.iter().any(|id| self.open.get(id).is_some_and(|open| open.request == *request))
        })
    }

    /// Takes a message that was given again: what its author says of the recipient now is what counts. Whether it is
    /// one: else it is not under way.
    pub(super) fn take_repeat(&mut self, of: MessageId, now_seen: Presence) -> bool {
        let Some((id, _)) = self.numbered.get(&of) else { return false };
        if let Some(Request::Keep { seen, .. }) =
            self.open.get_mut(id).map(|open| &mut open.request)
        {
            *seen = now_seen;
        }
        true
    }

    /// Whether there are no more than there is room for. The messages of one packet are taken or left
    /// together.
    pub(super) fn is_within_bounds(&self, handshakes: usize) -> bool {
        let strangers = self.open.values().filter(|open| open.stranger).count();
        self.strangers == strangers
            && strangers <= handshakes * MAX_PER_STRANGER
            && self.of_users() <= MAX_OPEN + RESERVE
            && self.answered.len() <= MAX_ANSWERED
            && self.by_answer.len() == self.answered.len()
            && self.bytes == self.open.values().map(|open| open.request.bytes()).sum::<usize>()
    }

    /// How many are under way.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Bytes of the text of a request.
    pub(super) fn bytes(&self, id: RequestId) -> usize {
        self.open.get(&id).map_or(0, |open| open.request.bytes())
    }

    /// What became of a message, which its author may ask for again.
    pub(super) fn remember_answer(&mut self, sender: Nickname, id: MessageId, notice: Notice) {
        self.last_answer += 1;
        let key = (sender, id);
        self.by_answer.insert(self.last_answer, key.clone());
        if let Some((before, _)) = self.answered.insert(key, (self.last_answer, notice)) {
            self.by_answer.remove(&before);
        }
        if self.answered.len() > MAX_ANSWERED
            && let Some((_, oldest)) = self.by_answer.pop_first()
        {
            self.answered.remove(&oldest);
        }
    }

    /// The author has heard what became of a message.
    pub(super) fn forget_answer(&mut self, sender: &Nickname, id: MessageId) {
        if let Some((answer, _)) = self.answered.remove(&(sender.clone(), id)) {
            self.by_answer.remove(&answer);
        }
    }

    /// What became of a message, if that is remembered.
    pub(super) fn answer_to(&self, sender: &Nickname, id: MessageId) -> Option<&Notice> {
        self.answered.get(&(sender.clone(), id)).map(|(_, notice)| notice)
    }

    /// How many are open, strangers' left out.
    fn of_users(&self) -> usize {
        self.open.len() - self.strangers
    }

    /// Whether there is room for one more of this address, which says one thing at a time. Strangers
    /// take no room from users: they make room for each other.
    pub(super) fn has_room_at(&self, from: SocketAddr, stranger: bool) -> bool {
        let here = self.by_address.get(&from).map_or(0, Vec::len);
        match stranger {
            true => here < MAX_PER_STRANGER,
            false => here < MAX_PER_ADDRESS && self.of_users() < MAX_OPEN + RESERVE,
        }
    }

    /// What a stranger at this address has asked for.
    pub(super) fn of_stranger(&self, from: SocketAddr) -> Vec<RequestId> {
        let here = self.by_address.get(&from).into_iter().flatten().copied();
        here.filter(|id| self.open.get(id).is_some_and(|open| open.stranger)).collect()
    }

    /// Whether there is room for the messages that one more packet of this session may have.
    pub(super) fn has_room_for_more(&self, session: Session) -> bool {
        let id = |number| MessageId { author: session, number };
        let own = self.numbered.range(id(0)..=id(u64::MAX)).map(|(_, (_, bytes))| *bytes);
        let (count, bytes) = own.fold((0, 0), |(count, sum), bytes| (count + 1, sum + bytes));
        let share = match self.of_users() < MAX_OPEN / 2 {
            true => MAX_PER_MEMBER,
            false => MAX_PER_MEMBER_OF_MANY,
        };
        let share_of_bytes = match self.bytes < MAX_OPEN_BYTES / 2 {
            true => MAX_BYTES_PER_MEMBER,
            false => MAX_BYTES_PER_MEMBER_OF_MANY,
        };
        let has_room = self.of_users() < MAX_OPEN && self.bytes < MAX_OPEN_BYTES;
        has_room && count < share && bytes < share_of_bytes
    }

    /// Opens a request. There is room for it: see above.
    pub(super) fn open(&mut self, from: SocketAddr, request: Request, stranger: bool) -> RequestId {
        self.last_id += 1;
        self.strangers += usize::from(stranger);
        self.by_address.entry(from).or_default().push(self.last_id);
        self.bytes += request.bytes();
        let identity = match &request {
            Request::Keep { id, .. } => *id,
            _ => None,
        };
        self.numbered.extend(identity.map(|id| (id, (self.last_id, request.bytes()))));
        let open = Open { from, request, tells_all: false, awaited: true, stranger, identity };
        self.open.insert(self.last_id, open);
        self.last_id
    }

    /// What the message of a request is known by: what is given here, if it has nothing yet.
    pub(super) fn identify(&mut self, id: RequestId, given: MessageId) -> Option<MessageId> {
        self.open.get_mut(&id).map(|open| *open.identity.get_or_insert(given))
    }

    /// Who asked, and what for.
    pub(super) fn get(&self, id: RequestId) -> Option<(SocketAddr, &Request)> {
        self.open.get(&id).map(|open| (open.from, &open.request))
    }

    pub(super) fn tell_all_when_answered(&mut self, id: RequestId) {
        if let Some(open) = self.open.get_mut(&id) {
            open.tells_all = true;
        }
    }

    pub(super) fn tells_all(&self, id: RequestId) -> bool {
        self.open.get(&id).is_some_and(|open| open.tells_all)
    }

    /// The other registrations of this address.
    pub(super) fn registrations(&self, from: SocketAddr, but: RequestId) -> Vec<RequestId> {
        let is_registration = |id: &RequestId| {
            let request = self.open.get(id).map(|open| &open.request);
            *id != but && matches!(request, Some(Request::Register { .. }))
        };
        let here = self.by_address.get(&from).into_iter().flatten().copied();
        here.filter(is_registration).collect()
    }

    /// Whether a request is under way.
    pub(super) fn has(&self, id: RequestId) -> bool {
        self.open.contains_key(&id)
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

    /// The request is answered, and its sender knows, or does not listen. Returns it.
    pub(super) fn close(&mut self, id: RequestId) -> Option<Request> {
        let open = self.open.remove(&id)?;
        self.bytes -= open.request.bytes();
        self.strangers -= usize::from(open.stranger);
        if let (Request::Keep { .. }, Some((author, number))) =
            (&open.request, open.request.asker())
        {
            self.numbered.remove(&MessageId { author, number });
        }
        if let Some(ids) = self.by_address.get_mut(&open.from) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_address.remove(&open.from);
            }
        }
        Some(open.request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register(name: &str) -> Request {
        Request::Register { nickname: Nickname::new(name).unwrap(), hello: None }
    }

    #[test]
    fn both_sides_of_the_limit_of_an_address() {
        let mut requests = Requests::new();
        let from = SocketAddr::from(([127, 0, 0, 1], 1));
        let ids: Vec<_> =
            (0..MAX_PER_ADDRESS).map(|_| requests.open(from, register("a"), false)).collect();
        assert!(!requests.has_room_at(from, false));
        requests.close(ids[0]);
        assert!(requests.has_room_at(from, false));
    }

    #[test]
    fn a_closed_request_is_a_new_one() {
        let mut requests = Requests::new();
        let from = SocketAddr::from(([127, 0, 0, 1], 1));
        let id = requests.open(from, register("b"), true);
        assert!(requests.is_open(from, &register("b")));
        assert!(!requests.is_open(from, &register("a")));
        requests.close(id);
        assert!(!requests.is_open(from, &register("b")));
    }

    fn session(n: u64) -> Session {
        Session::new(n).unwrap()
    }

    /// A member has so many messages of this length under way.
    fn keep(requests: &mut Requests, author: u64, count: u64, bytes: usize) {
        let name = || Nickname::new("a").unwrap();
        for number in 1..=count {
            let id = Some(MessageId { author: session(author), number });
            let (seen, text) = (Presence::Online, "x".repeat(bytes));
            let request = Request::Keep { sender: name(), recipient: name(), seen, text, id };
            let from = SocketAddr::from(([127, 0, 0, 1], author as u16));
            requests.open(from, request, false);
        }
    }

    #[test]
    fn both_sides_of_the_messages_of_a_member() {
        let mut requests = Requests::new();
        keep(&mut requests, 1, MAX_PER_MEMBER as u64 - 1, 1);
        assert!(requests.has_room_for_more(session(1)));
        keep(&mut requests, 2, MAX_PER_MEMBER as u64, 1);
        assert!(!requests.has_room_for_more(session(2)));
        for author in 3..11 {
            keep(&mut requests, author, MAX_PER_MEMBER as u64, 1);
        }
        // Many are under way: a few of each leave room for others.
        keep(&mut requests, 11, MAX_PER_MEMBER_OF_MANY as u64 - 1, 1);
        keep(&mut requests, 12, MAX_PER_MEMBER_OF_MANY as u64, 1);
        assert!(requests.has_room_for_more(session(11)));
        assert!(
            !requests.has_room_for_more(session(12)) && !requests.has_room_for_more(session(1))
        );
    }

    #[test]
    fn both_sides_of_the_text_of_a_member() {
        let mut requests = Requests::new();
        keep(&mut requests, 1, 7, 1 << 20);
        assert!(requests.has_room_for_more(session(1)));
        for author in 2..6 {
            keep(&mut requests, author, 8, 1 << 20);
            assert!(!requests.has_room_for_more(session(author)));
        }
        // Half of all that there is room for is under way.
        assert!(!requests.has_room_for_more(session(1)));
        keep(&mut requests, 6, 1, MAX_BYTES_PER_MEMBER_OF_MANY - 1);
        keep(&mut requests, 7, 1, MAX_BYTES_PER_MEMBER_OF_MANY);
        assert!(requests.has_room_for_more(session(6)) && !requests.has_room_for_more(session(7)));
    }

    #[test]
    fn an_answer_is_remembered_until_it_was_heard_or_too_many_were_not() {
        let mut requests = Requests::new();
        let name = Nickname::new("a").unwrap();
        let id = |number| MessageId { author: session(1), number };
        let remember = |requests: &mut Requests, number| {
            requests.remember_answer(name.clone(), id(number), Notice::Saved);
        };
        let most = MAX_ANSWERED as u64;
        remember(&mut requests, 0);
        for number in 1..=2 * most {
            remember(&mut requests, number);
            requests.forget_answer(&name, id(number));
        }
        assert_eq!(requests.answer_to(&name, id(0)), Some(&Notice::Saved));
        assert_eq!(requests.answer_to(&name, id(1)), None);
        for number in 1..most {
            remember(&mut requests, number);
        }
        assert!(requests.answer_to(&name, id(0)).is_some() && requests.is_within_bounds(0));
        remember(&mut requests, most);
        assert!(requests.answer_to(&name, id(0)).is_none() && requests.is_within_bounds(0));
    }

    #[test]
    fn strangers_take_no_room_from_users() {
        let mut requests = Requests::new();
        let at = |n: usize| SocketAddr::from(([10, 0, (n / 256) as u8, n as u8], 1));
        for n in 0..MAX_OPEN + RESERVE {
            requests.open(at(n), register("a"), true);
            requests.open(at(n), register("b"), true);
        }
        assert!(!requests.has_room_at(at(0), true) && requests.has_room_at(at(0), false));
        assert!(requests.has_room_for_more(session(1)));
        assert!(requests.is_within_bounds(MAX_OPEN + RESERVE));
        assert!(!requests.is_within_bounds(MAX_OPEN + RESERVE - 1));
    }
}
