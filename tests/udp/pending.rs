//! Calls that are under way, and an inbox, awaited by tasks of any executor.

use std::pin::{Pin, pin};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use superchat::{Client, Delivery, Error, Incoming, Pending};

use super::{client, server};

/// How long something that has to come may take.
const SOON: Duration = Duration::from_secs(20);

/// A waker that says that it was woken, after it has done something.
struct Woken<F>(F, Sender<()>);

impl<F: Fn() + Send + Sync + 'static> Wake for Woken<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
        // Later ones are of no interest.
        let _ = self.1.send(());
    }
}

/// Polls once.
fn poll<T: Unpin>(pending: &mut Pending<T>, waker: &Waker) -> Poll<Result<T, Error>> {
    Pin::new(pending).poll(&mut Context::from_waker(waker))
}

#[test]
fn what_was_posted_is_awaited() {
    let (_directory, server) = server();
    let builder = Client::builder("sonic").server(server.address().to_string());
    let sonic = builder.register(false).connect().unwrap();
    pollster::block_on(async {
        assert!(matches!(sonic.post("sonic", "hi").unwrap().await, Err(Error::NotRegistered)));
        sonic.post_register("sonic").unwrap().await.unwrap();
        let pending: Vec<_> =
            (0..50).map(|n| sonic.post("sonic", &n.to_string()).unwrap()).collect();
        for pending in pending {
            assert_eq!(pending.await.unwrap(), Delivery::Received);
        }
        sonic.post_deregister().unwrap().await.unwrap();
    });
}

/// A message to one who has stopped taking any: its outcome comes after the direct path was tried.
#[test]
fn the_last_waker_is_woken_and_may_use_the_client() {
    let (_directory, server) = server();
    let (_sonic, inbox) =
        Client::builder("sonic").server(server.address().to_string()).connect_with_inbox().unwrap();
    inbox.pause();
    let lanking = Arc::new(client("lanking", &server));
    let mut pending = lanking.post("sonic", "hi").unwrap();

    let (sender, woken) = channel();
    let first = Waker::from(Arc::new(Woken(|| panic!("it is not asked any more"), sender.clone())));
    assert!(poll(&mut pending, &first).is_pending());
    assert!(!pending.is_finished());
    // With a lock held, this would wait for itself.
    let used = Arc::clone(&lanking);
    let last = Waker::from(Arc::new(Woken(move || _ = used.stats(), sender)));
    assert!(poll(&mut pending, &last).is_pending());

    woken.recv_timeout(SOON).unwrap();
    assert!(pending.is_finished());
    assert!(matches!(poll(&mut pending, &last), Poll::Ready(Ok(Delivery::Stored))));
    // Polled again, against the contract: neither a panic nor a task that sleeps for ever.
    assert!(matches!(poll(&mut pending, &last), Poll::Ready(Err(Error::Closed))));
}

/// To wake a task may drop it, with all that it holds.
#[test]
fn a_waker_may_drop_the_client() {
    let (_directory, server) = server();
    let (_sonic, inbox) =
        Client::builder("sonic").server(server.address().to_string()).connect_with_inbox().unwrap();
    inbox.pause();
    let lanking = Arc::new(Mutex::new(Some(client("lanking", &server))));
    let mut pending = lanking.lock().unwrap().as_ref().unwrap().post("sonic", "hi").unwrap();
    let mut other = lanking.lock().unwrap().as_ref().unwrap().post("sonic", "and more").unwrap();

    let (sender, woken) = channel();
    let dropped = Arc::clone(&lanking);
    let drops = move || {
        let client = dropped.lock().unwrap().take();
        // It wakes the other, inside this.
        drop(client);
    };
    let drops = Woken(drops, sender);
    let waker = Waker::from(Arc::new(drops));
    assert!(poll(&mut pending, &waker).is_pending());
    assert!(poll(&mut other, &waker).is_pending());
    for _ in 0..2 {
        woken.recv_timeout(SOON).unwrap();
    }
    assert!(matches!(pending.wait(), Ok(Delivery::Stored)));
    assert!(lanking.lock().unwrap().is_none());
    // The answers to both may have come together, and then both were told before either was woken.
    assert!(matches!(other.wait(), Ok(Delivery::Stored) | Err(Error::Closed)));
}

#[test]
fn who_awaits_hears_that_the_client_was_closed() {
    let (_directory, server) = server();
    let (_sonic, inbox) =
        Client::builder("sonic").server(server.address().to_string()).connect_with_inbox().unwrap();
    inbox.pause();
    let lanking = client("lanking", &server);
    let pending = lanking.post("sonic", "hi").unwrap();
    thread::scope(|scope| {
        let outcome = scope.spawn(|| pollster::block_on(pending));
        lanking.close();
        assert!(matches!(outcome.join().unwrap(), Err(Error::Closed)));
    });
}

#[test]
fn an_inbox_is_taken_from_by_a_task() {
    let (_directory, server) = server();
    let (sonic, inbox) =
        Client::builder("sonic").server(server.address().to_string()).connect_with_inbox().unwrap();
    let lanking = client("lanking", &server);
    let texts = thread::scope(|scope| {
        let posting = scope.spawn(|| {
            pollster::block_on(async {
                for n in 0..500 {
                    let pending = lanking.post("sonic", &n.to_string()).unwrap();
                    assert_eq!(pending.await.unwrap(), Delivery::Received);
                }
            });
        });
        let mut texts = Vec::new();
        pollster::block_on(async {
            while let Ok(incoming) = inbox.recv_async().await {
                if let Incoming::Message(message) = incoming {
                    texts.push(message.text);
                }
                if texts.len() == 500 {
                    sonic.close();
                }
            }
        });
        posting.join().unwrap();
        texts
    });
    assert_eq!(texts, (0..500).map(|n| n.to_string()).collect::<Vec<_>>());
}

/// A waker is woken by what comes, and by the end: by each once, with no lock held.
#[test]
fn a_task_that_waits_for_an_inbox_is_woken_by_what_comes_and_by_the_end() {
    let (_directory, server) = server();
    let builder = Client::builder("sonic").server(server.address().to_string());
    let (sonic, inbox) = builder.connect_with_inbox().unwrap();
    let sonic = Arc::new(sonic);
    let (sender, woken) = channel();
    let used = Arc::clone(&sonic);
    let waker = Waker::from(Arc::new(Woken(move || _ = used.stats(), sender)));
    let poll = || pin!(inbox.recv_async()).poll(&mut Context::from_waker(&waker));
    while poll().is_ready() {}
    client("lanking", &server).send("sonic", "hi").unwrap();
    woken.recv_timeout(SOON).unwrap();
    while poll().is_ready() {}
    sonic.close();
    woken.recv_timeout(SOON).unwrap();
    while !matches!(poll(), Poll::Ready(Err(_))) {}
}

/// It is dropped where nobody is left to call it; what it holds may call the client.
#[test]
fn a_callback_that_nobody_will_call_is_dropped_with_no_lock_held() {
    struct Used(Arc<Client>, Sender<()>);
    impl Drop for Used {
        fn drop(&mut self) {
            let _ = self.0.stats();
            self.1.send(()).unwrap();
        }
    }
    let (_directory, server) = server();
    client("tails", &server).close();
    let builder = Client::builder("sonic").server(server.address().to_string());
    let (sonic, inbox) = builder.connect_with_inbox().unwrap();
    let sonic = Arc::new(sonic);
    let (sender, dropped) = channel();
    let used = Used(Arc::clone(&sonic), sender);
    drop(inbox);
    sonic.post_then("tails", "hi", move |_| drop(used)).unwrap();
    dropped.recv_timeout(SOON).unwrap();
}

#[test]
fn a_waker_that_panics_ends_nothing() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker panics");
        }
    }
    let (_directory, server) = server();
    client("tails", &server).close();
    let sonic = client("sonic", &server);
    let waker = Waker::from(Arc::new(Panics));
    let mut first = sonic.post("tails", "hi").unwrap();
    let _ = Pin::new(&mut first).poll(&mut Context::from_waker(&waker));
    let second = sonic.post("tails", "and more").unwrap();
    assert_eq!(second.wait_timeout(SOON).unwrap().unwrap(), Delivery::Stored);
    sonic.close();
}
