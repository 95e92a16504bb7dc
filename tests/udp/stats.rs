//! What servers and clients say of themselves.

use std::sync::mpsc;
use std::time::Duration;

use superchat::{Client, Delivery, Error};

use crate::{client, server};

#[test]
fn the_outcomes_of_messages_are_counted_at_both_ends() {
    let (_directory, server) = server();
    let (sonic, lanking) = (client("sonic", &server), client("lanking", &server));
    assert_eq!(lanking.send("sonic", "hi").unwrap(), Delivery::Received);
    sonic.deregister().unwrap();
    for text in ["later", "and later"] {
        assert_eq!(lanking.send("sonic", text).unwrap(), Delivery::Stored);
    }
    assert!(matches!(lanking.send("tails", "hi"), Err(Error::UnknownUser { .. })));

    let stats = lanking.stats();
    assert_eq!((stats.messages_received, stats.messages_stored), (1, 2));
    assert_eq!((stats.messages_failed, stats.messages_pending), (1, 0));
    assert_eq!((stats.users, stats.messages_delivered), (0, 0));
    let stats = server.stats();
    assert_eq!((stats.messages_stored, stats.messages_delivered), (2, 0));
    assert_eq!((stats.users, stats.users_online), (2, 1));
    assert_eq!((stats.messages_received, stats.messages_pending), (0, 0));
    assert_eq!((stats.requests_pending, stats.store_requests_pending), (0, 0));
    assert!(stats.mailboxes == 1 && stats.stored_bytes > 0, "{stats:?}");
    assert!((1..=100).contains(&stats.commits) && stats.journal_bytes > 0, "{stats:?}");

    let (sender, inbox) = mpsc::channel();
    let sonic = Client::builder("sonic")
        .server(server.address().to_string())
        .on_message(move |message| drop(sender.send(message)))
        .connect()
        .unwrap();
    for text in ["later", "and later"] {
        assert_eq!(inbox.recv().unwrap().text, text);
    }
    // Its server has heard of them when it has heard of what was sent after that.
    sonic.deregister().unwrap();
    assert_eq!(server.stats().messages_delivered, 2);
}

#[test]
fn a_round_trip_is_measured_unless_the_packet_was_sent_twice() {
    let (_directory, server) = server();
    let (_sonic, lanking) = (client("sonic", &server), client("lanking", &server));
    assert_eq!(lanking.send("sonic", "hi").unwrap(), Delivery::Received);
    let stats = lanking.stats();
    assert!(stats.round_trips + stats.retransmissions > 0, "{stats:?}");
    assert_eq!(stats.round_trips > 0, stats.round_trip_p50 > Duration::ZERO, "{stats:?}");
    assert!(stats.round_trip_p50 <= stats.round_trip_p90, "{stats:?}");
    assert!(stats.round_trip_p90 <= stats.round_trip_p99, "{stats:?}");
}

#[test]
fn what_a_callback_holds_up_is_seen() {
    let (_directory, server) = server();
    let (entered, inside) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let sonic = Client::builder("sonic")
        .server(server.address().to_string())
        .on_message(move |_| {
            let _ = entered.send(());
            let _ = released.recv();
        })
        .connect()
        .unwrap();
    let lanking = client("lanking", &server);
    for text in ["1", "2", "3"] {
        assert_eq!(lanking.send("sonic", text).unwrap(), Delivery::Received);
    }
    inside.recv().unwrap();
    // Beside the messages, perhaps that the table has changed.
    assert!((2..=5).contains(&sonic.stats().events_pending), "{:?}", sonic.stats());
    drop(release);
    sonic.close();
    assert_eq!(sonic.stats().events_pending, 0);
}

#[test]
fn a_store_that_refuses_is_counted() {
    let (directory, server) = server();
    let (sonic, lanking) = (client("sonic", &server), client("lanking", &server));
    sonic.deregister().unwrap();
    std::fs::write(directory.path().join("sonic"), "of somebody else's\n").unwrap();
    assert!(matches!(lanking.send("sonic", "hi"), Err(Error::Refused(_))));
    let stats = server.stats();
    assert_eq!((stats.messages_refused, stats.messages_stored), (1, 0));
    assert!(stats.store_faults >= 1, "{stats:?}");
    assert_eq!(lanking.stats().messages_failed, 1);
}
