//! Messages from one client to another: each in a process of its own, on a core of its own, and the server in
//! a third.

use std::collections::VecDeque;
use std::env;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use superchat::{Client, Delivery, Limits, Pending, Server};

use super::Effort;
use super::child::{Process, hear, say};
use super::raw::{MESSAGE, Raw};
use super::report::{Goal, Row};
use super::scale::resident;

/// Microseconds on the clock that all processes share.
fn clock() -> f64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3
}

/// A server, until the input ends; one for a crowd, if it is to be.
pub fn serve(arguments: &[String]) {
    let directory = tempfile::tempdir().unwrap();
    let mut limits = Limits::default();
    if !arguments.is_empty() {
        limits.users = 1 << 20;
    }
    let server = Server::builder().bind("127.0.0.1:0").directory(directory.path()).limits(limits);
    until_the_end(server.start().unwrap());
}

/// Says where a server is, and lets it serve. Answers each line with how many mailboxes have files that lack something.
pub fn until_the_end(server: Server) {
    say(&server.address().to_string());
    while hear().is_some() {
        say(&server.stats().unsettled.to_string());
    }
    server.stop();
}

/// A client that takes what comes: waits for so many messages as it is told, and says when they came, if it
/// is to.
pub fn receive(arguments: &[String]) {
    let times = Arc::new(Mutex::new((0, Vec::new())));
    let (came, timed) = (Arc::clone(&times), arguments.get(1).is_some());
    let client = Client::builder("receiver").server(&arguments[0]).on_message(move |message| {
        let mut came = came.lock().unwrap();
        assert_eq!(message.text.len(), MESSAGE);
        came.0 += 1;
        if timed {
            came.1.push(clock());
        }
    });
    let client = client.connect().unwrap();
    say("ready");
    while let Some(wanted) = hear() {
        let wanted: usize = wanted.parse().unwrap();
        while times.lock().unwrap().0 < wanted {
            std::thread::sleep(Duration::from_millis(1));
        }
        let (count, times) = std::mem::take(&mut *times.lock().unwrap());
        assert_eq!(count, wanted);
        say(&times.iter().map(f64::to_string).collect::<Vec<_>>().join(" "));
    }
    client.close();
}

/// Two clients and their server.
struct Pair {
    sender: Client,
    receiver: Process,
    /// Where the server is.
    server: String,
    _server: Process,
}

impl Pair {
    fn start(timed: bool) -> Self {
        let mut server = Process::start("serve", 1, &[]);
        let at = server.hears();
        let arguments = [&*at, "timed"];
        let mut receiver =
            Process::start("receive", 1, if timed { &arguments } else { &arguments[..1] });
        receiver.hears();
        let sender = Client::builder("sender").server(&at).connect().unwrap();
        Self { sender, receiver, server: at, _server: server }
    }

    /// When the messages came since the last time, which are so many, and no more.
    fn came(&mut self, count: usize) -> Vec<f64> {
        let said = self.receiver.asks(&count.to_string());
        said.split_whitespace().map(|word| word.parse().unwrap()).collect()
    }

    /// Microseconds from `send` until it was acknowledged and the callback was called, whichever is later;
    /// until it was acknowledged; and until the callback was called.
    fn round_trips(&mut self, turn: Duration) -> [Vec<f64>; 3] {
        let text = "x".repeat(MESSAGE);
        let mut sent = Vec::new();
        let over = Instant::now() + turn;
        while Instant::now() < over {
            let begin = clock();
            assert_eq!(self.sender.send("receiver", &text).unwrap(), Delivery::Received);
            sent.push((begin, clock()));
        }
        let came = self.came(sent.len());
        let both = sent.iter().zip(&came);
        [
            both.clone().map(|((begin, end), came)| end.max(*came) - begin).collect(),
            both.clone().map(|((begin, end), _)| end - begin).collect(),
            both.map(|((begin, _), came)| came - begin).collect(),
        ]
    }

    /// Messages a second, so many under way at a time.
    fn window(&mut self, window: usize, turn: Duration) -> f64 {
        let text = "x".repeat(MESSAGE);
        let begin = Instant::now();
        let (mut pending, mut sent) = (VecDeque::<Pending<_>>::new(), 0);
        while begin.elapsed() < turn {
            while pending.len() < window {
                pending.push_back(self.sender.post("receiver", &text).unwrap());
                sent += 1;
            }
            // All that have their outcome, and the first that has not.
            while let Some(first) = pending.pop_front() {
                assert_eq!(first.wait().unwrap(), Delivery::Received);
                if !pending.front().is_some_and(Pending::is_finished) {
                    break;
                }
            }
        }
        for rest in pending {
            assert_eq!(rest.wait().unwrap(), Delivery::Received);
        }
        let per_second = f64::from(sent) / begin.elapsed().as_secs_f64();
        self.came(sent as usize);
        per_second
    }

    /// Messages a second that another program posts.
    fn through(&mut self, program: &mut Process, turn: Duration) -> f64 {
        let said = program.asks(&turn.as_millis().to_string());
        let (posted, seconds) = said.split_once(' ').unwrap();
        let (posted, seconds): (usize, f64) = (posted.parse().unwrap(), seconds.parse().unwrap());
        self.came(posted);
        posted as f64 / seconds
    }
}

fn median(mut measured: Vec<f64>) -> f64 {
    measured.sort_by(f64::total_cmp);
    measured[measured.len() / 2]
}

/// `send`, one at a time.
pub fn one_at_a_time(effort: Effort) -> Vec<Row> {
    let (raw, mut pair) = (Raw::start("pong"), Pair::start(true));
    let (mut against, mut ours) = (Vec::new(), [const { Vec::new() }; 3]);
    for _ in 0..effort.turns {
        against.push(median(raw.round_trips(effort.turn)));
        for (of_all, turn) in ours.iter_mut().zip(pair.round_trips(effort.turn)) {
            of_all.push(median(turn));
        }
    }
    let names = ["acknowledged and called back", "acknowledged", "called back"];
    let goals = [Goal::AtMost(1.15), Goal::None, Goal::None];
    let raw = ("blocking UDP ping-pong", &*against);
    let rows = names.iter().zip(&ours).zip(goals);
    let row = |((name, ours), goal): ((&&str, &Vec<f64>), _)| {
        Row::by_turns(format!("one at a time, {name}: p50"), "µs", ours, raw, goal)
    };
    rows.map(row).collect()
}

/// Many under way.
pub fn window(effort: Effort) -> Vec<Row> {
    let (raw, mut pair) = (Raw::start("acknowledge"), Pair::start(false));
    let mut against = Vec::new();
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for _ in 0..effort.turns {
        against.push(raw.window(64, effort.turn));
        small.push(pair.window(64, effort.turn));
        large.push(pair.window(256, effort.turn));
    }
    let raw = ("a datagram each, window 64", &*against);
    vec![
        Row::by_turns("window 64, acknowledged", "/s", &small, raw, Goal::AtLeast(4.5)),
        Row::by_turns("window 256, acknowledged", "/s", &large, raw, Goal::AtLeast(6.0)),
    ]
}

/// The same through the other faces.
pub fn faces(effort: Effort) -> Vec<Row> {
    let mut pair = Pair::start(false);
    let (directory, mut rows) = (tempfile::tempdir().unwrap(), Vec::new());
    for window in [64, 256] {
        let faces = [
            ("C", Goal::AtLeast(0.9), c_program(directory.path())),
            ("Python", Goal::AtLeast(0.1), python_program()),
        ];
        for (face, goal, program) in faces {
            let mut program = match program {
                Ok(program) => program,
                Err(why) => {
                    eprintln!("through {face}: not measured: {why}");
                    continue;
                }
            };
            let arguments = [&*pair.server, &window.to_string()];
            let mut process = Process::of(program.args(arguments), 0);
            process.hears();
            let (mut ours, mut rust) = (Vec::new(), Vec::new());
            for _ in 0..effort.turns {
                rust.push(pair.window(window, effort.turn));
                ours.push(pair.through(&mut process, effort.turn));
            }
            let name = format!("window {window}, through {face}");
            rows.push(Row::by_turns(name, "/s", &ours, ("through Rust", &rust), goal));
        }
    }
    rows
}

/// The program that posts through the C library, compiled.
fn c_program(into: &Path) -> Result<Command, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cargo = Command::new(env!("CARGO"));
    run(cargo.current_dir(root).args(["build", "--release", "--lib", "--quiet"]))?;
    // This program is in a folder beside it.
    let own = env::current_exe().map_err(|error| error.to_string())?;
    let libraries = own.parent().and_then(Path::parent).ok_or("no folder of libraries")?;
    let program = into.join("post");
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&program);
    compiler.arg(root.join("benches/figures/post.c")).arg("-I").arg(root.join("include"));
    compiler.arg("-L").arg(libraries).args(["-lsuperchat", "-lpthread"]);
    compiler.arg(format!("-Wl,-rpath,{}", libraries.display()));
    run(&mut compiler)?;
    Ok(Command::new(program))
}

/// The program that posts through the Python module, where that is installed.
fn python_program() -> Result<Command, String> {
    run(Command::new("python3").args(["-c", "import superchat"]))?;
    let mut python = Command::new("python3");
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/figures/post.py"));
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.env_remove("LD_LIBRARY_PATH").output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Says how many bytes each of so many clients takes, and how long it took each to be registered, in
/// microseconds.
pub fn gather(arguments: &[String]) {
    let count: u32 = arguments[1].parse().unwrap();
    let (before, mut clients, mut took) = (resident(), Vec::new(), Vec::new());
    for number in 0..count {
        let begin = Instant::now();
        clients.push(
            Client::builder(format!("user{number}")).server(&arguments[0]).connect().unwrap(),
        );
        took.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    let each = (resident() - before) as f64 / f64::from(count);
    say(&format!("{each} {}", median(took)));
}

/// Clients by themselves.
pub fn client(_: Effort) -> Vec<Row> {
    let mut server = Process::start("serve", 1, &[]);
    let at = server.hears();
    let said = Process::start("gather", 0, &[&at, "100"]).hears();
    let (bytes, micros) = said.split_once(' ').unwrap();
    vec![
        Row::stated("a client's memory, of 100 in a process", "B", bytes.parse().unwrap()),
        Row::stated("a client's start to registered: p50", "µs", micros.parse().unwrap()),
    ]
}
