//! A store in memory: what was asked first is done first, and it does as it is told to fail.

use std::collections::{BTreeMap, BTreeSet};

use superchat::Nickname;
use superchat::proto::{StoreAnswer, StoreRequest, StoredMessage};

/// Mailboxes, and the faults that are on.
#[derive(Debug, Default)]
pub struct MemoryStore {
    mailboxes: BTreeMap<Nickname, Vec<StoredMessage>>,
    failed: BTreeSet<u64>,
    pub fail_appends: bool,
    pub fail_removes: bool,
    /// Messages that one reading gives: at least one.
    pub batch: usize,
}

/// What became of a request.
pub struct Done {
    /// Most requests have one; a removal that succeeds has none.
    pub answer: Option<StoreAnswer>,
    pub appended: Option<StoredMessage>,
    pub removed: Vec<StoredMessage>,
}

impl MemoryStore {
    pub fn new(batch: usize) -> Self {
        Self { batch, ..Self::default() }
    }

    pub fn carry_out(&mut self, request: StoreRequest) -> Done {
        let mut done = Done { answer: None, appended: None, removed: Vec::new() };
        done.answer = match request {
            StoreRequest::Append { request, follows, recipient, message } => {
                let follows_failed = follows.is_some_and(|before| self.failed.contains(&before));
                let result = if self.fail_appends || follows_failed {
                    self.failed.insert(request);
                    Err("the disk is full".to_owned())
                } else {
                    done.appended = Some(message.clone());
                    self.mailboxes.entry(recipient.clone()).or_default().push(message);
                    Ok(())
                };
                Some(StoreAnswer::Appended { request, recipient, result })
            }
            StoreRequest::Load { request, recipient } => {
                let first = self.mailbox(&recipient).iter().take(self.batch).cloned();
                let result = Ok(first.collect());
                Some(StoreAnswer::Loaded { request, recipient, result })
            }
            StoreRequest::Remove { recipient, .. } if self.fail_removes => {
                let reason = "the disk is gone".to_owned();
                Some(StoreAnswer::NotRemoved { recipient, reason })
            }
            StoreRequest::Remove { recipient, count } => {
                let mailbox = self.mailboxes.entry(recipient.clone()).or_default();
                assert!(count <= mailbox.len(), "{recipient}: removes more than there is");
                done.removed = mailbox.drain(..count).collect();
                None
            }
        };
        done
    }

    pub fn mailbox(&self, recipient: &Nickname) -> &[StoredMessage] {
        self.mailboxes.get(recipient).map_or(&[], Vec::as_slice)
    }
}
