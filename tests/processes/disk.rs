//! A real disk that fails: full, or not to be written. What cannot be kept is refused with the reason, of
//! which the operator hears; what was called saved stays so; everything else goes on; and when there is
//! room again, it works again.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, Receiver};

use superchat::{Client, Delivery, Error};
use tempfile::TempDir;

use super::{ServerProcess, show, start_through};

/// Puts a small disk over the directory, which nobody else sees, and becomes the rest of the words.
const ON_A_SMALL_DISK: [&str; 4] = ["unshare", "--mount", "sh", "-c"];
const MOUNT: &str = r#"mount -t tmpfs -o size=1m,mode=700 superchat "$0" && exec "$@""#;

/// Has root obey permissions, as others do.
const OBEYING: [&str; 2] = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];

fn client(name: &str, server: &ServerProcess) -> Client {
    Client::builder(name).server(server.address.to_string()).connect().unwrap()
}

fn listening(name: &str, server: &ServerProcess) -> (Client, Receiver<String>) {
    let (sender, inbox) = mpsc::channel();
    let client = Client::builder(name).server(server.address.to_string());
    let client = client.on_message(move |message| drop(sender.send(message.text)));
    (client.connect().unwrap(), inbox)
}

/// Whether these words do what they are for on this machine; says so, if not.
fn works(words: &[&str]) -> bool {
    let ran = Command::new(words[0]).args(&words[1..]).output();
    let fine = ran.is_ok_and(|output| output.status.success());
    if !fine {
        show(format_args!("skipped, since this does not work here: {}", words.join(" ")));
    }
    fine
}

fn is_refused(server: &mut ServerProcess, lanking: &Client, name: &str, text: &str, reason: &str) {
    let error = lanking.send(name, text).unwrap_err();
    assert!(matches!(error, Error::Refused(_)) && error.to_string().contains(reason), "{error}");
    let fault = server.fault();
    assert!(fault.contains(name) && fault.contains(reason), "{fault}");
    assert_eq!(lanking.send("lanking", "myself").unwrap(), Delivery::Received);
}

/// Sends what waits until it is refused: the journal has room for some, also on a disk that is full.
fn fill_journal(server: &mut ServerProcess, lanking: &Client, name: &str, text: &str) {
    const MOST: usize = 256 * 1024;
    let stored = (0..=MOST / text.len()).take_while(|_| lanking.send(name, text).is_ok()).count();
    assert!(stored * text.len() < MOST, "{stored}");
    assert!(server.fault().contains(name));
}

/// Writes until there is no room for one byte more.
fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("not.a.mailbox");
    let mut file = fs::File::create(&path).unwrap();
    for size in [4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    path
}

#[test]
fn a_disk_that_is_full() {
    let directory = TempDir::new().unwrap();
    let place = directory.path().to_str().unwrap();
    let words = |rest: &[&'static str]| [&ON_A_SMALL_DISK, &[MOUNT, place][..], rest].concat();
    if !works(&words(&["true"])) {
        return;
    }
    let mut server = start_through(&words(&[]), "127.0.0.1:0", directory.path());
    // What only the server's process sees, as seen through it.
    let disk = format!("/proc/{}/root{place}", server.id());
    let names = ["sonic", "tails"];
    for name in ["sonic", "tails", "knuckles"] {
        client(name, &server).close();
    }
    let lanking = client("lanking", &server);
    assert_eq!(lanking.send("sonic", "first").unwrap(), Delivery::Stored);

    for _ in 0..3 {
        let filler = fill(Path::new(&disk));
        // Longer than what the last block of a mailbox has room for.
        let long = "x".repeat(10_000);
        fill_journal(&mut server, &lanking, "knuckles", &long);
        for name in names {
            is_refused(&mut server, &lanking, name, &long, "No space left on device");
        }
        // Room for messages, and not for what the journal is written ahead.
        let full = fs::OpenOptions::new().write(true).open(&filler).unwrap();
        full.set_len(full.metadata().unwrap().len() - 49_152).unwrap();
        for _ in 0..2 {
            assert_eq!(lanking.send("knuckles", &long).unwrap(), Delivery::Stored);
        }
        fs::remove_file(filler).unwrap();
        for name in names {
            assert_eq!(lanking.send(name, "again").unwrap(), Delivery::Stored);
        }
    }

    let _filler = fill(Path::new(&disk));
    let (_tails, inbox) = listening("tails", &server);
    assert_eq!(inbox.iter().take(3).collect::<Vec<_>>(), ["again"; 3]);
    let (sonic, inbox) = listening("sonic", &server);
    let came: Vec<String> = inbox.iter().take(4).collect();
    assert_eq!(came, ["first", "again", "again", "again"]);
    assert_eq!(lanking.send("sonic", "last").unwrap(), Delivery::Received);
    sonic.close();
    assert_eq!(inbox.iter().collect::<Vec<_>>(), ["last"]);
}

#[test]
fn a_directory_that_cannot_be_written_any_more() {
    if !works(&[&OBEYING[..], &["true"]].concat()) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let mut server = start_through(&OBEYING, "127.0.0.1:0", directory.path());
    let mode = |mode| {
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
    };
    for name in ["sonic", "tails"] {
        client(name, &server).close();
    }
    let lanking = client("lanking", &server);
    assert_eq!(lanking.send("tails", "first").unwrap(), Delivery::Stored);

    // The file follows the journal when there is time.
    while !directory.path().join("tails").exists() {
        std::thread::yield_now();
    }

    // The journal is open, so that nothing is lost; but the files cannot follow.
    mode(0o500);
    assert_eq!(lanking.send("sonic", "kept").unwrap(), Delivery::Stored);
    while !server.store_fault().contains("sonic: superchat.tmp: Permission denied") {}
    let (tails, inbox) = listening("tails", &server);
    assert_eq!(inbox.recv().unwrap(), "first");
    while !server.store_fault().contains("tails: Permission denied") {}
    assert_eq!(lanking.send("tails", "second").unwrap(), Delivery::Received);
    tails.close();
    lanking.close();

    // Nor does the server that dies so lose anything, or bring anything back.
    server.kill();
    mode(0o700);
    let server = start_through(&OBEYING, "127.0.0.1:0", directory.path());
    let lanking = client("lanking", &server);
    assert_eq!(lanking.send("tails", "third").unwrap(), Delivery::Stored);
    let (_sonic, inbox) = listening("sonic", &server);
    assert_eq!(inbox.recv().unwrap(), "kept");
    let (_tails, inbox) = listening("tails", &server);
    assert_eq!(inbox.recv().unwrap(), "third");
}
