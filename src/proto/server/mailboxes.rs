//! What is to be known of the mailboxes of users who are here, or whose readings are under way.
//!
//! The invariant: at most one delivery, and one reading, of each mailbox is under way.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

use crate::proto::StoredMessage;
use crate::proto::directory::Directory;
use crate::wire::Nickname;

/// The delivery of one mailbox.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// What its frames are known by, among those of other deliveries.
    pub(super) number: u64,
    pub(super) batch: Vec<StoredMessage>,
    /// How many of the batch were acknowledged.
    pub(super) received: usize,
    /// How many of these the store was asked to remove.
    pub(super) removed: usize,
    /// The recipient was told that messages follow.
    pub(super) announced: bool,
}

/// What is to be known of the mailbox of one user.
#[derive(Debug, Default)]
struct Mailbox {
    delivery: Option<Delivery>,
    /// Its user is online and took no message; when it acknowledges something, it gets it again.
    stalled: bool,
    /// Something is wrong with it: what is in it is not known, or stays.
    faulty: bool,
    /// The reading that the store was asked for and has not answered: one at the most, however often its user comes
    /// and goes.
    loading: Option<u64>,
}

impl Mailbox {
    /// The next reading, unless one is under way: while one is, nothing is delivered, so that nothing has left the
    /// mailbox since.
    fn read(&mut self, last: &mut u64) -> Option<u64> {
        if self.loading.is_some() {
            return None;
        }
        *last += 1;
        self.loading = Some(*last);
        self.loading
    }

    fn is_nothing(&self) -> bool {
        self.delivery.is_none() && !self.stalled && !self.faulty && self.loading.is_none()
    }
}

/// The mailboxes of which something is to be known.
#[derive(Debug, Default)]
pub(super) struct Mail {
    mailboxes: BTreeMap<Nickname, Mailbox>,
    /// Users whose delivery has just ended, one way or another.
    ended: BTreeSet<Nickname>,
    last_load: u64,
    last_delivery: u64,
}

impl Mail {
    /// Changes what is known of a mailbox, if there is anything.
    fn change<R>(&mut self, of: &Nickname, how: impl FnOnce(&mut Mailbox) -> R) -> Option<R> {
        let Entry::Occupied(mut mailbox) = self.mailboxes.entry(of.clone()) else { return None };
        let result = how(mailbox.get_mut());
        if mailbox.get().is_nothing() {
            mailbox.remove();
        }
        Some(result)
    }

    pub(super) fn delivery(&mut self, of: &Nickname) -> Option<&mut Delivery> {
        self.mailboxes.get_mut(of)?.delivery.as_mut()
    }

    /// Whether there are messages for this user, or may be, as far as is known.
    pub(super) fn has_some(&self, nickname: &Nickname) -> bool {
        let has_some = |it: &Mailbox| it.delivery.is_some() || it.stalled || it.faulty;
        self.mailboxes.get(nickname).is_some_and(has_some)
    }

    /// Whether they are being delivered.
    pub(super) fn is_under_way(&self, nickname: &Nickname) -> bool {
        self.mailboxes.get(nickname).is_some_and(|mailbox| mailbox.delivery.is_some())
    }

    /// Whether they are, in this delivery: what the store could not remove is delivered again in another one.
    pub(super) fn is_in(&self, nickname: &Nickname, number: u64) -> bool {
        let delivery = self.mailboxes.get(nickname).and_then(|mailbox| mailbox.delivery.as_ref());
        delivery.is_some_and(|delivery| delivery.number == number)
    }

    pub(super) fn stall(&mut self, nickname: Nickname) {
        self.mailboxes.entry(nickname).or_default().stalled = true;
    }

    pub(super) fn fault(&mut self, nickname: Nickname) {
        self.mailboxes.entry(nickname).or_default().faulty = true;
    }

    /// Begins a delivery, unless one is under way. Returns the reading that the store is to be asked for, if it is not
    /// asked already.
    pub(super) fn begin(&mut self, nickname: &Nickname) -> Option<u64> {
        let mailbox = self.mailboxes.entry(nickname.clone()).or_default();
        if mailbox.delivery.is_some() {
            return None;
        }
        mailbox.faulty = false;
        self.last_delivery += 1;
        mailbox.delivery = Some(Delivery { number: self.last_delivery, ..Delivery::default() });
        mailbox.read(&mut self.last_load)
    }

    /// The same for another reading, of a delivery that is under way.
    pub(super) fn read(&mut self, nickname: &Nickname) -> Option<u64> {
        self.mailboxes.get_mut(nickname)?.read(&mut self.last_load)
    }

    /// The store has carried out a reading: the delivery that it is for, if it was asked for it and that goes on.
    pub(super) fn loaded(&mut self, of: &Nickname, request: u64) -> Option<&mut Delivery> {
        let Entry::Occupied(mut mailbox) = self.mailboxes.entry(of.clone()) else { return None };
        mailbox.get_mut().loading.take_if(|asked| *asked == request)?;
        if mailbox.get().is_nothing() {
            mailbox.remove();
            return None;
        }
        mailbox.into_mut().delivery.as_mut()
    }

    /// Ends a delivery, if one is under way; nothing is stalled or faulty any more. Returns how many messages were
    /// acknowledged and are to be removed.
    pub(super) fn end(&mut self, of: &Nickname) -> usize {
        let end = |mailbox: &mut Mailbox| {
            (mailbox.stalled, mailbox.faulty) = (false, false);
            mailbox.delivery.take()
        };
        let Some(delivery) = self.change(of, end).flatten() else { return 0 };
        self.ended.insert(of.clone());
        delivery.received - delivery.removed
    }

    /// Ends a delivery whose reading failed. Where its user is here, it is tried again when something else is stored,
    /// and, if it was stalled, when its user takes something.
    pub(super) fn fail(&mut self, of: &Nickname, is_here: bool) {
        let fail = |mailbox: &mut Mailbox| {
            mailbox.faulty = is_here;
            mailbox.delivery.take()
        };
        if self.change(of, fail).flatten().is_some() {
            self.ended.insert(of.clone());
        }
    }

    /// The next user whose delivery has ended since this was asked last.
    pub(super) fn next_ended(&mut self) -> Option<Nickname> {
        self.ended.pop_first()
    }

    /// A user is offline. What is in its mailbox is looked at when it is back.
    pub(super) fn forget(&mut self, nickname: &Nickname) {
        self.change(nickname, |mailbox| (mailbox.stalled, mailbox.faulty) = (false, false));
    }

    /// Whether nobody is remembered here who is not online, but for the store's sake.
    pub(super) fn is_within_bounds(&self, directory: &Directory) -> bool {
        let mut remembered = self.mailboxes.iter().filter(|(_, it)| it.stalled || it.faulty);
        remembered.all(|(nickname, _)| directory.is_online(nickname))
    }

    /// Whether a user's mail was stalled. It is not any more.
    pub(super) fn resume(&mut self, nickname: &Nickname) -> bool {
        self.change(nickname, |mailbox| std::mem::take(&mut mailbox.stalled)).unwrap_or(false)
    }
}
