//! `superchat_client_*`.

mod messages;
mod options;
mod pending;
mod polling;
mod queries;
mod session;

use std::ptr;
use std::sync::Arc;

use self::options::superchat_client_options;
use super::boundary::{Fault, fallible, infallible};
use super::events::{Userdata, give_client_event, give_message};
use super::held::Held;
use super::polled::Polled;
use super::sized;
use super::status::superchat_status;
use super::strings;
use crate::{Client, ClientBuilder, Error, Incoming};

/// A client. Made by superchat_client_connect, freed by superchat_client_free.
pub struct superchat_client {
    client: Client,
    polled: Option<Arc<Polled<Incoming>>>,
    held: Held,
}

/// # Safety
/// `client` is NULL or a handle that was not freed and stays so for `'a`.
unsafe fn handle<'a>(client: *const superchat_client) -> Result<&'a Client, Fault> {
    // SAFETY: the caller's contract is this function's.
    let client = unsafe { client.as_ref() }.ok_or(Fault::Argument("client is NULL"))?;
    if client.held.is_of_this_process() { Ok(&client.client) } else { Err(Error::Closed.into()) }
}

/// # Safety
/// The strings of the options are NULL or NUL-terminated.
unsafe fn builder(options: &superchat_client_options) -> Result<ClientBuilder, Fault> {
    // SAFETY: NULL or a string, by contract.
    let nickname = unsafe { strings::required(options.nickname, "options.nickname is NULL") }?;
    let mut builder = Client::builder(nickname).port(options.port).register(!options.offline);
    // SAFETY: NULL or a string, by contract.
    if let Some(server) = unsafe { strings::optional(options.server) }? {
        builder = builder.server(server);
    }
    // SAFETY: NULL or a string, by contract.
    if let Some(bind) = unsafe { strings::optional(options.bind) }? {
        builder = builder.bind(bind);
    }
    Ok(builder)
}

fn connect(
    mut builder: ClientBuilder,
    options: &superchat_client_options,
) -> Result<superchat_client, Error> {
    let userdata = Userdata(options.userdata);
    let (on_message, on_event) = (options.on_message, options.on_event);
    if options.polled {
        let (client, inbox) = builder.connect_with_inbox()?;
        let polled = Polled::new(inbox, move |incoming| match incoming {
            Incoming::Message(message) => give_message(on_message, userdata, &message),
            Incoming::Event(event) => give_client_event(on_event, userdata, &event),
        });
        return Ok(superchat_client { client, polled: Some(polled), held: Held::new() });
    }
    builder = builder.on_message(move |message| give_message(on_message, userdata, &message));
    if on_event.is_some() {
        builder = builder.on_event(move |event| give_client_event(on_event, userdata, &event));
    }
    Ok(superchat_client { client: builder.connect()?, polled: None, held: Held::new() })
}

/// Starts a client and registers it, unless options say otherwise; waits for the server. client is set
/// to a handle, or to NULL on failure.
///
/// NULL: options and client must not be.
/// Ownership: the handle is the caller's, to be freed by superchat_client_free; options stays the
/// caller's.
/// Lifetime: options and its strings are read before this returns; what userdata points to is used
/// until superchat_client_free returns.
/// Thread: any.
/// Returns: OK, INVALID_ARGUMENT, NICKNAME, ADDRESS, BIND, SYSTEM; and, unless options.offline,
/// NAME_TAKEN, REFUSED, SERVER_NOT_RESPONDING, TOO_MANY_PENDING or CLOSED.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_connect(
    options: *const superchat_client_options,
    client: *mut *mut superchat_client,
) -> superchat_status {
    fallible(|| {
        if client.is_null() {
            return Err(Fault::Argument("client is NULL"));
        }
        // SAFETY: not NULL, so by contract a place for a pointer.
        unsafe { *client = ptr::null_mut() };
        // SAFETY: NULL or a struct of options, by contract.
        let options = unsafe { sized::read(options, "options is NULL") }?;
        // SAFETY: its strings are as the header describes them, by contract.
        let builder = unsafe { builder(&options) }?;
        let connected = Box::new(connect(builder, &options)?);
        // SAFETY: as above.
        unsafe { *client = Box::into_raw(connected) };
        Ok(())
    })
}

/// Has nothing run any more that uses the client.
fn finish(client: &superchat_client) {
    client.client.close();
    if let Some(polled) = &client.polled {
        polled.finish();
    }
}

/// Logs off and stops; what is pending completes with CLOSED. A server that does not answer is waited
/// for a second. From inside a callback of a client that is not polled it does not wait. Does nothing if
/// the client is closed.
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
pub unsafe extern "C" fn superchat_client_close(client: *const superchat_client) {
    infallible((), || {
        // SAFETY: as the header describes it, by contract.
        if let Ok(client) = unsafe { handle(client) } {
            client.close();
        }
    });
}

/// Closes the client, if it is not closed, and frees it. Where the client is polled, the callbacks that
/// wait run in this call. Does nothing inside a callback of a client that is being freed: that goes on.
///
/// NULL: does nothing.
/// Ownership: the handle is the library's again.
/// Lifetime: after this returns no callback is called any more; if it was called from inside one,
/// on_message and on_event are not, but on_outcome and on_done may still be.
/// Thread: any, callbacks included; no other thread may be using the handle, but a callback that is
/// under way, which is waited for.
/// Returns: nothing; it cannot fail.
///
/// # Safety
/// The pointer is NULL or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_free(client: *mut superchat_client) {
    infallible((), || {
        // SAFETY: NULL or a handle that is not freed yet, by contract.
        let Some(handle) = (unsafe { client.as_ref() }) else { return };
        if handle.held.begins_to_go() {
            // SAFETY: a handle from superchat_client_connect that was not freed, by contract. Its
            // callbacks may still use it: it goes after them.
            unsafe { finish(&*client) };
            // SAFETY: the same; nobody uses it any more.
            drop(unsafe { Box::from_raw(client) });
        }
    });
}
