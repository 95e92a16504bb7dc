//! What a flood does to those who are well-behaved: 100,000 malformed and 100,000 spoofed datagrams
//! against the server's port, and as many against a client's, while two clients go on.
//!
//! Quiet and flooded phases take turns, so that what else the machine does hits both. A round trip is
//! one message: from `send` to its outcome.
//!
//! ```text
//! cargo bench --bench flood
//! ```
//!
//! The limit: the median at most doubles, at 20,000 datagrams a second, and nothing is lost at any rate.
//! As fast as one thread can send, the flood takes a core of its own, and more comes than the server's
//! socket holds: what then goes through the server waits for its second try.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, dead_code, reason = "parts of a test that are shared with it")]

#[path = "../tests/processes/hose.rs"]
mod hose;
#[path = "../tests/processes/server.rs"]
mod server;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use superchat::{Client, Delivery};

use self::hose::{Hose, Known, dropped_at, learn};
use self::server::ServerProcess;

const CYCLES: usize = 5;

/// Of each kind, in each flooded phase: 100,000 in all.
const EACH: usize = 100_000 / CYCLES;

/// How long a quiet phase is.
const QUIET: Duration = Duration::from_secs(1);

struct World {
    directory: tempfile::TempDir,
    server: ServerProcess,
    sonic: Client,
    lanking: Client,
    known: Known,
    came: Arc<AtomicU64>,
    sent: u64,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = ServerProcess::start(&[], &[], "127.0.0.1:0", directory.path());
        let at = server.address.to_string();
        let came = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&came);
        let sonic = Client::builder("sonic").server(&at);
        let sonic = sonic.on_message(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let sonic = sonic.connect().unwrap();
        let lanking = Client::builder("lanking").server(&at).connect().unwrap();
        Client::builder("tails").server(&at).connect().unwrap().close();
        let known = learn(server.address, &["sonic", "lanking"]);
        Self { directory, server, sonic, lanking, known, came, sent: 0 }
    }

    /// Round trips, one at a time, until it is over.
    fn talk(&mut self, path: Path, over: impl Fn() -> bool) -> Vec<Duration> {
        let mut took = Vec::new();
        while !over() {
            let begin = Instant::now();
            let (to, wanted) = match path {
                Path::Direct => ("sonic", Delivery::Received),
                Path::Stored => ("tails", Delivery::Stored),
            };
            assert_eq!(self.lanking.send(to, "hi").unwrap(), wanted);
            took.push(begin.elapsed());
            self.sent += u64::from(path == Path::Direct);
        }
        took
    }

    /// Round trips during a flood, and how fast that was.
    fn flooded(&mut self, path: Path, hose: &mut Hose) -> (Vec<Duration>, f64) {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let flood = scope.spawn(|| {
                let took = hose.flood(EACH, EACH);
                over.store(true, Ordering::Relaxed);
                took
            });
            let took = self.talk(path, || over.load(Ordering::Relaxed));
            (took, 2.0 * EACH as f64 / flood.join().unwrap().as_secs_f64())
        })
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Path {
    Direct,
    Stored,
}

fn median(mut times: Vec<Duration>) -> f64 {
    assert!(!times.is_empty(), "not one message");
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

/// The least, the middle and the most of a few values.
fn spread(mut values: Vec<f64>, digits: usize) -> String {
    values.sort_by(f64::total_cmp);
    let of = |at: usize| format!("{:.digits$}", values[at]);
    format!("{} / {} / {}", of(0), of(values.len() / 2), of(values.len() - 1))
}

fn measure(world: &mut World, path: Path, target: &str, to: SocketAddr, rate: Option<u32>) {
    let mut hose = Hose::new(to, world.known.clone(), rate);
    let (mut quiet, mut flooded, mut ratios, mut rates) = (vec![], vec![], vec![], vec![]);
    let dropped = dropped_at(to.port());
    let memory = world.server.memory("VmRSS");
    for _ in 0..CYCLES {
        let end = Instant::now() + QUIET;
        let before = median(world.talk(path, || Instant::now() > end));
        let (during, rate) = world.flooded(path, &mut hose);
        let during = median(during);
        quiet.push(before);
        flooded.push(during);
        ratios.push(during / before);
        rates.push(rate / 1000.0);
    }
    println!(
        "| {target} | {path:?} | {} | {} | {} | {} | {} | {} to {}, at most {} |",
        spread(rates, 0),
        spread(quiet, 0),
        spread(flooded, 0),
        spread(ratios, 2),
        dropped_at(to.port()) - dropped,
        memory,
        world.server.memory("VmRSS"),
        world.server.memory("VmHWM"),
    );
}

fn main() {
    server::serve();
    if std::env::var_os("SUPERCHAT_TEST_BIND").is_some() {
        return;
    }
    let mut world = World::new();
    let (server, sonic) = (world.server.address, world.sonic.address());
    println!(
        "{CYCLES} quiet and flooded phases in turns; each figure is min / median / max of them\n"
    );
    println!(
        "| flood against | path | 1000 datagrams/s | quiet µs | flooded µs | ratio | dropped by the socket | server's kB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for rate in [Some(20_000), None] {
        for path in [Path::Direct, Path::Stored] {
            measure(&mut world, path, "the server", server, rate);
        }
        measure(&mut world, Path::Direct, "the recipient", sonic, rate);
    }
    assert_eq!(world.came.load(Ordering::Relaxed), world.sent, "each came once");
}
