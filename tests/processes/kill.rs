//! The real server, killed with SIGKILL under load, in a loop, on real files. All that was called saved,
//! received or relayed comes, once, and the messages of each sender in their order.
//!
//! A round: the server starts on the directory of the one before; everyone registers, some leave again;
//! all is posted without waiting; and while the answers come, some recipients come and go, until the
//! server is killed, after a number of answers "saved" that the seed drew.

use std::env;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use superchat::Client;
use tempfile::TempDir;

use super::ledger::{Ledger, Totals};
use super::{ServerProcess, show, start};

const SENDERS: usize = 3;
const RECIPIENTS: usize = 6;

/// Messages of each sender in a round, over all recipients.
const POSTS: usize = 40;

/// What `cargo test` runs; SUPERCHAT_KILL_ROUNDS has another number.
const ROUNDS: usize = 20;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

fn variable(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap())
}

fn recipient(number: usize) -> String {
    format!("recipient{number}")
}

struct Crowd {
    senders: Vec<Client>,
    recipients: Vec<Client>,
    ledger: Ledger,
    posted: Vec<u64>,
}

impl Crowd {
    fn at(server: &ServerProcess) -> Self {
        let ledger = Ledger::default();
        let client = |name: String| Client::builder(name).server(server.address.to_string());
        let senders = (0..SENDERS).map(|n| client(format!("sender{n}")).connect().unwrap());
        let recipients = (0..RECIPIENTS).map(|to| {
            let ledger = ledger.clone();
            let builder = client(recipient(to)).on_message(move |message| {
                let from = message.sender.as_str().strip_prefix("sender").unwrap().parse().unwrap();
                ledger.arrived((from, to, message.text.parse().unwrap()));
            });
            builder.connect().unwrap()
        });
        Self {
            senders: senders.collect(),
            recipients: recipients.collect(),
            posted: vec![0; SENDERS],
            ledger,
        }
    }

    fn posted(&self) -> usize {
        self.posted.iter().sum::<u64>() as usize
    }

    fn post(&mut self, from: usize, to: usize) {
        self.posted[from] += 1;
        let (ledger, letter) = (self.ledger.clone(), (from, to, self.posted[from]));
        let text = letter.2.to_string();
        let outcome = move |outcome| ledger.outcome(letter, outcome);
        self.senders[from].post_then(&recipient(to), &text, outcome).unwrap();
    }

    fn everyone_registers(&self) {
        for (n, client) in self.senders.iter().enumerate() {
            client.register(&format!("sender{n}")).unwrap();
        }
        for (n, client) in self.recipients.iter().enumerate() {
            client.register(&recipient(n)).unwrap();
        }
    }

    /// What happens before the server is killed: as many answers "saved" as are drawn are waited for,
    /// and at the same time a recipient leaves or comes back, as its number says.
    fn round(&mut self, random: &mut Random) {
        for recipient in &self.recipients {
            if random.below(3) > 0 {
                recipient.deregister().unwrap();
            }
        }
        let (before, answered) = (self.ledger.saved(), self.posted());
        for _ in 0..POSTS {
            for from in 0..SENDERS {
                self.post(from, random.below(RECIPIENTS));
            }
        }
        for _ in 0..random.below(3) {
            self.ledger.until(self.posted(), before + random.below(POSTS));
            let to = random.below(RECIPIENTS);
            // Whether it comes before the server is killed is left to chance.
            if random.below(2) == 0 {
                drop(self.recipients[to].post_register(&recipient(to)));
            } else {
                drop(self.recipients[to].post_deregister());
            }
        }
        if random.below(4) == 0 {
            thread::sleep(Duration::from_micros(random.below(30_000) as u64));
        } else {
            self.ledger.until(self.posted(), before + 1 + random.below(POSTS));
        }
        assert!(answered < self.posted());
    }
}

/// The files of the directory that are mailboxes.
fn mailboxes(directory: &Path) -> Vec<String> {
    let names = directory.read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter(|name| !name.contains('.')).collect()
}

#[test]
fn all_that_was_called_saved_comes_once_after_the_server_was_killed() {
    let rounds = variable("SUPERCHAT_KILL_ROUNDS").map_or(ROUNDS, |rounds| rounds as usize);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
    let seed = variable("SUPERCHAT_KILL_SEED").unwrap_or(now);
    println!("SUPERCHAT_KILL_SEED={seed}");
    let mut random = Random(seed);
    let directory = TempDir::new().unwrap();

    let mut server = start("127.0.0.1:0", directory.path());
    let at = server.address.to_string();
    let mut crowd = Crowd::at(&server);
    let mut owing = 0;
    for _ in 0..rounds {
        crowd.everyone_registers();
        crowd.round(&mut random);
        server.kill();
        owing += usize::from(!mailboxes(directory.path()).is_empty());
        server = start(&at, directory.path());
    }

    crowd.everyone_registers();
    crowd.ledger.until(crowd.posted(), usize::MAX);
    crowd.ledger.until_complete();
    // What is still in a mailbox, or comes again after another start, would come now.
    server.kill();
    let server = start(&at, directory.path());
    crowd.everyone_registers();
    for from in 0..SENDERS {
        for to in 0..RECIPIENTS {
            crowd.post(from, to);
        }
    }
    crowd.ledger.until(crowd.posted(), usize::MAX);
    crowd.ledger.until_complete();
    drop(crowd.recipients);
    drop(crowd.senders);
    server.stop();

    let totals = crowd.ledger.totals();
    let kinds = crowd.ledger.kinds();
    show(format_args!(
        "SUPERCHAT_KILL_SEED={seed}: {rounds} rounds, {} messages, {} called saved, {} received or \
         relayed, {} lost, {} doubled; mailboxes left by {owing} of the killed servers",
        totals.messages, totals.saved, totals.received, totals.lost, totals.doubled
    ));
    let Totals { messages, saved, received, .. } = totals;
    assert_eq!(totals, Totals { messages, saved, received, ..Totals::default() }, "{kinds:?}");
    assert!(saved > rounds && owing > rounds / 2, "too few were stored: {kinds:?}");
    assert_eq!(mailboxes(directory.path()), [""; 0], "all of them came");
}
