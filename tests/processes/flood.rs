//! A flood of 100,000 malformed and 100,000 spoofed datagrams against the server, and then against a
//! client: the well-behaved lose nothing, every datagram is counted by the server or was dropped by its
//! socket, and its memory stays within what its tables may hold. How fast it goes on is measured
//! by `benches/flood.rs`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use superchat::{Client, Delivery};
use tempfile::TempDir;

use super::hose::{Hose, dropped_at, learn};
use super::start;

/// Of each kind, in each half of a flood.
const EACH: usize = 50_000;

/// Datagrams a second: what the bench judges, and enough for a few in a row to find the socket's buffer
/// full.
const RATE: u32 = 20_000;

/// Kilobytes by which the server's memory may grow from one half of a flood to the next, in which its
/// tables are full already: what an allocator leaves between its blocks.
const LEEWAY: u64 = 4_096;

/// Kilobytes by which it may grow in all: 4096 requests of strangers, their links, and 4096 budgets.
const TABLES: u64 = 24_576;

/// Messages that are stored in each half at the most: they are in the server's memory until their file follows, and
/// how many a machine is fast enough for is not to be what is measured.
const MAIL: usize = 4_000;

#[test]
fn a_flood_of_two_hundred_thousand_costs_the_well_behaved_nothing() {
    let directory = TempDir::new().unwrap();
    let mut server = start("127.0.0.1:0", directory.path());
    let at = server.address.to_string();
    let client = |name: &str| Client::builder(name).server(&at);
    let (sender, inbox) = mpsc::channel();
    let sonic = client("sonic").on_message(move |message| drop(sender.send(message.text)));
    let sonic = sonic.connect().unwrap();
    let lanking = client("lanking").connect().unwrap();
    client("tails").connect().unwrap().close();
    let known = learn(server.address, &["sonic", "lanking"]);

    let quiet = server.memory("VmRSS");
    let (received, _) = server.counted();
    let dropped = dropped_at(server.address.port());
    let (mut direct, mut stored) = (0_u64, 0);
    let mut filled = 0;
    for to in [server.address, sonic.address()] {
        let mut hose = Hose::new(to, known.clone(), Some(RATE));
        for _ in 0..2 {
            filled = server.memory("VmRSS");
            let over = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| {
                    hose.flood(EACH, EACH);
                    over.store(true, Ordering::Relaxed);
                });
                let most = stored + MAIL;
                while !over.load(Ordering::Relaxed) && stored < most {
                    let text = direct.to_string();
                    // Whichever way it comes: on a machine that is busy enough, the direct one may seem
                    // blocked.
                    lanking.send("sonic", &text).unwrap();
                    direct += 1;
                    assert_eq!(lanking.send("tails", "hi").unwrap(), Delivery::Stored);
                    stored += 1;
                }
            });
        }
    }
    let grown = server.memory("VmHWM");
    for text in 0..direct {
        assert_eq!(inbox.recv().unwrap(), text.to_string());
    }
    let (sender, waiting) = mpsc::channel();
    let tails = client("tails").on_message(move |message| drop(sender.send(message.text)));
    let tails = tails.connect().unwrap();
    assert_eq!(waiting.iter().take(stored).filter(|text| *text == "hi").count(), stored);

    let (after, malformed) = server.counted();
    let dropped = dropped_at(server.address.port()) - dropped;
    let flood = 4 * EACH as u64;
    let counted = after - received + dropped;
    let others = lanking.stats().datagrams_sent
        + sonic.stats().datagrams_sent
        + tails.stats().datagrams_sent;
    super::show(format_args!(
        "{flood} datagrams at the server: {} received, {malformed} of them malformed, {dropped} \
         dropped by its socket; {quiet} kB before, {grown} kB at the most; {direct} messages \
         received and {stored} stored meanwhile",
        after - received
    ));
    assert!((flood..=flood + others).contains(&counted), "{counted} of {flood} and {others}");
    assert!(malformed + dropped >= 2 * EACH as u64 && malformed <= 2 * EACH as u64);
    assert!(grown < quiet + TABLES, "from {quiet} kB to {grown} kB");
    assert!(grown < filled + LEEWAY, "from {filled} kB, where all is full, to {grown} kB");
}
