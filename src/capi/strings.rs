//! Strings in, strings out.

use std::ffi::{CStr, c_char};

use super::boundary::Fault;

/// Reads a string that must be there.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated string that stays unchanged for `'a`.
pub(super) unsafe fn required<'a>(
    text: *const c_char,
    missing: &'static str,
) -> Result<&'a str, Fault> {
    // SAFETY: the caller's contract is this function's.
    unsafe { optional(text) }?.ok_or(Fault::Argument(missing))
}

/// Reads a string that may be NULL.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated string that stays unchanged for `'a`.
pub(super) unsafe fn optional<'a>(text: *const c_char) -> Result<Option<&'a str>, Fault> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: it is not NULL, so by contract it is a NUL-terminated string.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| Fault::Argument("a string is not UTF-8"))
}

/// Copies `text` to a buffer of `size` bytes, cut to what fits, always NUL-terminated. Returns the
/// length of the whole, as `snprintf` does.
///
/// # Safety
/// `buffer` is NULL or points to `size` writable bytes.
pub(super) unsafe fn copy(text: &str, buffer: *mut c_char, size: usize) -> usize {
    if !buffer.is_null() && size > 0 {
        let mut length = text.len().min(size - 1);
        while !text.is_char_boundary(length) {
            length -= 1;
        }
        // SAFETY: `length` bytes and the NUL are at most `size`, and the two do not overlap: one is
        // ours, the other the caller's.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr().cast(), buffer, length);
            *buffer.add(length) = 0;
        }
    }
    text.len()
}

/// A string for C, and its length without the NUL at its end.
pub(super) struct Text {
    bytes: Vec<u8>,
}

impl Text {
    pub(super) fn new(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        Self { bytes }
    }

    pub(super) fn as_ptr(&self) -> *const c_char {
        self.bytes.as_ptr().cast()
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() - 1
    }
}
