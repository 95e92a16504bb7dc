//! What an application takes by itself, and the file descriptor that tells an event loop of it.

use std::os::fd::AsFd;
use std::sync::mpsc::{RecvTimeoutError, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use mio::net::UnixStream;
use mio::{Events, Interest, Poll, Token};
use superchat::{Client, ClientEvent, Delivery, Inbox, Incoming, Server, ServerEvent};
use tempfile::TempDir;

use super::{client, server};

/// How long something that has to come may take.
const SOON: Duration = Duration::from_secs(20);

fn with_inbox(nickname: &str, server: &Server) -> (Client, Inbox<Incoming>) {
    let builder = Client::builder(nickname).server(server.address().to_string());
    builder.connect_with_inbox().unwrap()
}

/// The texts of messages, up to the one that is the last.
fn texts_to(inbox: &Inbox<Incoming>, last: &str) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.last().is_none_or(|text| text != last) {
        if let Incoming::Message(message) = inbox.recv_timeout(SOON).unwrap() {
            texts.push(message.text);
        }
    }
    texts
}

/// Whether the inbox is readable, at the latest after a time.
fn is_readable<T>(inbox: &Inbox<T>, timeout: Duration) -> bool {
    // A poll of its own tells of what is so now, also of what it is not the first to tell.
    let mut poll = Poll::new().unwrap();
    let heard = inbox.as_fd().try_clone_to_owned().unwrap();
    let mut heard = UnixStream::from_std(heard.into());
    poll.registry().register(&mut heard, Token(0), Interest::READABLE).unwrap();
    let mut events = Events::with_capacity(1);
    poll.poll(&mut events, Some(timeout)).unwrap();
    !events.is_empty()
}

#[test]
fn messages_and_events_come_in_order_until_the_client_is_closed() {
    let (_directory, server) = server();
    let (sonic, inbox) = with_inbox("sonic", &server);
    let lanking = client("lanking", &server);
    for text in ["one", "two", "three"] {
        assert_eq!(lanking.send("sonic", text).unwrap(), Delivery::Received);
    }
    sonic.deregister().unwrap();
    sonic.close();
    let mut came = Vec::new();
    for incoming in inbox {
        match incoming {
            Incoming::Message(message) => came.push(message.text),
            Incoming::Event(ClientEvent::Registered { .. }) => came.push("online".to_owned()),
            Incoming::Event(ClientEvent::Deregistered { .. }) => came.push("offline".to_owned()),
            _ => {}
        }
    }
    assert_eq!(came, ["online", "one", "two", "three", "offline"]);
}

#[test]
fn a_posted_callback_runs_on_the_thread_that_takes_after_what_came_before_it() {
    let (_directory, server) = server();
    let (sonic, inbox) = with_inbox("sonic", &server);
    let (sender, outcomes) = channel();
    let post = |recipient: &str, text: &str| {
        let sender = sender.clone();
        sonic.post_then(recipient, text, move |outcome| {
            sender.send((thread::current().id(), outcome.unwrap())).unwrap();
        })
    };
    post("sonic", "first").unwrap();
    sonic.post("sonic", "second").unwrap().wait().unwrap();
    assert!(outcomes.try_recv().is_err(), "nobody has taken anything");
    assert_eq!(texts_to(&inbox, "second"), ["first", "second"]);
    while inbox.try_recv().is_ok() {}
    let mine = (thread::current().id(), Delivery::Received);
    assert_eq!(outcomes.recv_timeout(SOON), Ok(mine));
}

#[test]
fn the_descriptor_is_readable_while_something_waits_and_after_the_end() {
    let (_directory, server) = server();
    let (sonic, inbox) = with_inbox("sonic", &server);
    assert!(is_readable(&inbox, Duration::ZERO), "it has registered");
    while inbox.dispatch(drop) && is_readable(&inbox, Duration::ZERO) {}
    assert!(!is_readable(&inbox, Duration::ZERO));
    assert_eq!(inbox.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(inbox.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));

    client("lanking", &server).send("sonic", "hi").unwrap();
    let mut texts = Vec::new();
    while texts.is_empty() {
        assert!(is_readable(&inbox, SOON));
        assert!(inbox.dispatch(|incoming| {
            if let Incoming::Message(message) = incoming {
                texts.push(message.text);
            }
        }));
    }
    assert_eq!(texts, ["hi"]);

    sonic.close();
    while inbox.dispatch(drop) {}
    for _ in 0..2 {
        assert!(is_readable(&inbox, Duration::ZERO));
        assert!(!inbox.dispatch(|_| panic!("it has ended")));
        assert_eq!(inbox.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(inbox.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Disconnected));
        assert!(inbox.recv().is_err());
    }
}

#[test]
fn a_dispatch_inside_a_dispatch_does_nothing() {
    let (_directory, server) = server();
    let (sonic, inbox) = with_inbox("sonic", &server);
    sonic.send("sonic", "a word").unwrap();
    let mut taken = 0;
    assert!(inbox.dispatch(|_| {
        taken += 1;
        assert!(inbox.dispatch(|_| panic!("one at a time")));
    }));
    assert!(taken > 0);
}

#[test]
fn what_is_not_taken_waits_at_its_senders_and_comes_once_and_in_order() {
    let (_directory, server) = server();
    let (sonic, inbox) = with_inbox("sonic", &server);
    let lanking = client("lanking", &server);
    let pending: Vec<_> = (0..1700)
        .map(|number| {
            let pending = lanking.post("sonic", &number.to_string()).unwrap();
            // Within the bound of what may be pending; some of it can be settled only by taking.
            if number < 800 {
                assert_eq!(pending.wait().unwrap(), Delivery::Received);
                return None;
            }
            Some(pending)
        })
        .collect();
    // More than the inbox has room for: some is on its way, and is not taken.
    while sonic.stats().busy == 0 {
        std::thread::yield_now();
    }
    let texts = texts_to(&inbox, "1699");
    assert_eq!(texts, (0..1700).map(|number| number.to_string()).collect::<Vec<_>>());
    for pending in pending.into_iter().flatten() {
        pending.wait().unwrap();
    }
}

#[test]
fn messages_to_who_has_dropped_the_inbox_are_not_called_received() {
    let (_directory, server) = server();
    let (_sonic, inbox) = with_inbox("sonic", &server);
    drop(inbox);
    let lanking = client("lanking", &server);
    assert_eq!(lanking.send("sonic", "hi").unwrap(), Delivery::Stored);
}

#[test]
fn a_server_has_an_inbox_too() {
    let directory = TempDir::new().unwrap();
    let builder = Server::builder().directory(directory.path());
    let (server, inbox) = builder.start_with_inbox().unwrap();
    let sonic = client("sonic", &server);
    sonic.close();
    server.stop();
    let online = inbox.filter(|event| matches!(event, ServerEvent::Online { .. })).count();
    assert_eq!(online, 1);
}

#[test]
fn a_paused_inbox_acknowledges_nothing_until_it_is_resumed() {
    let (_directory, server) = server();
    let (sonic, inbox) = with_inbox("sonic", &server);
    let lanking = client("lanking", &server);
    inbox.pause();
    assert_eq!(lanking.send("sonic", "hi").unwrap(), Delivery::Stored);
    inbox.resume();
    sonic.deregister().unwrap();
    sonic.register("sonic").unwrap();
    assert_eq!(texts_to(&inbox, "hi"), ["hi"]);
}

#[test]
fn who_waits_for_the_server_while_the_inbox_is_full_is_told() {
    let (_directory, server) = server();
    client("tails", &server).close();
    let (sonic, _inbox) = with_inbox("sonic", &server);
    let senders = ["lanking", "knuckles"].map(|name| client(name, &server));
    for sender in &senders {
        for number in 0..700 {
            drop(sender.post("sonic", &number.to_string()).unwrap());
        }
    }
    while sonic.stats().busy == 0 {
        thread::yield_now();
    }
    let pending = sonic.post("tails", "are you there?").unwrap();
    let outcome = pending.wait_timeout(SOON).expect("it waits for who waits for it");
    assert_eq!(outcome.unwrap(), Delivery::Stored);
}
