//! Any bytes as the file of a mailbox, and what is then asked of the store.
//!
//! An input is the number of bytes that say what is asked, these bytes, and the file.

use super::bytes::Bytes;
use super::disk::MemoryDisk;
use super::shelf::Shelf;

/// Where the bytes stand: a mailbox, one under the name that it had in 2017, and what is nobody's.
const NAMES: [&str; 4] = ["sonic", "Sonic", "sonic.torn", "superchat.tmp"];

/// Reads the bytes as a mailbox, and uses it.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let name = NAMES[bytes.below(NAMES.len())];
    let asked = bytes.chunk();
    let disk = MemoryDisk::default();
    disk.put(name, bytes.rest());
    let mut shelf = Shelf::open(disk).expect("a mailbox keeps nobody from beginning");
    shelf.run(&mut Bytes::new(asked));
}
