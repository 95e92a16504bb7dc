//! A server in an event loop.

use std::ffi::c_int;
use std::sync::Arc;

use super::super::boundary::{Fault, fallible, infallible};
use super::super::polled::Polled;
use super::super::status::superchat_status;
use super::superchat_server;
use crate::{Error, ServerEvent};

/// # Safety
/// `server` is NULL or a handle that was not freed.
unsafe fn polled(server: *const superchat_server) -> Result<Arc<Polled<ServerEvent>>, Fault> {
    // SAFETY: the caller's contract is this function's.
    let server = unsafe { server.as_ref() }.ok_or(Fault::Argument("server is NULL"))?;
    if !server.held.is_of_this_process() {
        return Err(Error::Closed.into());
    }
    server.polled.clone().ok_or(Fault::Argument("the server is not polled: see options.polled"))
}

/// A file descriptor that is readable while callbacks of a polled server wait to be run, and after the
/// server's end: for poll, select, epoll and the like, and for nothing else.
///
/// NULL: server gives -1.
/// Ownership: the descriptor is the server's; it is not to be closed.
/// Lifetime: the descriptor is the same until superchat_server_free.
/// Thread: any, callbacks included.
/// Returns: the descriptor; -1 if the server is not polled. Otherwise it cannot fail.
///
/// # Safety
/// The pointer is NULL or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_server_fd(server: *const superchat_server) -> c_int {
    // SAFETY: as the header describes it, by contract.
    infallible(-1, || unsafe { polled(server) }.map_or(-1, |polled| polled.fd()))
}

/// Runs the callbacks of a polled server that wait when this is called, on this
/// thread. What comes meanwhile waits for the next call, so that a flood keeps no loop from its
/// other work. A second call at the same time, or from inside a callback, does nothing.
///
/// NULL: server must not be.
/// Ownership: server stays the caller's. A callback may free it: it is gone then, and this returns CLOSED.
/// Lifetime: nothing is kept.
/// Thread: any, callbacks included.
/// Returns: OK; INVALID_ARGUMENT, also if the server is not polled; CLOSED when the server has ended and
/// everything has run: the descriptor stays readable then, and is to be left out of the loop.
///
/// # Safety
/// The pointer is NULL or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_server_dispatch(
    server: *const superchat_server,
) -> superchat_status {
    // SAFETY: as the header describes it, by contract.
    fallible(|| unsafe { polled(server) }?.dispatch())
}
