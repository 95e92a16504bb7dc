//! One server under many clients that register, chat, die, leave and come back, with loss.
//!
//! The invariant: every message that was called received, relayed or stored comes to its recipient's application
//! once, and in its author's order; see [`ledger`] for what exactly is checked, and what not.
//!
//! ```text
//! cargo bench --bench load -- [--short] [--clients N] [--minutes M] [--rate R] [--loss P] [--stall S] [--seed S] [--json PATH]
//! ```
//!
//! The server is a real one in a process of its own, on a core of its own. The clients are the real engines, in one
//! thread on another, over real UDP: `README.md` has the whole picture.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "a program has no public API")]

mod acts;
mod crowd;
mod faults;
mod latency;
mod ledger;
mod random;
mod report;
mod samples;
mod server;
mod sockets;

use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};

use self::crowd::Crowd;
use self::report::Chat;
use self::samples::Samples;
use self::server::ServerProcess;
use self::sockets::Batch;

/// How much of everything there is.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Each with a name.
    pub clients: usize,
    /// How long they chat.
    pub time: Duration,
    /// Messages a second.
    pub rate: f64,
    /// First registrations a second.
    pub registrations: f64,
    /// The share of the datagrams that is lost.
    pub loss: f64,
    /// For how long the server does nothing, half a minute into the chat.
    pub stall: Duration,
    /// Of who does what, and of what is lost.
    pub seed: u64,
}

/// How long one client is there, on the average, until it dies; and until it leaves.
const LIFE: Duration = Duration::from_secs(400);

/// How long everything may take to settle once nothing is lost any more.
const HEALING: Duration = Duration::from_secs(120);

/// When the server does nothing for a while, after the chat has begun.
const STALLED: Duration = Duration::from_secs(30);

/// Keeps this process, with the threads that it will have, to one core.
pub fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    // A machine that has no such core runs it anywhere.
    let _ = sched_setaffinity(None, &set);
}

fn options() -> (Load, Option<String>) {
    let mut arguments = pico_args::Arguments::from_env();
    // What `cargo bench` adds.
    let _ = arguments.contains("--bench");
    let short = arguments.contains("--short");
    let mut given = |name| arguments.opt_value_from_str::<_, f64>(name).unwrap();
    let clients = given("--clients").unwrap_or(if short { 2000.0 } else { 100_000.0 });
    let minutes = given("--minutes").unwrap_or(if short { 0.25 } else { 10.0 });
    let load = Load {
        clients: clients as usize,
        time: Duration::from_secs_f64(minutes * 60.0),
        rate: given("--rate").unwrap_or(if short { 1000.0 } else { 5000.0 }),
        registrations: given("--registrations").unwrap_or(2000.0),
        loss: given("--loss").unwrap_or(0.01),
        stall: Duration::from_secs_f64(given("--stall").unwrap_or(0.0)),
        seed: given("--seed").unwrap_or(1.0) as u64,
    };
    let json = arguments.opt_value_from_str("--json").unwrap();
    if let Some(word) = arguments.finish().first() {
        eprintln!("{}: no such option; benches/load/README.md has them", word.display());
        std::process::exit(2);
    }
    (load, json)
}

/// Something that happens so often a second, from when it began.
struct Pace {
    began: Instant,
    rate: f64,
    done: u64,
}

impl Pace {
    fn new(rate: f64) -> Self {
        Self { began: Instant::now(), rate, done: 0 }
    }

    /// How often it is due by now; not more than a few at once.
    fn due(&mut self) -> u64 {
        let wanted = (self.began.elapsed().as_secs_f64() * self.rate) as u64;
        let due = (wanted - self.done).min(64);
        self.done += due;
        due
    }

    /// How many it is behind.
    fn behind(&self) -> f64 {
        self.began.elapsed().as_secs_f64() * self.rate - self.done as f64
    }
}

/// One turn of everything that is there.
fn turn(crowd: &mut Crowd, samples: &mut Samples, batch: &mut Batch) {
    samples.tend(crowd);
    if !crowd.turn(batch) {
        let most = Duration::from_millis(1);
        crowd.sockets.wait(crowd.rest().min(most));
    }
}

/// All come, one after the other.
fn fill(crowd: &mut Crowd, samples: &mut Samples, batch: &mut Batch, load: Load) {
    let mut coming = Pace::new(load.registrations);
    while crowd.come < load.clients {
        for _ in 0..coming.due().min((load.clients - crowd.come) as u64) {
            crowd.next_comes();
        }
        turn(crowd, samples, batch);
    }
    // Who loses the server later comes back by itself.
    let wanted = load.clients - load.clients / 100;
    let end = Instant::now() + HEALING;
    while crowd.registered() < wanted && Instant::now() < end {
        turns(crowd, samples, batch, Duration::from_millis(200));
    }
}

/// Turns for so long.
fn turns(crowd: &mut Crowd, samples: &mut Samples, batch: &mut Batch, time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        turn(crowd, samples, batch);
    }
}

/// They chat, die, leave and come back. How many messages it was behind at the end.
fn chat(crowd: &mut Crowd, samples: &mut Samples, batch: &mut Batch, load: Load) -> f64 {
    let gone = load.clients as f64 / LIFE.as_secs_f64();
    let (mut writing, mut dying, mut leaving) =
        (Pace::new(load.rate), Pace::new(gone), Pace::new(gone));
    let start = Instant::now();
    let end = start + load.time;
    let stalled = start + STALLED..start + STALLED + load.stall;
    let mut is_stalled = false;
    while Instant::now() < end {
        let stalls = stalled.contains(&Instant::now());
        if stalls != is_stalled {
            samples.suspend(stalls);
            is_stalled = stalls;
        }
        for _ in 0..writing.due() {
            crowd.someone_writes();
        }
        for _ in 0..dying.due() {
            crowd.someone_dies();
        }
        for _ in 0..leaving.due() {
            crowd.someone_leaves();
        }
        turn(crowd, samples, batch);
    }
    writing.behind()
}

/// Nothing is lost any more, and all come back, and get what waits for them. Whether that is so in the end.
fn heal(crowd: &mut Crowd, samples: &mut Samples, batch: &mut Batch, load: Load) -> bool {
    crowd.faults.heal();
    let end = Instant::now() + HEALING;
    while Instant::now() < end {
        turns(crowd, samples, batch, Duration::from_secs(1));
        if crowd.registered() == load.clients && crowd.unfinished() == (0, 0) {
            return true;
        }
    }
    false
}

fn main() {
    if server::serve() {
        return;
    }
    let (load, json) = options();
    println!("{load:?}");
    pin(0);
    let directory = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(load.clients, directory.path());
    let mut crowd = Crowd::new(server.address, load);
    let mut samples = Samples::new(server);
    let mut batch = Batch::new();

    fill(&mut crowd, &mut samples, &mut batch, load);
    samples.phase("chat", &crowd);
    let behind = chat(&mut crowd, &mut samples, &mut batch, load);
    samples.phase("heal", &crowd);
    let healed = heal(&mut crowd, &mut samples, &mut batch, load);
    samples.phase("end", &crowd);
    let chat = Chat { behind, healed };
    let well = report::report(&crowd, samples, load, &chat, json.as_deref());
    if !well {
        std::process::exit(1);
    }
}
