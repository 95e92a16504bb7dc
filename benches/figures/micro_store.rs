//! The store without a disk: what is left is what its own work costs.

use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use superchat::proto::{StoreAnswer, StoreRequest, StoredMessage, UnixTime};
use superchat::store::{
    Disk, DiskFile, FileStore, Metadata, OpenError, RealDisk, Store as _, StoreLimits,
};
use superchat::wire::{MessageId, Nickname, Session};

use super::Effort;
use super::raw::MESSAGE;
use super::report::{Goal, Row};

/// Requests that are carried out together, each for another recipient.
const TOGETHER: usize = 64;

/// The journal, of which the store looks whether it is as long as it was.
const JOURNAL: &str = "superchat.journal";

/// A disk on which nothing is: what is written to it is copied once, and forgotten. It knows how long its one
/// file is, which is the journal: no other is written while nobody has the files follow.
#[derive(Debug, Default)]
struct Nowhere {
    length: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Written {
    bytes: Vec<u8>,
    length: Arc<AtomicU64>,
}

impl Nowhere {
    fn open(&self) -> Written {
        Written { bytes: Vec::new(), length: Arc::clone(&self.length) }
    }
}

impl Disk for Nowhere {
    const AHEAD: u64 = RealDisk::AHEAD;
    type File = Written;
    type Lock = ();

    fn lock(&self, _: &str) -> Result<(), OpenError> {
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn metadata(&self, name: &str) -> io::Result<Option<Metadata>> {
        let length = self.length.load(Ordering::Relaxed);
        let journal = Metadata { is_file: true, length, modified: None, identity: None };
        Ok(Some(journal).filter(|_| name == JOURNAL && length > 0))
    }

    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn append(&self, _: &str) -> io::Result<Written> {
        Ok(self.open())
    }

    fn open(&self, _: &str) -> io::Result<Written> {
        Ok(self.open())
    }

    fn create_new(&self, _: &str) -> io::Result<Written> {
        self.length.store(0, Ordering::Relaxed);
        Ok(self.open())
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.length.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn write_over(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.length.fetch_max(offset + bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.length.store(length, Ordering::Relaxed);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Nanoseconds for each message that is added, so many times [`TOGETHER`].
fn ours(batches: u64) -> f64 {
    let mut store = FileStore::on(Nowhere::default(), 1, StoreLimits::default()).unwrap();
    let sender = Nickname::new("sender").unwrap();
    let author = Session::new(1 << 52).unwrap();
    let recipients = (0..TOGETHER).map(|n| Nickname::new(&format!("recipient-{n}")).unwrap());
    let recipients: Vec<_> = recipients.collect();
    let request = |recipient: &Nickname, number| StoreRequest::Append {
        request: number,
        follows: None,
        recipient: recipient.clone(),
        message: StoredMessage {
            sender: sender.clone(),
            text: "x".repeat(MESSAGE),
            time: UnixTime::from_micros(1_488_400_115_368_341),
            id: Some(MessageId { author, number }),
        },
    };
    let mut took = 0.0;
    for number in 1..=batches {
        let batch = recipients.iter().map(|recipient| request(recipient, number)).collect();
        let begin = Instant::now();
        let answers = store.apply(batch);
        took += begin.elapsed().as_secs_f64();
        assert!(
            answers
                .iter()
                .all(|answer| matches!(answer, StoreAnswer::Appended { result: Ok(()), .. }))
        );
    }
    took * 1e9 / (batches * TOGETHER as u64) as f64
}

/// Nanoseconds for each record that is copied, with its CRC-32.
fn raw(batches: u64) -> f64 {
    let record = [b'x'; 250];
    let begin = Instant::now();
    for _ in 0..batches {
        let mut written = Vec::new();
        for _ in 0..TOGETHER {
            let mut hasher = crc32fast::Hasher::new();
            hasher.update(black_box(&record));
            written.extend_from_slice(&hasher.finalize().to_le_bytes());
            written.extend_from_slice(black_box(&record));
        }
        black_box(written);
    }
    begin.elapsed().as_secs_f64() * 1e9 / (batches * TOGETHER as u64) as f64
}

/// A message that is added to a mailbox: its line, its record in the journal, and what is known of the mailbox.
pub fn append(effort: Effort) -> Vec<Row> {
    // What is not in the files stays under its bound.
    let batches = if effort.turns < Effort::FULL.turns { 10 } else { 1000 };
    let (against, measured): (Vec<_>, Vec<_>) =
        (0..effort.turns).map(|_| (raw(batches), ours(batches))).unzip();
    let raw = ("a copy of the record, and its CRC-32", &*against);
    vec![Row::by_turns("store: a message added, no disk", "ns", &measured, raw, Goal::None)]
}
