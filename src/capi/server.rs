//! `superchat_server_*`.

use std::ffi::{c_char, c_void};
use std::ptr;

use super::boundary::{Fault, fallible, infallible};
use super::events::{
    Userdata, give_server_event, give_users, superchat_on_server_event, superchat_on_user,
};
use super::limits::superchat_limits;
use super::stats::{self, superchat_stats};
use super::status::superchat_status;
use super::strings;
use crate::{Limits, Server};

/// A running server. Made by superchat_server_start, freed by superchat_server_free.
pub struct superchat_server(Server);

/// How a server is set up. Made by superchat_server_options_default, then changed where needed.
#[repr(C)]
pub struct superchat_server_options {
    /// Bytes of this struct, as the program that made it knows it. Not to be changed.
    pub size: usize,
    /// Where to listen, as "host:port"; NULL for any free port of "localhost".
    pub bind: *const c_char,
    /// Where to keep the mailboxes; it must exist. NULL for the current directory.
    pub directory: *const c_char,
    /// Whether to refuse clients that speak the classic dialect, as the programs of 2017 do.
    pub refuse_classic: bool,
    /// How much of everything to take.
    pub limits: superchat_limits,
    /// What to call with each event, one at a time, on a thread of the server's own; or NULL.
    pub on_event: superchat_on_server_event,
    /// Given to the callback. What it points to must live until superchat_server_free returns.
    pub userdata: *mut c_void,
}

/// Options with everything at its default.
#[unsafe(no_mangle)]
pub extern "C" fn superchat_server_options_default() -> superchat_server_options {
    superchat_server_options {
        size: size_of::<superchat_server_options>(),
        bind: ptr::null(),
        directory: ptr::null(),
        refuse_classic: false,
        limits: Limits::default().into(),
        on_event: None,
        userdata: ptr::null_mut(),
    }
}

/// Starts a server, which serves on threads of its own.
///
/// options: not NULL; it and its strings are the caller's again when this returns.
/// server: not NULL; is set to a handle to be freed by superchat_server_free, or to NULL on failure.
/// Returns OK, INVALID_ARGUMENT, LIMIT, ADDRESS, BIND, DIRECTORY or SYSTEM.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_server_start(
    options: *const superchat_server_options,
    server: *mut *mut superchat_server,
) -> superchat_status {
    fallible(|| {
        if server.is_null() {
            return Err(Fault::Argument("server is NULL"));
        }
        // SAFETY: not NULL, so by contract a place for a pointer.
        unsafe { *server = ptr::null_mut() };
        // SAFETY: NULL or a struct of options, by contract.
        let options = unsafe { options.as_ref() }.ok_or(Fault::Argument("options is NULL"))?;
        if options.size != size_of::<superchat_server_options>() {
            return Err(Fault::Argument(
                "options were not made by superchat_server_options_default",
            ));
        }
        let mut builder = Server::builder();
        // SAFETY: NULL or a string, by contract.
        if let Some(bind) = unsafe { strings::optional(options.bind) }? {
            builder = builder.bind(bind);
        }
        // SAFETY: NULL or a string, by contract.
        if let Some(directory) = unsafe { strings::optional(options.directory) }? {
            builder = builder.directory(directory);
        }
        builder = builder.refuse_classic(options.refuse_classic).limits(options.limits.into());
        if let Some(callback) = options.on_event {
            let userdata = Userdata(options.userdata);
            builder = builder.on_event(move |event| give_server_event(callback, userdata, &event));
        }
        let started = Box::new(superchat_server(builder.start()?));
        // SAFETY: as above.
        unsafe { *server = Box::into_raw(started) };
        Ok(())
    })
}

/// Writes where the server listens, as "host:port", to a buffer of size bytes, always with a NUL at
/// its end. Returns the length of the whole, as snprintf does; 0 if server is NULL. Any thread.
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
        // SAFETY: NULL or a handle that was not freed, by contract.
        let Some(server) = (unsafe { server.as_ref() }) else { return 0 };
        // SAFETY: NULL or a buffer of that size, by contract.
        unsafe { strings::copy(&server.0.address().to_string(), buffer, size) }
    })
}

/// Writes the limits that the server was started with to limits. Any thread. Returns OK or
/// INVALID_ARGUMENT.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_server_limits(
    server: *const superchat_server,
    limits: *mut superchat_limits,
) -> superchat_status {
    fallible(|| {
        // SAFETY: NULL or a handle that was not freed, by contract.
        let server = unsafe { server.as_ref() }.ok_or(Fault::Argument("server is NULL"))?;
        if limits.is_null() {
            return Err(Fault::Argument("limits is NULL"));
        }
        // SAFETY: not NULL, so by contract a place for the limits.
        unsafe { limits.write(server.0.limits().into()) };
        Ok(())
    })
}

/// Calls on_user with everyone who registered, online or not, by nickname. Any thread; the callback
/// runs on this one. Returns OK or INVALID_ARGUMENT.
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
        // SAFETY: NULL or a handle that was not freed, by contract.
        let server = unsafe { server.as_ref() }.ok_or(Fault::Argument("server is NULL"))?;
        let callback = on_user.ok_or(Fault::Argument("on_user is NULL"))?;
        give_users(callback, userdata, &server.0.users());
        Ok(())
    })
}

/// Fills in stats, which superchat_stats_default has made. Any thread. Returns OK or INVALID_ARGUMENT.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_server_stats(
    server: *const superchat_server,
    stats: *mut superchat_stats,
) -> superchat_status {
    fallible(|| {
        // SAFETY: NULL or a handle that was not freed, by contract.
        let server = unsafe { server.as_ref() }.ok_or(Fault::Argument("server is NULL"))?;
        // SAFETY: NULL or a struct, by contract.
        unsafe { stats::fill(stats, server.0.stats()) }
    })
}

/// Tells everyone online that the server is down, waits a second at the most for their acks, and
/// stops. Does nothing if server is NULL or has stopped. Any thread; from inside a callback it does
/// not wait.
///
/// # Safety
/// The pointer is NULL or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_server_stop(server: *const superchat_server) {
    infallible((), || {
        // SAFETY: NULL or a handle that was not freed, by contract.
        if let Some(server) = unsafe { server.as_ref() } {
            server.0.stop();
        }
    });
}

/// Stops the server, if it has not stopped, and frees it. Does nothing if server is NULL. No other
/// thread may be using it. After this returns on_event is not called any more.
///
/// # Safety
/// The pointer is NULL or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_server_free(server: *mut superchat_server) {
    infallible((), || {
        if !server.is_null() {
            // SAFETY: a handle from superchat_server_start that was not freed, by contract.
            drop(unsafe { Box::from_raw(server) });
        }
    });
}
