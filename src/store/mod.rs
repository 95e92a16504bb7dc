//! Where messages wait for their recipients.
//!
//! The invariant: whatever an answer says was done has reached the disk. The engine asks, the
//! driver has a thread carry a batch of requests out, and the answers are inputs to the engine
//! again; so requests that wait at the same time share what it costs to make them durable.
//!
//! Nothing outside this module knows about files.

mod disk;
mod files;
mod journal;
mod limits;
mod line;
mod listing;
mod mailbox;
mod name;
mod opening;
mod reading;
mod real_disk;
mod settling;

pub use disk::{Disk, DiskFile, Metadata};
pub use files::FileStore;
pub use limits::{StoreFigures, StoreLimits};
pub use opening::OpenError;
pub use real_disk::RealDisk;

use crate::proto::{LastSeen, StoreAnswer, StoreRequest};
use crate::wire::Nickname;

/// A place for messages.
pub trait Store: Send {
    /// Carries out requests in their order. Every [`StoreRequest::Append`] and
    /// [`StoreRequest::Load`] has one answer; a [`StoreRequest::Remove`] has one only if it failed,
    /// and other requests have none here.
    fn apply(&mut self, requests: Vec<StoreRequest>) -> Vec<StoreAnswer>;

    /// Does one step of what can wait, when there are no requests. `None` if nothing is left to do.
    fn tend(&mut self) -> Option<Vec<StoreAnswer>>;

    /// Whether so much waits that [`tend`](Self::tend) has to come before further requests.
    fn is_behind(&self) -> bool;

    /// The users that it was asked to remember.
    fn users(&self) -> Vec<(Nickname, LastSeen)>;

    /// What it has counted.
    fn figures(&self) -> StoreFigures;
}
