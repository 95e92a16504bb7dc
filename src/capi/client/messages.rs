//! Sending.

use std::ffi::{c_char, c_void};

use super::super::boundary::{fallible, status_of};
use super::super::events::{Userdata, superchat_delivery};
use super::super::status::superchat_status;
use super::super::strings;
use super::{handle, superchat_client};

/// Called with what became of a posted message, in order with the other callbacks: OK and the
/// delivery, or another status and NONE. Inside it superchat_last_error has a line about a failure. Later
/// versions may give more of both.
pub type superchat_on_outcome = Option<
    unsafe extern "C" fn(
        userdata: *mut c_void,
        status: superchat_status,
        delivery: superchat_delivery,
    ),
>;

/// Sends a message and waits for what becomes of it: 500 ms for the recipient's ack, then for the
/// server. delivery is set to what became of it, NONE on failure.
///
/// NULL: client, recipient and text must not be; delivery may.
/// Ownership: all stay the caller's.
/// Lifetime: recipient and text are read before this returns.
/// Thread: any, callbacks included.
/// Returns: OK, INVALID_ARGUMENT, NICKNAME, UNKNOWN_USER, NOT_REGISTERED, TOO_LONG, TOO_MANY_PENDING,
/// REFUSED, SERVER_NOT_RESPONDING or CLOSED.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_send(
    client: *const superchat_client,
    recipient: *const c_char,
    text: *const c_char,
    delivery: *mut superchat_delivery,
) -> superchat_status {
    let write = |outcome| {
        if !delivery.is_null() {
            // SAFETY: not NULL, so by contract a place for the outcome.
            unsafe { delivery.write(outcome) };
        }
    };
    fallible(|| {
        write(superchat_delivery::None);
        // SAFETY: as the header describes them, by contract.
        let client = unsafe { handle(client) }?;
        // SAFETY: the same.
        let recipient = unsafe { strings::required(recipient, "recipient is NULL") }?;
        // SAFETY: the same.
        let text = unsafe { strings::required(text, "text is NULL") }?;
        write(client.send(recipient, text)?.into());
        Ok(())
    })
}

/// Sends a message without waiting: on_outcome is called once with what became of it, unless this
/// returns another status than OK. Messages to one recipient are sent in the order in which they were
/// posted.
///
/// NULL: client, recipient and text must not be; on_outcome may, where nobody asks.
/// Ownership: all stay the caller's.
/// Lifetime: recipient and text are read before this returns; userdata is used until on_outcome
/// returns.
/// Thread: any, callbacks included.
/// Returns: OK, INVALID_ARGUMENT, NICKNAME, CLOSED, or TOO_MANY_PENDING while 1024 callbacks have not
/// been called. on_outcome is given what superchat_client_send returns.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_post(
    client: *const superchat_client,
    recipient: *const c_char,
    text: *const c_char,
    on_outcome: superchat_on_outcome,
    userdata: *mut c_void,
) -> superchat_status {
    fallible(|| {
        // SAFETY: as the header describes them, by contract.
        let client = unsafe { handle(client) }?;
        // SAFETY: the same.
        let recipient = unsafe { strings::required(recipient, "recipient is NULL") }?;
        // SAFETY: the same.
        let text = unsafe { strings::required(text, "text is NULL") }?;
        let userdata = Userdata(userdata);
        client.post_then(recipient, text, move |outcome| {
            let Some(callback) = on_outcome else { return };
            let (status, delivery) = match outcome {
                Ok(delivery) => (superchat_status::Ok, delivery.into()),
                Err(error) => (status_of(&error), superchat_delivery::None),
            };
            // SAFETY: the header asks for a function of this type that may be called on any thread.
            unsafe { callback(userdata.get(), status, delivery) }
        })?;
        Ok(())
    })
}
