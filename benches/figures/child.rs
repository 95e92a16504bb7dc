//! The other side, in a process of its own, which is this very program, started again; each process on a
//! core of its own.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::thread::{CpuSet, sched_setaffinity};

use super::{direct, raw, registering, scale, stored};

const PART: &str = "SUPERCHAT_FIGURES_PART";

/// What a process can be, with the arguments that it is given.
type Part = (&'static str, fn(&[String]));

const PARTS: [Part; 8] = [
    ("pong", raw::pong),
    ("acknowledge", raw::acknowledge),
    ("answer", registering::answer),
    ("serve", direct::serve),
    ("keep", stored::serve),
    ("receive", direct::receive),
    ("gather", direct::gather),
    ("grow", scale::grow),
];

/// Plays a part, if this process was started for one.
pub fn play() -> bool {
    let Ok(told) = env::var(PART) else { return false };
    let words: Vec<String> = told.split(' ').map(str::to_owned).collect();
    let (core, name) = (words[0].parse().unwrap(), &words[1]);
    pin(core);
    let (_, part) = PARTS.iter().find(|(known, _)| known == name).unwrap();
    part(&words[2..]);
    true
}

/// Keeps this process, with the threads that it will have, to one core.
pub fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    // A machine that has no such core runs it anywhere.
    let _ = sched_setaffinity(None, &set);
}

/// Says a line to the process that has started this one.
pub fn say(line: &str) {
    println!("{line}");
    stdout().flush().unwrap();
}

/// The next line of it; `None` at its end.
pub fn hear() -> Option<String> {
    let mut line = String::new();
    let read = stdin().read_line(&mut line).unwrap();
    (read > 0).then(|| line.trim_end().to_owned())
}

/// A process that plays a part. It ends with its standard input.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    pub fn start(part: &str, core: usize, arguments: &[&str]) -> Self {
        let words = [&[&*core.to_string(), part], arguments].concat().join(" ");
        let mut command = Command::new(env::current_exe().unwrap());
        Self::of(command.env(PART, words), core)
    }

    /// A program of another kind, to which one talks in lines as well.
    pub fn of(command: &mut Command, core: usize) -> Self {
        command.env_remove("LD_LIBRARY_PATH").stdin(Stdio::piped()).stdout(Stdio::piped());
        // It inherits the core that this one is kept to.
        pin(core);
        let mut child = command.spawn().unwrap();
        pin(0);
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin, stdout }
    }

    pub fn hears(&mut self) -> String {
        let mut line = String::new();
        assert!(self.stdout.read_line(&mut line).unwrap() > 0, "the other process has ended");
        line.trim_end().to_owned()
    }

    pub fn asks(&mut self, line: &str) -> String {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
        self.hears()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.child.wait();
    }
}
