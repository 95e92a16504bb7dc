//! What endpoints log, for whoever installs a `tracing` subscriber.
//!
//! The invariant: a subscriber is code of the program's, so it is called as the callbacks are, with no
//! lock held. Therefore events are logged where they are taken for the application, and not where the
//! engine emits them. The text of a message is never logged.

use tracing::{debug, error, info, trace, warn};

use super::Incoming;
use crate::proto::{ClientEvent, ServerEvent, StoreAnswer};

pub(super) fn server_event(event: &ServerEvent) {
    match event {
        ServerEvent::RegisterRequest { nickname, address } => {
            debug!(%nickname, %address, "asked to register");
        }
        ServerEvent::DeregisterRequest { nickname, address } => {
            debug!(%nickname, %address, "asked to deregister");
        }
        ServerEvent::StoreRequest { sender, recipient } => {
            debug!(%sender, %recipient, "asked to pass a message on");
        }
        ServerEvent::MailboxEmpty { nickname } => trace!(%nickname, "no messages waited"),
        ServerEvent::Online { nickname, address } => info!(%nickname, %address, "online"),
        ServerEvent::Offline { nickname } => info!(%nickname, "offline"),
        ServerEvent::MailboxFault { nickname, reason } => {
            error!(%nickname, reason, "a mailbox cannot be used");
        }
        ServerEvent::MessagesExpired { recipient, count } => {
            warn!(recipient, count, "messages waited too long and are removed");
        }
        ServerEvent::StoreFault { reason } => {
            error!(reason, "something is wrong with the files of the mailboxes");
        }
    }
}

pub(super) fn incoming(incoming: &Incoming) {
    if let Incoming::Event(event) = incoming {
        client_event(event);
    }
}

fn client_event(event: &ClientEvent) {
    match event {
        ClientEvent::Registered { nickname } => info!(%nickname, "registered"),
        ClientEvent::Deregistered { nickname } => info!(%nickname, "offline"),
        ClientEvent::Notification { text } => debug!(text, "the server says"),
        ClientEvent::UsersChanged => trace!("the table of users has changed"),
        ClientEvent::Unacknowledged { recipient } => {
            debug!(%recipient, "no ack came directly: the server is asked");
        }
        ClientEvent::ServerDown => warn!("the server goes down"),
        ClientEvent::ServerLost => warn!("the server does not answer any more"),
    }
}

/// What the store has done, as far as there is no event for it.
pub(super) fn store_answer(answer: &StoreAnswer) {
    match answer {
        StoreAnswer::Appended { recipient, result: Ok(()), .. } => {
            debug!(%recipient, "stored a message");
        }
        StoreAnswer::Loaded { recipient, result: Ok(messages), .. } if !messages.is_empty() => {
            debug!(%recipient, count = messages.len(), "delivering stored messages");
        }
        _ => {}
    }
}
