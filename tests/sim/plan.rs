//! What a seed draws for a whole run, and what can be promised in it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use superchat::proto::{Instant, ServerConfig};

use super::check::Promises;
use super::network::{Random, Weather};
use super::verbs::server_config;

/// Which paths are blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitions {
    None,
    /// Some pairs never reach each other directly.
    Static,
    /// Blocks come and go, one-way ones too, and between clients and the server.
    Shifting,
}

/// What the seed draws for a whole run.
#[derive(Debug)]
pub struct Plan {
    pub weather: Weather,
    pub partitions: Partitions,
    /// A program may start again where it has just died.
    pub quick_restarts: bool,
    pub removals_fail: bool,
    /// Applications may take nothing for a while.
    pub applications_stall: bool,
    pub classic_server: bool,
    /// Past how many users a current server tells nobody of everyone: clients look up whom they need.
    lookup_past: usize,
    /// The server may die, and come back with what is on its disk.
    pub server_dies: bool,
    /// Programs may do nothing for a while, and then go on.
    pub programs_freeze: bool,
    pub actions: u64,
    /// Milliseconds from one action to the next, at the most.
    pub longest_pause: u64,
}

impl Plan {
    pub fn draw(random: &mut Random) -> Self {
        // Many runs are gentle: only there can be checked what the faults make impossible.
        let rough = random.percent(60);
        let at_times = |random: &mut Random, chance| rough && random.percent(chance);
        let longest =
            random.pick(if rough { &[20, 100, 200, 400, 900] } else { &[1, 20, 100, 200] });
        let weather = Weather {
            delay: random.within(1..=longest)..=longest,
            loss: if rough { random.pick(&[0, 5, 15, 30]) } else { 0 },
            duplication: if at_times(random, 33) { 10 } else { 0 },
        };
        let partitions = match rough {
            true => &[Partitions::None, Partitions::Static, Partitions::Shifting][..],
            false => &[Partitions::None, Partitions::Static],
        };
        let classic_server = random.percent(15);
        Self {
            weather,
            partitions: random.pick(partitions),
            quick_restarts: at_times(random, 33),
            removals_fail: at_times(random, 33),
            applications_stall: at_times(random, 33),
            classic_server,
            // Apart from the rest, so that seeds from before stay what they were.
            lookup_past: Random::new(!random.clone().next()).pick(&[0, 2, 100, 100, 100, 100]),
            server_dies: !classic_server && at_times(random, 33),
            programs_freeze: at_times(random, 33),
            actions: random.within(10..=60),
            longest_pause: random.pick(&[50, 500, 5_000, 60_000]),
        }
    }

    pub fn server_config(&self) -> ServerConfig {
        let mut config = server_config(100);
        config.limits.lookup_past = self.lookup_past;
        config
    }

    /// What the classic dialect can promise under these faults: its acks and answers say nothing
    /// of what they belong to.
    pub fn promises(&self) -> Promises {
        let round_trip = 2 * self.weather.delay.end();
        // A second ack, or one that is later than any is waited for, confirms another datagram.
        let acks = self.weather.duplication == 0 && round_trip < 1000 && !self.quick_restarts;
        // An answer whose ack is lost or late is sent again, and may cross the next request.
        let lossless = self.weather.loss == 0 && self.partitions != Partitions::Shifting;
        let answers = acks && lossless && round_trip < 500 && !self.classic_server;
        // What stays in a mailbox though it was delivered is delivered again. What was kept is kept
        // again if its sender does not take the answer before the server gives up.
        let exactly_once = answers
            && !(self.removals_fail || self.applications_stall)
            && !(self.server_dies || self.programs_freeze);
        Promises { acks, answers, exactly_once }
    }
}

#[derive(Debug)]
pub struct Person {
    pub name: String,
    pub classic: bool,
    pub addresses: [SocketAddr; 2],
    /// Where its program runs, if it does.
    pub at: Option<SocketAddr>,
    /// When it ran last at each address.
    pub died: BTreeMap<SocketAddr, Instant>,
}

impl Person {
    pub fn draw_some(random: &mut Random) -> Vec<Self> {
        let count = random.within(2..=7);
        let mut people: Vec<Self> = (0..count)
            .map(|n| Self {
                name: random.pick(&["sonic", "lanking", "Ωμέγα", "名前", "\"q\\"]).to_owned()
                    + &n.to_string(),
                classic: random.percent(30),
                // Nobody ever has the address of another: a Chat does not say whom it is for.
                addresses: [1, 2].map(|net| SocketAddr::from(([10, 0, net, n as u8], 1211))),
                at: None,
                died: BTreeMap::new(),
            })
            .collect();
        if random.percent(25) {
            people[1].name = people[0].name.clone();
        }
        people
    }
}
