//! The server, looked at each second.

use std::time::{Duration, Instant};

use super::crowd::Crowd;
use super::server::{Counters, ServerProcess, cpu};
use super::sockets::dropped_at;

const EACH: Duration = Duration::from_secs(1);

/// How often a line is printed.
const SHOWN: usize = 10;

/// How things were at some time.
#[derive(Debug, Clone, Default)]
struct Sample {
    at: f64,
    /// Kilobytes.
    memory: u64,
    server_cpu: f64,
    clients_cpu: f64,
    /// A sample earlier: the answer is not waited for.
    counters: Counters,
    messages: u64,
    /// Datagrams that the server's socket had no room for, and the clients'.
    no_room: [u64; 2],
    /// Of the clients' thread, since the sample before.
    longest_turn: Duration,
}

/// What is looked at all the time.
pub struct Samples {
    server: ServerProcess,
    start: Instant,
    samples: Vec<Sample>,
    phases: Vec<(&'static str, usize)>,
    /// When the server was asked, if it has not answered.
    asked: Option<Instant>,
    longest_answer: Duration,
    last_turn: Instant,
    longest_turn: Duration,
}

impl Samples {
    pub fn new(server: ServerProcess) -> Self {
        println!(
            "{:>7} {:>10} {:>10} {:>10} {:>10} {:>10} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "s",
            "server MB",
            "server CPU",
            "client CPU",
            "messages/s",
            "received/s",
            "sent/s",
            "again/s",
            "online",
            "pending",
            "no room",
            "at them",
            "turn ms"
        );
        Self {
            server,
            start: Instant::now(),
            samples: vec![],
            phases: vec![("fill", 0)],
            asked: None,
            longest_answer: Duration::ZERO,
            last_turn: Instant::now(),
            longest_turn: Duration::ZERO,
        }
    }

    /// Takes a sample if it is time.
    pub fn tend(&mut self, crowd: &Crowd) {
        let turned = Instant::now();
        self.longest_turn = self.longest_turn.max(turned - self.last_turn);
        self.last_turn = turned;
        if self.start.elapsed() >= EACH * self.samples.len() as u32 {
            self.sample(crowd);
        }
    }

    fn sample(&mut self, crowd: &Crowd) {
        let now = Instant::now();
        let mut counters =
            self.samples.last().map(|last| last.counters.clone()).unwrap_or_default();
        if let Some((heard, asked)) = self.server.heard().zip(self.asked.take()) {
            counters = heard;
            self.longest_answer = self.longest_answer.max(now - asked);
        }
        if self.asked.is_none() {
            self.server.ask();
            self.asked = Some(now);
        }
        self.samples.push(Sample {
            at: self.start.elapsed().as_secs_f64(),
            memory: self.server.memory(),
            server_cpu: self.server.cpu(),
            clients_cpu: cpu("self"),
            counters,
            messages: crowd.ledger.sent,
            no_room: no_room(crowd),
            longest_turn: std::mem::take(&mut self.longest_turn),
        });
        let last = self.samples.len() - 1;
        if last > 0 && last.is_multiple_of(SHOWN) {
            self.show(last - SHOWN, last);
        }
    }

    fn show(&self, from: usize, to: usize) {
        let rates = self.rates(from, to);
        let last = &self.samples[to];
        println!(
            "{:>7.0} {:>10.1} {:>9.0}% {:>9.0}% {:>10.0} {:>10.0} {:>9.0} {:>8.0} {:>8} {:>8} {:>8} {:>8} {:>8.0}",
            last.at,
            last.memory as f64 / 1024.0,
            rates.server_cpu * 100.0,
            rates.clients_cpu * 100.0,
            rates.messages,
            rates.received,
            rates.sent,
            rates.again,
            last.counters.of("online"),
            last.counters.of("pending"),
            last.no_room[0] - self.samples[from].no_room[0],
            last.no_room[1] - self.samples[from].no_room[1],
            self.samples[from + 1..=to]
                .iter()
                .map(|sample| sample.longest_turn)
                .max()
                .unwrap_or_default()
                .as_secs_f64()
                * 1e3
        );
    }

    /// The server does nothing for a while; or goes on.
    pub fn suspend(&self, suspended: bool) {
        self.server.suspend(suspended);
    }

    /// What the server has counted by now, and has it end.
    pub fn stop(mut self) -> Counters {
        if self.asked.is_some() {
            self.server.hear();
        }
        self.server.ask();
        let counters = self.server.hear();
        self.server.stop();
        counters
    }

    /// The longest that the clients' thread took for anything, and the server for its figures.
    pub fn longest(&self) -> [Duration; 2] {
        let turns = self.samples.iter().map(|sample| sample.longest_turn);
        [turns.max().unwrap_or_default(), self.longest_answer]
    }

    /// Seconds after which a phase ended.
    pub fn end_of(&self, phase: &str) -> f64 {
        self.samples[self.of(phase).1 - 1].at
    }

    /// Another phase begins.
    pub fn phase(&mut self, name: &'static str, crowd: &Crowd) {
        self.phases.push((name, self.samples.len()));
        println!(
            "        {name}: {} have registered {} times",
            crowd.registered(),
            crowd.happened.registered
        );
    }

    pub fn rates(&self, from: usize, to: usize) -> Rates {
        let (from, to) = (&self.samples[from], &self.samples[to]);
        let seconds = to.at - from.at;
        let counted =
            |name| (to.counters.of(name).saturating_sub(from.counters.of(name))) as f64 / seconds;
        Rates {
            server_cpu: (to.server_cpu - from.server_cpu) / seconds,
            clients_cpu: (to.clients_cpu - from.clients_cpu) / seconds,
            messages: (to.messages - from.messages) as f64 / seconds,
            received: counted("received"),
            sent: counted("sent"),
            again: counted("retransmissions"),
        }
    }

    /// The samples of a phase.
    pub fn of(&self, phase: &str) -> (usize, usize) {
        let at = self.phases.iter().position(|(name, _)| *name == phase).unwrap();
        let end = self.phases.get(at + 1).map_or(self.samples.len(), |(_, end)| *end);
        (self.phases[at].1, end)
    }

    /// Megabytes, in the middle of these samples.
    pub fn memory(&self, from: usize, to: usize) -> f64 {
        let mut memory: Vec<_> =
            self.samples[from..to].iter().map(|sample| sample.memory).collect();
        memory.sort_unstable();
        memory.get(memory.len() / 2).map_or(0.0, |memory| *memory as f64 / 1024.0)
    }
}

/// Datagrams that the server's socket had no room for, and those of the clients.
pub fn no_room(crowd: &Crowd) -> [u64; 2] {
    [dropped_at(crowd.server.port()), crowd.sockets.ports().into_iter().map(dropped_at).sum()]
}

/// A second's worth.
pub struct Rates {
    pub server_cpu: f64,
    pub clients_cpu: f64,
    pub messages: f64,
    pub received: f64,
    pub sent: f64,
    /// Of those, what was sent before.
    pub again: f64,
}
