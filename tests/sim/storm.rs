//! A run: faults drawn from the seed, then none, and then everything must come together.
//!
//! The seed draws the weather, the people, the programs that they use, and what they do; the server
//! may die and come back, and so may they. While the faults last the checks of [`check`](super::check)
//! hold. After that, within two minutes of virtual time, whoever speaks the current dialect has come
//! together again by itself: it is registered if it was, its table says what the server's does, and
//! it has what was accepted for it. Then everyone registers; within a minute every message has an
//! outcome, all tables agree, and no mailbox of somebody present holds anything; everyone reaches
//! everyone, directly, at the first try; and when the server goes down everyone hears of it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use superchat::proto::Instant;

use super::host::Host;
use super::network::{Random, Weather};
use super::plan::{Partitions, Person, Plan};
use super::world::{World, nickname};

/// How long no program starts where one died, if no ack to the one is to reach the other.
const MOURNING: Duration = Duration::from_secs(1);

/// How long it takes whoever speaks the current dialect to come together by itself: a lost server is
/// noticed after 23 seconds, and of users of whom it tells nothing any more nobody knows after 45.
const RECOVERY: Duration = Duration::from_secs(120);

/// Runs a seed, and returns how much virtual time that covered, and how many messages were accepted.
pub fn run(seed: u64, trace: bool) -> (Duration, usize) {
    let mut random = Random::new(seed);
    let plan = Plan::draw(&mut random);
    let people = Person::draw_some(&mut random);
    if trace {
        println!("{plan:#?}\n{people:#?}");
    }
    let mut world = World::new(random.next(), plan.weather.clone(), plan.promises(), trace);
    world.store.batch = random.pick(&[1, 2, 8]);
    world.store_delay = random.pick(&[0, 10, 300]);
    if plan.classic_server {
        world.start(world.server, Host::ClassicServer(Box::default()));
    } else {
        world.start_server_with(plan.server_config());
    }
    let mut storm = Storm { random, plan, people, world, messages: 0, server_back_at: None };
    storm.rage();
    storm.calm_down();
    (storm.world.now().since_start(), storm.world.ledger.accepted())
}

struct Storm {
    random: Random,
    plan: Plan,
    people: Vec<Person>,
    world: World,
    messages: u64,
    /// The server is dead until then.
    server_back_at: Option<Instant>,
}

impl Storm {
    /// The time of the faults.
    fn rage(&mut self) {
        if self.plan.partitions == Partitions::Static {
            self.block_some_pairs();
        }
        for who in 0..self.people.len() {
            self.start(who);
        }
        for _ in 0..self.plan.actions {
            let pause = self.random.ms(0..=self.plan.longest_pause);
            self.world.run_for(pause);
            if self.server_back_at.is_some_and(|at| at <= self.world.now()) {
                self.revive_server();
            }
            self.act();
        }
    }

    fn kill_server(&mut self) {
        if self.server_back_at.is_none() {
            let power = self.random.percent(50);
            self.world.kill_server(power);
            let down = self.random.ms(0..=self.random.clone().pick(&[100, 2_000, 60_000]));
            self.server_back_at = Some(self.world.now() + down);
        }
    }

    fn revive_server(&mut self) {
        if self.server_back_at.take().is_some() {
            self.world.start_server_with(self.plan.server_config());
        }
    }

    fn block_some_pairs(&mut self) {
        for a in 0..self.people.len() {
            for b in a + 1..self.people.len() {
                if self.random.percent(50) {
                    for a in self.people[a].addresses {
                        for b in self.people[b].addresses {
                            self.world.network.block_both_ways(a, b);
                        }
                    }
                }
            }
        }
    }

    fn act(&mut self) {
        let who = self.random.within(0..=self.people.len() as u64 - 1) as usize;
        // A classic program exits when its server does not answer, one that is closed when done.
        if self.people[who].at.is_some_and(|at| self.world.host(at).is_none()) {
            self.bury(who);
        }
        let Some(at) = self.people[who].at else { return self.start(who) };
        if self.world.is_frozen(at) {
            return;
        }
        match self.random.within(0..=99) {
            0..46 => self.send(who, at),
            46..56 => (0..8).for_each(|_| self.send(who, at)),
            56..60 => self.crash(who, at),
            60..65 => {
                self.crash(who, at);
                self.start(who);
            }
            65..68 => self.world.close(at),
            68..73 => self.world.deregister(at),
            73..79 => self.world.register(at),
            79..84 => self.shift_partition(),
            84..88 if self.plan.applications_stall => {
                if !self.world.full.remove(&at) {
                    self.world.full.insert(at);
                }
            }
            88..91 => self.world.store.fail_writes ^= true,
            91..93 => self.world.store.fail_removes = self.plan.removals_fail,
            93..96 if self.plan.server_dies => self.kill_server(),
            96..98 if self.plan.programs_freeze => {
                let at = self.random.pick(&[at, self.world.server]);
                let time = self.random.ms(1..=30_000);
                self.world.freeze(at, time);
            }
            _ => self.forge(at),
        }
    }

    fn crash(&mut self, who: usize, at: SocketAddr) {
        self.world.crash(at);
        self.bury(who);
    }

    /// The program of this person does not run any more.
    fn bury(&mut self, who: usize) {
        let person = &mut self.people[who];
        person.died.extend(person.at.take().map(|at| (at, self.world.now())));
    }

    /// A program starts at an address of this person, if one may be had: see [`MOURNING`].
    fn start(&mut self, who: usize) {
        let person = &mut self.people[who];
        let may_be_had = |at: &SocketAddr| {
            let mourned = |died: &Instant| self.world.now() - *died >= MOURNING;
            self.plan.quick_restarts || person.died.get(at).is_none_or(mourned)
        };
        let free: Vec<_> = person.addresses.into_iter().filter(may_be_had).collect();
        let at = match free[..] {
            [] => return,
            [only] => only,
            _ => self.random.pick(&free),
        };
        person.at = Some(at);
        if person.classic {
            self.world.start_classic_client(at, &person.name);
        } else {
            self.world.start_client(at, &person.name);
        }
        self.world.register(at);
    }

    fn send(&mut self, who: usize, at: SocketAddr) {
        let to = self.random.pick(&self.people.iter().map(|p| p.name.clone()).collect::<Vec<_>>());
        let to = if self.random.percent(3) { "nobody".to_owned() } else { to };
        // What a classic program would cut and die of, none is told to send, nor gets but in parts.
        let classic = |person: &Person| person.classic && person.name == to;
        let classic = self.people[who].classic || self.people.iter().any(classic);
        let longest = if classic || self.plan.classic_server { 3_800 } else { 20_000 };
        let longest = self.random.pick(&[100, 3_800, longest]);
        let long = "x".repeat(self.random.within(1..=longest) as usize);
        let tail = self.random.pick(&["", "", "привет 🚀", "\"\\\n\t\u{1}", "  ", &*long]);
        self.messages += 1;
        // A text of its own for each: two requests with the same one cannot be told apart.
        let text = format!("{} from {} {tail}", self.messages, self.people[who].name);
        self.world.send(at, &to, &text);
    }

    fn shift_partition(&mut self) {
        if self.plan.partitions != Partitions::Shifting {
            return;
        }
        if self.random.percent(40) {
            return self.world.network.unblock_all();
        }
        let mut places: Vec<SocketAddr> = self.people.iter().flat_map(|p| p.addresses).collect();
        places.push(self.world.server);
        let (a, b) = (self.random.pick(&places), self.random.pick(&places));
        if self.random.percent(50) {
            self.world.network.block(a, b);
        } else {
            self.world.network.block_both_ways(a, b);
        }
    }

    /// A stranger sends what no program of the protocol sends there.
    fn forge(&mut self, to: SocketAddr) {
        let stranger = SocketAddr::from(([10, 9, 9, 9], 999));
        let payload: &[u8] = self.random.pick(&[
            &b""[..],
            b"[]",
            b"\xff",
            br#"{"Type":"Reg"}"#,
            br#"{"Type":"Table","Msg":"{}"}"#,
            br#"{"Type":"Verification"}"#,
            br#"{"Type":"Notification","Msg":"[Server is Down!]","Offline":"True"}"#,
        ]);
        if self.world.host(to).is_some_and(Host::is_ours) {
            self.world.forge(stranger, to, payload.to_vec());
        }
        if !self.plan.classic_server {
            self.world.forge(stranger, self.world.server, payload.to_vec());
        }
    }

    /// The faults are over.
    fn calm_down(&mut self) {
        self.world.network.weather = Weather::CALM;
        self.world.network.unblock_all();
        self.world.full.clear();
        self.revive_server();
        self.world.store.fail_writes = false;
        self.world.store.fail_removes = false;
        // Frozen programs go on within half a minute.
        self.world.run_for(Duration::from_secs(30) + RECOVERY);
        if self.plan.promises().exactly_once {
            // The faults were such that all comes together by itself.
            let present = self.world.present();
            self.check_together(&present);
        } else if !self.plan.classic_server {
            self.world.check_current();
        }
        // The server of 2017 drops requests that come while it tells others of the last one.
        let apart = if self.plan.classic_server { 10_000 } else { 100 };
        for at in self.running() {
            let pause = self.random.ms(apart / 2..=apart);
            self.world.run_for(pause);
            if self.world.host(at).is_some() {
                self.world.register(at);
            }
        }
        self.world.run_for(Duration::from_secs(60));
        for at in self.running() {
            self.world.ledger.check_settled(at);
        }
        let present = self.world.present();
        if !self.plan.classic_server {
            let names: BTreeSet<String> = present.iter().map(|(_, name)| name.clone()).collect();
            assert_eq!(names, self.running_names());
            self.check_together(&present);
        }
        self.world.ledger.check_delivered(&present.iter().map(|(_, name)| name.clone()).collect());
        self.meet(&present);
        if !self.plan.classic_server {
            self.world.stop_server();
            self.world.run_for(Duration::from_secs(5));
            assert!(self.world.stopped && self.world.present().is_empty());
        }
    }

    /// The tables agree, and who is present has its messages.
    fn check_together(&mut self, present: &[(SocketAddr, String)]) {
        self.world.check_agreement();
        for (_, name) in present {
            assert_eq!(self.world.store.mailbox(&nickname(name)), [], "of {name}");
        }
    }

    /// Everyone sends everyone a message.
    fn meet(&mut self, present: &[(SocketAddr, String)]) {
        // The server of 2017 gives a name to two at a time.
        let names: BTreeSet<&String> = present.iter().map(|(_, name)| name).collect();
        let mut texts = Vec::new();
        for (at, _) in present {
            for name in &names {
                let text = format!("{at} meets {name}");
                self.world.send(*at, name, &text);
                texts.push(text);
            }
        }
        self.world.run_for(Duration::from_secs(60));
        for (at, _) in present {
            self.world.ledger.check_settled(*at);
        }
        // The server of 2017 tells everyone that somebody is offline who is there, and only missed a
        // message once.
        for text in texts.iter().filter(|_| !self.plan.classic_server) {
            match self.world.looks_up {
                true => self.world.ledger.check_received_anyhow(text),
                false => self.world.ledger.check_received(text),
            }
        }
    }

    fn running(&self) -> Vec<SocketAddr> {
        let places = self.people.iter().filter_map(|person| person.at);
        places.filter(|at| self.world.host(*at).is_some()).collect()
    }

    fn running_names(&self) -> BTreeSet<String> {
        let runs = |p: &&Person| p.at.is_some_and(|at| self.world.host(at).is_some());
        self.people.iter().filter(runs).map(|person| person.name.clone()).collect()
    }
}
