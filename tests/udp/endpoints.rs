//! Servers and clients as a program uses them: threads, callbacks, closing.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, SystemTime};

use superchat::{Client, ClientEvent, Delivery, Error, Message, Route, Server};
use tempfile::TempDir;

use crate::{client, server};

/// A client whose messages go to the test.
fn listening(nickname: &str, server: &Server) -> (Client, Receiver<Message>) {
    let (sender, inbox) = mpsc::channel();
    let client = Client::builder(nickname)
        .server(server.address().to_string())
        .on_message(move |message| drop(sender.send(message)))
        .connect()
        .unwrap();
    (client, inbox)
}

/// A client in a process that was killed: it is registered, and silent.
fn dead(nickname: &str, server: &Server) -> crate::peer::Peer {
    let peer = crate::peer::Peer::of(server);
    peer.register(nickname);
    peer.until(|datagram| matches!(datagram, superchat::wire::Datagram::Table(_)).then_some(()));
    peer
}

#[test]
fn text_in_any_script_arrives_whole() {
    let (_directory, server) = server();
    let (_sonic, inbox) = listening("ソニック", &server);
    let lanking = client("Лэнкинг", &server);
    for text in ["", "καλημέρα", "早上好", "صباح الخير", "👩‍🚀 \"\\/\u{1}\n\t", "\u{10ffff}"]
    {
        assert_eq!(lanking.send("ソニック", text).unwrap(), Delivery::Received);
        let message = inbox.recv().unwrap();
        assert_eq!((message.text.as_str(), message.route), (text, Route::Direct));
        assert_eq!(message.sender.as_str(), "Лэнкинг");
    }
}

#[test]
fn a_message_to_one_who_is_gone_is_stored_and_comes_when_it_is_back() {
    let (directory, server) = server();
    let gone = dead("sonic", &server);
    let lanking = client("lanking", &server);
    assert_eq!(lanking.send("sonic", "hi").unwrap(), Delivery::Stored);
    assert_eq!(lanking.send("sonic", "again").unwrap(), Delivery::Stored);
    drop(gone);

    let (sonic, inbox) = listening("sonic", &server);
    for text in ["hi", "again"] {
        let message = inbox.recv().unwrap();
        assert_eq!((message.text.as_str(), message.route), (text, Route::Stored));
        assert!(message.sent_at.is_some());
    }
    assert_eq!(lanking.send("sonic", "welcome back").unwrap(), Delivery::Received);
    drop((sonic, lanking));
    // The server stops only after what it asked of the store was done.
    drop(server);
    assert!(!directory.path().join("sonic").exists());
}

#[test]
fn stored_messages_survive_a_restart_of_the_server() {
    let (directory, server) = server();
    let _gone = dead("sonic", &server);
    let lanking = client("lanking", &server);
    assert_eq!(lanking.send("sonic", "hi").unwrap(), Delivery::Stored);
    drop((lanking, server));
    // The file follows the journal, at the latest when the server stops.
    let mailbox = std::fs::read_to_string(directory.path().join("sonic")).unwrap();
    assert_eq!(mailbox.lines().count(), 1);

    let server = Server::builder().directory(directory.path()).start().unwrap();
    let (_sonic, inbox) = listening("sonic", &server);
    assert_eq!(inbox.recv().unwrap().text, "hi");
}

#[test]
fn messages_to_one_recipient_keep_their_order() {
    let (_directory, server) = server();
    let (_sonic, inbox) = listening("sonic", &server);
    let lanking = client("lanking", &server);
    let pending: Vec<_> =
        (0..200).map(|n| lanking.post("sonic", &n.to_string()).unwrap()).collect();
    for outcome in pending {
        assert_eq!(outcome.wait().unwrap(), Delivery::Received);
    }
    for n in 0..200 {
        assert_eq!(inbox.recv().unwrap().text, n.to_string());
    }
}

#[test]
fn any_thread_may_send() {
    let (_directory, server) = server();
    let (_sonic, inbox) = listening("sonic", &server);
    let lanking = client("lanking", &server);
    thread::scope(|scope| {
        for thread in 0..8 {
            let lanking = &lanking;
            scope.spawn(move || {
                for n in 0..20 {
                    let text = format!("{thread}:{n}");
                    assert_eq!(lanking.send("sonic", &text).unwrap(), Delivery::Received);
                }
            });
        }
    });
    assert_eq!(inbox.iter().take(160).count(), 160);
}

#[test]
fn a_callback_may_send_and_wait_for_the_outcome() {
    let (_directory, server) = server();
    let (_echoes, inbox) = listening("lanking", &server);
    let own: Arc<OnceLock<Client>> = Arc::default();
    let in_callback = Arc::clone(&own);
    let address = server.address().to_string();
    let echo = Client::builder("echo").server(&address).on_message(move |message| {
        let client = in_callback.wait();
        assert_eq!(
            client.send(message.sender.as_str(), &message.text).unwrap(),
            Delivery::Received
        );
    });
    own.set(echo.connect().unwrap()).unwrap();
    let tails = client("tails", &server);
    tails.send("lanking", "to wait until everyone is known").unwrap();
    inbox.recv().unwrap();
    drop(tails);

    let lanking = client("knuckles", &server);
    let (sender, heard) = mpsc::channel();
    lanking.post_then("echo", "hello", move |outcome| sender.send(outcome).unwrap()).unwrap();
    assert_eq!(heard.recv().unwrap().unwrap(), Delivery::Received);
}

#[test]
fn a_callback_that_panics_does_not_end_the_client() {
    let (_directory, server) = server();
    let (sender, inbox) = mpsc::channel();
    let address = server.address().to_string();
    let sonic = Client::builder("sonic").server(&address).on_message(move |message| {
        sender.send(message.text.clone()).unwrap();
        assert_ne!(message.text, "panic", "this panic is a part of the test");
    });
    let _sonic = sonic.connect().unwrap();
    let lanking = client("lanking", &server);
    for text in ["panic", "and go on"] {
        lanking.send("sonic", text).unwrap();
        assert_eq!(inbox.recv().unwrap(), text);
    }
}

#[test]
fn a_callback_may_close_its_own_client() {
    let (_directory, server) = server();
    let own: Arc<OnceLock<Client>> = Arc::default();
    let in_callback = Arc::clone(&own);
    let (sender, closed): (Sender<()>, _) = mpsc::channel();
    let address = server.address().to_string();
    let sonic = Client::builder("sonic").server(&address).on_message(move |_| {
        in_callback.wait().close();
        sender.send(()).unwrap();
    });
    own.set(sonic.connect().unwrap()).unwrap();
    let _ = client("lanking", &server).send("sonic", "close");
    closed.recv().unwrap();
    own.wait().close();
    assert!(matches!(own.wait().send("sonic", "hi"), Err(Error::Closed)));
}

/// In C this is freeing, after which what the callback uses may be gone.
#[test]
fn a_client_that_is_dropped_in_its_own_callback_is_not_called_again() {
    let (_directory, server) = server();
    let own: Arc<Mutex<Option<Client>>> = Arc::default();
    let in_callback = Arc::clone(&own);
    let (go, wait) = mpsc::channel::<()>();
    let (sender, called) = mpsc::channel();
    let address = server.address().to_string();
    let sonic = Client::builder("sonic").server(&address).on_message(move |message| {
        sender.send(message.text).unwrap();
        // Until the second message waits in the queue.
        let _ = wait.recv();
        drop(in_callback.lock().unwrap().take());
    });
    *own.lock().unwrap() = Some(sonic.connect().unwrap());
    let lanking = client("lanking", &server);
    for text in ["one", "two"] {
        assert_eq!(lanking.send("sonic", text).unwrap(), Delivery::Received);
    }
    drop(go);
    // It ends with the thread of the callbacks, which runs what is queued before that.
    assert_eq!(called.iter().collect::<Vec<_>>(), ["one"]);
}

#[test]
fn both_sides_of_the_callbacks_that_may_wait() {
    let (_directory, server) = server();
    let lanking = client("lanking", &server);
    let (go, wait) = mpsc::channel::<()>();
    let blocked = move |_| {
        let _ = wait.recv();
    };
    lanking.post_then("nobody", "the first is called, and does not return", blocked).unwrap();
    // The engine refuses each at once; the callbacks that say so wait.
    for _ in 1..1024 {
        lanking.post_then("nobody", "hi", drop).unwrap();
    }
    assert!(matches!(lanking.post_then("nobody", "hi", drop), Err(Error::TooManyPending)));
    drop(go);
}

#[test]
fn a_call_is_told_of_once_by_its_result_or_by_its_callback() {
    let (_directory, server) = server();
    for _ in 0..100 {
        let lanking = client("lanking", &server);
        let (sender, told) = mpsc::channel();
        let posted: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let (lanking, sender) = (&lanking, sender.clone());
                    scope.spawn(move || {
                        let post = |_| {
                            let sender = sender.clone();
                            lanking.post_then("nobody", "hi", move |_| sender.send(()).unwrap())
                        };
                        (0..1000).map(post).take_while(Result::is_ok).count()
                    })
                })
                .collect();
            lanking.close();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        drop((lanking, sender));
        assert_eq!(told.iter().count(), posted);
    }
}

#[test]
fn closing_completes_what_is_pending() {
    let (_directory, server) = server();
    let _gone = dead("sonic", &server);
    let lanking = client("lanking", &server);
    let pending = lanking.post("sonic", "hi").unwrap();
    lanking.close();
    assert!(matches!(pending.wait(), Err(Error::Closed)));
    assert!(matches!(lanking.register("lanking"), Err(Error::Closed)));
    assert!(matches!(lanking.post("sonic", "hi"), Err(Error::Closed)));
    assert!(!server.users().iter().any(|user| user.nickname.as_str() == "lanking" && user.online));
}

/// While the application does not keep up, its peers are not acknowledged: nothing is lost.
#[test]
fn a_slow_callback_loses_nothing() {
    const MESSAGES: usize = 1100;
    let (_directory, server) = server();
    let (allow, allowed) = mpsc::channel::<()>();
    let (sender, inbox) = mpsc::channel();
    let address = server.address().to_string();
    let sonic = Client::builder("sonic").server(&address).on_message(move |message| {
        // Blocks until the test lets go, then no more.
        let _ = allowed.recv();
        sender.send(message.text).unwrap();
    });
    let sonic = sonic.connect().unwrap();
    let lanking = client("lanking", &server);
    let mut outcomes = Vec::new();
    for n in 0..MESSAGES {
        match lanking.send("sonic", &n.to_string()).unwrap() {
            // The queue is full, and the server, which is asked then, gets no ack either.
            Delivery::Stored => {
                outcomes.push(n);
                break;
            }
            Delivery::Received | Delivery::Relayed => outcomes.push(n),
        }
    }
    assert!(sonic.stats().busy > 0 && outcomes.len() < MESSAGES, "{}", outcomes.len());
    drop(allow);
    let received = outcomes.len() - 1;
    for n in 0..received {
        assert_eq!(inbox.recv().unwrap(), n.to_string());
    }
    sonic.register("sonic").unwrap();
    assert_eq!(inbox.recv().unwrap(), received.to_string(), "the one that was stored");
}

#[test]
fn a_server_that_stops_tells_its_clients() {
    let (_directory, server) = server();
    let (sender, events) = mpsc::channel();
    let address = server.address().to_string();
    let sonic = Client::builder("sonic").server(&address).on_event(move |event| {
        let _ = sender.send(event);
    });
    let sonic = sonic.connect().unwrap();
    server.stop();
    assert!(events.iter().any(|event| event == ClientEvent::ServerDown));
    assert!(!sonic.is_registered());
    // Whoever is known is talked to all the same.
    assert_eq!(sonic.send("sonic", "hi").unwrap(), Delivery::Received);
    assert!(matches!(sonic.send("tails", "hi"), Err(Error::ServerNotResponding { .. })));
}

#[test]
fn a_client_registers_again_by_itself_when_its_server_is_back() {
    let directory = TempDir::new().unwrap();
    let start = |bind: &str| Server::builder().bind(bind).directory(directory.path()).start();
    let server = start("localhost:0").unwrap();
    let address = server.address().to_string();
    let (sender, events) = mpsc::channel();
    let sonic = Client::builder("sonic").server(&address).on_event(move |event| {
        let _ = sender.send(event);
    });
    let sonic = sonic.connect().unwrap();
    let registered = || {
        let is = |event| matches!(event, ClientEvent::Registered { .. });
        assert!(events.iter().any(is));
    };
    registered();
    server.stop();
    drop(server);
    let server = start(&address).unwrap();
    registered();
    assert_eq!(server.users().len(), 1);
    assert!(matches!(sonic.send("tails", "hi"), Err(Error::UnknownUser { .. })));
}

/// Where it is offline; and the same after a restart of the server, as the journal has it.
#[test]
fn a_table_says_when_somebody_was_last_heard_of() {
    let directory = TempDir::new().unwrap();
    let start = || Server::builder().directory(directory.path()).start().unwrap();
    let server = start();
    let sonic = client("sonic", &server);
    let (sender, events) = mpsc::channel();
    let lanking = Client::builder("lanking")
        .server(server.address().to_string())
        .on_event(move |event| drop(sender.send(event)))
        .connect()
        .unwrap();
    let before = SystemTime::now();
    sonic.deregister().unwrap();
    let after = SystemTime::now();
    let users = server.users();
    let last_seen: Vec<_> = users.iter().map(|user| user.last_seen).collect();
    let [None, Some(of_sonic)] = last_seen[..] else { panic!("{users:?}") };
    // It has whole microseconds.
    assert!(before <= of_sonic + Duration::from_micros(1), "{before:?} {of_sonic:?}");
    assert!(of_sonic <= after, "{of_sonic:?} {after:?}");
    assert!(events.iter().any(|_| lanking.users() == users));
    drop((sonic, lanking, server));
    let users = start().users();
    assert_eq!(users[1].last_seen, Some(of_sonic));
    assert!(users[0].last_seen > Some(of_sonic), "{users:?}");
}

#[test]
fn a_client_comes_back_under_another_name() {
    let directory = TempDir::new().unwrap();
    let server = Server::builder().directory(directory.path()).start().unwrap();
    let sonic = client("sonic", &server);
    sonic.deregister().unwrap();
    sonic.deregister().unwrap();
    sonic.register("tails").unwrap();
    let users = server.users();
    let told: Vec<_> = users.iter().map(|user| (user.nickname.as_str(), user.online)).collect();
    assert_eq!(told, [("sonic", false), ("tails", true)]);
    assert_eq!(sonic.users(), users);
}
