//! What a program may do with the values of the crate, whatever it does with them: looked at by the compiler.
// A test that panics has failed: that is its report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::iter::FusedIterator;
use std::os::fd::{AsFd, AsRawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::str::FromStr;
use std::sync::Arc;
use std::thread;

use superchat::{
    Client, ClientBuilder, ClientEvent, Delivery, Error, Inbox, Incoming, LimitError, Limits,
    Message, Nickname, NicknameError, Pending, Route, Server, ServerBuilder, ServerEvent, Stats,
    User,
};

/// Shared between threads, and kept past a panic.
const fn is_handle<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug + 'static>() {}
const fn is_value<T: Send + Sync + Unpin + UnwindSafe + Clone + Eq + Debug + 'static>() {}
const fn is_error<T: Send + Sync + Unpin + std::error::Error + 'static>() {}
const fn is_key<T: Hash + Eq>() {}

const _: () = {
    is_handle::<Client>();
    is_handle::<Server>();
    is_handle::<Pending<Delivery>>();
    is_handle::<Pending<()>>();

    // A subscriber of what is logged may be left half changed by a panic, so these are not UnwindSafe.
    const fn is_inbox<T: Send + Sync + Unpin + Debug + AsFd + AsRawFd + FusedIterator + 'static>() {
    }
    is_inbox::<Inbox<Incoming>>();
    is_inbox::<Inbox<ServerEvent>>();
    const fn is_fused<T: FusedIterator>() {}
    is_fused::<&Inbox<Incoming>>();

    // Callbacks need not be Sync.
    const fn is_builder<T: Send + Unpin + Debug + 'static>() {}
    is_builder::<ClientBuilder>();
    is_builder::<ServerBuilder>();

    is_value::<ClientEvent>();
    is_value::<Delivery>();
    is_value::<Incoming>();
    is_value::<Limits>();
    is_value::<Message>();
    is_value::<Nickname>();
    is_value::<Route>();
    is_value::<ServerEvent>();
    is_value::<Stats>();
    is_value::<User>();

    is_error::<Error>();
    is_error::<LimitError>();
    is_error::<NicknameError>();

    is_key::<Delivery>();
    is_key::<Route>();
    const fn is_name<T: Ord + Hash + Display + FromStr + AsRef<str> + Borrow<str>>() {}
    is_name::<Nickname>();

    const fn is_future<T: Future<Output = Result<Delivery, Error>>>() {}
    is_future::<Pending<Delivery>>();
};

#[test]
fn threads_share_a_client_and_an_inbox() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::builder().directory(directory.path()).start().unwrap();
    let builder = Client::builder("sonic").server(server.address().to_string());
    let (sonic, inbox) = builder.connect_with_inbox().unwrap();
    let sonic = Arc::new(sonic);
    let sender = Arc::clone(&sonic);
    let sending = thread::spawn(move || {
        for n in 0..100 {
            assert_eq!(sender.send("sonic", &n.to_string()).unwrap(), Delivery::Received);
        }
        sender.close();
    });
    let taken = thread::scope(|scope| {
        let take = || inbox.iter().filter(|each| matches!(each, Incoming::Message(_))).count();
        let takers = [scope.spawn(take), scope.spawn(take)];
        takers.into_iter().map(|taker| taker.join().unwrap()).sum::<usize>()
    });
    sending.join().unwrap();
    assert_eq!(taken, 100);
}

#[test]
fn a_nickname_is_found_by_its_text() {
    let scores = HashMap::from([(Nickname::new("sonic").unwrap(), 3)]);
    assert_eq!(scores.get("sonic"), Some(&3));
    assert_eq!(scores.get("tails"), None);
    assert!(scores.keys().all(|name| name == "sonic" && *name == *"sonic"));
    assert_eq!("sonic".parse(), Nickname::new("sonic"));
}

/// The text has the reason; a report that prints the sources as well would say it twice.
#[test]
fn an_error_is_one_line_that_has_its_reason_once() {
    let errors = [
        Server::builder().bind("localhost").start().unwrap_err(),
        Server::builder().bind("192.0.2.1:1").start().unwrap_err(),
        Server::builder().directory("/nobody/has/this").start().unwrap_err(),
        Client::builder("two words").connect().unwrap_err(),
        Error::Refused("a\nb".into()),
    ];
    for error in errors {
        let text = error.to_string();
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(std::error::Error::source(&error).is_none(), "{text}");
    }
}
