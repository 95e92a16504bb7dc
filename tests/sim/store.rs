//! The real store on a simulated disk: what was asked first is done first, the disk fails as it is
//! told to, and the process or its machine can stop at any point.
//!
//! The invariant: what was called stored, and was not removed since, is in its mailbox, whatever
//! happened. It is checked after whatever happens.

use std::collections::BTreeMap;

use superchat::Nickname;
use superchat::proto::{LastSeen, StoreAnswer, StoreRequest, StoredMessage};
use superchat::store::{FileStore, Store as _, StoreLimits};

use super::disk::{Faults, SimDisk};
use super::network::Random;

/// The store of a server that can be started again, and the faults that are on.
#[derive(Debug)]
pub struct SimStore {
    pub disk: SimDisk,
    /// None if the server has not used it since it was started.
    files: Option<FileStore<SimDisk>>,
    pub fail_writes: bool,
    pub fail_removes: bool,
    /// Whatever has to be synced fails: with writes, removals too.
    pub fail_syncs: bool,
    /// Messages that one reading gives, at least one: as it is when the server starts.
    pub batch: usize,
    /// What was called stored, and not removed since.
    promised: BTreeMap<Nickname, Vec<StoredMessage>>,
    /// Who was to be remembered, while nothing failed.
    known: BTreeMap<Nickname, LastSeen>,
}

/// What became of a request.
#[derive(Debug)]
pub struct Done {
    /// Most requests have one; a removal that succeeds has none.
    pub answer: Option<StoreAnswer>,
    pub appended: Option<StoredMessage>,
    pub removed: Vec<StoredMessage>,
}

impl SimStore {
    pub fn new(batch: usize) -> Self {
        Self::on(SimDisk::default(), batch)
    }

    /// A server that starts on what is on this disk.
    pub fn on(disk: SimDisk, batch: usize) -> Self {
        Self {
            disk,
            files: None,
            fail_writes: false,
            fail_removes: false,
            fail_syncs: false,
            batch,
            promised: BTreeMap::new(),
            known: BTreeMap::new(),
        }
    }

    pub fn carry_out(&mut self, request: StoreRequest) -> Done {
        self.apply(vec![request]).remove(0)
    }

    /// Carries out requests that have gathered, as one batch. Returns what became of each.
    pub fn apply(&mut self, requests: Vec<StoreRequest>) -> Vec<Done> {
        let mut mailboxes = self.mailboxes(&requests);
        let mut answers = self.files().apply(requests.clone()).into_iter().peekable();
        let mut done = Vec::new();
        for request in requests {
            let answer = match &request {
                StoreRequest::Remove { recipient, .. } => answers.next_if(|answer| match answer {
                    StoreAnswer::NotRemoved { recipient: of, .. } => of == recipient,
                    _ => false,
                }),
                StoreRequest::Append { .. } | StoreRequest::Load { .. } => answers.next(),
                _ => None,
            };
            done.push(self.became(request, answer, &mut mailboxes));
        }
        assert_eq!(answers.next(), None, "nobody asked for it");
        self.check_promises(mailboxes.keys());
        done
    }

    fn became(
        &mut self,
        request: StoreRequest,
        answer: Option<StoreAnswer>,
        mailboxes: &mut BTreeMap<Nickname, Vec<StoredMessage>>,
    ) -> Done {
        let mut done = Done { answer, appended: None, removed: Vec::new() };
        match (request, &done.answer) {
            (
                StoreRequest::Append { request, recipient, message, .. },
                Some(StoreAnswer::Appended { request: of, result, .. }),
            ) if request == *of => {
                if result.is_ok() {
                    add(mailboxes.entry(recipient.clone()).or_default(), &message);
                    add(self.promised.entry(recipient).or_default(), &message);
                    done.appended = Some(message);
                }
            }
            (
                StoreRequest::Load { request, recipient },
                Some(StoreAnswer::Loaded { request: of, result, .. }),
            ) if request == *of => {
                let first = mailboxes[&recipient].iter().take(self.batch);
                let right = result.as_ref().is_ok_and(|batch| batch.iter().eq(first));
                let fails = self.faults() != Faults::default() || self.disk.has_stopped();
                assert!(right || fails, "{recipient}: {result:?}");
            }
            (StoreRequest::Remove { recipient, count }, answer) => {
                let mailbox = mailboxes.entry(recipient.clone()).or_default();
                assert!(count <= mailbox.len(), "{recipient}: removes more than there is");
                // Where that has failed, they may be gone all the same.
                self.promise_no_more(&recipient, &mailbox[..count]);
                if answer.is_none() {
                    done.removed = mailbox.drain(..count).collect();
                }
            }
            (StoreRequest::Remember { nickname, last }, None) => {
                self.known.remove(&nickname);
                if self.faults() == Faults::default() && !self.disk.has_stopped() {
                    self.known.insert(nickname, last);
                }
            }
            (StoreRequest::Forget { nickname }, None) => drop(self.known.remove(&nickname)),
            (StoreRequest::Expire { before }, None) => {
                for promised in self.promised.values_mut() {
                    promised.retain(|message| message.time >= before);
                }
            }
            (request, answer) => panic!("{answer:?} is no answer to {request:?}"),
        }
        done
    }

    /// The files follow the journal, and what else can wait is done: so many steps at the most.
    pub fn tend(&mut self, steps: usize) -> Vec<StoreAnswer> {
        let files = self.files();
        let answers = std::iter::from_fn(|| files.tend()).take(steps).flatten().collect();
        self.check_promises(self.promised.keys());
        answers
    }

    /// The users that a server knows that is started now.
    pub fn users(&mut self) -> Vec<(Nickname, LastSeen)> {
        self.files().users()
    }

    /// The server's machine loses power, and the server is started again.
    pub fn crash(&mut self, random: &mut Random) {
        self.files = None;
        self.disk.crash(random);
        self.restart();
    }

    /// The server's process dies, and is started again.
    pub fn kill(&mut self) {
        self.disk.go_on();
        self.restart();
    }

    /// As [`crash`](Self::crash), while the store carries out these requests. Nobody is answered.
    pub fn crash_amid(&mut self, requests: Vec<StoreRequest>, random: &mut Random) {
        self.stop_amid(requests, random);
        self.crash(random);
    }

    /// As [`kill`](Self::kill), while the store carries out these requests. Nobody is answered.
    pub fn kill_amid(&mut self, requests: Vec<StoreRequest>, random: &mut Random) {
        self.stop_amid(requests, random);
        self.kill();
    }

    /// As [`apply`](Self::apply), but from some point on the disk does nothing, until the end.
    pub fn fail_amid(&mut self, requests: Vec<StoreRequest>, random: &mut Random) -> Vec<Done> {
        let operations = self.some_of(&requests, random);
        self.files();
        self.disk.stop_after(operations, random.within(0..=300) as usize);
        let done = self.apply(requests);
        self.disk.go_on();
        done
    }

    fn stop_amid(&mut self, requests: Vec<StoreRequest>, random: &mut Random) {
        let operations = self.some_of(&requests, random);
        self.stop_after(operations, random.within(0..=300) as usize, requests);
    }

    /// Some of the changes and syncs that these requests cost, and what can wait.
    fn some_of(&self, requests: &[StoreRequest], random: &mut Random) -> usize {
        let fork = self.disk.fork();
        let mut files = open(fork.clone(), self.batch);
        let before = fork.operations();
        files.apply(requests.to_vec());
        while files.tend().is_some() {}
        random.within(0..=(fork.operations() - before) as u64) as usize
    }

    /// Carries out these requests, and what can wait, until the disk was changed or synced so many times; then nothing
    /// is done any more, but for so many bytes of what is just being written. A [`crash`](Self::crash) or a [`kill`](Self::kill) must follow.
    pub fn stop_after(&mut self, operations: usize, bytes: usize, requests: Vec<StoreRequest>) {
        let mut mailboxes = self.mailboxes(&requests);
        for request in &requests {
            // It may come so far that these are gone, and others remembered.
            match request {
                StoreRequest::Remove { recipient, count } => {
                    let mailbox = mailboxes.entry(recipient.clone()).or_default();
                    let first: Vec<_> = mailbox.drain(..mailbox.len().min(*count)).collect();
                    self.promise_no_more(recipient, &first);
                }
                StoreRequest::Remember { nickname, .. } | StoreRequest::Forget { nickname } => {
                    self.known.remove(nickname);
                }
                _ => {}
            }
        }
        self.files();
        self.disk.stop_after(operations, bytes);
        self.files().apply(requests);
        while self.files().tend().is_some() {}
    }

    fn restart(&mut self) {
        self.files = None;
        self.files();
        self.check_promises(self.promised.keys());
    }

    /// What would be delivered to this user now.
    pub fn mailbox(&mut self, recipient: &Nickname) -> Vec<StoredMessage> {
        self.files().messages(recipient).unwrap_or_default()
    }

    /// Whether a message with this text is in the mailbox, whatever a crash leaves now.
    pub fn durable(&self, recipient: &Nickname, text: &str) -> bool {
        let has_it = |disk| mailbox_on(disk, recipient).iter().any(|there| there.text == text);
        self.disk.outcomes().iter().all(has_it)
    }

    fn faults(&self) -> Faults {
        Faults { writes: self.fail_writes, syncs: self.fail_syncs, removes: self.fail_removes }
    }

    /// The store of the server that runs. It runs, so it was started while nothing failed.
    fn files(&mut self) -> &mut FileStore<SimDisk> {
        let faults = self.faults();
        let files = self.files.get_or_insert_with(|| {
            self.disk.set_faults(Faults::default());
            open(self.disk.clone(), self.batch)
        });
        self.disk.set_faults(faults);
        files
    }

    /// The mailboxes that these requests are about.
    fn mailboxes(&mut self, requests: &[StoreRequest]) -> BTreeMap<Nickname, Vec<StoredMessage>> {
        let mut mailboxes = BTreeMap::new();
        let recipients = requests.iter().filter_map(|request| match request {
            StoreRequest::Append { recipient, .. }
            | StoreRequest::Load { recipient, .. }
            | StoreRequest::Remove { recipient, .. } => Some(recipient),
            _ => None,
        });
        for recipient in recipients {
            mailboxes.insert(recipient.clone(), self.mailbox(recipient));
        }
        mailboxes
    }

    fn promise_no_more(&mut self, recipient: &Nickname, messages: &[StoredMessage]) {
        if let Some(promised) = self.promised.get_mut(recipient) {
            promised.retain(|message| !messages.iter().any(|other| is_same(message, other)));
        }
    }

    /// What was promised to these is in their mailboxes, whatever a crash leaves now.
    fn check_promises<'a>(&self, recipients: impl Iterator<Item = &'a Nickname> + Clone) {
        for disk in self.disk.outcomes() {
            let mut files = open(disk, usize::MAX);
            for (nickname, last) in &self.known {
                assert_eq!(files.user(nickname), Some(*last), "{nickname} was to be remembered");
            }
            for recipient in recipients.clone() {
                let mailbox = read(&mut files, recipient);
                for message in self.promised.get(recipient).into_iter().flatten() {
                    let kept = mailbox.iter().any(|other| is_same(message, other));
                    assert!(kept, "{recipient}: {message:?} was stored, and is not in {mailbox:?}");
                }
            }
        }
    }
}

/// Whether they are the same message. One that was there already, of an earlier run of the server that did
/// not come to say so, keeps the time that it has.
fn is_same(message: &StoredMessage, other: &StoredMessage) -> bool {
    let time = if message.id.is_some() { message.time } else { other.time };
    StoredMessage { time, ..other.clone() } == *message
}

/// What a server that is started on such a disk would deliver to this user.
pub fn mailbox_on(disk: &SimDisk, recipient: &Nickname) -> Vec<StoredMessage> {
    read(&mut open(disk.fork(), usize::MAX), recipient)
}

fn open(disk: SimDisk, batch: usize) -> FileStore<SimDisk> {
    FileStore::on(disk, batch, StoreLimits::default())
        .expect("nothing fails yet, and nobody else uses it")
}

fn read(files: &mut FileStore<SimDisk>, recipient: &Nickname) -> Vec<StoredMessage> {
    let load = StoreRequest::Load { request: 0, recipient: recipient.clone() };
    match files.apply(vec![load]).pop() {
        Some(StoreAnswer::Loaded { result: Ok(messages), .. }) => messages,
        answer => panic!("a mailbox that cannot be read: {answer:?}"),
    }
}

/// Adds a message as the store does: if it is not there already.
fn add(mailbox: &mut Vec<StoredMessage>, message: &StoredMessage) {
    let is_there = |other: &StoredMessage| match message.id {
        Some(_) => other.id == message.id,
        None => other == message,
    };
    if !mailbox.iter().any(is_there) {
        mailbox.push(message.clone());
    }
}
