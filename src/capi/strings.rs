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
    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes();
    if is_ascii(bytes) {
        // SAFETY: ASCII is UTF-8.
        return Ok(Some(unsafe { str::from_utf8_unchecked(bytes) }));
    }
    str::from_utf8(bytes).map(Some).map_err(|_| Fault::Argument("a string is not UTF-8"))
}

/// Whether there is nothing but ASCII, which is looked at eight bytes at a time: mostly it is so, and to see that a
/// message is UTF-8 would be two thirds of what its way through this interface takes. (So would the standard library's
/// function of this name.)
fn is_ascii(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let all = words.iter().fold(0, |all, word| all | u64::from_ne_bytes(*word));
    all & u64::from_ne_bytes([0x80; 8]) == 0 && rest.is_ascii()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_ascii_is_seen_wherever_it_stands() {
        for length in 0..40 {
            let text = "x".repeat(length);
            assert!(is_ascii(text.as_bytes()));
            for at in 0..length {
                let with = |byte: u8| {
                    let mut bytes = text.clone().into_bytes();
                    bytes[at] = byte;
                    is_ascii(&bytes)
                };
                assert!(with(0x7f) && !with(0x80) && !with(0xff), "{at} of {length}");
            }
        }
    }

    #[test]
    fn a_string_is_utf8_or_an_argument_that_is_wrong() {
        // SAFETY: literals.
        let read =
            |text: &CStr| unsafe { optional(text.as_ptr()) }.ok().flatten().map(str::to_owned);
        assert_eq!(read(c"").as_deref(), Some(""));
        assert_eq!(read(c"plain, and long enough").as_deref(), Some("plain, and long enough"));
        assert_eq!(
            read(c"fr\u{fc}h, and long enough").as_deref(),
            Some("fr\u{fc}h, and long enough")
        );
        assert_eq!(read(c"long enough, and none: \xff"), None);
        assert_eq!(read(c"\xff"), None);
    }
}
