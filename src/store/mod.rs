//! Where messages wait for their recipients.
//!
//! The invariant: whatever an answer says was done has reached the disk. The engine asks, the
//! driver has a thread carry a batch of requests out, and the answers are inputs to the engine
//! again; so requests that wait at the same time share what it costs to make them durable.
//!
//! Nothing outside this module knows about files.

mod adding;
mod disk;
mod files;
mod line;
mod mailbox;
mod name;

pub use disk::{Disk, DiskFile, Metadata, RealDisk};
pub use files::{FileStore, OpenError};

use crate::proto::{StoreAnswer, StoreRequest};

/// A place for messages.
pub trait Store: Send {
    /// Carries out requests in their order. Every [`StoreRequest::Append`] and
    /// [`StoreRequest::Load`] has one answer; a [`StoreRequest::Remove`] has one only if it failed.
    fn apply(&mut self, requests: Vec<StoreRequest>) -> Vec<StoreAnswer>;
}
