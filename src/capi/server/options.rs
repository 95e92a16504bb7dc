//! `superchat_server_options`.

use std::ffi::{c_char, c_void};
use std::mem::offset_of;
use std::ptr;

use super::super::boundary::infallible;
use super::super::events::superchat_on_server_event;
use super::super::limits::superchat_limits;
use super::super::sized::{self, Growable, no_padding_after};

/// How a server is set up. Made by superchat_server_options_default, then changed where needed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct superchat_server_options {
    /// Bytes of this struct, as the program that made it knows it. Not to be changed.
    pub size: usize,
    /// Where to listen, as "host:port"; NULL for any free port of "localhost".
    pub bind: *const c_char,
    /// Where to keep the mailboxes; it must exist. NULL for the current directory.
    pub directory: *const c_char,
    /// How much of everything to take, made by superchat_limits_default; NULL for the defaults.
    pub limits: *const superchat_limits,
    /// Whether to refuse clients that speak the classic dialect, as the programs of 2017 do.
    pub refuse_classic: bool,
    /// Whether on_event runs where superchat_server_dispatch is called, for an event loop, instead of on
    /// a thread of the server's own.
    pub polled: bool,
    /// What to call with each event; or NULL.
    pub on_event: superchat_on_server_event,
    /// Given to the callback. What it points to must live until superchat_server_free returns.
    pub userdata: *mut c_void,
}

const _: () = assert!(no_padding_after::<superchat_server_options, *mut c_void>(offset_of!(
    superchat_server_options,
    userdata
)));

// SAFETY: `repr(C)`, with the size first and no padding at the end.
unsafe impl Growable for superchat_server_options {
    const NAME: &'static str = "superchat_server_options";

    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            bind: ptr::null(),
            directory: ptr::null(),
            limits: ptr::null(),
            refuse_classic: false,
            polled: false,
            on_event: None,
            userdata: ptr::null_mut(),
        }
    }
}

/// Sets options of size bytes to their defaults. Programs call superchat_server_options_default, which
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
pub unsafe extern "C" fn superchat_server_options_init(
    options: *mut superchat_server_options,
    size: usize,
) {
    // SAFETY: by contract.
    infallible((), || unsafe { sized::init(options, size) });
}
