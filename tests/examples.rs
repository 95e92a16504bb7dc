//! The examples in Rust, run as the processes that they are.
// A test that panics has failed: that is its report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use superchat::{Client, Incoming, Server};

/// How long something that has to come may take.
const SOON: Duration = Duration::from_secs(20);

/// Where cargo puts the examples: this test is in the directory beside them.
static EXAMPLES: LazyLock<PathBuf> = LazyLock::new(|| {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--examples", "--quiet"]);
    assert!(cargo.status().unwrap().success());
    let own = std::env::current_exe().unwrap();
    own.ancestors().nth(2).unwrap().join("examples")
});

/// A process, which is killed if the test fails.
struct Example {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Example {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(EXAMPLES.join(name));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn reads(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn says(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    /// Ends its input, and waits for its end.
    fn ends(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn two_chat_through_the_server_and_one_has_left() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Example::start("server", &["localhost:0", directory.path().to_str().unwrap()]);
    let listening = server.says();
    let at = listening.strip_prefix("listening on ").unwrap();

    let mut sonic = Example::start("chat", &["sonic", at]);
    assert_eq!(sonic.says(), "registered as sonic");
    let mut lanking = Example::start("chat", &["lanking", at]);
    assert_eq!(lanking.says(), "registered as lanking");

    lanking.reads("sonic it's \u{1b}[2J");
    assert_eq!(sonic.says(), "lanking: it's \\u{1b}[2J");
    assert_eq!(lanking.says(), "[received by sonic]");
    sonic.ends();
    lanking.reads("sonic until tomorrow");
    assert_eq!(lanking.says(), "[stored for sonic]");
    lanking.reads("tails hi");
    assert_eq!(lanking.says(), "[there is no user tails]");
    lanking.ends();

    let mut sonic = Example::start("chat", &["sonic", at]);
    assert_eq!(sonic.says(), "registered as sonic");
    assert_eq!(sonic.says(), "lanking: until tomorrow");
    sonic.ends();
    server.ends();
}

#[test]
fn the_bot_answers_until_it_is_told_to_go() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::builder().directory(directory.path()).start().unwrap();
    let at = server.address().to_string();
    let mut bot = Example::start("bot", &["eggman", &at]);
    assert_eq!(bot.says(), "registered as eggman");

    let (sonic, inbox) = Client::builder("sonic").server(&at).connect_with_inbox().unwrap();
    let answer = |text: &str| {
        sonic.send("eggman", text).unwrap();
        loop {
            if let Incoming::Message(message) = inbox.recv_timeout(SOON).unwrap() {
                return message.text;
            }
        }
    };
    assert_eq!(answer("what?"), "what?");
    assert_eq!(answer("who"), "eggman sonic");
    assert_eq!(answer("bye"), "bye");
    bot.ends();
}
