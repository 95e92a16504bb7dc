//! What a client knows.

use std::ffi::{c_char, c_void};

use super::super::boundary::{Fault, fallible, infallible};
use super::super::events::{give_users, superchat_on_user};
use super::super::sized;
use super::super::stats::superchat_stats;
use super::super::status::superchat_status;
use super::super::strings;
use super::{handle, superchat_client};
use crate::Client;

/// Whether the server holds the client online.
///
/// NULL: false.
/// Ownership: client stays the caller's.
/// Lifetime: nothing is kept.
/// Thread: any, callbacks included.
/// Returns: true or false; it cannot fail.
///
/// # Safety
/// The pointer is NULL or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_is_registered(client: *const superchat_client) -> bool {
    // SAFETY: as the header describes it, by contract.
    infallible(false, || unsafe { handle(client) }.is_ok_and(Client::is_registered))
}

/// Writes the nickname that the client is, or was last, registered under to a buffer of size bytes,
/// cut to what fits, with a NUL at its end.
///
/// NULL: client gives 0; buffer is not written to, for the length alone.
/// Ownership: both stay the caller's.
/// Lifetime: nothing is kept.
/// Thread: any, callbacks included.
/// Returns: the length of the whole without the NUL, as snprintf does; it cannot fail.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_nickname(
    client: *const superchat_client,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    infallible(0, || {
        // SAFETY: as the header describes it, by contract.
        let Ok(client) = (unsafe { handle(client) }) else { return 0 };
        // SAFETY: NULL or a buffer of that size, by contract.
        unsafe { strings::copy(client.nickname().as_str(), buffer, size) }
    })
}

/// Writes where the client listens, as "host:port", to a buffer of size bytes, cut to what fits, with
/// a NUL at its end.
///
/// NULL: client gives 0; buffer is not written to, for the length alone.
/// Ownership: both stay the caller's.
/// Lifetime: nothing is kept.
/// Thread: any, callbacks included.
/// Returns: the length of the whole without the NUL, as snprintf does; it cannot fail.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_address(
    client: *const superchat_client,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    infallible(0, || {
        // SAFETY: as the header describes it, by contract.
        let Ok(client) = (unsafe { handle(client) }) else { return 0 };
        // SAFETY: NULL or a buffer of that size, by contract.
        unsafe { strings::copy(&client.address().to_string(), buffer, size) }
    })
}

/// Calls on_user with each row of the table of users as the server last sent it, by nickname, before
/// this returns and on this thread.
///
/// NULL: client and on_user must not be.
/// Ownership: all stay the caller's.
/// Lifetime: userdata is used until this returns; a row until on_user returns.
/// Thread: any, callbacks included.
/// Returns: OK or INVALID_ARGUMENT.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_users(
    client: *const superchat_client,
    on_user: superchat_on_user,
    userdata: *mut c_void,
) -> superchat_status {
    fallible(|| {
        // SAFETY: as the header describes it, by contract.
        let client = unsafe { handle(client) }?;
        let callback = on_user.ok_or(Fault::Argument("on_user is NULL"))?;
        give_users(callback, userdata, &client.users());
        Ok(())
    })
}

/// Fills in stats, which superchat_stats_default has made.
///
/// NULL: client and stats must not be.
/// Ownership: both stay the caller's.
/// Lifetime: nothing is kept.
/// Thread: any, callbacks included.
/// Returns: OK or INVALID_ARGUMENT.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_stats(
    client: *const superchat_client,
    stats: *mut superchat_stats,
) -> superchat_status {
    fallible(|| {
        // SAFETY: as the header describes it, by contract.
        let client = unsafe { handle(client) }?;
        // SAFETY: NULL or a struct, by contract.
        unsafe { sized::write(stats, &client.stats().into(), "stats is NULL") }
    })
}
