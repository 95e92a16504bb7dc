//! The store where the power is cut, or its process dies, or its disk fails: at every point of a
//! short history, and with everything that a crash can leave then.

use std::collections::BTreeSet;

use superchat::proto::{StoreRequest, StoredMessage, UnixTime};
use superchat::store::{Disk as _, DiskFile as _};
use superchat::wire::{MessageId, Session};

use super::disk::SimDisk;
use super::store::{SimStore, mailbox_on};
use super::world::nickname;

/// The message of this number: its author sends them in their order.
pub fn message(number: u64) -> StoredMessage {
    StoredMessage {
        sender: nickname("a"),
        text: number.to_string(),
        time: UnixTime::from_micros(0),
        id: Session::new(1).map(|author| MessageId { author, number }),
    }
}

fn append(number: u64) -> StoreRequest {
    let recipient = nickname("b");
    StoreRequest::Append { request: number, follows: None, recipient, message: message(number) }
}

fn remove(count: usize) -> StoreRequest {
    StoreRequest::Remove { recipient: nickname("b"), count }
}

/// A store that has these messages for `b`.
fn holding(numbers: impl IntoIterator<Item = u64>) -> SimStore {
    let mut store = SimStore::new(64);
    store.apply(Vec::new());
    for number in numbers {
        assert!(store.carry_out(append(number)).appended.is_some());
    }
    store
}

/// The numbers of the messages that a server on this disk would deliver to `b`.
fn delivered(disk: &SimDisk) -> Vec<u64> {
    let mailbox = mailbox_on(disk, &nickname("b"));
    let numbers = mailbox.into_iter().map(|there| {
        let number = there.text.parse().expect("a number");
        assert_eq!(there, message(number));
        number
    });
    numbers.collect()
}

/// Every disk that a crash can leave of this one.
fn after_every_crash(disk: &SimDisk, mut see: impl FnMut(SimDisk)) {
    // What was chosen, and the last that can be.
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    loop {
        let (left, mut next) = (disk.fork(), 0);
        left.crash_by(&mut |last| {
            if next == chosen.len() {
                chosen.push((0, last));
            }
            next += 1;
            chosen[next - 1].0
        });
        see(left);
        while chosen.pop_if(|(choice, last)| choice == last).is_some() {}
        let Some((choice, _)) = chosen.last_mut() else { return };
        *choice += 1;
    }
}

/// All that can be in the mailbox if the power is cut now.
fn after_a_crash(store: &SimStore) -> BTreeSet<Vec<u64>> {
    let mut seen = BTreeSet::new();
    after_every_crash(&store.disk, |disk| {
        seen.insert(delivered(&disk));
    });
    seen
}

/// Each point at which the store can be stopped while it carries out these requests.
fn stopped_everywhere(
    begin: impl Fn() -> SimStore,
    requests: &[StoreRequest],
    mut see: impl FnMut(SimStore),
) {
    for operations in 0.. {
        let mut store = begin();
        store.stop_after(operations, requests.to_vec());
        let stopped = store.disk.has_stopped();
        see(store);
        if !stopped {
            return;
        }
    }
}

/// All that can be in the mailbox if the power is cut while these requests are carried out.
fn left_of(begin: impl Fn() -> SimStore, requests: &[StoreRequest]) -> BTreeSet<Vec<u64>> {
    let mut seen = BTreeSet::new();
    stopped_everywhere(begin, requests, |store| {
        after_every_crash(&store.disk, |disk| {
            let left = delivered(&disk);
            // The mailbox can be used as before.
            let mut store = SimStore::on(disk, 64);
            assert!(store.carry_out(append(9)).appended.is_some());
            assert_eq!(delivered(&store.disk), [&left[..], &[9]].concat());
            seen.insert(left);
        });
    });
    seen
}

fn all_of<const N: usize>(mailboxes: [&[u64]; N]) -> BTreeSet<Vec<u64>> {
    mailboxes.map(<[u64]>::to_vec).into()
}

#[test]
fn of_bytes_that_were_not_synced_any_number_survives() {
    let disk = SimDisk::default();
    let mut file = disk.append("file").unwrap();
    file.write(b"one").unwrap();
    file.sync().unwrap();
    disk.sync().unwrap();
    file.write(b"two").unwrap();
    let mut seen = BTreeSet::new();
    after_every_crash(&disk, |disk| {
        seen.insert(String::from_utf8(disk.read("file").unwrap()).unwrap());
    });
    let cut = ["one", "onet", "onetw", "onetwo"];
    let filled = ["one\0\0\0", "onet\0\0", "onetw\0"];
    assert_eq!(seen, cut.into_iter().chain(filled).map(String::from).collect());
}

#[test]
fn of_names_that_were_not_synced_the_first_changes_survive() {
    let disk = SimDisk::default();
    disk.create_new("old").unwrap();
    disk.sync().unwrap();
    let mut file = disk.create_new("new").unwrap();
    file.write(b"synced").unwrap();
    file.sync().unwrap();
    disk.rename("new", "newer").unwrap();
    disk.remove("old").unwrap();
    let mut seen = BTreeSet::new();
    after_every_crash(&disk, |disk| {
        let names = disk.list().unwrap();
        let synced = |name: &String| name == "old" || disk.read(name).unwrap() == b"synced";
        assert!(names.iter().all(synced));
        seen.insert(names.join(" "));
    });
    assert_eq!(seen, ["old", "new old", "newer old", "newer"].map(String::from).into());
}

#[test]
fn what_was_synced_survives_every_crash() {
    let mut store = holding(1..=3);
    assert_eq!(after_a_crash(&store), all_of([&[1, 2, 3]]));
    assert!(store.durable(&nickname("b"), "3") && !store.durable(&nickname("b"), "4"));
    store.apply(vec![remove(1), append(4)]);
    assert_eq!(after_a_crash(&store), all_of([&[2, 3, 4]]));
    assert!(!store.durable(&nickname("b"), "1"));
    store.apply(vec![remove(3)]);
    assert_eq!(after_a_crash(&store), all_of([&[]]));
}

#[test]
fn a_message_is_there_as_a_whole_or_not_at_all() {
    let first = left_of(|| holding([]), &[append(1)]);
    assert_eq!(first, all_of([&[], &[1]]));
    let more = left_of(|| holding([1]), &[append(2), append(3)]);
    assert_eq!(more, all_of([&[1], &[1, 2], &[1, 2, 3]]));
}

#[test]
fn a_mailbox_is_the_old_one_or_the_new_one() {
    let shortened = left_of(|| holding(1..=3), &[remove(1)]);
    assert_eq!(shortened, all_of([&[1, 2, 3], &[2, 3]]));
    let emptied = left_of(|| holding(1..=3), &[remove(3)]);
    assert_eq!(emptied, all_of([&[1, 2, 3], &[]]));
    let both = left_of(|| holding(1..=2), &[append(3), remove(2), append(4)]);
    assert_eq!(both, all_of([&[1, 2], &[1, 2, 3], &[3], &[3, 4]]));
}

/// What is asked of a store, what while it is stopped, and what then.
type History = (u64, &'static [Asked], &'static [Asked]);

#[derive(Debug, Clone, Copy)]
enum Asked {
    Append(u64),
    Remove(usize),
}

const HISTORIES: [History; 7] = [
    (0, &[Asked::Append(1)], &[Asked::Append(1)]),
    (0, &[Asked::Append(1)], &[Asked::Append(2)]),
    (1, &[Asked::Append(2)], &[Asked::Append(2)]),
    (1, &[Asked::Append(2), Asked::Append(3)], &[Asked::Append(3), Asked::Append(4)]),
    (2, &[Asked::Append(3), Asked::Remove(2)], &[Asked::Append(3), Asked::Append(4)]),
    (3, &[Asked::Remove(1)], &[Asked::Append(4)]),
    (3, &[Asked::Remove(3)], &[Asked::Append(4)]),
];

fn requests(asked: &[Asked]) -> Vec<StoreRequest> {
    let request = |asked: &Asked| match *asked {
        Asked::Append(number) => append(number),
        Asked::Remove(count) => remove(count),
    };
    asked.iter().map(request).collect()
}

/// Whatever is called stored now survives: the store of the simulator checks it after each batch.
fn goes_on(mut store: SimStore, asked: &[Asked]) {
    let done = store.apply(requests(asked));
    assert!(done.iter().all(|done| done.appended.is_some()), "{done:?}");
}

/// What the process that died had written was perhaps not synced. It is found there when it is asked
/// for again, and its name is there.
#[test]
fn what_is_called_stored_is_on_the_disk_though_the_process_died_before() {
    for (held, asked, then) in HISTORIES {
        stopped_everywhere(
            || holding(1..=held),
            &requests(asked),
            |mut store| {
                store.kill();
                goes_on(store, then);
            },
        );
    }
}

/// The same with what could not be synced, and what could not be taken back.
#[test]
fn what_is_called_stored_is_on_the_disk_though_the_disk_failed_before() {
    for (held, asked, then) in HISTORIES {
        for operations in 0.. {
            let mut store = holding(1..=held);
            store.disk.stop_after(operations);
            store.apply(requests(asked));
            if !store.disk.has_stopped() {
                break;
            }
            store.disk.go_on();
            goes_on(store, then);
        }
    }
}
