//! A server in a process of its own, which is this very program, started again.

use std::env;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use superchat::{Limits, Server, ServerEvent};

/// Where it listens and where its mailboxes are, in this order.
const TOLD: [&str; 2] = ["SUPERCHAT_TEST_BIND", "SUPERCHAT_TEST_DIRECTORY"];

/// Begins what it says: where it listens, an answer, or a fault.
const SAYS: &str = "server says ";

/// Serves, if this is the server's process, until its standard input ends.
///
/// To each line that it reads it says its counters: how many datagrams it received, and how many of
/// them it refused as malformed or too long.
pub fn serve() {
    let [Ok(bind), Ok(directory)] = TOLD.map(env::var) else { return };
    // On a line of its own, whatever was printed before it.
    let say = |text: &str| {
        let mut out = io::stdout().lock();
        // Where nobody reads it, nobody waits for it.
        let _ = writeln!(out, "\n{SAYS}{text}").and_then(|()| out.flush());
    };
    let mut limits = Limits::default();
    // More than a flooded phase of the bench stores for one recipient.
    limits.mailbox_messages = 1_000_000;
    limits.mailbox_bytes = 1 << 28;
    let server = Server::builder().bind(bind).directory(directory).limits(limits);
    let server = server.on_event(move |event| match event {
        ServerEvent::MailboxFault { .. } => say(&format!("fault {event}")),
        ServerEvent::StoreFault { .. } => say(&format!("store fault {event}")),
        _ => {}
    });
    let server = server.start().unwrap();
    say(&server.address().to_string());
    for _ in io::stdin().lock().lines() {
        let stats = server.stats();
        say(&format!("{} {}", stats.datagrams_received, stats.malformed + stats.oversized));
    }
    server.stop();
}

/// The process, as its parent has it. It is killed when this is dropped.
pub struct ServerProcess {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    pub address: SocketAddr,
}

impl ServerProcess {
    /// Starts this program with these arguments, with which it comes to [`serve`]; through another
    /// program, if `through` names one and its arguments.
    pub fn start(through: &[&str], arguments: &[&str], bind: &str, directory: &Path) -> Self {
        let own = env::current_exe().unwrap();
        let mut words = through.iter().map(|word| word.as_ref()).chain([own.as_os_str()]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).args(arguments).env(TOLD[0], bind).env(TOLD[1], directory);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let address = SocketAddr::from(([0; 4], 0));
        let mut started = Self { child, stdin, stdout, address };
        started.address = started.hears(|said| said.parse().ok());
        started
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it received, and how much of that it refused as malformed or too long.
    pub fn counted(&mut self) -> (u64, u64) {
        writeln!(self.stdin.as_mut().unwrap()).unwrap();
        self.hears(|said| {
            let (received, refused) = said.split_once(' ')?;
            Some((received.parse().ok()?, refused.parse().ok()?))
        })
    }

    /// Waits until it says that a mailbox cannot be used.
    pub fn fault(&mut self) -> String {
        self.hears(|said| said.strip_prefix("fault ").map(str::to_owned))
    }

    /// Waits until it says that something is wrong with the files.
    pub fn store_fault(&mut self) -> String {
        self.hears(|said| said.strip_prefix("store fault ").map(str::to_owned))
    }

    /// Leaves it no chance to do anything more.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Has it stop, and waits for its end.
    pub fn stop(mut self) {
        self.stdin = None;
        assert!(self.child.wait().unwrap().success());
    }

    /// A value in its memory accounts, in kilobytes: `VmRSS` is what it has, `VmHWM` the most it had.
    pub fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        value.trim_matches([':', '\t', ' ', 'k', 'B']).parse().unwrap()
    }

    /// Reads until it says what `wanted` picks.
    fn hears<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> T {
        loop {
            let mut line = String::new();
            assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "the server's process ended");
            if let Some(found) = line.trim_end().strip_prefix(SAYS).and_then(&wanted) {
                return found;
            }
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
