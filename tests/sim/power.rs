//! The store where the power is cut, or its process dies, or its disk fails: at every point of a
//! short history, and with everything that a crash can leave then.

use std::collections::BTreeSet;

use superchat::proto::{StoreRequest, StoredMessage, UnixTime};
use superchat::store::{Disk as _, DiskFile as _, FileStore, StoreLimits};
use superchat::wire::{MessageId, Session};

use super::disk::SimDisk;
use super::show;
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

/// What was loaded is removed.
fn remove(count: usize) -> [StoreRequest; 2] {
    let recipient = nickname("b");
    let load = StoreRequest::Load { request: 0, recipient: recipient.clone() };
    [load, StoreRequest::Remove { recipient, count }]
}

/// Whether the files had followed the journal before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Files {
    Behind,
    Settled,
}

const BOTH: [Files; 2] = [Files::Behind, Files::Settled];

/// A store that has these messages for `b`.
fn having(numbers: impl IntoIterator<Item = u64>, files: Files) -> SimStore {
    let mut store = holding(numbers);
    if files == Files::Settled {
        store.tend(usize::MAX);
    }
    store
}

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

/// Where the writing of bytes is cut that the store is stopped amid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// At each byte.
    Anywhere,
    /// After the last one. If the power goes then, any number of them is left.
    AtTheEnd,
}

/// Each point at which the store can be stopped while it carries out these requests and lets the files
/// follow.
fn stopped_everywhere(
    begin: impl Fn() -> SimStore,
    requests: &[StoreRequest],
    cut: Cut,
    mut see: impl FnMut(SimStore),
) {
    everywhere(cut, |operations, bytes| {
        let mut store = begin();
        store.stop_after(operations, bytes, requests.to_vec());
        let stopped = Stopped::of(&store.disk);
        see(store);
        stopped
    });
}

/// Whether a disk has stopped, and how many bytes were just being written.
struct Stopped(bool, usize);

impl Stopped {
    fn of(disk: &SimDisk) -> Self {
        Self(disk.has_stopped(), disk.cut_short())
    }
}

/// Goes through all numbers of operations, and of bytes of the next one, after which a disk can stop.
fn everywhere(cut: Cut, mut run: impl FnMut(usize, usize) -> Stopped) {
    for operations in 0.. {
        let mut stopped = true;
        let first = if cut == Cut::Anywhere { 0 } else { usize::MAX - 1 };
        for bytes in first.. {
            let Stopped(now, written) = run(operations, bytes);
            stopped = now;
            if bytes >= written {
                break;
            }
        }
        if !stopped {
            return;
        }
    }
}

/// All that can be in the mailbox if the power is cut while these requests are carried out.
fn left_of(
    begin: impl Fn() -> SimStore,
    requests: &[StoreRequest],
    points: &mut usize,
) -> BTreeSet<Vec<u64>> {
    let mut seen = BTreeSet::new();
    stopped_everywhere(begin, requests, Cut::AtTheEnd, |store| {
        after_every_crash(&store.disk, |disk| {
            *points += 1;
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
    store.apply([&remove(1)[..], &[append(4)]].concat());
    assert_eq!(after_a_crash(&store), all_of([&[2, 3, 4]]));
    assert!(!store.durable(&nickname("b"), "1"));
    store.tend(usize::MAX);
    assert_eq!(after_a_crash(&store), all_of([&[2, 3, 4]]));
    store.apply(remove(3).to_vec());
    assert_eq!(after_a_crash(&store), all_of([&[]]));
}

#[test]
fn a_crash_leaves_the_mailbox_as_it_was_after_one_of_the_requests() {
    let mut points = 0;
    for files in BOTH {
        let mut left = |held: u64, requests: &[StoreRequest]| {
            left_of(|| having(1..=held, files), requests, &mut points)
        };
        assert_eq!(left(0, &[append(1)]), all_of([&[], &[1]]));
        assert_eq!(left(1, &[append(2), append(3)]), all_of([&[1], &[1, 2], &[1, 2, 3]]));
        assert_eq!(left(3, &remove(1)), all_of([&[1, 2, 3], &[2, 3]]));
        assert_eq!(left(3, &remove(3)), all_of([&[1, 2, 3], &[]]));
        assert_eq!(
            left(2, &[&[append(3)][..], &remove(2), &[append(4)]].concat()),
            all_of([&[1, 2], &[1, 2, 3], &[3], &[3, 4]]),
        );
    }
    show(format_args!("the power is cut: {points} crash points, no loss"));
}

/// The journal is read, and written anew: nothing that it says is lost on the way.
#[test]
fn a_start_that_is_cut_short_loses_nothing() {
    let mut points = 0;
    for files in BOTH {
        let mut store = having(1..=3, files);
        store.apply([&remove(1)[..], &[append(4)]].concat());
        everywhere(Cut::Anywhere, |operations, bytes| {
            let disk = store.disk.fork();
            disk.stop_after(operations, bytes);
            let _ = FileStore::on(disk.clone(), 64, StoreLimits::default());
            let stopped = Stopped::of(&disk);
            disk.go_on();
            assert_eq!(delivered(&disk), [2, 3, 4]);
            if bytes >= stopped.1 {
                after_every_crash(&disk, |disk| {
                    points += 1;
                    assert_eq!(delivered(&disk), [2, 3, 4]);
                });
            }
            points += 1;
            stopped
        });
    }
    show(format_args!("a start is cut short: {points} crash points, no loss"));
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

fn histories() -> impl Iterator<Item = (History, Files)> {
    HISTORIES.into_iter().flat_map(|history| BOTH.map(|files| (history, files)))
}

fn requests(asked: &[Asked]) -> Vec<StoreRequest> {
    let requests = |asked: &Asked| match *asked {
        Asked::Append(number) => vec![append(number)],
        Asked::Remove(count) => remove(count).to_vec(),
    };
    asked.iter().flat_map(requests).collect()
}

/// Whatever is called stored now survives: the store of the simulator checks it after each batch.
fn goes_on(mut store: SimStore, asked: &[Asked]) {
    let done = store.apply(requests(asked));
    assert!(done.iter().all(|done| done.appended.is_some()), "{done:?}");
    store.tend(usize::MAX);
}

/// What the process that died had written was perhaps not synced. It is found there when it is asked
/// for again, and its name is there.
#[test]
fn what_is_called_stored_is_on_the_disk_though_the_process_died_before() {
    let mut points = 0;
    for ((held, asked, then), files) in histories() {
        let begin = || having(1..=held, files);
        stopped_everywhere(begin, &requests(asked), Cut::Anywhere, |mut store| {
            points += 1;
            store.kill();
            goes_on(store, then);
        });
    }
    show(format_args!("the process dies: {points} crash points, no loss"));
}

/// The same with what could not be synced, and what could not be taken back.
#[test]
fn what_is_called_stored_is_on_the_disk_though_the_disk_failed_before() {
    let mut points = 0;
    for ((held, asked, then), files) in histories() {
        everywhere(Cut::Anywhere, |operations, bytes| {
            points += 1;
            let mut store = having(1..=held, files);
            store.disk.stop_after(operations, bytes);
            store.apply(requests(asked));
            store.tend(usize::MAX);
            let stopped = Stopped::of(&store.disk);
            store.disk.go_on();
            goes_on(store, then);
            stopped
        });
    }
    show(format_args!("the disk fails: {points} points, no loss"));
}
