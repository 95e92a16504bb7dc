//! Going online and offline.

use std::ffi::{c_char, c_void};

use super::super::boundary::{fallible, status_of};
use super::super::events::Userdata;
use super::super::status::superchat_status;
use super::super::strings;
use super::{handle, superchat_client};
use crate::Error;

/// Called with what became of a posted registration or deregistration, in order with the other
/// callbacks, after the events that came with it. Inside it superchat_last_error has a line about a
/// failure. Later versions may give more statuses.
pub type superchat_on_done =
    Option<unsafe extern "C" fn(userdata: *mut c_void, status: superchat_status)>;

/// Has `callback`, if there is one, called with what became of something.
fn tell_done(callback: superchat_on_done, userdata: Userdata, outcome: Result<(), Error>) {
    let Some(callback) = callback else { return };
    let status = match outcome {
        Ok(()) => superchat_status::Ok,
        Err(error) => status_of(&error),
    };
    // SAFETY: the header asks for a function of this type that may be called on any thread.
    unsafe { callback(userdata.get(), status) }
}

/// Goes online under nickname, and waits for the server.
///
/// NULL: client must not be; nickname may, for the last one.
/// Ownership: both stay the caller's.
/// Lifetime: nickname is read before this returns.
/// Thread: any, callbacks included.
/// Returns: OK, INVALID_ARGUMENT, NICKNAME, NAME_TAKEN, REFUSED, SERVER_NOT_RESPONDING,
/// TOO_MANY_PENDING or CLOSED.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_register(
    client: *const superchat_client,
    nickname: *const c_char,
) -> superchat_status {
    fallible(|| {
        // SAFETY: as the header describes them, by contract.
        let (client, nickname) = unsafe { (handle(client)?, strings::optional(nickname)?) };
        match nickname {
            Some(nickname) => client.register(nickname)?,
            None => client.register(client.nickname().as_str())?,
        }
        Ok(())
    })
}

/// Goes online under nickname without waiting: on_done is called once with what became of it, unless
/// this returns another status than OK.
///
/// NULL: client must not be; nickname may, for the last one; on_done may, where nobody asks.
/// Ownership: all stay the caller's.
/// Lifetime: nickname is read before this returns; userdata is used until on_done returns.
/// Thread: any, callbacks included.
/// Returns: OK, INVALID_ARGUMENT, NICKNAME, CLOSED, or TOO_MANY_PENDING while 1024 callbacks have not
/// been called. on_done is given what superchat_client_register returns.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_post_register(
    client: *const superchat_client,
    nickname: *const c_char,
    on_done: superchat_on_done,
    userdata: *mut c_void,
) -> superchat_status {
    fallible(|| {
        // SAFETY: as the header describes them, by contract.
        let (client, nickname) = unsafe { (handle(client)?, strings::optional(nickname)?) };
        let last = client.nickname();
        let userdata = Userdata(userdata);
        client.post_register_then(nickname.unwrap_or(last.as_str()), move |outcome| {
            tell_done(on_done, userdata, outcome);
        })?;
        Ok(())
    })
}

/// Goes offline, and waits for the server; messages then wait in the server's mailbox.
///
/// NULL: client must not be.
/// Ownership: client stays the caller's.
/// Lifetime: nothing is kept.
/// Thread: any, callbacks included.
/// Returns: OK, INVALID_ARGUMENT, TOO_MANY_PENDING; or SERVER_NOT_RESPONDING or CLOSED, with which the
/// client is offline all the same.
///
/// # Safety
/// The pointer is NULL or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_deregister(
    client: *const superchat_client,
) -> superchat_status {
    fallible(|| {
        // SAFETY: as the header describes it, by contract.
        unsafe { handle(client) }?.deregister()?;
        Ok(())
    })
}

/// Goes offline without waiting: on_done is called once with what became of it, unless this returns
/// another status than OK.
///
/// NULL: client must not be; on_done may, where nobody asks.
/// Ownership: all stay the caller's.
/// Lifetime: userdata is used until on_done returns.
/// Thread: any, callbacks included.
/// Returns: OK, INVALID_ARGUMENT, CLOSED, or TOO_MANY_PENDING while 1024 callbacks have not been
/// called. on_done is given what superchat_client_deregister returns.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_post_deregister(
    client: *const superchat_client,
    on_done: superchat_on_done,
    userdata: *mut c_void,
) -> superchat_status {
    fallible(|| {
        let userdata = Userdata(userdata);
        // SAFETY: as the header describes it, by contract.
        unsafe { handle(client) }?
            .post_deregister_then(move |outcome| tell_done(on_done, userdata, outcome))?;
        Ok(())
    })
}
