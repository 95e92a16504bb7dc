//! What a server knows.

use std::ffi::{c_char, c_void};

use super::super::boundary::{Fault, fallible, infallible};
use super::super::events::{give_users, superchat_on_user};
use super::super::limits::superchat_limits;
use super::super::sized;
use super::super::stats::superchat_stats;
use super::super::status::superchat_status;
use super::super::strings;
use super::{handle, superchat_server};

/// Writes where the server listens, as "host:port", to a buffer of size bytes, cut to what fits, with
/// a NUL at its end.
///
/// NULL: server gives 0; buffer is not written to, for the length alone.
/// Ownership: both stay the caller's.
/// Lifetime: nothing is kept.
/// Thread: any, callbacks included.
/// Returns: the length of the whole without the NUL, as snprintf does; it cannot fail.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_server_address(
    server: *const superchat_server,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    infallible(0, || {
        // SAFETY: as the header describes it, by contract.
        let Ok(server) = (unsafe { handle(server) }) else { return 0 };
        // SAFETY: NULL or a buffer of that size, by contract.
        unsafe { strings::copy(&server.address().to_string(), buffer, size) }
    })
}

/// Fills in limits, which superchat_limits_default has made, with those that the server was started
/// with.
///
/// NULL: server and limits must not be.
/// Ownership: both stay the caller's.
/// Lifetime: nothing is kept.
/// Thread: any, callbacks included.
/// Returns: OK or INVALID_ARGUMENT.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_server_limits(
    server: *const superchat_server,
    limits: *mut superchat_limits,
) -> superchat_status {
    fallible(|| {
        // SAFETY: as the header describes it, by contract.
        let server = unsafe { handle(server) }?;
        // SAFETY: NULL or a struct, by contract.
        unsafe { sized::write(limits, &server.limits().into(), "limits is NULL") }
    })
}

/// Calls on_user with everyone who registered, online or not, by nickname, before this returns and on
/// this thread.
///
/// NULL: server and on_user must not be.
/// Ownership: all stay the caller's.
/// Lifetime: userdata is used until this returns; a row until on_user returns.
/// Thread: any, callbacks included.
/// Returns: OK or INVALID_ARGUMENT.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_server_users(
    server: *const superchat_server,
    on_user: superchat_on_user,
    userdata: *mut c_void,
) -> superchat_status {
    fallible(|| {
        // SAFETY: as the header describes it, by contract.
        let server = unsafe { handle(server) }?;
        let callback = on_user.ok_or(Fault::Argument("on_user is NULL"))?;
        give_users(callback, userdata, &server.users());
        Ok(())
    })
}

/// Fills in stats, which superchat_stats_default has made.
///
/// NULL: server and stats must not be.
/// Ownership: both stay the caller's.
/// Lifetime: nothing is kept.
/// Thread: any, callbacks included.
/// Returns: OK or INVALID_ARGUMENT.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_server_stats(
    server: *const superchat_server,
    stats: *mut superchat_stats,
) -> superchat_status {
    fallible(|| {
        // SAFETY: as the header describes it, by contract.
        let server = unsafe { handle(server) }?;
        // SAFETY: NULL or a struct, by contract.
        unsafe { sized::write(stats, &server.stats().into(), "stats is NULL") }
    })
}
