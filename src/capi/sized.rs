//! Structs that a program and the library may know in different sizes, because one is newer.
//!
//! The invariant: no byte is read or written past the size that the program has set. What a program
//! does not know keeps its default; what the library does not know must be zero, so that nothing that
//! was asked for is left out in silence (as Linux's `copy_struct_from_user` has it).

use std::ptr;

use super::boundary::Fault;

/// More than any of these structs will have: what is past it was never set by `_init`.
const MAX_SIZE: usize = 4096;

/// A struct that grows at its end.
///
/// # Safety
/// It is `repr(C)`, begins with `size: usize`, and has no padding at its end, or a field added later
/// would lie in bytes that earlier programs do not set; [`no_padding_after`] checks that.
pub(super) unsafe trait Growable: Copy {
    /// As C calls it.
    const NAME: &'static str;

    /// Everything at its default, and the size that this version knows.
    fn defaults() -> Self;
}

/// Whether a struct `T` ends with the field of this type that begins at `offset`.
pub(super) const fn no_padding_after<T, Last>(offset: usize) -> bool {
    offset + size_of::<Last>() == size_of::<T>()
}

/// Makes a struct of `size` bytes with everything at its default, or does nothing for NULL.
///
/// # Safety
/// `to` is NULL or points to `size` writable bytes, as aligned as a `T`.
pub(super) unsafe fn init<T: Growable>(to: *mut T, size: usize) {
    if to.is_null() {
        return;
    }
    // SAFETY: the caller's contract is this function's.
    unsafe {
        overwrite(to, &T::defaults(), size);
        if size >= size_of::<usize>() {
            to.cast::<usize>().write(size);
        }
    }
}

/// Reads a struct that a program has filled in. `missing` is the answer to NULL.
///
/// # Safety
/// `from` is NULL or points to a struct that begins with its size and has that many bytes.
pub(super) unsafe fn read<T: Growable>(from: *const T, missing: &'static str) -> Result<T, Fault> {
    // SAFETY: the caller's contract is this function's.
    let size = unsafe { size_of_given(from, missing) }?;
    let (known, mut read) = (size.min(size_of::<T>()), T::defaults());
    // SAFETY: there are `size` bytes, and `known` is no more, nor more than a `T` has. They are no
    // part of `read`. No field is cut: `size` is a multiple of the alignment.
    let unknown = unsafe {
        ptr::copy_nonoverlapping(from.cast::<u8>(), (&raw mut read).cast::<u8>(), known);
        std::slice::from_raw_parts(from.cast::<u8>().add(known), size - known)
    };
    if unknown.iter().any(|byte| *byte != 0) {
        return Err(Fault::TooNew(T::NAME));
    }
    Ok(read)
}

/// Writes `value` to a struct that a program has made: what it does not know is left out, and what
/// the library does not know is zero. `missing` is the answer to NULL.
///
/// # Safety
/// `to` is NULL or points to a struct that begins with its size and has that many bytes.
pub(super) unsafe fn write<T: Growable>(
    to: *mut T,
    value: &T,
    missing: &'static str,
) -> Result<(), Fault> {
    // SAFETY: the caller's contract is this function's.
    let size = unsafe { size_of_given(to, missing) }?;
    // SAFETY: there are `size` bytes, which begin with the size.
    unsafe {
        overwrite(to, value, size);
        to.cast::<usize>().write(size);
    }
    Ok(())
}

/// The size that a program has set, if `_init` can have set it.
///
/// # Safety
/// `of` is NULL or points to a struct that begins with its size.
unsafe fn size_of_given<T: Growable>(of: *const T, missing: &'static str) -> Result<usize, Fault> {
    if of.is_null() {
        return Err(Fault::Argument(missing));
    }
    // SAFETY: not NULL, so by contract there is a size.
    let size = unsafe { of.cast::<usize>().read() };
    let made = (size_of::<usize>()..=MAX_SIZE).contains(&size) && size % align_of::<T>() == 0;
    if made { Ok(size) } else { Err(Fault::NotMade(T::NAME)) }
}

/// Overwrites `size` bytes: with as much of `value` as fits, and zeros after it.
///
/// # Safety
/// `to` points to `size` writable bytes.
unsafe fn overwrite<T: Growable>(to: *mut T, value: &T, size: usize) {
    let known = size.min(size_of::<T>());
    // SAFETY: `known` is at most `size`, and at most what a `T` has; `value` is ours, and `to` the
    // caller's, so they do not overlap.
    unsafe {
        ptr::copy_nonoverlapping(ptr::from_ref(value).cast::<u8>(), to.cast::<u8>(), known);
        ptr::write_bytes(to.cast::<u8>().add(known), 0, size - known);
    }
}
