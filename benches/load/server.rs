//! The server in a process of its own, which is this very program, started again.

use std::env;
use std::fmt;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use superchat::{Limits, Server, Stats};

const TOLD: &str = "SUPERCHAT_LOAD_SERVER";

/// Serves, if this is the server's process, until its standard input ends: then it says `true`.
pub fn serve() -> bool {
    let Ok(told) = env::var(TOLD) else { return false };
    let (clients, directory) = told.split_once(' ').unwrap();
    super::pin(1);
    let mut limits = Limits::default();
    let clients: usize = clients.parse().unwrap();
    // Nobody has to make room, and each may have a mailbox.
    limits.users = clients;
    limits.mailboxes = clients;
    // So many users that nobody is told of all of them: everybody looks up whom it needs.
    limits.lookup_past = 100;
    let server = Server::builder().bind("127.0.0.1:0").directory(directory).limits(limits);
    let server = server.start().unwrap();
    let say = |line: &str| {
        let mut out = io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
    };
    say(&server.address().to_string());
    for _ in io::stdin().lock().lines() {
        let stats = server.stats();
        let counted: Vec<_> = COUNTED.iter().map(|(_, of)| of(&stats).to_string()).collect();
        say(&counted.join(" "));
    }
    server.stop();
    true
}

type Counted = (&'static str, fn(&Stats) -> u64);

/// What the server is asked for.
const COUNTED: [Counted; 18] = [
    ("received", |stats| stats.datagrams_received),
    ("sent", |stats| stats.datagrams_sent),
    ("retransmissions", |stats| stats.retransmissions),
    ("send_failures", |stats| stats.send_failures),
    ("malformed", |stats| stats.malformed + stats.oversized),
    ("unexpected", |stats| stats.unexpected),
    ("busy", |stats| stats.busy),
    ("limited", |stats| stats.limited),
    ("displaced", |stats| stats.displaced),
    ("withheld", |stats| stats.withheld),
    ("refused", |stats| stats.messages_refused),
    ("relayed", |stats| stats.messages_relayed),
    ("stored", |stats| stats.messages_stored),
    ("delivered", |stats| stats.messages_delivered),
    ("commits", |stats| stats.commits),
    ("mailboxes", |stats| stats.mailboxes),
    ("online", |stats| stats.users_online),
    ("pending", |stats| stats.requests_pending + stats.frames_pending),
];

/// What it has counted.
#[derive(Debug, Clone, Default)]
pub struct Counters(Vec<u64>);

impl Counters {
    fn read(said: &str) -> Self {
        Self(said.split(' ').map(|word| word.parse().unwrap()).collect())
    }

    pub fn of(&self, name: &str) -> u64 {
        let at = COUNTED.iter().position(|(known, _)| *known == name).unwrap();
        self.0.get(at).copied().unwrap_or_default()
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = COUNTED.iter().zip(&self.0);
        let counted: Vec<_> = counted.map(|((name, _), count)| format!("{name} {count}")).collect();
        f.write_str(&counted.join(", "))
    }
}

/// The process, as its parent has it.
pub struct ServerProcess {
    child: Child,
    stdin: Option<ChildStdin>,
    /// What it says. Nobody waits for it, since who drives the clients is as good as gone meanwhile.
    said: Receiver<String>,
    pub address: SocketAddr,
}

impl ServerProcess {
    pub fn start(clients: usize, directory: &Path) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.env(TOLD, format!("{clients} {}", directory.display()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (say, said) = channel();
        // It ends with the server, or with who listens.
        thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| say.send(line))
        });
        let address = said.recv().unwrap().parse().unwrap();
        Self { child, stdin, said, address }
    }

    /// Asks for its counters: [`hear`](Self::hear) has them later.
    pub fn ask(&mut self) {
        writeln!(self.stdin.as_mut().unwrap()).unwrap();
    }

    /// What it has answered since the last time, the latest.
    pub fn heard(&self) -> Option<Counters> {
        self.said.try_iter().last().map(|said| Counters::read(&said))
    }

    /// Waits for an answer to each question.
    pub fn hear(&self) -> Counters {
        Counters::read(&self.said.recv().unwrap())
    }

    /// Kilobytes that it has in memory.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        value.trim_matches(['\t', ' ', 'k', 'B']).parse().unwrap()
    }

    /// Seconds of a processor that it has used.
    pub fn cpu(&self) -> f64 {
        cpu(&self.child.id().to_string())
    }

    /// Has it do nothing, or go on.
    pub fn suspend(&self, suspended: bool) {
        let signal = if suspended { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Has it stop, and waits for its end.
    pub fn stop(mut self) {
        self.stdin = None;
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Seconds of a processor that a process has used.
pub fn cpu(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name of the program, which may have anything in it, is in parentheses.
    let words: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| words[at].parse::<f64>().unwrap();
    // Linux has 100 of them in a second.
    (ticks(11) + ticks(12)) / 100.0
}
