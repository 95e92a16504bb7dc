//! A mailbox that is no mailbox: whoever sends to it is told why it cannot be kept, the operator hears
//! of it, everything else goes on; and when it is mended, it works again.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};

use superchat::{Client, Delivery, Error, Message, Server, ServerEvent};
use tempfile::TempDir;

use crate::client;

/// A server whose faults go to the test, with a client that is there, and two names that were.
struct World {
    directory: TempDir,
    server: Server,
    faults: Receiver<(String, String)>,
    lanking: Client,
}

impl World {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let (sender, faults) = mpsc::channel();
        let server = Server::builder().directory(directory.path()).on_event(move |event| {
            if let ServerEvent::MailboxFault { nickname, reason } = event {
                drop(sender.send((nickname.to_string(), reason)));
            }
        });
        let server = server.start().unwrap();
        for gone in ["sonic", "tails"] {
            client(gone, &server).close();
        }
        let lanking = client("lanking", &server);
        Self { directory, server, faults, lanking }
    }

    fn mailbox(&self) -> std::path::PathBuf {
        self.directory.path().join("sonic")
    }

    /// The mailbox, which follows the journal when there is time.
    fn followed(&self) -> String {
        loop {
            match fs::read_to_string(self.mailbox()) {
                Ok(contents) => return contents,
                Err(_) => std::thread::yield_now(),
            }
        }
    }

    /// A message to sonic is refused with the reason, of which the operator hears; others are served.
    fn is_refused(&self, reason: &str) {
        let error = self.lanking.send("sonic", "lost").unwrap_err();
        assert!(
            matches!(error, Error::Refused(_)) && error.to_string().contains(reason),
            "{error}"
        );
        let (name, told) = self.faults.recv().unwrap();
        assert!(name == "sonic" && told.contains(reason), "{name}: {told}");
        assert_eq!(self.lanking.send("tails", "kept").unwrap(), Delivery::Stored);
        assert_eq!(self.lanking.send("lanking", "myself").unwrap(), Delivery::Received);
    }

    /// A message to sonic is kept again. Returns what sonic is given when it is back.
    fn works_again(&self) -> Receiver<Message> {
        assert_eq!(self.lanking.send("sonic", "kept").unwrap(), Delivery::Stored);
        let (sender, inbox) = mpsc::channel();
        let address = self.server.address().to_string();
        let sonic = Client::builder("sonic").server(address);
        let sonic = sonic.on_message(move |message| drop(sender.send(message))).connect().unwrap();
        // It is not in the inbox before what was stored: the server hands that over first.
        assert_eq!(self.lanking.send("sonic", "last").unwrap(), Delivery::Received);
        sonic.close();
        inbox
    }

    fn gets(&self, texts: &[&str]) {
        let inbox = self.works_again();
        let came: Vec<String> = inbox.iter().take(texts.len() + 2).map(|m| m.text).collect();
        assert_eq!(came, [texts, &["kept", "last"]].concat());
        assert!(inbox.try_recv().is_err());
    }
}

#[test]
fn a_directory_in_place_of_a_mailbox() {
    let world = World::new();
    fs::create_dir(world.mailbox()).unwrap();
    fs::write(world.mailbox().join("theirs"), "x").unwrap();
    world.is_refused("sonic is not a regular file");
    assert_eq!(fs::read(world.mailbox().join("theirs")).unwrap(), b"x");
    fs::remove_dir_all(world.mailbox()).unwrap();
    world.gets(&[]);
}

/// Whatever it leads to, even to another mailbox.
#[test]
fn a_symbolic_link_in_place_of_a_mailbox() {
    let world = World::new();
    let elsewhere = TempDir::new().unwrap();
    let theirs = elsewhere.path().join("theirs");
    fs::write(&theirs, "").unwrap();
    for target in [&theirs, Path::new("tails"), Path::new("nowhere")] {
        symlink(target, world.mailbox()).unwrap();
        world.is_refused("sonic is not a regular file");
        fs::remove_file(world.mailbox()).unwrap();
    }
    assert_eq!(fs::read(&theirs).unwrap(), b"");
    assert!(!world.directory.path().join("nowhere").exists());
    world.gets(&[]);
}

#[test]
fn a_foreign_file_in_place_of_a_mailbox() {
    let world = World::new();
    for foreign in ["my notes\n", "{\"Msg\": 1}\n", "\0\0\0\0\n", "[]\n"] {
        fs::write(world.mailbox(), foreign).unwrap();
        world.is_refused("sonic is not a mailbox");
        assert_eq!(fs::read_to_string(world.mailbox()).unwrap(), foreign, "nobody's to touch");
        fs::remove_file(world.mailbox()).unwrap();
    }
    world.gets(&[]);
}

/// Whoever adds a good line by hand has sent a message; whoever breaks one is told where.
#[test]
fn a_mailbox_that_is_edited_by_hand_while_the_server_runs() {
    let world = World::new();
    assert_eq!(world.lanking.send("sonic", "first").unwrap(), Delivery::Stored);
    let good = world.followed();
    fs::write(world.mailbox(), format!("{good}{}", "{\"Msg\": \"by hand\"}\n")).unwrap();
    world.is_refused("sonic is not a mailbox: line 2");
    let by_hand = r#"{"Msg": "by hand", "Sender": "operator", "Time": 1488400115.5}"#;
    fs::write(world.mailbox(), format!("{good}{by_hand}\n")).unwrap();
    world.gets(&["first", "by hand"]);
    world.server.stop();
    assert!(!world.mailbox().exists());
}

#[test]
fn a_mailbox_that_is_edited_by_hand_between_two_runs() {
    let directory = TempDir::new().unwrap();
    let mailbox = directory.path().join("sonic");
    let run = || Server::builder().directory(directory.path()).start().unwrap();
    let server = run();
    client("sonic", &server).close();
    let lanking = client("lanking", &server);
    assert_eq!(lanking.send("sonic", "first").unwrap(), Delivery::Stored);
    lanking.close();
    server.stop();

    let by_hand = r#"{"Msg": "by hand", "Sender": "operator", "Time": 1488400115.5}"#;
    let good = fs::read_to_string(&mailbox).unwrap();
    fs::write(&mailbox, format!("{by_hand}\n{good}")).unwrap();
    let server = run();
    let (sender, inbox) = mpsc::channel();
    let sonic = Client::builder("sonic").server(server.address().to_string());
    let sonic = sonic.on_message(move |message| drop(sender.send(message.text))).connect().unwrap();
    assert_eq!([inbox.recv().unwrap(), inbox.recv().unwrap()], ["by hand", "first"]);
    sonic.close();
    server.stop();
    assert!(!mailbox.exists());
}
