//! `superchat_client_*`.

use std::ffi::{c_char, c_void};
use std::ptr;

use super::boundary::{Fault, fallible, infallible};
use super::events::{
    Userdata, give_client_event, give_message, give_users, superchat_delivery,
    superchat_on_client_event, superchat_on_message, superchat_on_user,
};
use super::stats::{self, superchat_stats};
use super::status::superchat_status;
use super::strings;
use crate::{Client, Error};

/// A client. Made by superchat_client_connect, freed by superchat_client_free.
pub struct superchat_client(Client);

/// How a client is set up. Made by superchat_client_options_default, then changed where needed.
#[repr(C)]
pub struct superchat_client_options {
    /// Bytes of this struct, as the program that made it knows it. Not to be changed.
    pub size: usize,
    /// The nickname to register under. Not NULL.
    pub nickname: *const c_char,
    /// The server, as "host:port"; NULL for "localhost:5000".
    pub server: *const c_char,
    /// Where to listen, as "host:port"; NULL for the loopback interface if the server is there, and
    /// all interfaces otherwise, at port.
    pub bind: *const c_char,
    /// The port to listen at where bind is NULL; 0 for any free one.
    pub port: u16,
    /// Whether to leave registering to superchat_client_register.
    pub offline: bool,
    /// What to call with each message, one at a time, on a thread of the client's own; or NULL.
    pub on_message: superchat_on_message,
    /// What to call with each event, on the same thread, in order with the messages; or NULL.
    pub on_event: superchat_on_client_event,
    /// Given to both callbacks. What it points to must live until superchat_client_free returns.
    pub userdata: *mut c_void,
}

/// Called with what became of a posted message, on the thread of the other callbacks: OK and the
/// delivery, or another status and NONE.
pub type superchat_on_outcome = Option<
    unsafe extern "C" fn(
        userdata: *mut c_void,
        status: superchat_status,
        delivery: superchat_delivery,
    ),
>;

/// Called with what became of a posted registration or deregistration, on the thread of the other
/// callbacks, after the events that came with it.
pub type superchat_on_done =
    Option<unsafe extern "C" fn(userdata: *mut c_void, status: superchat_status)>;

/// Has `callback`, if there is one, called with what became of something.
fn tell_done(callback: superchat_on_done, userdata: Userdata, outcome: Result<(), Error>) {
    let Some(callback) = callback else { return };
    let status = match outcome {
        Ok(()) => superchat_status::Ok,
        Err(error) => (&error).into(),
    };
    // SAFETY: the header asks for a function of this type that may be called on any thread.
    unsafe { callback(userdata.get(), status) }
}

/// Options with everything at its default; the nickname is to be set.
#[unsafe(no_mangle)]
pub extern "C" fn superchat_client_options_default() -> superchat_client_options {
    superchat_client_options {
        size: size_of::<superchat_client_options>(),
        nickname: ptr::null(),
        server: ptr::null(),
        bind: ptr::null(),
        port: 0,
        offline: false,
        on_message: None,
        on_event: None,
        userdata: ptr::null_mut(),
    }
}

/// Starts a client and registers it, unless options say otherwise; waits for the server.
///
/// options: not NULL; it and its strings are the caller's again when this returns.
/// client: not NULL; is set to a handle to be freed by superchat_client_free, or to NULL on failure.
/// Returns OK, INVALID_ARGUMENT, NICKNAME, ADDRESS, BIND, SYSTEM, and what
/// superchat_client_register returns.
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
        let options = unsafe { options.as_ref() }.ok_or(Fault::Argument("options is NULL"))?;
        if options.size != size_of::<superchat_client_options>() {
            return Err(Fault::Argument(
                "options were not made by superchat_client_options_default",
            ));
        }
        // SAFETY: NULL or a string, by contract.
        let nickname = unsafe { strings::required(options.nickname, "nickname is NULL") }?;
        let mut builder = Client::builder(nickname).port(options.port).register(!options.offline);
        // SAFETY: NULL or a string, by contract.
        if let Some(server) = unsafe { strings::optional(options.server) }? {
            builder = builder.server(server);
        }
        // SAFETY: NULL or a string, by contract.
        if let Some(bind) = unsafe { strings::optional(options.bind) }? {
            builder = builder.bind(bind);
        }
        let userdata = Userdata(options.userdata);
        if let Some(callback) = options.on_message {
            builder = builder.on_message(move |message| give_message(callback, userdata, &message));
        }
        if let Some(callback) = options.on_event {
            builder = builder.on_event(move |event| give_client_event(callback, userdata, &event));
        }
        let connected = Box::new(superchat_client(builder.connect()?));
        // SAFETY: as above.
        unsafe { *client = Box::into_raw(connected) };
        Ok(())
    })
}

/// # Safety
/// `client` is NULL or a handle that was not freed and stays so for `'a`.
unsafe fn handle<'a>(client: *const superchat_client) -> Result<&'a Client, Fault> {
    // SAFETY: the caller's contract is this function's.
    let client = unsafe { client.as_ref() };
    client.map(|client| &client.0).ok_or(Fault::Argument("client is NULL"))
}

/// Goes online, and waits for the server. nickname: another nickname to register under, or NULL for
/// the last one. Any thread, callbacks included. Returns OK, INVALID_ARGUMENT, NICKNAME, NAME_TAKEN,
/// REFUSED, SERVER_NOT_RESPONDING, TOO_MANY_PENDING or CLOSED.
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

/// Goes online without waiting. nickname: as superchat_client_register. on_done: called once with what
/// became of it, with userdata, unless this returns another status than OK; or NULL. Any thread,
/// callbacks included. Returns OK, INVALID_ARGUMENT, NICKNAME, CLOSED or TOO_MANY_PENDING.
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

/// Goes offline without waiting. on_done: called once with what became of it, with userdata, unless
/// this returns another status than OK; or NULL. Any thread, callbacks included. Returns OK,
/// INVALID_ARGUMENT, CLOSED or TOO_MANY_PENDING.
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

/// Goes offline, and waits for the server; messages then wait in the server's mailbox. Any thread,
/// callbacks included. Returns OK, INVALID_ARGUMENT, SERVER_NOT_RESPONDING or CLOSED, with which the
/// client is offline all the same, or TOO_MANY_PENDING.
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

/// Sends a message and waits for what becomes of it. recipient, text: not NULL, UTF-8; the caller's
/// again when this returns. delivery: set to what became of it, NONE on failure; or NULL. Any
/// thread, callbacks included. Returns OK, INVALID_ARGUMENT, NICKNAME, UNKNOWN_USER, NOT_REGISTERED,
/// TOO_LONG, TOO_MANY_PENDING, REFUSED, SERVER_NOT_RESPONDING or CLOSED.
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

/// Sends a message without waiting. recipient, text: not NULL, UTF-8; the caller's again when this
/// returns. on_outcome: called once with what became of it, with userdata, unless this returns
/// another status than OK; or NULL. Messages to one recipient are sent in the order in which they
/// were posted. Any thread, callbacks included. Returns OK, INVALID_ARGUMENT, NICKNAME, CLOSED, or
/// TOO_MANY_PENDING while 1024 callbacks have not been called.
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
                Err(error) => ((&error).into(), superchat_delivery::None),
            };
            // SAFETY: the header asks for a function of this type that may be called on any thread.
            unsafe { callback(userdata.get(), status, delivery) }
        })?;
        Ok(())
    })
}

/// Whether the server holds the client online; false if client is NULL. Any thread.
///
/// # Safety
/// The pointer is NULL or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_is_registered(client: *const superchat_client) -> bool {
    // SAFETY: as the header describes it, by contract.
    infallible(false, || unsafe { handle(client) }.is_ok_and(Client::is_registered))
}

/// Writes the nickname that the client is, or was last, registered under to a buffer of size bytes,
/// always with a NUL at its end. Returns the length of the whole, as snprintf does; 0 if client is
/// NULL. Any thread.
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

/// Writes where the client listens, as "host:port", to a buffer of size bytes, always with a NUL at
/// its end. Returns the length of the whole, as snprintf does; 0 if client is NULL. Any thread.
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

/// Calls on_user with the table of users as the server last sent it, by nickname. Any thread; the
/// callback runs on this one. Returns OK or INVALID_ARGUMENT.
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

/// Fills in stats, which superchat_stats_default has made. Any thread. Returns OK or INVALID_ARGUMENT.
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
        unsafe { stats::fill(stats, client.stats()) }
    })
}

/// Logs off and stops; what is pending completes with CLOSED. A server that does not answer is
/// waited for a second. Does nothing if client is NULL or closed. Any thread; from inside a callback
/// it does not wait.
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

/// Closes the client, if it is not closed, and frees it. Does nothing if client is NULL. No other
/// thread may be using it. After this returns on_message and on_event are not called any more; if it
/// was called from inside a callback, on_outcome and on_done may still be.
///
/// # Safety
/// The pointer is NULL or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_free(client: *mut superchat_client) {
    infallible((), || {
        if !client.is_null() {
            // SAFETY: a handle from superchat_client_connect that was not freed, by contract.
            drop(unsafe { Box::from_raw(client) });
        }
    });
}
