//! The C programs of the README and of `examples`, each built as its own comment says, and run together.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::toolchain::{Build, LANGUAGES, LIBRARIES, SANITIZERS, root, run, valgrind};

/// How long a line that has to come may take.
const SOON: Duration = Duration::from_secs(20);

const EXAMPLES: [&str; 4] = ["bot", "chat", "poll", "server"];

/// Builds an example with the command in its comment, and these flags.
fn build(name: &str, directory: &Path, flags: &str) -> PathBuf {
    let text = fs::read_to_string(root().join(format!("examples/{name}.c"))).unwrap();
    let command = text.lines().find_map(|line| line.strip_prefix(" *   cc ")).unwrap();
    let libraries = LIBRARIES.display().to_string();
    let (command, program) = (command.replace("$PWD/", ""), directory.join(name));
    let command = command.replace("target/release", &libraries);
    let command = command.replace(&format!("-o {name}"), &format!("-o {}", program.display()));
    run(Command::new("sh").current_dir(root()).args(["-c", &format!("cc {command} {flags}")]));
    program
}

/// An example that runs. It is ended when this goes.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Running {
    /// Starts it, below a command that watches it, if there is one.
    fn start(watcher: &[String], program: &Path, arguments: &[&str]) -> Self {
        let mut words = watcher.iter().map(OsStr::new).chain([program.as_os_str()]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        // Cargo has it lead to a library that it has built for other tests.
        command.env_remove("LD_LIBRARY_PATH").args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { input: child.stdin.take(), child, lines }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The next line. Where a machine is slow, an ack comes too late for the direct path.
    fn line(&self) -> String {
        self.lines.recv_timeout(SOON).expect("a line in time").replace("relayed", "received")
    }

    /// What it says with its standard input at its end, after which it succeeds.
    fn end(mut self) {
        drop(self.input.take());
        self.succeeds();
    }

    fn succeeds(&mut self) {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_examples_have_no_warning_in_any_language() {
    for name in EXAMPLES {
        for language in LANGUAGES {
            let directory = TempDir::new().unwrap();
            let source = format!("examples/{name}.c");
            Build::new(source).language(language).in_directory(directory.path());
        }
    }
}

#[test]
fn the_examples_do_what_they_say() {
    converse(&[], "");
}

#[test]
fn the_sanitizers_have_nothing_to_say_of_the_examples() {
    converse(&[], &format!("-g {}", SANITIZERS.join(" ")));
}

#[test]
fn valgrind_finds_no_error_and_no_leak_in_the_examples() {
    if let Some(watcher) = valgrind() {
        converse(&watcher, "-g");
    }
}

fn converse(watcher: &[String], flags: &str) {
    let (directory, mail) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let start = |name: &str, arguments: &[&str]| {
        Running::start(watcher, &build(name, directory.path(), flags), arguments)
    };
    let mail = mail.path().to_str().unwrap();
    let mut server = start("server", &["localhost:0", mail]);
    let listening = server.line();
    let address = listening.strip_prefix("listening on ").unwrap();

    let mut bot = start("bot", &["bot", address]);
    assert_eq!(bot.line(), "registered as bot");
    let mut chat = start("chat", &["sonic", address]);
    assert_eq!(chat.line(), "registered as sonic");
    let mut poll = start("poll", &["lanking", address]);
    assert_eq!(poll.line(), "registered as lanking");

    chat.say("bot echo hello");
    let mut said = [chat.line(), chat.line()];
    said.sort_unstable();
    assert_eq!(said, ["[received by bot]", "bot: hello"]);
    poll.say("sonic hi");
    assert_eq!((poll.line().as_str(), chat.line().as_str()), ("[received]", "lanking: hi"));
    chat.say("lanking \u{1b}[2Jboo");
    assert_eq!(chat.line(), "[received by lanking]");
    assert_eq!(poll.line(), "sonic: \\x1b[2Jboo");
    poll.say("nobody hi");
    assert_eq!(poll.line(), "[there is no user nobody]");

    server.say("");
    let users = [server.line(), server.line(), server.line()];
    for (line, name) in users.iter().zip(["bot", "lanking", "sonic"]) {
        assert!(line.starts_with(&format!("{name} online 127.0.0.1:")), "{line}");
    }
    assert!(server.line().starts_with("3 of 3 users online, 0 messages stored, "));

    run(Command::new("kill").arg("-TERM").arg(bot.child.id().to_string()));
    bot.succeeds();
    chat.end();
    poll.end();
    server.end();
}

#[test]
fn the_programs_of_the_documents_run() {
    let directory = TempDir::new().unwrap();
    let server = superchat::Server::builder().directory(directory.path()).start().unwrap();
    let mut programs = 0;
    for document in ["README.md", "docs/C.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let blocks = text.split("```c\n").skip(1).filter_map(|rest| rest.split("```").next());
        for block in blocks.filter(|block| block.contains("int main(")) {
            let source = directory.path().join(format!("program{programs}.c"));
            // The reader has a server at the usual port; this test has one of its own.
            let text = block.replace("localhost:5000", &server.address().to_string());
            fs::write(&source, text).unwrap();
            run(&mut Command::new(Build::new(&source).in_directory(directory.path())));
            programs += 1;
        }
    }
    assert!(programs >= 2, "{programs}");
}
