//! `superchat_client_options`.

use std::ffi::{c_char, c_void};
use std::mem::offset_of;
use std::ptr;

use super::super::boundary::infallible;
use super::super::events::{superchat_on_client_event, superchat_on_message};
use super::super::sized::{self, Growable, no_padding_after};

/// How a client is set up. Made by superchat_client_options_default, then changed where needed.
#[repr(C)]
#[derive(Clone, Copy)]
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
    /// Whether callbacks run where superchat_client_dispatch is called, for an event loop, instead of on
    /// a thread of the client's own.
    pub polled: bool,
    /// What to call with each message; or NULL.
    pub on_message: superchat_on_message,
    /// What to call with each event, in order with the messages; or NULL.
    pub on_event: superchat_on_client_event,
    /// Given to both callbacks. What it points to must live until superchat_client_free returns.
    pub userdata: *mut c_void,
}

const _: () = assert!(no_padding_after::<superchat_client_options, *mut c_void>(offset_of!(
    superchat_client_options,
    userdata
)));

// SAFETY: `repr(C)`, with the size first and no padding at the end.
unsafe impl Growable for superchat_client_options {
    const NAME: &'static str = "superchat_client_options";

    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            nickname: ptr::null(),
            server: ptr::null(),
            bind: ptr::null(),
            port: 0,
            offline: false,
            polled: false,
            on_message: None,
            on_event: None,
            userdata: ptr::null_mut(),
        }
    }
}

/// Sets options of size bytes to their defaults. Programs call superchat_client_options_default, which
/// passes the size that they know.
///
/// NULL: does nothing.
/// Ownership: options stays the caller's.
/// Lifetime: nothing is kept.
/// Thread: any.
/// Returns: nothing; it cannot fail.
///
/// # Safety
/// The pointer is NULL or to size writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_options_init(
    options: *mut superchat_client_options,
    size: usize,
) {
    // SAFETY: by contract.
    infallible((), || unsafe { sized::init(options, size) });
}
