//! A client in an event loop.

use std::ffi::c_int;
use std::sync::Arc;

use super::super::boundary::{Fault, fallible, infallible};
use super::super::polled::Polled;
use super::super::status::superchat_status;
use super::superchat_client;
use crate::{Error, Incoming};

/// # Safety
/// `client` is NULL or a handle that was not freed.
unsafe fn polled(client: *const superchat_client) -> Result<Arc<Polled<Incoming>>, Fault> {
    // SAFETY: the caller's contract is this function's.
    let client = unsafe { client.as_ref() }.ok_or(Fault::Argument("client is NULL"))?;
    if !client.held.is_of_this_process() {
        return Err(Error::Closed.into());
    }
    client.polled.clone().ok_or(Fault::Argument("the client is not polled: see options.polled"))
}

/// A file descriptor that is readable while callbacks of a polled client wait to be run, and after the
/// client's end: for poll, select, epoll and the like, and for nothing else.
///
/// NULL: client gives -1.
/// Ownership: the descriptor is the client's; it is not to be closed.
/// Lifetime: the descriptor is the same until superchat_client_free.
/// Thread: any, callbacks included.
/// Returns: the descriptor; -1 if the client is not polled. Otherwise it cannot fail.
///
/// # Safety
/// The pointer is NULL or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_fd(client: *const superchat_client) -> c_int {
    // SAFETY: as the header describes it, by contract.
    infallible(-1, || unsafe { polled(client) }.map_or(-1, |polled| polled.fd()))
}

/// Runs the callbacks of a polled client that wait when this is called, those of posted calls too, on
/// this thread. What comes meanwhile waits for the next call, so that a flood keeps no loop from its
/// other work. A second call at the same time, or from inside a callback, does nothing.
///
/// NULL: client must not be.
/// Ownership: client stays the caller's. A callback may free it: it is gone then, and this returns CLOSED.
/// Lifetime: nothing is kept.
/// Thread: any, callbacks included.
/// Returns: OK; INVALID_ARGUMENT, also if the client is not polled; CLOSED when the client has ended and
/// everything has run: the descriptor stays readable then, and is to be left out of the loop.
///
/// # Safety
/// The pointer is NULL or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_dispatch(
    client: *const superchat_client,
) -> superchat_status {
    // SAFETY: as the header describes it, by contract.
    fallible(|| unsafe { polled(client) }?.dispatch())
}
