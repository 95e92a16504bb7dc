//! The journal: what was done to all mailboxes, in its order, in one file.
//!
//! The invariant: what was committed is read back, whole and in its order, whatever a crash leaves; and
//! of what came after it, the first records.
//!
//! A record is a line, `CRC KIND NAME REST`. The CRC-32 is that of the record, begun with the CRC of
//! the record before it, so that a record counts only where it was written: what an earlier, failed
//! write has left behind it on the disk does not.
//!
//! The file is written ahead: behind the last record it has NULs, over which the next ones are written. To sync
//! what does not make a file longer takes about half as long.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::SocketAddr;

use super::disk::{Disk, DiskFile, Metadata, prepare, put};
use super::line::{self, Line, without_nuls};
use super::mailbox::{Change, Digest, Mailboxes};
use super::name::is_file_name;
use crate::proto::{LastSeen, UnixTime};
use crate::wire::Nickname;

/// The name of its file. A mailbox has no dot in its name.
pub(super) const JOURNAL: &str = "superchat.journal";

/// The first line of a journal: what it is, and in which format.
const HEADER: &[u8] = b"superchat journal 1\n";

/// About how many bytes the record of a user takes besides its name.
pub(super) const REMEMBERED: usize = 50;

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// What is in a mailbox has changed.
    Changed(String, Change),
    /// All changes of a mailbox so far are in its file, synced.
    Settled(String),
    /// A user is known.
    Remembered(Nickname, LastSeen),
    /// A user is not known any more.
    Forgotten(Nickname),
}

/// Records on their way to the disk, each begun with the CRC of the one before it.
#[derive(Debug)]
pub(super) struct Encoder {
    bytes: Vec<u8>,
    crc: u32,
}

impl Encoder {
    /// A whole journal: the users that are known, and what is not in the files of the mailboxes.
    pub(super) fn snapshot(users: &BTreeMap<Nickname, LastSeen>, mailboxes: &Mailboxes) -> Self {
        let mut all = Self { bytes: HEADER.to_vec(), crc: 0 };
        for (nickname, last) in users {
            all.remembered(nickname, *last);
        }
        for (name, mailbox) in mailboxes.iter().collect::<BTreeMap<_, _>>() {
            mailbox.changes.iter().for_each(|change| all.changed(name, change));
        }
        all
    }

    pub(super) fn changed(&mut self, mailbox: &str, change: &Change) {
        match change {
            Change::Added(line) => {
                self.push(b'+', mailbox, |bytes| bytes.extend_from_slice(line.without_end()));
            }
            Change::Removed(digests) => {
                let digests: Vec<_> = digests.iter().map(Digest::to_string).collect();
                let digests = digests.join(" ");
                self.push(b'-', mailbox, |bytes| bytes.extend_from_slice(digests.as_bytes()));
            }
        }
    }

    pub(super) fn settled(&mut self, mailbox: &str) {
        self.push(b'=', mailbox, |_| {});
    }

    pub(super) fn remembered(&mut self, nickname: &Nickname, LastSeen { address, time }: LastSeen) {
        self.push(b'@', nickname.as_str(), |bytes| {
            push_address(bytes, address);
            bytes.push(b' ');
            push_number(bytes, time.as_micros());
        });
    }

    pub(super) fn forgotten(&mut self, nickname: &Nickname) {
        self.push(b'!', nickname.as_str(), |_| {});
    }

    fn push(&mut self, kind: u8, name: &str, rest: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(b"00000000 ");
        let record = self.bytes.len();
        for part in [&[kind, b' '], name.as_bytes(), b" "] {
            self.bytes.extend_from_slice(part);
        }
        rest(&mut self.bytes);
        self.bytes.push(b'\n');
        self.crc = crc(self.crc, self.bytes.get(record..).unwrap_or_default());
        let places = self.bytes.iter_mut().skip(start).zip((0..8).rev());
        for (place, digit) in places {
            *place = hexadecimal(self.crc >> (4 * digit));
        }
    }
}

/// Writes an address as it writes itself, sooner: that took half of the time of a record.
fn push_address(bytes: &mut Vec<u8>, address: SocketAddr) {
    let SocketAddr::V4(v4) = address else {
        // Into memory: there is nothing in it that can fail.
        let _ = write!(bytes, "{address}");
        return;
    };
    for (octet, end) in v4.ip().octets().into_iter().zip(*b"...:") {
        push_number(bytes, octet);
        bytes.push(end);
    }
    push_number(bytes, v4.port());
}

fn push_number(bytes: &mut Vec<u8>, number: impl itoa::Integer) {
    bytes.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The last four bits as a digit.
fn hexadecimal(bits: u32) -> u8 {
    let bits = (bits & 15) as u8;
    if bits < 10 { b'0' + bits } else { b'a' + bits - 10 }
}

fn crc(before: u32, record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(before);
    hasher.update(record);
    hasher.finalize()
}

/// Why bytes are not those of a journal, or a record is whole and says nothing that is known here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Foreign;

/// Reads a journal up to where a crash has torn it. Gives each record, and returns what is left.
pub(super) fn read(bytes: &[u8], mut see: impl FnMut(Record)) -> Result<&[u8], Foreign> {
    let Some(mut rest) = bytes.strip_prefix(HEADER) else {
        // Not even the header has reached the disk: nothing was committed.
        let written = without_nuls(bytes);
        return if HEADER.starts_with(written) { Ok(&[]) } else { Err(Foreign) };
    };
    let mut before = 0;
    while let Some((record, after)) = first(rest, &mut before) {
        // What was written whole is not to be passed over in silence.
        see(parse(record).ok_or(Foreign)?);
        rest = after;
    }
    Ok(without_nuls(rest))
}

/// The first record of these bytes, and those after it; `None` if it is not whole.
fn first<'a>(bytes: &'a [u8], before: &mut u32) -> Option<(&'a [u8], &'a [u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')? + 1;
    let (line, after) = bytes.split_at_checked(end)?;
    let (sum, record) = line.split_at_checked(9)?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?.strip_suffix(' ')?, 16).ok()?;
    if sum != crc(*before, record) {
        return None;
    }
    *before = sum;
    Some((record.strip_suffix(b"\n")?, after))
}

fn parse(record: &[u8]) -> Option<Record> {
    let (kind, rest) = record.split_at_checked(2)?;
    let space = rest.iter().position(|byte| *byte == b' ')?;
    let (name, rest) = rest.split_at_checked(space)?;
    let name = std::str::from_utf8(name).ok()?;
    let rest = rest.strip_prefix(b" ")?;
    match kind {
        b"+ " | b"- " | b"= " if !is_file_name(name) => None,
        b"+ " => {
            line::read(rest)?;
            let line = Line::from_readable(rest);
            Some(Record::Changed(name.to_owned(), Change::Added(line)))
        }
        b"- " => {
            let digests = std::str::from_utf8(rest).ok()?.split_terminator(' ');
            let digests = digests.map(|text| text.parse().ok());
            Some(Record::Changed(name.to_owned(), Change::Removed(digests.collect::<Option<_>>()?)))
        }
        b"= " => Some(Record::Settled(name.to_owned())),
        b"@ " => {
            let (address, time) = std::str::from_utf8(rest).ok()?.split_once(' ')?;
            let address: SocketAddr = address.parse().ok()?;
            let time = UnixTime::from_micros(time.parse().ok()?);
            Some(Record::Remembered(Nickname::new(name).ok()?, LastSeen { address, time }))
        }
        b"! " => Some(Record::Forgotten(Nickname::new(name).ok()?)),
        _ => None,
    }
}

/// The file of a journal, to be written behind its last record.
#[derive(Debug)]
pub(super) struct Journal<F> {
    file: F,
    /// Bytes of its records.
    pub(super) length: u64,
    /// Bytes of the file: at least those.
    pub(super) room: u64,
    /// How many bytes it is made longer by at a time.
    ahead: u64,
    /// Which file it is.
    identity: Option<u64>,
    /// The CRC of its last record.
    crc: u32,
    /// Records that are not in it yet.
    waiting: Encoder,
    /// Whether what is on the disk is what was written. If not, another one has to take its place.
    pub(super) is_sound: bool,
}

impl<F: DiskFile> Journal<F> {
    /// A new journal, in place of the old one.
    pub(super) fn create(disk: &impl Disk<File = F>, all: &Encoder) -> io::Result<Self> {
        prepare(disk, &all.bytes)?;
        Self::put(disk, all)
    }

    /// Writes a new journal in place of this one. Until it is prepared, this one is as good as before.
    pub(super) fn replace(&mut self, disk: &impl Disk<File = F>, all: &Encoder) -> io::Result<()> {
        prepare(disk, &all.bytes)?;
        self.is_sound = false;
        *self = Self::put(disk, all)?;
        Ok(())
    }

    fn put<D: Disk<File = F>>(disk: &D, all: &Encoder) -> io::Result<Self> {
        put(disk, JOURNAL)?;
        let crc = all.crc;
        let length = all.bytes.len() as u64;
        Ok(Self {
            file: disk.open(JOURNAL)?,
            length,
            room: length,
            ahead: D::AHEAD,
            identity: disk.metadata_without_time(JOURNAL)?.and_then(|found| found.identity),
            crc,
            waiting: Encoder { bytes: Vec::new(), crc },
            is_sound: true,
        })
    }

    /// Whether this is the journal, as it was written: nobody has put another file in its place, or changed it.
    pub(super) fn is(&self, found: Metadata) -> bool {
        found.is_file && found.length == self.room && found.identity == self.identity
    }

    /// Where records wait to be committed.
    pub(super) fn waiting(&mut self) -> &mut Encoder {
        &mut self.waiting
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.bytes.is_empty()
    }

    /// What waits does not count.
    pub(super) fn forget_waiting(&mut self) {
        self.waiting.bytes.clear();
        self.waiting.crc = self.crc;
    }

    /// Writes what waits, and syncs it.
    ///
    /// # Errors
    /// None of it counts. If only the writing failed, and could be taken back, the journal can still be
    /// used; otherwise it is not sound any more: what is on the disk is not known.
    pub(super) fn commit(&mut self) -> io::Result<()> {
        let (length, crc) = (self.length, self.crc);
        self.write()?;
        self.file.sync().inspect_err(|_| {
            self.is_sound = false;
            (self.length, self.crc) = (length, crc);
            // If that fails too, a start that comes before another journal is written finds it.
            let _ = self.trim();
        })
    }

    /// Takes away what is behind the last record.
    ///
    /// # Errors
    /// It is there, and does not count.
    pub(super) fn trim(&mut self) -> io::Result<()> {
        if self.length < self.room {
            self.file.truncate(self.length)?;
            self.room = self.length;
        }
        Ok(())
    }

    /// Writes what waits, and does not sync it.
    ///
    /// # Errors
    /// As of [`commit`](Self::commit).
    pub(super) fn write(&mut self) -> io::Result<()> {
        let records = self.waiting.bytes.len();
        let end = self.length + records as u64;
        let goes_past = end > self.room;
        let mut room = self.room;
        if goes_past {
            room = end.next_multiple_of(self.ahead);
            let nuls = usize::try_from(room - end).unwrap_or_default();
            self.waiting.bytes.resize(records + nuls, 0);
        }
        let mut written = self.file.write_over(self.length, &self.waiting.bytes);
        if written.is_err() && room > end && goes_past {
            // A disk that is nearly full has perhaps room for the records.
            room = end;
            self.waiting.bytes.truncate(records);
            written = self.file.truncate(self.length);
            written = written.and_then(|()| self.file.write_over(self.length, &self.waiting.bytes));
        }
        if let Err(error) = written {
            let taken_back = self.file.truncate(self.length).and_then(|()| self.file.sync());
            self.is_sound &= taken_back.is_ok();
            self.room = self.length;
            self.forget_waiting();
            return Err(error);
        }
        (self.length, self.room) = (end, room);
        self.crc = self.waiting.crc;
        self.waiting.bytes.clear();
        Ok(())
    }
}
