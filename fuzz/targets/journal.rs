//! Any bytes as the journal of a directory, beside a mailbox, and what is then asked of the store.
//!
//! An input is the number of bytes that say what is asked, these bytes, the journal, and after a NUL the
//! file of a mailbox. Each line of the journal is given its checksum here, as nobody guesses one; what
//! begins with `~` stays as it is.

use super::bytes::Bytes;
use super::disk::MemoryDisk;
use super::shelf::Shelf;

const JOURNAL: &str = "superchat.journal";

/// Reads the bytes as a journal, and uses what it leads to.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let asked = bytes.chunk();
    let mut files = bytes.rest().splitn(2, |byte| *byte == 0);
    let lines = files.next().unwrap_or_default();
    if lines.windows(7).any(|word| word == b" Sonic ") {
        // No journal has a capital in the name of a file: it would be taken for one of 2017.
        return;
    }
    let journal = sealed(lines);
    let disk = MemoryDisk::default();
    disk.put(JOURNAL, &journal);
    if let Some(mailbox) = files.next() {
        disk.put("sonic", mailbox);
    }
    match Shelf::open(disk.clone()) {
        Some(mut shelf) => shelf.run(&mut Bytes::new(asked)),
        // It is something else than a journal.
        None => assert_eq!(disk.get(JOURNAL), Some(journal)),
    }
}

/// The lines of a journal with their checksums, each begun with the one before it.
fn sealed(lines: &[u8]) -> Vec<u8> {
    let mut lines = lines.split_inclusive(|byte| *byte == b'\n');
    let mut journal = lines.next().unwrap_or_default().to_vec();
    let mut sum = 0;
    for line in lines {
        if let Some(raw) = line.strip_prefix(b"~") {
            journal.extend_from_slice(raw);
            continue;
        }
        let mut hasher = crc32fast::Hasher::new_with_initial(sum);
        hasher.update(line);
        sum = hasher.finalize();
        journal.extend_from_slice(format!("{sum:08x} ").as_bytes());
        journal.extend_from_slice(line);
    }
    journal
}
