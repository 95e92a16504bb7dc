//! Status numbers.

use std::ffi::{CStr, c_char};

use crate::Error;

/// What came of a call. The numbers are fixed: one that is retired is not used again. Later versions
/// may have more: an unknown one is a failure.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum superchat_status {
    /// Done.
    Ok = 0,
    /// A pointer that must not be NULL is NULL, a string is not UTF-8, or a struct was not made by its
    /// _default function, or asks for what this version does not know; superchat_last_error says which.
    InvalidArgument = 1,
    /// A host name or port does not lead to an address.
    Address = 2,
    /// The socket could not be bound, for example because the port is in use.
    Bind = 3,
    /// The directory of a server cannot be written, or is in use by another server.
    Directory = 4,
    /// A nickname is not allowed: 1 to 64 characters, no white space, no control or invisible characters,
    /// and neither `[` nor `>` in front.
    Nickname = 5,
    /// Somebody else is online under that nickname.
    NameTaken = 6,
    /// The client is offline: register first.
    NotRegistered = 7,
    /// Nobody has ever registered under that nickname.
    UnknownUser = 8,
    /// The message does not fit the datagram that the recipient can take.
    TooLong = 9,
    /// The server refused; superchat_last_error has its words.
    Refused = 10,
    /// The server did not answer five tries, 500 ms apart, or said that it goes down.
    ServerNotResponding = 11,
    /// Too many calls wait for their outcome: 1024 messages, 16 registrations, or 1024 callbacks.
    TooManyPending = 12,
    /// The client is closed, or was closed before the outcome was known.
    Closed = 13,
    /// The operating system refused something else, such as a thread.
    System = 14,
    /// A defect in superchat, which any function may return. The handle that was used is to be freed, not
    /// used.
    Internal = 15,
    /// A limit of a server is out of its range; superchat_last_error names it.
    Limit = 16,
}

impl From<&Error> for superchat_status {
    fn from(error: &Error) -> Self {
        match error {
            Error::Address { .. } => Self::Address,
            Error::Bind { .. } => Self::Bind,
            Error::Directory { .. } | Error::DirectoryInUse { .. } => Self::Directory,
            Error::Limit(_) => Self::Limit,
            Error::Thread(_) | Error::Descriptor(_) | Error::Random(_) => Self::System,
            Error::Nickname { .. } => Self::Nickname,
            Error::NameTaken { .. } => Self::NameTaken,
            Error::NotRegistered => Self::NotRegistered,
            Error::UnknownUser { .. } => Self::UnknownUser,
            Error::TooLong { .. } => Self::TooLong,
            Error::Refused(_) => Self::Refused,
            Error::ServerNotResponding { .. } => Self::ServerNotResponding,
            Error::TooManyPending => Self::TooManyPending,
            Error::Closed => Self::Closed,
        }
    }
}

/// The version of the library that the program runs with, such as "0.1.0".
///
/// NULL: is never returned.
/// Ownership: the string is the library's.
/// Lifetime: as long as the library is loaded.
/// Thread: any.
/// Returns: the version; it cannot fail.
#[unsafe(no_mangle)]
pub extern "C" fn superchat_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}
