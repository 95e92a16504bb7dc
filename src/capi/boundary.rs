//! The boundary that no panic crosses, and the text of the last error.

use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::status::superchat_status;
use crate::Error;

/// Why a function failed.
pub(super) enum Fault {
    /// An argument is not what the header asks for; says which.
    Argument(&'static str),
    /// The size of a struct of this name is none that its `_init` sets.
    NotMade(&'static str),
    /// A struct of this name is larger than here, and what is not known here is not zero.
    TooNew(&'static str),
    /// The crate's own error.
    Error(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// Runs the body of a function that can fail. A panic becomes a status.
pub(super) fn fallible(body: impl FnOnce() -> Result<(), Fault>) -> superchat_status {
    // A panic may leave a handle half changed; the status tells the caller to free it.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => superchat_status::Ok,
        Ok(Err(fault)) => describe(&fault),
        Err(_) => {
            remember("a defect in superchat: see standard error");
            superchat_status::Internal
        }
    }
}

/// Runs the body of a function that cannot fail. A panic becomes `fallback`.
pub(super) fn infallible<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

fn describe(fault: &Fault) -> superchat_status {
    let text = match fault {
        Fault::Argument(what) => (*what).to_owned(),
        Fault::NotMade(name) => format!("a {name} has a size that {name}_default did not set"),
        Fault::TooNew(name) => {
            format!(
                "a {name} has a field set that superchat {} does not know",
                env!("CARGO_PKG_VERSION")
            )
        }
        Fault::Error(error) => return status_of(error),
    };
    remember(&text);
    superchat_status::InvalidArgument
}

/// The status of an error, whose text is kept for `superchat_last_error`.
pub(super) fn status_of(error: &Error) -> superchat_status {
    remember(&error.to_string());
    error.into()
}

fn remember(text: &str) {
    // A NUL can only come from text of a peer; what stands before it says enough.
    let text = CString::new(text.split('\0').next().unwrap_or_default()).unwrap_or_default();
    // A thread that ends, or the process, may have nowhere left to keep it.
    let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = text);
}

/// One line about the last failure on this thread: of a call that returned a status other than OK, or,
/// inside on_outcome and on_done, of what they are told of. Empty if there was none.
///
/// NULL: is never returned.
/// Ownership: the string is the library's.
/// Lifetime: until the next failure on this thread, or the thread's end.
/// Thread: any; each has its own.
/// Returns: the line; it cannot fail.
#[unsafe(no_mangle)]
pub extern "C" fn superchat_last_error() -> *const c_char {
    LAST_ERROR.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}
