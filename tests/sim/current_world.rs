//! Much traffic in a bad network, among those who speak the current dialect.

use std::net::SocketAddr;
use std::time::Duration;

use super::check::Promises;
use super::network::Weather;
use super::show;
use super::world::World;

/// It loses 30 % of the datagrams, repeats 20 %, and delays each by what it likes.
const BAD: Weather = Weather { delay: 1..=100, loss: 30, duplication: 20 };

/// Messages without an outcome that a client of these has at a time: below what it accepts.
const PENDING: usize = 1000;

fn place(n: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 1, n as u8 + 1], 1211))
}

fn name(n: usize) -> String {
    format!("user{n}")
}

struct Traffic {
    world: World,
    clients: usize,
    /// Of each client, to each of the others.
    messages: usize,
    /// How many each client has sent, over all others.
    sent: Vec<usize>,
}

impl Traffic {
    /// Everyone is registered when it begins.
    fn new(seed: u64, clients: usize, messages: usize) -> Self {
        let mut world = World::new(seed, Weather::CALM, Promises::ALL, false);
        world.bounds_every = 100;
        world.start_server(10);
        for n in 0..clients {
            world.start_client(place(n), &name(n));
            world.register(place(n));
        }
        world.run_for(Duration::from_secs(1));
        assert_eq!(world.present().len(), clients);
        world.network.weather = BAD;
        Self { world, clients, messages, sent: vec![0; clients] }
    }

    fn text(&self, from: usize, nth: usize) -> (usize, String) {
        let others = self.clients - 1;
        let to = (from + 1 + nth % others) % self.clients;
        (to, format!("{} from {from} to {to}", nth / others))
    }

    fn total(&self) -> usize {
        self.messages * (self.clients - 1) * self.clients
    }

    /// Sends what may be sent, and lets a little time pass. Whether there was anything to do.
    fn goes_on(&mut self) -> bool {
        let each = self.messages * (self.clients - 1);
        let mut busy = false;
        for from in 0..self.clients {
            let pending = self.world.ledger.pending(place(from));
            for _ in pending..PENDING.min(pending + each - self.sent[from]) {
                let (to, text) = self.text(from, self.sent[from]);
                self.sent[from] += 1;
                self.world.send(place(from), &name(to), &text);
            }
            busy |= self.world.ledger.pending(place(from)) > 0;
        }
        self.world.run_for(Duration::from_millis(10));
        busy
    }

    /// The ledger saw that each came at most once, and in order; and this, that none is missing.
    fn check_complete(&self) {
        assert_eq!(
            self.world.ledger.accepted(),
            self.total(),
            "each has an outcome, and a good one"
        );
        for from in 0..self.clients {
            for nth in 0..self.sent[from] {
                let (_, text) = self.text(from, nth);
                assert_eq!(self.world.ledger.times(&text), 1, "{text}");
            }
        }
    }

    fn block_all_direct_paths(&mut self) {
        for a in 0..self.clients {
            for b in a + 1..self.clients {
                self.world.network.block_both_ways(place(a), place(b));
            }
        }
    }
}

/// Of every ordered pair of the five, a thousand messages: twenty thousand in all.
#[test]
fn five_clients_that_send_each_other_a_thousand_messages() {
    const SEED: u64 = 2017;
    let mut traffic = Traffic::new(SEED, 5, 1000);
    let begin = traffic.world.now();
    let mut steps = 0;
    while traffic.goes_on() {
        steps += 1;
        assert!(steps < 360_000, "an hour, and still messages without an outcome");
    }
    let took = traffic.world.now() - begin;
    traffic.world.network.weather = Weather::CALM;
    traffic.world.run_for(Duration::from_secs(30));
    traffic.check_complete();
    let (seconds, count) = (took.as_secs_f64(), traffic.total());
    show(format_args!(
        "seed {SEED}: {count} messages in {seconds:.1} virtual seconds, each once, in order"
    ));
}

#[test]
fn the_direct_paths_are_lost_in_the_middle_and_come_back() {
    for seed in 0..3 {
        let mut traffic = Traffic::new(seed, 5, 100);
        let mut steps = 0;
        while traffic.goes_on() {
            steps += 1;
            match steps {
                20 => traffic.block_all_direct_paths(),
                600 => traffic.world.network.unblock_all(),
                _ => assert!(steps < 360_000, "an hour, and still messages without an outcome"),
            }
        }
        assert!(steps > 20, "there was a middle");
        traffic.world.network.weather = Weather::CALM;
        traffic.world.network.unblock_all();
        traffic.world.run_for(Duration::from_secs(60));
        traffic.check_complete();
    }
}

#[test]
fn a_message_of_a_mebibyte_is_handed_over_whole() {
    let mut traffic = Traffic::new(1, 2, 0);
    for bytes in [100_000, 1 << 20] {
        let text: String = ('a'..='z').cycle().take(bytes).collect();
        traffic.world.send(place(0), &name(1), &text);
        traffic.world.run_for(Duration::from_secs(120));
        assert_eq!(traffic.world.ledger.times(&text), 1);
    }
}
