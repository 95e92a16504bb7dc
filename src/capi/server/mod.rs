//! `superchat_server_*`.

mod options;
mod polling;
mod queries;

use std::ptr;
use std::sync::Arc;

use self::options::superchat_server_options;
use super::boundary::{Fault, fallible, infallible};
use super::events::{Userdata, give_server_event};
use super::held::Held;
use super::polled::Polled;
use super::sized;
use super::status::superchat_status;
use super::strings;
use crate::{Error, Server, ServerBuilder, ServerEvent};

/// A running server. Made by superchat_server_start, freed by superchat_server_free.
pub struct superchat_server {
    server: Server,
    polled: Option<Arc<Polled<ServerEvent>>>,
    held: Held,
}

/// # Safety
/// `server` is NULL or a handle that was not freed and stays so for `'a`.
unsafe fn handle<'a>(server: *const superchat_server) -> Result<&'a Server, Fault> {
    // SAFETY: the caller's contract is this function's.
    let server = unsafe { server.as_ref() }.ok_or(Fault::Argument("server is NULL"))?;
    if server.held.is_of_this_process() { Ok(&server.server) } else { Err(Error::Closed.into()) }
}

/// # Safety
/// What the options point to is NULL or as the header describes it.
unsafe fn builder(options: &superchat_server_options) -> Result<ServerBuilder, Fault> {
    let mut builder = Server::builder().refuse_classic(options.refuse_classic);
    // SAFETY: NULL or a string, by contract.
    if let Some(bind) = unsafe { strings::optional(options.bind) }? {
        builder = builder.bind(bind);
    }
    // SAFETY: NULL or a string, by contract.
    if let Some(directory) = unsafe { strings::optional(options.directory) }? {
        builder = builder.directory(directory);
    }
    if !options.limits.is_null() {
        // SAFETY: a struct of limits, by contract.
        let limits = unsafe { sized::read(options.limits, "options.limits is NULL") }?;
        builder = builder.limits(limits.into());
    }
    Ok(builder)
}

fn start(
    builder: ServerBuilder,
    options: &superchat_server_options,
) -> Result<superchat_server, Error> {
    let (on_event, userdata) = (options.on_event, Userdata(options.userdata));
    if options.polled {
        let (server, inbox) = builder.start_with_inbox()?;
        let give = move |event| give_server_event(on_event, userdata, &event);
        return Ok(superchat_server {
            server,
            polled: Some(Polled::new(inbox, give)),
            held: Held::new(),
        });
    }
    let builder = match on_event {
        Some(_) => builder.on_event(move |event| give_server_event(on_event, userdata, &event)),
        None => builder,
    };
    Ok(superchat_server { server: builder.start()?, polled: None, held: Held::new() })
}

/// Starts a server, which serves on threads of its own. server is set to a handle, or to NULL on
/// failure.
///
/// NULL: options and server must not be.
/// Ownership: the handle is the caller's, to be freed by superchat_server_free; options stays the
/// caller's.
/// Lifetime: options, its strings and its limits are read before this returns; what userdata points to
/// is used until superchat_server_free returns.
/// Thread: any.
/// Returns: OK, INVALID_ARGUMENT, LIMIT, ADDRESS, BIND, DIRECTORY or SYSTEM.
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
        let options = unsafe { sized::read(options, "options is NULL") }?;
        // SAFETY: what it points to is as the header describes it, by contract.
        let builder = unsafe { builder(&options) }?;
        let started = Box::new(start(builder, &options)?);
        // SAFETY: as above.
        unsafe { *server = Box::into_raw(started) };
        Ok(())
    })
}

/// Has nothing run any more that uses the server.
fn finish(server: &superchat_server) {
    server.server.stop();
    if let Some(polled) = &server.polled {
        polled.finish();
    }
}

/// Tells everyone online that the server is down, waits a second at the most for their acks, and
/// stops. From inside a callback of a server that is not polled it does not wait. Does nothing if the
/// server has stopped.
///
/// NULL: does nothing.
/// Ownership: the handle stays the caller's, still to be freed.
/// Lifetime: nothing is kept.
/// Thread: any, callbacks included, also several at once: each returns after the end.
/// Returns: nothing; it cannot fail.
///
/// # Safety
/// The pointer is NULL or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_server_stop(server: *const superchat_server) {
    infallible((), || {
        // SAFETY: as the header describes it, by contract.
        if let Ok(server) = unsafe { handle(server) } {
            server.stop();
        }
    });
}

/// Stops the server, if it has not stopped, and frees it. Where the server is polled, the callbacks that
/// wait run in this call. Does nothing inside a callback of a server that is being freed: that goes on.
///
/// NULL: does nothing.
/// Ownership: the handle is the library's again.
/// Lifetime: after this returns on_event is not called any more.
/// Thread: any, callbacks included; no other thread may be using the handle, but a callback that is
/// under way, which is waited for.
/// Returns: nothing; it cannot fail.
///
/// # Safety
/// The pointer is NULL or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_server_free(server: *mut superchat_server) {
    infallible((), || {
        // SAFETY: NULL or a handle that is not freed yet, by contract.
        let Some(handle) = (unsafe { server.as_ref() }) else { return };
        if handle.held.begins_to_go() {
            // SAFETY: a handle from superchat_server_start that was not freed, by contract. Its
            // callbacks may still use it: it goes after them.
            unsafe { finish(&*server) };
            // SAFETY: the same; nobody uses it any more.
            drop(unsafe { Box::from_raw(server) });
        }
    });
}
