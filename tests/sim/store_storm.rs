//! The store of a server to which everything happens, drawn from a seed: several users, batches,
//! failing disks, processes that die and power that is cut, between batches and amid them.
//!
//! The invariant is that of the [`store`](super::store), which checks it after each step.

use std::collections::BTreeMap;

use superchat::Nickname;
use superchat::proto::{StoreRequest, StoredMessage};

use super::network::Random;
use super::power::message;
use super::store::SimStore;
use super::world::nickname;

struct Storm {
    random: Random,
    store: SimStore,
    sent: Vec<(Nickname, StoredMessage)>,
}

impl Storm {
    /// Requests that a server can have waiting together.
    fn batch(&mut self) -> Vec<StoreRequest> {
        let mut left: BTreeMap<Nickname, usize> = BTreeMap::new();
        let size = self.random.within(1..=8);
        let request = |request| {
            let recipient = nickname(self.random.pick(&["b", "c", "d"]));
            let left = left
                .entry(recipient.clone())
                .or_insert_with(|| self.store.mailbox(&recipient).len());
            match self.random.within(0..=9) {
                0..5 => {
                    let long = "x".repeat(self.random.within(0..=300) as usize);
                    let mut message = message(self.sent.len() as u64 + 1);
                    message.text += self.random.pick(&["", " \n\"\u{1f680}", &*long]);
                    if self.random.percent(10) {
                        // One that a program of 2017 wrote.
                        message.id = None;
                    }
                    self.sent.push((recipient.clone(), message.clone()));
                    StoreRequest::Append { request, follows: None, recipient, message }
                }
                // Somebody has not heard what became of it.
                5 if !self.sent.is_empty() => {
                    let last = &self.sent[self.sent.len().saturating_sub(5)..];
                    let (recipient, message) = self.random.pick(last);
                    StoreRequest::Append { request, follows: None, recipient, message }
                }
                6..8 if *left > 0 => {
                    let count = self.random.within(1..=*left as u64) as usize;
                    // The server asks for another only when it has read the mailbox again.
                    *left = 0;
                    StoreRequest::Remove { recipient, count }
                }
                _ => StoreRequest::Load { request, recipient },
            }
        };
        (0..size).map(request).collect()
    }

    fn act(&mut self) {
        let batch = self.batch();
        let Self { random, store, .. } = self;
        match random.within(0..=99) {
            0..5 => store.crash(random),
            5..10 => store.kill(),
            10..25 => store.crash_amid(batch, random),
            25..40 => store.kill_amid(batch, random),
            40..45 => store.fail_appends ^= true,
            45..50 => store.fail_removes ^= true,
            50..55 => store.fail_syncs ^= true,
            55..70 => drop(store.fail_amid(batch, random)),
            _ => drop(store.apply(batch)),
        }
    }
}

#[test]
fn whatever_happens_the_store_keeps_its_promises() {
    for seed in 0..100 {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let store = SimStore::new(random.pick(&[1, 2, 8]));
        let mut storm = Storm { random, store, sent: Vec::new() };
        for _ in 0..60 {
            storm.act();
        }
    }
}
