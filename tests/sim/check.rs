//! What the endpoints promise to those who use them.
//!
//! The ledger knows every message that was sent, since each has a text of its own. Always:
//!
//! - what is delivered was sent, by that sender, to that recipient;
//! - a ticket gets one outcome, and whoever lives on gets it in the end.
//!
//! And as long as sender, recipient and server all speak the current dialect, whatever happens:
//!
//! - one run of a recipient gets a message once, and the messages of one sender in their order;
//! - another run of it gets one again only if nobody had heard that the first one got it, or the
//!   server died meanwhile;
//! - "received" and "relayed": the recipient's application got it; "stored": it is on the disk;
//! - "unknown user", "too long", "too many pending": nobody gets it;
//! - a message leaves the store only after its recipient's application got it;
//! - what was accepted is delivered in the end.
//!
//! Where a classic program has a part in it, that is promised as far as its dialect can keep it:
//! see [`Promises`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use std::time::Duration;

use superchat::proto::{Delivery, Failure, Instant, Route, Ticket};

/// The longest round trip where each message comes once: below the patience of a classic program.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// What the classic dialect can promise under the faults of a run. Its acks and answers carry
/// nothing that says what they belong to, so one that comes late, or twice, is taken for another.
#[derive(Debug, Clone, Copy)]
pub struct Promises {
    /// An ack is the one of the datagram that waits for it, lost datagrams or not: so "received"
    /// means that the recipient's application got the message, and the store lets go of nothing
    /// that its recipient has not got.
    pub acks: bool,
    /// An answer of the server is the one to the request that waits for it: so "stored" means that
    /// the store said so, and "relayed" that the recipient's application got the message. But where
    /// the server takes so long that it is asked again, that may cross its answer, is then a
    /// request like any other, and has an answer of its own.
    pub answers: bool,
    /// Each message comes once, in the order of its sender's messages to that recipient, with two
    /// exceptions. Its ack may cross a request of the recipient to be registered anew, or no
    /// longer: the server cannot know whether it came, and sends it again. And the server may have
    /// been asked again, as above.
    pub exactly_once: bool,
}

impl Promises {
    pub const ALL: Self = Self { acks: true, answers: true, exactly_once: true };
}

/// Which run of a program, counted over all of them.
pub type Life = u64;

/// How a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Arrival {
    life: Life,
    route: Route,
    at: Instant,
}

#[derive(Debug)]
struct Message {
    sender: String,
    recipient: String,
    /// Which run of the sender's program; none for a classic client, which promises nothing.
    life: Option<Life>,
    number: u64,
    /// How often the server had died when it was sent.
    deaths: u32,
    outcome: Option<Result<Delivery, Failure>>,
    /// The store has said that it has it.
    stored: bool,
    /// It has left the store.
    removed: bool,
    /// When its sender knew, and the server too, that its recipient has it.
    known_at: Option<Instant>,
    came: Vec<Arrival>,
    /// How often the server was asked to keep it, in the classic dialect.
    asked: u32,
    /// It may come again: see [`Promises::exactly_once`].
    doubtful: bool,
}

impl Message {
    /// Its sender was told that nobody has it.
    fn is_denied(&self) -> bool {
        use Failure::{TooLong, TooManyPending, UnknownUser};
        matches!(self.outcome, Some(Err(UnknownUser(_) | TooLong(_) | TooManyPending)))
    }
}

/// Who waits, and for what: the text of a message, or a registration.
type Open = (SocketAddr, Option<String>);

#[derive(Debug)]
pub struct Ledger {
    promises: Promises,
    /// The server speaks the current dialect.
    current_server: bool,
    /// Names that somebody with a classic program uses.
    classic_names: BTreeSet<String>,
    messages: BTreeMap<String, Message>,
    open: BTreeMap<Ticket, Open>,
    /// When the session of each began or ended, as the server has it.
    turned: BTreeMap<String, Instant>,
    /// When each run of a program began.
    began: BTreeMap<Life, Instant>,
    /// How often the server has died.
    deaths: u32,
    /// Who asked the server again for the same: an answer too many may be under way to them.
    asked_again: BTreeSet<String>,
    /// The last message of each run of a sender that came to each run of a recipient.
    last_came: BTreeMap<(Option<Life>, Life), u64>,
}

impl Ledger {
    pub fn new(promises: Promises) -> Self {
        Self {
            promises,
            current_server: true,
            classic_names: BTreeSet::new(),
            messages: BTreeMap::new(),
            open: BTreeMap::new(),
            turned: BTreeMap::new(),
            began: BTreeMap::new(),
            deaths: 0,
            asked_again: BTreeSet::new(),
            last_came: BTreeMap::new(),
        }
    }

    /// The server is one of 2017.
    pub fn server_is_classic(&mut self) {
        self.current_server = false;
    }

    /// A program starts; a classic one has a name.
    pub fn began(&mut self, now: Instant, life: Life, classic_name: Option<&str>) {
        self.began.insert(life, now);
        self.classic_names.extend(classic_name.map(str::to_owned));
    }

    /// The server died.
    pub fn server_died(&mut self) {
        self.deaths += 1;
    }

    /// Whether everyone who has a part in a message speaks the current dialect.
    fn is_certain(&self, message: &Message) -> bool {
        self.current_server
            && message.life.is_some()
            && !self.classic_names.contains(&message.recipient)
    }

    /// Somebody sends a message whose text nobody has used before.
    pub fn sent(&mut self, life: Option<Life>, sender: &str, recipient: &str, text: &str) {
        let message = Message {
            sender: sender.to_owned(),
            recipient: recipient.to_owned(),
            life,
            number: self.messages.len() as u64,
            deaths: self.deaths,
            outcome: None,
            stored: false,
            removed: false,
            known_at: None,
            came: Vec::new(),
            asked: 0,
            doubtful: false,
        };
        assert!(self.messages.insert(text.to_owned(), message).is_none(), "sent before: {text}");
    }

    /// An engine is given a ticket: for a message, or for a registration.
    pub fn opened(&mut self, at: SocketAddr, ticket: Ticket, text: Option<&str>) {
        self.open.insert(ticket, (at, text.map(str::to_owned)));
    }

    /// An engine says what became of a message.
    pub fn settled(&mut self, now: Instant, ticket: Ticket, outcome: Result<Delivery, Failure>) {
        let (_, text) = self.open.remove(&ticket).expect("a ticket gets one outcome");
        let text = text.expect("the ticket of a message");
        let message = &self.messages[&text];
        let certain = self.is_certain(message);
        let answers = self.promises.answers && !self.asked_again.contains(&message.sender);
        let kept = match outcome {
            Ok(Delivery::Received) => !(certain || self.promises.acks) || !message.came.is_empty(),
            Ok(Delivery::Relayed) => !(certain || answers) || !message.came.is_empty(),
            Ok(Delivery::Stored) => !(certain || answers) || message.stored,
            Err(_) => true,
        };
        assert!(kept, "not true: {outcome:?} of {text:?}: {message:?}");
        let message = self.messages.get_mut(&text).expect("it is there");
        let has_come = !message.came.is_empty();
        let over = match outcome {
            Ok(Delivery::Received | Delivery::Relayed) => true,
            Ok(Delivery::Stored) => message.removed,
            Err(_) => false,
        };
        message.outcome = Some(outcome);
        if over {
            message.known_at = Some(now);
        }
        let denied = certain && has_come && message.is_denied();
        assert!(!denied, "nobody has it, it says: {message:?}");
    }

    /// An engine says what became of a registration.
    pub fn answered(&mut self, ticket: Ticket) {
        let (_, text) = self.open.remove(&ticket).expect("a ticket gets one outcome");
        assert_eq!(text, None, "the ticket of a registration");
    }

    /// The server is asked to keep a message, in the classic dialect.
    pub fn asked(&mut self, text: &str) {
        let message = self.messages.get_mut(text).expect("what is to be kept was sent");
        message.asked += 1;
        if message.asked > 1 {
            message.doubtful = true;
            self.asked_again.insert(message.sender.clone());
        }
    }

    /// A message is in the store.
    pub fn stored(&mut self, text: &str) {
        self.messages.get_mut(text).expect("what is stored was sent").stored = true;
    }

    /// A message has left the store.
    pub fn removed(&mut self, now: Instant, text: &str) {
        let message = &self.messages[text];
        let came = !message.came.is_empty();
        let promised = self.promises.acks || self.is_certain(message);
        assert!(!promised || came, "removed, and yet not delivered: {text:?}");
        let message = self.messages.get_mut(text).expect("it is there");
        message.removed = true;
        if message.outcome == Some(Ok(Delivery::Stored)) {
            message.known_at = Some(now);
        }
    }

    /// The server is asked to begin or to end the session of this user.
    pub fn turned(&mut self, now: Instant, user: &str) {
        self.turned.insert(user.to_owned(), now);
        for message in self.messages.values_mut().filter(|message| message.recipient == user) {
            message.doubtful |= message.came.first().is_some_and(|came| now - came.at < PATIENCE);
        }
    }

    /// The application of a run of a program gets a message.
    pub fn came(
        &mut self,
        now: Instant,
        life: Life,
        sender: &str,
        recipient: &str,
        text: &str,
        route: Route,
    ) {
        let message = self.messages.get(text).unwrap_or_else(|| panic!("never sent: {text:?}"));
        assert_eq!(message.sender, sender, "the sender of {text:?}");
        assert_eq!(message.recipient, recipient, "the recipient of {text:?}");
        assert!(!self.is_certain(message) || !message.is_denied(), "nobody has it: {message:?}");
        if self.is_certain(message) {
            self.check_once(message, life);
            self.check_order(message, life);
        } else if self.promises.exactly_once && !message.doubtful {
            assert!(message.came.is_empty(), "it came before: {text:?}");
            self.check_classic_order(message, route);
        }
        let turned = self.turned.get(recipient).is_some_and(|turned| now - *turned < PATIENCE);
        let message = self.messages.get_mut(text).expect("it is there");
        message.doubtful |= message.came.is_empty() && turned;
        message.came.push(Arrival { life, route, at: now });
        let last = self.last_came.entry((message.life, life)).or_default();
        *last = message.number.max(*last);
    }

    /// It has not come to this run before, nor to another one of which that was known when this one
    /// began.
    fn check_once(&self, message: &Message, life: Life) {
        let before = message.came.iter().any(|came| came.life == life);
        assert!(!before, "it came before: {message:?}");
        if message.deaths != self.deaths {
            // Its author may ask the new server again for what the old one had answered.
            return;
        }
        let began = self.began[&life];
        let known = message.known_at.is_some_and(|known| known < began);
        assert!(!known, "it was known to have come to another run: {message:?}");
    }

    /// No later message of this run of its sender's program came to this run before it.
    fn check_order(&self, message: &Message, life: Life) {
        let last = self.last_came.get(&(message.life, life));
        let overtook = last.is_some_and(|last| *last > message.number);
        assert!(!overtook, "out of order: {message:?} after number {last:?}");
    }

    /// No later message of this sender came before this one, but for two reasons.
    ///
    /// What is stored waits until its recipient is back and has the table; by then everyone knows
    /// that it is there, and a new message overtakes, directly. And a message that was given up
    /// makes nothing wait for it, though it may still be under way.
    fn check_classic_order(&self, message: &Message, route: Route) {
        let given_up = matches!(message.outcome, Some(Err(_)));
        if message.life.is_none() || given_up {
            return;
        }
        let mut overtook = self.messages.values().filter(|later| {
            later.number > message.number
                && later.life == message.life
                && later.recipient == message.recipient
                && later.came.iter().any(|r| route != Route::Stored || r.route == Route::Stored)
        });
        assert!(overtook.next().is_none(), "out of order: {message:?}");
    }

    /// A program ended without a word: nobody waits for its tickets any more.
    pub fn crashed(&mut self, at: SocketAddr) {
        self.open.retain(|_, (address, _)| *address != at);
    }

    /// How many outcomes the application at this address waits for.
    pub fn pending(&self, at: SocketAddr) -> usize {
        self.open.values().filter(|(address, _)| *address == at).count()
    }

    /// Nobody at this address waits for anything.
    pub fn check_settled(&self, at: SocketAddr) {
        let open: Vec<_> = self.open.iter().filter(|(_, (address, _))| *address == at).collect();
        assert!(open.is_empty(), "without an outcome: {open:?}");
    }

    /// A message came once, and its sender knows that it was received, if it can know.
    pub fn check_received(&self, text: &str) {
        self.check_came(text, &[(Route::Direct, Delivery::Received)]);
    }

    /// The same, be it through the server: whom a client has not looked up it takes nothing from directly.
    pub fn check_received_anyhow(&self, text: &str) {
        let relayed = (Route::Relayed, Delivery::Relayed);
        self.check_came(text, &[(Route::Direct, Delivery::Received), relayed]);
    }

    fn check_came(&self, text: &str, ways: &[(Route, Delivery)]) {
        let message = &self.messages[text];
        let by = |(route, outcome): &(Route, Delivery)| {
            let once = matches!(message.came[..], [Arrival { route: r, .. }] if r == *route);
            once && (message.life.is_none() || message.outcome == Some(Ok(*outcome)))
        };
        assert!(ways.iter().any(by), "{text:?}: {message:?}");
    }

    /// How often a message came.
    pub fn times(&self, text: &str) -> usize {
        self.messages[text].came.len()
    }

    /// How many messages had an outcome that is not an error.
    pub fn accepted(&self) -> usize {
        self.messages.values().filter(|message| matches!(message.outcome, Some(Ok(_)))).count()
    }

    /// All is quiet: those who are registered have what was accepted for them.
    pub fn check_delivered(&self, registered: &BTreeSet<String>) {
        for (text, message) in &self.messages {
            let accepted = matches!(message.outcome, Some(Ok(_)));
            if !accepted || !registered.contains(&message.recipient) {
                continue;
            }
            if self.is_certain(message) {
                assert!(
                    !message.came.is_empty(),
                    "accepted, and never came: {text:?}: {message:?}"
                );
            } else if self.promises.exactly_once && !self.asked_again.contains(&message.sender) {
                let enough = message.came.len() == 1 || message.doubtful;
                assert!(enough && !message.came.is_empty(), "{text:?}: {message:?}");
            }
        }
    }
}
