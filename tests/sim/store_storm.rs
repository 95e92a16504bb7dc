//! The store of a server to which everything happens, drawn from a seed: several users, batches,
//! failing disks, processes that die and power that is cut, between batches and amid them.
//!
//! The invariant is that of the [`store`](super::store), which checks it after each step.

use std::collections::BTreeMap;

use superchat::Nickname;
use superchat::proto::{LastSeen, StoreRequest, StoredMessage, UnixTime};

use super::network::Random;
use super::power::message;
use super::script::address;
use super::store::SimStore;
use super::world::nickname;
use super::{SEEDS, number, show};

struct Storm {
    random: Random,
    store: SimStore,
    sent: Vec<(Nickname, StoredMessage)>,
    crashes: usize,
}

impl Storm {
    /// Requests that a server can have waiting together.
    fn batch(&mut self) -> Vec<StoreRequest> {
        let mut left: BTreeMap<Nickname, usize> = BTreeMap::new();
        let size = self.random.within(1..=8);
        let requests = |request| {
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
                    vec![StoreRequest::Append { request, follows: None, recipient, message }]
                }
                5 if self.random.percent(30) => {
                    let nickname = nickname(self.random.pick(&["b", "c"]));
                    if self.random.percent(30) {
                        return vec![StoreRequest::Forget { nickname }];
                    }
                    let time = UnixTime::from_micros(self.random.within(0..=9) as i64);
                    let address = address("b");
                    vec![StoreRequest::Remember { nickname, last: LastSeen { address, time } }]
                }
                // Somebody has not heard what became of it.
                5 if !self.sent.is_empty() => {
                    let last = &self.sent[self.sent.len().saturating_sub(5)..];
                    let (recipient, message) = self.random.pick(last);
                    vec![StoreRequest::Append { request, follows: None, recipient, message }]
                }
                6..8 if *left > 0 => {
                    let loaded = (*left).min(self.store.batch) as u64;
                    let count = self.random.within(1..=loaded) as usize;
                    // The server asks for another only when it has read the mailbox again.
                    *left = 0;
                    let load = StoreRequest::Load { request, recipient: recipient.clone() };
                    vec![load, StoreRequest::Remove { recipient, count }]
                }
                _ => vec![StoreRequest::Load { request, recipient }],
            }
        };
        (0..size).flat_map(requests).collect()
    }

    fn act(&mut self) {
        let batch = self.batch();
        let Self { random, store, .. } = self;
        let drawn = random.within(0..=99);
        self.crashes += usize::from(drawn < 40);
        match drawn {
            0..5 => store.crash(random),
            5..10 => store.kill(),
            10..25 => store.crash_amid(batch, random),
            25..40 => store.kill_amid(batch, random),
            40..45 => store.fail_writes ^= true,
            45..50 => store.fail_removes ^= true,
            50..55 => store.fail_syncs ^= true,
            55..70 => drop(store.fail_amid(batch, random)),
            70..85 => drop(store.tend(random.within(1..=3) as usize)),
            _ => drop(store.apply(batch)),
        }
    }
}

#[test]
fn whatever_happens_the_store_keeps_its_promises() {
    const STEPS: u64 = 60;
    let seeds = number(SEEDS).unwrap_or(100);
    let mut crashes = 0;
    for seed in 0..seeds {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let store = SimStore::new(random.pick(&[1, 2, 8]));
        let mut storm = Storm { random, store, sent: Vec::new(), crashes: 0 };
        for _ in 0..STEPS {
            storm.act();
        }
        crashes += storm.crashes;
    }
    let steps = seeds * STEPS;
    show(format_args!("the store: {seeds} seeds, {steps} steps, {crashes} crashes, no loss"));
}
