//! What was said of each message, and what came.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use superchat::{Delivery, Error};

/// How long a failure takes. Nothing is judged by it.
const DEADLINE: Duration = Duration::from_secs(30);

/// Sender, recipient, and the sender's number for it: each sender has one for all recipients.
pub type Letter = (usize, usize, u64);

#[derive(Default)]
struct Book {
    outcomes: BTreeMap<Letter, Result<Delivery, Error>>,
    arrived: BTreeMap<Letter, u32>,
    /// The highest number that has come, of each sender to each recipient.
    last: BTreeMap<(usize, usize), u64>,
    disorder: Vec<Letter>,
    stored: usize,
}

impl Book {
    /// Called saved, received, or relayed, and not arrived.
    fn missing(&self) -> usize {
        let good = self.outcomes.iter().filter(|(_, outcome)| outcome.is_ok());
        good.filter(|(letter, _)| !self.arrived.contains_key(letter)).count()
    }
}

/// Shared with the callbacks of all clients.
#[derive(Clone, Default)]
pub struct Ledger(Arc<(Mutex<Book>, Condvar)>);

/// What a run comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub messages: usize,
    /// Called saved.
    pub saved: usize,
    /// Called received or relayed.
    pub received: usize,
    /// Called one of these, and not there.
    pub lost: usize,
    /// There more than once.
    pub doubled: usize,
    /// There after a later one of the same sender.
    pub disordered: usize,
    /// Of which it was said that nobody has it, and there all the same.
    pub denied: usize,
}

impl Ledger {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.0.lock().unwrap()
    }

    pub fn outcome(&self, letter: Letter, outcome: Result<Delivery, Error>) {
        let mut book = self.book();
        book.stored += usize::from(matches!(outcome, Ok(Delivery::Stored)));
        book.outcomes.insert(letter, outcome);
        self.0.1.notify_all();
    }

    pub fn arrived(&self, letter: Letter) {
        let mut book = self.book();
        let (from, to, number) = letter;
        *book.arrived.entry(letter).or_default() += 1;
        let last = book.last.insert((from, to), number);
        if last.is_some_and(|last| last >= number) {
            book.disorder.push(letter);
        }
        self.0.1.notify_all();
    }

    /// How many were called saved so far.
    pub fn saved(&self) -> usize {
        self.book().stored
    }

    /// Waits until so many outcomes are there, or so many of them are "saved".
    pub fn until(&self, outcomes: usize, saved: usize) {
        self.wait(|book| book.outcomes.len() >= outcomes || book.stored >= saved);
    }

    /// Waits until all has come that was called saved, received, or relayed; or the deadline.
    pub fn until_complete(&self) {
        self.wait(|book| book.missing() == 0);
    }

    fn wait(&self, done: impl Fn(&Book) -> bool) {
        drop(self.0.1.wait_timeout_while(self.book(), DEADLINE, |book| !done(book)).unwrap());
    }

    pub fn totals(&self) -> Totals {
        let book = self.book();
        let count = |delivery: fn(&Delivery) -> bool| {
            book.outcomes.values().flatten().filter(|outcome| delivery(outcome)).count()
        };
        let nobody_has_it = |outcome: &Result<Delivery, Error>| {
            let refused = |error: &Error| {
                matches!(
                    error,
                    Error::UnknownUser { .. } | Error::Refused(_) | Error::TooManyPending
                )
            };
            outcome.as_ref().is_err_and(refused)
        };
        Totals {
            messages: book.outcomes.len(),
            saved: count(|delivery| *delivery == Delivery::Stored),
            received: count(|delivery| *delivery != Delivery::Stored),
            lost: book.missing(),
            doubled: book.arrived.values().filter(|times| **times > 1).count(),
            disordered: book.disorder.len(),
            denied: book
                .arrived
                .keys()
                .filter(|letter| book.outcomes.get(letter).is_some_and(nobody_has_it))
                .count(),
        }
    }

    /// Of each kind of outcome, how many.
    pub fn kinds(&self) -> BTreeMap<String, usize> {
        let mut kinds = BTreeMap::new();
        for outcome in self.book().outcomes.values() {
            let kind = match outcome {
                Ok(delivery) => format!("{delivery:?}"),
                Err(Error::UnknownUser { .. }) => "UnknownUser".to_owned(),
                Err(error) => error.to_string(),
            };
            *kinds.entry(kind).or_default() += 1;
        }
        kinds
    }
}
