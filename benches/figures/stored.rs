//! Messages that the server keeps, and what it has kept: against one file to which 64 records are written at
//! a time, and synced.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use superchat::{Client, Delivery, Pending, Server};
use tempfile::TempDir;

use super::Effort;
use super::child::Process;
use super::direct::until_the_end;
use super::raw::MESSAGE;
use super::report::{Goal, Row};

/// Messages under way, and records of a commit.
const TOGETHER: usize = 64;

/// Users who are known, and not there.
const RECIPIENTS: usize = 4096;

/// Messages of the mailbox that is drained: as many as there may be.
const MAILBOX: usize = 10_000;

/// What is drained in the short form.
const SHORT_MAILBOX: usize = 1000;

/// Turns of a sustained run: by then there is more than need not be in the files.
const SUSTAINED: u32 = 12;

/// A directory on the disk of the build, which is not memory.
fn directory() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A message as it stands in a mailbox.
fn line(number: usize) -> String {
    let (text, session) = ("x".repeat(MESSAGE), 1_u64 << 52);
    format!(
        "{{\"Msg\": \"{text}\", \"Sender\": \"sender\", \"Time\": 1488400115.368341, \
         \"Session\": {session}, \"Number\": {number}}}\n"
    )
}

/// The one log.
struct Log {
    file: File,
    records: Vec<u8>,
    _directory: TempDir,
}

impl Log {
    fn start() -> Self {
        let directory = directory();
        let options = OpenOptions::new().append(true).create(true).clone();
        let file = options.open(directory.path().join("log")).unwrap();
        // What comes before a line in a journal.
        let record = |number| format!("01234567 + recipient-{number} {}", line(number));
        let records = (0..TOGETHER).map(record).collect::<String>().into_bytes();
        Self { file, records, _directory: directory }
    }

    /// Records a second.
    fn run(&mut self, turn: Duration) -> f64 {
        let (begin, mut written) = (Instant::now(), 0);
        while begin.elapsed() < turn {
            self.file.write_all(&self.records).unwrap();
            self.file.sync_data().unwrap();
            written += TOGETHER;
        }
        written as f64 / begin.elapsed().as_secs_f64()
    }
}

/// A server, until the input ends, with this directory.
pub fn serve(arguments: &[String]) {
    let directory = arguments.join(" ");
    until_the_end(Server::builder().bind("127.0.0.1:0").directory(directory).start().unwrap());
}

/// Starts a server that knows these users, none of whom is there.
fn start(directory: &Path, users: impl Iterator<Item = String>) -> (Process, String) {
    let (mut journal, mut crc) = ("superchat journal 1\n".to_owned(), 0);
    for user in users {
        let record = format!("@ {user} 127.0.0.1:9 1488400115368341\n");
        let mut hasher = crc32fast::Hasher::new_with_initial(crc);
        hasher.update(record.as_bytes());
        crc = hasher.finalize();
        write!(journal, "{crc:08x} {record}").unwrap();
    }
    fs::write(directory.join("superchat.journal"), journal).unwrap();
    let mut server = Process::start("keep", 1, &[directory.to_str().unwrap()]);
    let at = server.hears();
    (server, at)
}

/// A client whose messages are all saved.
struct Saving {
    sender: Client,
    recipients: Vec<String>,
    next: usize,
    server: Process,
    _directory: TempDir,
}

impl Saving {
    fn start() -> Self {
        let directory = directory();
        let recipients: Vec<_> = (0..RECIPIENTS).map(|n| format!("recipient-{n}")).collect();
        let (server, at) = start(directory.path(), recipients.iter().cloned());
        let sender = Client::builder("sender").server(&at).connect().unwrap();
        let mut saving = Self { sender, recipients, next: 0, server, _directory: directory };
        // Each mailbox is looked at once.
        saving.run(|sent| sent < RECIPIENTS);
        saving
    }

    /// Messages a second while there are more to be sent, which is asked with how many were.
    fn run(&mut self, more: impl Fn(usize) -> bool) -> f64 {
        let text = "x".repeat(MESSAGE);
        let (begin, mut sent) = (Instant::now(), 0);
        let mut pending = VecDeque::<Pending<_>>::new();
        while more(sent) {
            while pending.len() < TOGETHER {
                let recipient = &self.recipients[self.next % RECIPIENTS];
                pending.push_back(self.sender.post(recipient, &text).unwrap());
                (self.next, sent) = (self.next + 1, sent + 1);
            }
            // All that have their outcome, and the first that has not.
            while let Some(first) = pending.pop_front() {
                assert_eq!(first.wait().unwrap(), Delivery::Stored);
                if !pending.front().is_some_and(Pending::is_finished) {
                    break;
                }
            }
        }
        for rest in pending {
            assert_eq!(rest.wait().unwrap(), Delivery::Stored);
        }
        sent as f64 / begin.elapsed().as_secs_f64()
    }

    /// Until every file of a mailbox has what the journal has: from then on the server leaves the disk alone.
    fn rest(&mut self) {
        while self.server.asks("") != "0" {
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn turn(&mut self, turn: Duration) -> f64 {
        let begin = Instant::now();
        self.run(|_| begin.elapsed() < turn)
    }
}

/// Messages that are called stored.
pub fn saved(effort: Effort) -> Vec<Row> {
    let (mut log, mut saving) = (Log::start(), Saving::start());
    let (mut against, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..effort.turns {
        saving.rest();
        against.push(log.run(effort.turn));
        ours.push(saving.turn(effort.turn));
    }
    saving.rest();
    let long = effort.turn * SUSTAINED;
    let (raw_long, ours_long) = (log.run(long), saving.turn(long));
    let against_long = ("one log, 64 records a commit", &[raw_long][..]);
    vec![
        Row::by_turns(
            "saved, 64 at a time, each to another",
            "/s",
            &ours,
            ("one log, 64 records a commit", &against),
            Goal::AtLeast(0.5),
        ),
        Row::by_turns("the same, sustained", "/s", &[ours_long], against_long, Goal::None),
    ]
}

/// Messages a second from the registration of the owner of a full mailbox until it has the last one.
fn drained(messages: usize) -> f64 {
    let directory = directory();
    let mailbox: String = (1..=messages).map(line).collect();
    fs::write(directory.path().join("owner"), mailbox).unwrap();
    let (_server, at) = start(directory.path(), ["owner".to_owned()].into_iter());
    let came = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let (counted, waiter) = (Arc::clone(&came), thread::current());
    let owner = Client::builder("owner").server(&at).on_message(move |_| {
        if counted.fetch_add(1, Ordering::Relaxed) + 1 == messages {
            waiter.unpark();
        }
    });
    let owner = owner.connect().unwrap();
    while came.load(Ordering::Relaxed) < messages {
        thread::park_timeout(Duration::from_secs(1));
    }
    let took = begin.elapsed();
    owner.close();
    messages as f64 / took.as_secs_f64()
}

/// A mailbox whose owner comes.
pub fn drain(effort: Effort) -> Vec<Row> {
    let mut log = Log::start();
    let messages = if effort.turns < Effort::FULL.turns { SHORT_MAILBOX } else { MAILBOX };
    let (mut against, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..effort.turns {
        against.push(log.run(effort.turn / 4));
        ours.push(drained(messages));
    }
    let raw = ("one log, 64 records a commit", &*against);
    vec![Row::by_turns("drained at login", "/s", &ours, raw, Goal::AtLeast(0.5))]
}
