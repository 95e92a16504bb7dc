//! The file mailboxes, each test in a directory of its own.

use std::fs;

use tempfile::TempDir;

use std::path::Path;

use super::*;
use crate::store::OpenError;
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

fn opened(directory: &Path) -> FileStore {
    FileStore::open(directory, StoreLimits::default()).unwrap()
}

/// Lets the files follow.
fn settle(store: &mut FileStore) -> Vec<StoreAnswer> {
    std::iter::from_fn(|| store.tend()).flatten().collect()
}

fn open() -> (TempDir, FileStore) {
    let directory = TempDir::new().unwrap();
    let store = opened(directory.path());
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
    let recipient = name(recipient);
    let load = StoreRequest::Load { request: 9, recipient: recipient.clone() };
    let mut answers = store.apply(vec![load, StoreRequest::Remove { recipient, count }]);
    answers.retain(|answer| !matches!(answer, StoreAnswer::Loaded { .. }));
    answers
}

#[test]
fn a_mailbox_is_a_file_of_lines_that_goes_when_it_is_empty() {
    let (directory, mut store) = open();
    for text in ["one", "two", "three"] {
        store_one(&mut store, "sonic", text).unwrap();
    }
    let path = directory.path().join("sonic");
    assert_eq!(settle(&mut store), []);
    let contents = fs::read_to_string(&path).unwrap();
    let first = r#"{"Msg": "one", "Sender": "lanking", "Time": 1488400115.368341}"#;
    assert_eq!(contents.lines().next(), Some(first));
    assert_eq!(load(&mut store, "sonic").unwrap(), ["one", "two", "three"]);
    assert_eq!(remove(&mut store, "sonic", 2), []);
    assert_eq!(load(&mut store, "sonic").unwrap(), ["three"]);
    assert_eq!(remove(&mut store, "sonic", 1), []);
    assert_eq!(settle(&mut store), []);
    assert!(!path.exists());
    assert_eq!(load(&mut store, "sonic").unwrap(), [""; 0]);
}

#[test]
fn messages_are_there_after_a_restart() {
    let (directory, mut store) = open();
    store_one(&mut store, "sonic", "hi").unwrap();
    drop(store);
    let mut store = opened(directory.path());
    assert_eq!(load(&mut store, "sonic").unwrap(), ["hi"]);
}

#[test]
fn a_batch_is_carried_out_in_order() {
    let (_directory, mut store) = open();
    let load = StoreRequest::Load { request: 1, recipient: name("sonic") };
    let answers = store.apply(vec![
        append_request("sonic", "one"),
        append_request("sonic", "two"),
        load.clone(),
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
    assert!(matches!(
        FileStore::open(directory.path(), StoreLimits::default()),
        Err(OpenError::InUse)
    ));
    drop(store);
    assert!(FileStore::open(directory.path(), StoreLimits::default()).is_ok());
}

#[test]
fn a_directory_that_is_none_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(matches!(FileStore::open(file.path(), StoreLimits::default()), Err(OpenError::Io(_))));
    assert!(matches!(
        FileStore::open(Path::new("/nowhere/at/all"), StoreLimits::default()),
        Err(OpenError::Io(_))
    ));
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
    store = opened(&inner);
    assert_eq!(load(&mut store, "../victim").unwrap(), [""; 0]);
    store_one(&mut store, "../victim", "hi").unwrap();
    settle(&mut store);
    assert!(inner.join("%2E%2E%2Fvictim").exists());
    remove(&mut store, "../victim", 1);
    settle(&mut store);
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
    std::os::unix::fs::symlink(&victim, directory.path().join("superchat.tmp")).unwrap();
    assert_eq!(remove(&mut store, "sonic", 1), []);
    assert_eq!(settle(&mut store), []);
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

/// A store with room for so much.
fn limited(limits: StoreLimits) -> (TempDir, FileStore) {
    let directory = TempDir::new().unwrap();
    let store = FileStore::open(directory.path(), limits).unwrap();
    (directory, store)
}

#[test]
fn both_sides_of_each_limit() {
    let one = line::Line::of(&message("one")).bytes().len() as u64;
    let full = |name: &str| Err(format!("{name} is full"));
    let all = StoreLimits::default();
    let (_directory, mut store) = limited(StoreLimits { mailbox_bytes: 2 * one, ..all });
    for settles in [false, true] {
        store_one(&mut store, "sonic", "one").unwrap();
        store_one(&mut store, "sonic", "two").unwrap();
        assert_eq!(store_one(&mut store, "sonic", ""), full("sonic"));
        assert_eq!(store_one(&mut store, "tails", "one"), Ok(()));
        if settles {
            settle(&mut store);
        }
        remove(&mut store, "sonic", 2);
        remove(&mut store, "tails", 1);
    }
    let (_directory, mut store) = limited(StoreLimits { mailbox_messages: 2, ..all });
    let stored = ["one", "two", "three"].map(|text| store_one(&mut store, "a", text));
    assert_eq!(stored, [Ok(()), Ok(()), full("a")]);
    let (_directory, mut store) = limited(StoreLimits { mailboxes: 2, ..all });
    assert_eq!(
        ["a", "b", "c"].map(|to| store_one(&mut store, to, "one").is_ok()),
        [true, true, false]
    );
    assert_eq!(store_one(&mut store, "a", "two"), Ok(()));
    let (_directory, mut store) = limited(StoreLimits { store_bytes: 2 * one, ..all });
    assert_eq!(
        ["a", "b", "c"].map(|to| store_one(&mut store, to, "one").is_ok()),
        [true, true, false]
    );
    remove(&mut store, "a", 1);
    assert_eq!(store_one(&mut store, "c", "one"), Ok(()));
}

#[test]
fn the_figures_are_those_of_the_directory() {
    let (directory, mut store) = open();
    for text in ["one", "two", "three"] {
        store_one(&mut store, "sonic", text).unwrap();
        store_one(&mut store, "tails", text).unwrap();
    }
    let length = |name: &str| fs::metadata(directory.path().join(name)).unwrap().len();
    let before = store.figures();
    assert_eq!((before.mailboxes, before.commits, before.unsettled), (2, 6, 2));
    settle(&mut store);
    remove(&mut store, "sonic", 2);
    settle(&mut store);
    let after = store.figures();
    assert_eq!((after.mailboxes, after.unsettled), (2, 0));
    assert_eq!(after.bytes, length("sonic") + length("tails"));
    assert_eq!(after.journal_bytes, length("superchat.journal"));
    drop(store);
    let again = opened(directory.path()).figures();
    assert_eq!((again.mailboxes, again.bytes), (after.mailboxes, after.bytes));
}

#[test]
fn a_torn_line_is_not_counted() {
    let (directory, store) = open();
    drop(store);
    fs::write(directory.path().join("sonic"), b"{\"Msg\": \"hel").unwrap();
    let mut store = opened(directory.path());
    assert_eq!(load(&mut store, "sonic").unwrap(), [""; 0]);
    assert_eq!((store.figures().mailboxes, store.figures().bytes), (0, 0));
}

/// What is delivered may have become too old meanwhile: then there is nothing to remove.
#[test]
fn what_is_stored_after_a_removal_of_nothing_is_there_after_a_restart() {
    let (directory, mut store) = open();
    assert_eq!(remove(&mut store, "sonic", 1), []);
    store_one(&mut store, "sonic", "hi").unwrap();
    drop(store);
    assert_eq!(load(&mut opened(directory.path()), "sonic").unwrap(), ["hi"]);
}

#[test]
fn a_message_that_is_in_the_mailbox_is_not_added_again() {
    let (directory, mut store) = open();
    let both = vec![numbered(1, 5, "one"), numbered(2, 5, "two"), numbered(1, 6, "three")];
    store.apply(both);
    let again = store.apply(vec![numbered(1, 5, "one"), numbered(1, 6, "three")]);
    assert!(again.iter().all(|a| matches!(a, StoreAnswer::Appended { result: Ok(()), .. })));
    drop(store);
    let mut store = opened(directory.path());
    store.apply(vec![numbered(2, 5, "two")]);
    assert_eq!(load(&mut store, "sonic").unwrap(), ["one", "two", "three"]);
    // One that has left it is not known any more: its recipient knows it by its number.
    remove(&mut store, "sonic", 1);
    store.apply(vec![numbered(1, 5, "one")]);
    assert_eq!(load(&mut store, "sonic").unwrap(), ["two", "three", "one"]);
}

#[test]
fn users_are_remembered() {
    let (directory, mut store) = open();
    let remember = |user: &str, port| {
        let time = UnixTime::from_micros(port);
        let address = ([127, 0, 0, 1], u16::try_from(port).unwrap()).into();
        StoreRequest::Remember { nickname: name(user), last: LastSeen { address, time } }
    };
    store.apply(vec![remember("sonic", 1), remember("tails", 2), remember("sonic", 3)]);
    store.apply(vec![StoreRequest::Forget { nickname: name("tails") }, remember("é", 4)]);
    let users = store.users();
    assert_eq!(users.iter().map(|(_, last)| last.address.port()).collect::<Vec<_>>(), [3, 4]);
    drop(store);
    // Once from the journal as it was, and once from the one that was written then.
    for _ in 0..2 {
        assert_eq!(opened(directory.path()).users(), users);
    }
}

#[test]
fn an_address_is_written_down_as_it_writes_itself() {
    let (directory, mut store) = open();
    let addresses = ["0.0.0.0:0", "255.10.100.1:65535", "[2001:db8::1]:1", "[fe80::1%7]:65535"];
    let times = [0, -1, i64::MIN, i64::MAX];
    for ((user, address), micros) in ["a", "b", "c", "d"].iter().zip(addresses).zip(times) {
        let (address, time) = (address.parse().unwrap(), UnixTime::from_micros(micros));
        let last = LastSeen { address, time };
        store.apply(vec![StoreRequest::Remember { nickname: name(user), last }]);
    }
    let journal = fs::read_to_string(directory.path().join(JOURNAL)).unwrap();
    for ((user, address), micros) in ["a", "b", "c", "d"].iter().zip(addresses).zip(times) {
        assert!(journal.contains(&format!(" @ {user} {address} {micros}\n")), "{journal}");
    }
    let users = store.users();
    drop(store);
    assert_eq!(opened(directory.path()).users(), users);
}

#[test]
fn what_waits_for_too_long_is_removed_and_its_author_told() {
    let (directory, mut store) = open();
    for (author, to, micros) in
        [("a", "sonic", 5), ("b", "sonic", 7), ("c", "sonic", 9), ("d", "Tails", 6)]
    {
        let message = StoredMessage {
            sender: name(author),
            time: UnixTime::from_micros(micros),
            ..message("hi")
        };
        store.apply(vec![StoreRequest::Append {
            request: 1,
            follows: None,
            recipient: name(to),
            message,
        }]);
    }
    fs::write(directory.path().join("notes"), "my notes\n").unwrap();
    settle(&mut store);
    store.apply(vec![StoreRequest::Expire { before: UnixTime::from_micros(8) }]);
    let expired = |recipient: &str, senders: &[&str]| StoreAnswer::Expired {
        recipient: recipient.to_owned(),
        senders: senders.iter().map(|sender| name(sender)).collect(),
    };
    assert_eq!(settle(&mut store), [expired("Tails", &["d"]), expired("sonic", &["a", "b"])]);
    assert_eq!(load(&mut store, "sonic").unwrap().len(), 1);
    assert_eq!(load(&mut store, "Tails").unwrap().len(), 0);
    assert!(!directory.path().join("%54ails").exists());
    assert!(directory.path().join("notes").exists());
}

#[test]
fn a_mailbox_of_2017_with_capitals_in_its_name_is_found() {
    let directory = TempDir::new().unwrap();
    let line = line::write(&message("hi"));
    fs::write(directory.path().join("Sonic"), &line).unwrap();
    fs::write(directory.path().join("README"), "my notes\n").unwrap();
    fs::write(directory.path().join("EMPTY"), "").unwrap();
    let mut store = opened(directory.path());
    assert_eq!(load(&mut store, "Sonic").unwrap(), ["hi"]);
    assert_eq!(load(&mut store, "sonic").unwrap(), [""; 0]);
    assert!(directory.path().join("README").exists() && directory.path().join("EMPTY").exists());
}

/// The operator may mend a mailbox while the server runs, also one that lags behind the journal.
#[test]
fn a_mailbox_may_be_edited_by_hand() {
    let (directory, mut store) = open();
    let path = directory.path().join("sonic");
    for text in ["one", "two"] {
        store_one(&mut store, "sonic", text).unwrap();
    }
    settle(&mut store);
    store_one(&mut store, "sonic", "three").unwrap();
    remove(&mut store, "sonic", 1);
    let edited = [message("by hand"), message("two")].map(|it| line::write(&it)).concat();
    fs::write(&path, &edited).unwrap();
    assert_eq!(load(&mut store, "sonic").unwrap(), ["by hand", "two", "three"]);
    fs::write(&path, "not a mailbox\n").unwrap();
    assert!(load(&mut store, "sonic").unwrap_err().contains("line 1 is no message"));
    assert!(store_one(&mut store, "sonic", "four").is_err());
    // Nor one whose number says that it is new.
    let answers = store.apply(vec![numbered(1, 1, "four")]);
    assert!(matches!(&answers[..], [StoreAnswer::Appended { result: Err(_), .. }]), "{answers:?}");
    assert_eq!(settle(&mut store).len(), 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), "not a mailbox\n");
    // What is in the journal is not lost, however long it takes.
    drop(store);
    let mut store = opened(directory.path());
    assert!(
        matches!(&settle(&mut store)[..], [StoreAnswer::Fault { reason }] if reason.contains("sonic"))
    );
    fs::remove_file(&path).unwrap();
    assert_eq!(load(&mut store, "sonic").unwrap(), ["three"]);
    assert_eq!(settle(&mut store), []);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
}

/// However many are asked for at once, in a directory of a few files.
#[test]
fn a_mailbox_that_is_put_there_is_found() {
    let (directory, mut store) = open();
    let names: Vec<_> = (0..64).map(|n| format!("sonic{n}")).collect();
    let load_all = |store: &mut FileStore| {
        let load = |it: &String| StoreRequest::Load { request: 9, recipient: name(it) };
        let answers = store.apply(names.iter().map(load).collect());
        let found = answers.into_iter().map(|answer| match answer {
            StoreAnswer::Loaded { result, .. } => result.map(|batch| batch.len()),
            other => panic!("{other:?}"),
        });
        found.collect::<Vec<_>>()
    };
    assert_eq!(load_all(&mut store), vec![Ok(0); 64]);
    let line = Line::of(&message("hi"));
    fs::write(directory.path().join("sonic7"), line.bytes()).unwrap();
    fs::create_dir(directory.path().join("sonic8")).unwrap();
    let mut expected = vec![Ok(0); 64];
    expected[7] = Ok(1);
    expected[8] = Err("sonic8 is not a regular file".into());
    assert_eq!(load_all(&mut store), expected);
    fs::remove_file(directory.path().join("sonic7")).unwrap();
    expected[7] = Ok(0);
    assert_eq!(load_all(&mut store), expected);
    for (number, name) in names.iter().enumerate() {
        assert_eq!(store_one(&mut store, name, "hi").is_err(), number == 8, "{name}");
    }
    assert_eq!(load_all(&mut store).into_iter().filter(|found| *found == Ok(1)).count(), 63);
}

/// It is as long as the one in whose place it was put, and stays so while the next records go where that has room.
#[test]
fn a_journal_with_a_copy_in_its_place_is_written_again() {
    let (directory, mut store) = open();
    let [journal, copy] = ["superchat.journal", "copy"].map(|name| directory.path().join(name));
    store_one(&mut store, "sonic", "one").unwrap();
    fs::copy(&journal, &copy).unwrap();
    fs::rename(&copy, &journal).unwrap();
    store_one(&mut store, "sonic", "two").unwrap();
    // The server dies.
    let left = TempDir::new().unwrap();
    fs::copy(&journal, left.path().join("superchat.journal")).unwrap();
    assert_eq!(load(&mut opened(left.path()), "sonic").unwrap(), ["one", "two"]);
}

#[test]
fn a_journal_that_is_removed_is_written_again() {
    let (directory, mut store) = open();
    let journal = directory.path().join("superchat.journal");
    store_one(&mut store, "sonic", "one").unwrap();
    fs::remove_file(&journal).unwrap();
    store_one(&mut store, "sonic", "two").unwrap();
    drop(store);
    assert_eq!(load(&mut opened(directory.path()), "sonic").unwrap(), ["one", "two"]);
    fs::write(&journal, "something else\n").unwrap();
    let refused = FileStore::open(directory.path(), StoreLimits::default()).unwrap_err();
    assert!(
        matches!(refused, OpenError::Io(error) if error.to_string().contains("superchat.journal"))
    );
}

#[test]
fn what_cannot_be_read_of_a_journal_is_put_aside() {
    let (directory, mut store) = open();
    let journal = directory.path().join("superchat.journal");
    for text in ["one", "two", "three"] {
        store_one(&mut store, "sonic", text).unwrap();
    }
    drop(store);
    let bytes = fs::read_to_string(&journal).unwrap().replace("\"two", "\"TWO");
    fs::write(&journal, &bytes).unwrap();
    let mut store = opened(directory.path());
    assert!(
        matches!(&settle(&mut store)[..], [StoreAnswer::Fault { reason }] if reason.contains("torn"))
    );
    assert_eq!(load(&mut store, "sonic").unwrap(), ["one"]);
    let aside = fs::read_to_string(directory.path().join("superchat.journal.torn")).unwrap();
    assert!(aside.contains("TWO") && aside.contains("three"));
}

/// Half of it is of no use any more.
#[test]
fn a_journal_is_written_anew_before_it_is_long() {
    let (_directory, mut store) = open();
    let text = "x".repeat(100_000);
    for _ in 0..40 {
        store_one(&mut store, "sonic", &text).unwrap();
        remove(&mut store, "sonic", 1);
        settle(&mut store);
        assert!(store.figures().journal_bytes < 1 << 19);
    }
}

/// Users who come are of use; that they were there before is not.
#[cfg(unix)]
#[test]
fn a_journal_is_written_anew_only_where_half_of_it_is_of_no_use() {
    let (_directory, mut store) = open();
    let mut journals = std::collections::BTreeSet::new();
    let mut all_come = |store: &mut FileStore| {
        for users in 0..80 {
            let come = (0..100).map(|user| {
                let nickname = name(&format!("user{:05}", 100 * users + user));
                let time = UnixTime::from_micros(1_488_400_115_368_341);
                let last = LastSeen { address: ([127, 0, 0, 1], 50_000).into(), time };
                StoreRequest::Remember { nickname, last }
            });
            store.apply(come.collect());
            settle(store);
            journals.insert(store.disk.metadata(JOURNAL).unwrap().unwrap().identity);
        }
        (journals.len(), store.figures().journal_bytes / 8000)
    };
    let all_are_of_use = all_come(&mut store);
    let half = all_come(&mut store);
    let (written, bytes) = all_come(&mut store);
    assert!(matches!(all_are_of_use, (1, 50..100)), "{all_are_of_use:?}");
    assert!(matches!(half, (1, 100..150)), "{half:?}");
    assert!(written == 2 && bytes < 120, "{written} {bytes}");
    assert_eq!(store.users().len(), 8000);
}

/// What was not delivered stays, whatever somebody did to the file in between.
#[test]
fn only_what_was_loaded_is_removed() {
    let (directory, mut store) = open();
    let path = directory.path().join("sonic");
    for text in ["one", "two"] {
        store_one(&mut store, "sonic", text).unwrap();
    }
    assert_eq!(load(&mut store, "sonic").unwrap(), ["one", "two"]);
    settle(&mut store);
    store_one(&mut store, "sonic", "three").unwrap();
    settle(&mut store);
    let without_one = [message("by hand"), message("two"), message("three")];
    fs::write(&path, without_one.map(|it| line::write(&it)).concat()).unwrap();
    let remove = StoreRequest::Remove { recipient: name("sonic"), count: 2 };
    assert_eq!(store.apply(vec![remove.clone()]), []);
    assert_eq!(load(&mut store, "sonic").unwrap(), ["by hand", "three"]);
    // Of nothing nothing is removed, and what comes after that is read back.
    fs::remove_file(&path).unwrap();
    store.apply(vec![remove]);
    store_one(&mut store, "tails", "one").unwrap();
    drop(store);
    assert_eq!(load(&mut opened(directory.path()), "tails").unwrap(), ["one"]);
}

#[test]
fn a_hundred_deliveries_share_a_commit() {
    let (_directory, mut store) = open();
    let users: Vec<_> = (0..100).map(|n| format!("user{n}")).collect();
    for user in &users {
        store_one(&mut store, user, "hi").unwrap();
        load(&mut store, user).unwrap();
    }
    let before = store.figures().commits;
    let delivered = users.iter().flat_map(|user| {
        let recipient = name(user);
        let load = StoreRequest::Load { request: 9, recipient: recipient.clone() };
        [StoreRequest::Remove { recipient, count: 1 }, load]
    });
    store.apply(delivered.collect());
    assert_eq!((store.figures().commits - before, store.figures().mailboxes), (1, 0));
}

#[test]
fn a_foreign_file_does_not_take_the_room_of_mail() {
    let directory = TempDir::new().unwrap();
    let big = fs::File::create(directory.path().join("image")).unwrap();
    big.set_len(2 << 30).unwrap();
    let big = fs::File::create(directory.path().join("IMAGE")).unwrap();
    big.set_len(2 << 30).unwrap();
    let mut store = opened(directory.path());
    assert_eq!(store.figures().bytes, 0);
    assert_eq!(store_one(&mut store, "sonic", "hi"), Ok(()));
}

/// A record that is whole and not understood was written by another version: it is not passed over.
#[test]
fn a_journal_of_another_version_is_not_begun_anew() {
    let (directory, mut store) = open();
    store_one(&mut store, "sonic", "hi").unwrap();
    drop(store);
    let path = directory.path().join("superchat.journal");
    let journal = fs::read(&path).unwrap();
    let crc =
        String::from_utf8_lossy(journal.rsplit(|byte| *byte == b'\n').nth(1).unwrap()).into_owned();
    let before = u32::from_str_radix(&crc[..8], 16).unwrap();
    let record = b"? sonic \n";
    let mut hasher = crc32fast::Hasher::new_with_initial(before);
    hasher.update(record);
    let line = [format!("{:08x} ", hasher.finalize()).as_bytes(), record].concat();
    fs::write(&path, [&journal[..], &line].concat()).unwrap();
    let refused = FileStore::open(directory.path(), StoreLimits::default()).unwrap_err();
    assert!(
        matches!(refused, OpenError::Io(error) if error.to_string().contains("another version"))
    );
}

/// One whose file cannot follow is told of once, and tried again when another one could.
#[test]
fn a_mailbox_that_is_stuck_is_tried_again() {
    let (directory, mut store) = open();
    let path = directory.path().join("sonic");
    store_one(&mut store, "sonic", "hi").unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(settle(&mut store).len(), 1);
    for _ in 0..2 {
        store_one(&mut store, "tails", "hi").unwrap();
        assert_eq!(settle(&mut store), []);
    }
    fs::remove_dir(&path).unwrap();
    store_one(&mut store, "tails", "again").unwrap();
    assert_eq!(settle(&mut store), []);
    assert!(path.exists());
}

#[test]
fn both_sides_of_the_bytes_of_a_batch() {
    let half = BATCH_BYTES as usize / 2 - Line::of(&message("")).bytes().len();
    for (first, together) in [(half, 2), (half - 1, 3)] {
        let (_directory, mut store) = open();
        for (letter, length) in [("a", first), ("b", half), ("c", half)] {
            store_one(&mut store, "sonic", &letter.repeat(length)).unwrap();
        }
        assert_eq!(load(&mut store, "sonic").unwrap().len(), together);
        settle(&mut store);
        assert_eq!(load(&mut store, "sonic").unwrap().len(), together);
    }
}

/// Empties a mailbox of ten in batches of three, and does something after each two that are removed.
fn empty_by_batches(mut amid: impl FnMut(&Path, &mut FileStore, u32)) -> Vec<String> {
    let directory = TempDir::new().unwrap();
    let disk = RealDisk::new(directory.path());
    let mut store = FileStore::on(disk, 3, StoreLimits::default()).unwrap();
    for number in 1..=10 {
        store_one(&mut store, "sonic", &number.to_string()).unwrap();
    }
    settle(&mut store);
    let (mut came, mut turn) = (Vec::new(), 0);
    loop {
        let batch = load(&mut store, "sonic").unwrap();
        if batch.is_empty() {
            settle(&mut store);
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "a mailbox is left");
            assert_eq!(store.figures().unsettled, 0);
            assert_eq!(store.figures().bytes, 0);
            return came;
        }
        for some in batch.chunks(2) {
            let (recipient, count) = (name("sonic"), some.len());
            assert_eq!(store.apply(vec![StoreRequest::Remove { recipient, count }]), []);
            came.extend_from_slice(some);
            turn += 1;
            amid(directory.path(), &mut store, turn);
        }
    }
}

fn numbers(to: u32) -> Vec<String> {
    (1..=to).map(|number| number.to_string()).collect()
}

#[test]
fn a_mailbox_is_emptied_by_batches() {
    assert_eq!(empty_by_batches(|_, _, _| {}), numbers(10));
}

#[test]
fn a_file_may_follow_amid_the_batches() {
    for when in 1..8 {
        let came = empty_by_batches(|_, store, turn| {
            if turn == when {
                settle(store);
            }
        });
        assert_eq!(came, numbers(10), "after {when}");
    }
}

#[test]
fn messages_may_come_amid_the_batches() {
    for when in 1..8 {
        let came = empty_by_batches(|_, store, turn| {
            if turn == when {
                store_one(store, "sonic", "11").unwrap();
            }
        });
        assert_eq!(came, numbers(11), "after {when}");
    }
}

#[test]
fn a_mailbox_may_be_edited_amid_the_batches() {
    for when in 1..7 {
        let came = empty_by_batches(|directory, store, turn| {
            if turn == when {
                settle(store);
                let file = directory.join("sonic");
                let before = fs::read_to_string(&file).unwrap();
                let added = String::from_utf8(line::write(&message("0"))).unwrap();
                fs::write(&file, added + &before).unwrap();
            }
        });
        let mut rest = came.clone();
        rest.retain(|text| text != "0");
        assert_eq!(rest, numbers(10), "after {when}: {came:?}");
        assert_eq!(came.len(), 11, "after {when}: {came:?}");
    }
}

#[test]
fn a_batch_that_is_past_what_need_not_be_in_the_files_is_taken_while_they_can_follow() {
    let (_directory, mut store) = open();
    store_one(&mut store, "sonic", "hi").unwrap();
    let long = "x".repeat(MAX_UNSETTLED / 16);
    let batch = (0..18).map(|n| append_request(&format!("user-{n}"), &long)).collect();
    for answer in store.apply(batch) {
        assert!(matches!(answer, StoreAnswer::Appended { result: Ok(()), .. }), "{answer:?}");
    }
    assert!(store.is_behind());
    while store.is_behind() {
        assert_eq!(store.tend(), Some(Vec::new()));
    }
}

#[test]
fn what_need_not_be_in_the_files_is_bounded_where_they_cannot_follow() {
    let (directory, mut store) = open();
    let long = "x".repeat(MAX_UNSETTLED / 16);
    for n in 0..17 {
        store_one(&mut store, &format!("user-{n}"), &long).unwrap();
        fs::create_dir(directory.path().join(format!("user-{n}"))).unwrap();
    }
    assert_eq!(settle(&mut store).len(), 17, "each that cannot follow is told of once");
    assert!(!store.is_behind());
    let refused = "the files of the mailboxes cannot be written".to_owned();
    assert_eq!(store_one(&mut store, "sonic", "hi"), Err(refused.clone()));
    // They are tried again.
    assert_eq!(settle(&mut store), []);
    assert_eq!(store_one(&mut store, "sonic", "hi"), Err(refused));
    for n in 0..17 {
        fs::remove_dir(directory.path().join(format!("user-{n}"))).unwrap();
    }
    settle(&mut store);
    store_one(&mut store, "sonic", "hi").unwrap();
}
