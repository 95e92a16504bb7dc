//! The file mailboxes, each test in a directory of its own.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::proto::UnixTime;
use crate::wire::{MessageId, Session};

fn name(text: &str) -> Nickname {
    Nickname::new(text).unwrap()
}

fn message(text: &str) -> StoredMessage {
    let time = UnixTime::from_micros(1_488_400_115_368_341);
    StoredMessage { sender: name("lanking"), text: text.into(), time, id: None }
}

fn numbered(author: u64, number: u64, text: &str) -> StoreRequest {
    let id = Session::new(author).map(|author| MessageId { author, number });
    let message = StoredMessage { id, ..message(text) };
    StoreRequest::Append { request: 7, follows: None, recipient: name("sonic"), message }
}

fn append_request(recipient: &str, text: &str) -> StoreRequest {
    StoreRequest::Append {
        request: 7,
        follows: None,
        recipient: name(recipient),
        message: message(text),
    }
}

fn open() -> (TempDir, FileStore) {
    let directory = TempDir::new().unwrap();
    let store = FileStore::open(directory.path()).unwrap();
    (directory, store)
}

fn store_one(store: &mut FileStore, recipient: &str, text: &str) -> Result<(), String> {
    match store.apply(vec![append_request(recipient, text)]).remove(0) {
        StoreAnswer::Appended { request: 7, result, .. } => result,
        other => panic!("{other:?}"),
    }
}

fn load(store: &mut FileStore, recipient: &str) -> Result<Vec<String>, String> {
    let request = StoreRequest::Load { request: 9, recipient: name(recipient) };
    match store.apply(vec![request]).remove(0) {
        StoreAnswer::Loaded { request: 9, result, .. } => {
            result.map(|batch| batch.into_iter().map(|message| message.text).collect())
        }
        other => panic!("{other:?}"),
    }
}

fn remove(store: &mut FileStore, recipient: &str, count: usize) -> Vec<StoreAnswer> {
    store.apply(vec![StoreRequest::Remove { recipient: name(recipient), count }])
}

#[test]
fn a_mailbox_is_a_file_of_lines_that_goes_when_it_is_empty() {
    let (directory, mut store) = open();
    for text in ["one", "two", "three"] {
        store_one(&mut store, "sonic", text).unwrap();
    }
    let path = directory.path().join("sonic");
    let contents = fs::read_to_string(&path).unwrap();
    let first = r#"{"Msg": "one", "Sender": "lanking", "Time": 1488400115.368341}"#;
    assert_eq!(contents.lines().next(), Some(first));
    assert_eq!(load(&mut store, "sonic").unwrap(), ["one", "two", "three"]);
    assert_eq!(remove(&mut store, "sonic", 2), []);
    assert_eq!(load(&mut store, "sonic").unwrap(), ["three"]);
    assert_eq!(remove(&mut store, "sonic", 1), []);
    assert!(!path.exists());
    assert_eq!(load(&mut store, "sonic").unwrap(), [""; 0]);
}

#[test]
fn messages_are_there_after_a_restart() {
    let (directory, mut store) = open();
    store_one(&mut store, "sonic", "hi").unwrap();
    drop(store);
    let mut store = FileStore::open(directory.path()).unwrap();
    assert_eq!(load(&mut store, "sonic").unwrap(), ["hi"]);
}

#[test]
fn a_batch_is_carried_out_in_order() {
    let (_directory, mut store) = open();
    let load = StoreRequest::Load { request: 1, recipient: name("sonic") };
    let answers = store.apply(vec![
        append_request("sonic", "one"),
        append_request("sonic", "two"),
        StoreRequest::Remove { recipient: name("sonic"), count: 1 },
        append_request("sonic", "three"),
        load,
    ]);
    let Some(StoreAnswer::Loaded { result: Ok(batch), .. }) = answers.last() else { panic!() };
    let texts: Vec<_> = batch.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["two", "three"]);
}

#[test]
fn a_directory_is_one_servers() {
    let (directory, store) = open();
    assert!(matches!(FileStore::open(directory.path()), Err(OpenError::InUse)));
    drop(store);
    assert!(FileStore::open(directory.path()).is_ok());
}

#[test]
fn a_directory_that_is_none_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(matches!(FileStore::open(file.path()), Err(OpenError::Io(_))));
    assert!(matches!(FileStore::open(Path::new("/nowhere/at/all")), Err(OpenError::Io(_))));
}

/// The 2017 fault: a nickname that is a path reads and deletes that file.
#[test]
fn a_nickname_that_is_a_path_touches_nothing() {
    let (directory, mut store) = open();
    let inner = directory.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let line = line::write(&message("secret"));
    fs::write(directory.path().join("victim"), &line).unwrap();
    drop(store);
    store = FileStore::open(&inner).unwrap();
    assert_eq!(load(&mut store, "../victim").unwrap(), [""; 0]);
    store_one(&mut store, "../victim", "hi").unwrap();
    remove(&mut store, "../victim", 1);
    assert_eq!(fs::read(directory.path().join("victim")).unwrap(), line);
}

#[test]
fn what_is_not_a_mailbox_is_left_alone() {
    let (directory, mut store) = open();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("notes"), "my notes\n").unwrap();
    fs::write(at("short"), "no end of line").unwrap();
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("real"), line::write(&message("hi"))).unwrap();
    std::os::unix::fs::symlink(at("real"), at("link")).unwrap();
    for name in ["notes", "short", "folder", "link"] {
        let reason = store_one(&mut store, name, "hi").unwrap_err();
        assert!(reason.contains(name), "{reason}");
        assert!(load(&mut store, name).is_err(), "{name}");
        assert_eq!(remove(&mut store, name, 1).len(), 1, "{name}");
    }
    assert_eq!(fs::read_to_string(at("notes")).unwrap(), "my notes\n");
    assert_eq!(fs::read_to_string(at("short")).unwrap(), "no end of line");
    assert_eq!(load(&mut store, "real").unwrap(), ["hi"]);
}

#[test]
fn a_torn_last_line_is_put_aside_wherever_it_was_torn() {
    let whole = line::write(&message("whole"));
    let torn = line::write(&message("torn"));
    for end in 1..torn.len() - 1 {
        let (directory, mut store) = open();
        let path = directory.path().join("sonic");
        fs::write(&path, [&whole[..], &torn[..end]].concat()).unwrap();
        store_one(&mut store, "sonic", "next").unwrap();
        assert_eq!(load(&mut store, "sonic").unwrap(), ["whole", "next"], "torn after {end} bytes");
        let aside = fs::read(directory.path().join("sonic.torn")).unwrap();
        assert_eq!(aside, [&torn[..end], b"\n"].concat());
    }
}

/// What a file system may leave where the power went before the bytes were written.
#[test]
fn nul_bytes_at_the_end_do_not_lock_the_messages_before_them_away() {
    let (directory, mut store) = open();
    let path = directory.path().join("sonic");
    fs::write(&path, [&line::write(&message("saved"))[..], &[0; 4096]].concat()).unwrap();
    assert_eq!(load(&mut store, "sonic").unwrap(), ["saved"]);
    store_one(&mut store, "sonic", "next").unwrap();
    assert_eq!(load(&mut store, "sonic").unwrap(), ["saved", "next"]);
}

#[test]
fn the_servers_own_files_follow_no_link() {
    let (directory, mut store) = open();
    let victim = directory.path().join("victim.txt");
    fs::write(&victim, "precious").unwrap();
    for text in ["one", "two"] {
        store_one(&mut store, "sonic", text).unwrap();
    }
    std::os::unix::fs::symlink(&victim, directory.path().join(TEMPORARY_FILE)).unwrap();
    assert_eq!(remove(&mut store, "sonic", 1), []);
    let torn = directory.path().join("tails.torn");
    std::os::unix::fs::symlink(&victim, torn).unwrap();
    fs::write(directory.path().join("tails"), "{\"Msg\": \"to").unwrap();
    assert!(load(&mut store, "tails").is_err());
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn a_line_that_lacks_only_its_end_is_a_message() {
    let (directory, mut store) = open();
    let line = line::write(&message("typed by hand"));
    fs::write(directory.path().join("sonic"), &line[..line.len() - 1]).unwrap();
    store_one(&mut store, "sonic", "next").unwrap();
    assert_eq!(load(&mut store, "sonic").unwrap(), ["typed by hand", "next"]);
}

#[test]
fn both_sides_of_the_size_limit() {
    let (directory, mut store) = open();
    let text = "x".repeat(4000);
    let line = line::write(&message(&text));
    let fitting = usize::try_from(MAX_MAILBOX).unwrap() / line.len();
    fs::write(directory.path().join("sonic"), line.repeat(fitting - 1)).unwrap();
    store_one(&mut store, "sonic", &text).unwrap();
    assert_eq!(store_one(&mut store, "sonic", &text), Err("sonic is full".to_owned()));
    assert_eq!(load(&mut store, "sonic").unwrap().len(), BATCH);
}

#[test]
fn a_message_that_is_in_the_mailbox_is_not_added_again() {
    let (directory, mut store) = open();
    let both = vec![numbered(1, 5, "one"), numbered(2, 5, "two"), numbered(1, 6, "three")];
    store.apply(both);
    let again = store.apply(vec![numbered(1, 5, "one"), numbered(1, 6, "three")]);
    assert!(again.iter().all(|a| matches!(a, StoreAnswer::Appended { result: Ok(()), .. })));
    drop(store);
    let mut store = FileStore::open(directory.path()).unwrap();
    store.apply(vec![numbered(2, 5, "two")]);
    assert_eq!(load(&mut store, "sonic").unwrap(), ["one", "two", "three"]);
    // One that has left it is not known any more: its recipient knows it by its number.
    remove(&mut store, "sonic", 1);
    store.apply(vec![numbered(1, 5, "one")]);
    assert_eq!(load(&mut store, "sonic").unwrap(), ["two", "three", "one"]);
}
