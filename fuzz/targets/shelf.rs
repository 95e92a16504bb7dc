//! A store over a directory in memory, one request at a time, beside what its mailboxes must have.
//!
//! The invariant: after each request every mailbox has what it had, changed as the request says, and so
//! also after the files have followed and after a restart. A file that is no mailbox stays byte for byte
//! as it is.

use std::collections::BTreeMap;

use superchat::Nickname;
use superchat::proto::{LastSeen, StoreAnswer, StoreRequest, StoredMessage};
use superchat::store::{FileStore, Store as _, StoreLimits};
use superchat::wire::MessageId;

use super::bytes::{Bytes, address};
use super::disk::MemoryDisk;

/// Whose mailboxes there are. One has a capital letter, and so another file name than in 2017.
const RECIPIENTS: [&str; 2] = ["sonic", "Sonic"];

/// Messages that one reading gives.
const BATCH: usize = 3;

/// Steps until nothing is left to do: each file, each expiry, a journal, and what was wrong.
const MAX_STEPS: usize = 100;

/// What a mailbox has; nothing if it is none.
type Mailbox = Option<Vec<StoredMessage>>;

pub struct Shelf {
    disk: MemoryDisk,
    /// Gone while the server is down.
    store: Option<FileStore<MemoryDisk>>,
    mailboxes: BTreeMap<Nickname, Mailbox>,
    /// Files that are no mailboxes, as they were.
    foreign: Vec<(&'static str, Vec<u8>)>,
    requests: u64,
}

impl Shelf {
    /// Opens what is on this disk; nothing if it cannot be opened.
    pub fn open(disk: MemoryDisk) -> Option<Self> {
        let before: Vec<_> = RECIPIENTS.iter().map(|name| disk.get(name)).collect();
        let store = FileStore::on(disk.clone(), BATCH, StoreLimits::default()).ok()?;
        let mut shelf = Self {
            disk,
            store: Some(store),
            mailboxes: BTreeMap::new(),
            foreign: Vec::new(),
            requests: 0,
        };
        for (name, before) in RECIPIENTS.into_iter().zip(before) {
            let nickname = Nickname::new(name).unwrap();
            let mailbox = shelf.contents(&nickname);
            shelf.foreign.extend(before.filter(|it| !is_mailbox(it)).map(|it| (name, it)));
            shelf.mailboxes.insert(nickname, mailbox);
        }
        Some(shelf)
    }

    fn store(&mut self) -> &mut FileStore<MemoryDisk> {
        self.store.as_mut().unwrap()
    }

    fn contents(&mut self, of: &Nickname) -> Mailbox {
        self.store().messages(of).ok()
    }

    /// Does what the input says, as long as it says anything.
    pub fn run(&mut self, bytes: &mut Bytes<'_>) {
        while !bytes.is_empty() {
            self.step(bytes);
            self.check();
        }
        self.tend();
        self.check();
        let before = self.store().figures();
        self.restart();
        let after = self.store().figures();
        // Counted as it went, and counted anew.
        if before.unsettled == 0 {
            assert_eq!((before.mailboxes, before.bytes), (after.mailboxes, after.bytes));
        }
        self.check();
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        let recipient = Nickname::new(RECIPIENTS[bytes.below(2)]).unwrap();
        match bytes.below(8) {
            0 | 1 => self.append(recipient, bytes),
            2 => self.load(recipient),
            3 => self.remove(recipient, bytes.below(5)),
            4 => drop(self.store().tend()),
            5 => self.restart(),
            6 => self.expire(bytes),
            _ => self.remember(bytes),
        }
    }

    fn append(&mut self, recipient: Nickname, bytes: &mut Bytes<'_>) {
        let author = bytes.session();
        let message = StoredMessage {
            sender: bytes.nickname(),
            id: bytes.flag().then(|| MessageId { author, number: u64::from(bytes.byte()) }),
            time: bytes.time(),
            text: bytes.text(),
        };
        self.requests += 1;
        let request = StoreRequest::Append {
            request: self.requests,
            follows: None,
            recipient: recipient.clone(),
            message: message.clone(),
        };
        let answers = self.store().apply(vec![request]);
        let [StoreAnswer::Appended { result, .. }] = &answers[..] else {
            panic!("not one answer: {answers:?}");
        };
        let mailbox = self.mailboxes.get_mut(&recipient).unwrap();
        assert_eq!(result.is_ok(), mailbox.is_some(), "{result:?}");
        let Some(messages) = mailbox else { return };
        let is_there = messages.iter().any(|other| match message.id {
            Some(_) => other.id == message.id && other.sender == message.sender,
            None => *other == message,
        });
        if !is_there {
            messages.push(message);
        }
    }

    fn load(&mut self, recipient: Nickname) {
        self.requests += 1;
        let (request, of) = (self.requests, recipient.clone());
        let answers = self.store().apply(vec![StoreRequest::Load { request, recipient: of }]);
        let [StoreAnswer::Loaded { result, .. }] = &answers[..] else {
            panic!("not one answer: {answers:?}");
        };
        let expected = self.mailboxes[&recipient].clone().map(|mut messages| {
            messages.truncate(BATCH);
            messages
        });
        assert_eq!(result.clone().ok(), expected);
    }

    fn remove(&mut self, recipient: Nickname, count: usize) {
        // Only what was loaded is removed.
        self.load(recipient.clone());
        let count = count.min(BATCH);
        let of = recipient.clone();
        let answers = self.store().apply(vec![StoreRequest::Remove { recipient: of, count }]);
        let now = self.contents(&recipient);
        let mailbox = self.mailboxes.get_mut(&recipient).unwrap();
        assert_eq!(answers.is_empty(), mailbox.is_some(), "{answers:?}");
        let Some(messages) = mailbox else { return };
        // The same line twice is the same message, and goes once and for all.
        let rest = messages.split_off(count.min(messages.len()));
        let now = now.expect("it was a mailbox");
        let mut left = now.iter().peekable();
        for message in &rest {
            let is_there = left.next_if_eq(&message).is_some();
            assert!(is_there || messages.contains(message), "lost: {message:?}");
        }
        assert_eq!(left.next(), None, "it should have gone");
        *messages = now;
    }

    fn expire(&mut self, bytes: &mut Bytes<'_>) {
        let before = bytes.time();
        assert_eq!(self.store().apply(vec![StoreRequest::Expire { before }]), []);
        self.tend();
        for messages in self.mailboxes.values_mut().flatten() {
            messages.retain(|message| message.time >= before);
        }
    }

    fn remember(&mut self, bytes: &mut Bytes<'_>) {
        let nickname = bytes.nickname();
        let last = LastSeen { address: address(bytes.below(9)), time: bytes.time() };
        let request = if bytes.flag() {
            StoreRequest::Remember { nickname: nickname.clone(), last }
        } else {
            StoreRequest::Forget { nickname: nickname.clone() }
        };
        let is_known = matches!(request, StoreRequest::Remember { .. });
        assert_eq!(self.store().apply(vec![request]), []);
        let known = self.store().users().into_iter().find(|(name, _)| *name == nickname);
        assert_eq!(known, is_known.then_some((nickname, last)));
    }

    /// Everything that can wait is done.
    fn tend(&mut self) {
        for _ in 0..MAX_STEPS {
            if self.store().tend().is_none() {
                return;
            }
        }
        panic!("there is always something left to do");
    }

    /// The server ends, and another one begins.
    fn restart(&mut self) {
        let users = self.store().users();
        self.store = None;
        let store = FileStore::on(self.disk.clone(), BATCH, StoreLimits::default());
        self.store = Some(store.expect("it was open before"));
        assert_eq!(self.store().users(), users);
    }

    fn check(&mut self) {
        for (nickname, expected) in self.mailboxes.clone() {
            assert_eq!(self.contents(&nickname), expected, "of {nickname}");
        }
        for (name, before) in &self.foreign {
            assert_eq!(self.disk.get(name).as_ref(), Some(before), "{name} was changed");
        }
    }
}

/// Whether this is the file of a mailbox, as far as the store can tell, perhaps with a torn end.
fn is_mailbox(bytes: &[u8]) -> bool {
    let disk = MemoryDisk::default();
    disk.put("sonic", bytes);
    let opened = FileStore::on(disk, BATCH, StoreLimits::default());
    let sonic = Nickname::new("sonic").unwrap();
    opened.is_ok_and(|mut store| store.messages(&sonic).is_ok())
}
