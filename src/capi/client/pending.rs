//! Sending, with something to wait on.

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use super::super::boundary::{Fault, fallible, infallible};
use super::super::events::superchat_delivery;
use super::super::held::{generation, is_of_this_process};
use super::super::status::superchat_status;
use super::super::strings;
use super::{handle, superchat_client};
use crate::{Delivery, Error, Pending, Slot};

/// A message that was posted, and what becomes of it. Made by superchat_client_post_pending, freed by
/// superchat_pending_wait or superchat_pending_free; it may outlive its client.
pub struct superchat_pending {
    _slot: Slot<Delivery>,
}

/// The pointer for C to what is owned.
fn give(pending: Pending<Delivery>) -> *mut superchat_pending {
    Arc::into_raw(pending.into_slot(generation())).cast_mut().cast()
}

/// # Safety
/// `pending` is NULL or of [`give`], and stays so for `'a`.
unsafe fn look<'a>(pending: *const superchat_pending) -> Option<&'a Slot<Delivery>> {
    // SAFETY: `give` made it of a pointer to this, by contract.
    unsafe { pending.cast::<Slot<Delivery>>().as_ref() }
}

/// # Safety
/// `pending` is of [`give`], and not used again.
unsafe fn take(pending: *mut superchat_pending) -> Pending<Delivery> {
    // SAFETY: `give` made it of such a pointer, by contract.
    Pending::from_slot(unsafe { Arc::from_raw(pending.cast::<Slot<Delivery>>()) })
}

/// Sends a message without waiting, nor a callback: pending is set to what superchat_pending_wait
/// waits on, or to NULL on failure. Messages to one recipient are sent in the order in which they were posted.
///
/// NULL: none may be.
/// Ownership: the pending is the caller's, to be given to superchat_pending_wait or superchat_pending_free; the
/// rest stays the caller's.
/// Lifetime: recipient and text are read before this returns.
/// Thread: any, callbacks included.
/// Returns: OK, INVALID_ARGUMENT, NICKNAME or CLOSED.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_client_post_pending(
    client: *const superchat_client,
    recipient: *const c_char,
    text: *const c_char,
    pending: *mut *mut superchat_pending,
) -> superchat_status {
    fallible(|| {
        if pending.is_null() {
            return Err(Fault::Argument("pending is NULL"));
        }
        // SAFETY: not NULL, so by contract a place for a pointer.
        unsafe { *pending = ptr::null_mut() };
        // SAFETY: as the header describes them, by contract.
        let client = unsafe { handle(client) }?;
        // SAFETY: the same.
        let recipient = unsafe { strings::required(recipient, "recipient is NULL") }?;
        // SAFETY: the same.
        let text = unsafe { strings::required(text, "text is NULL") }?;
        let posted = client.post(recipient, text)?;
        // SAFETY: as above.
        unsafe { *pending = give(posted) };
        Ok(())
    })
}

/// Whether what becomes of the message is known, so that superchat_pending_wait returns at once.
///
/// NULL: pending gives true.
/// Ownership: the pending stays the caller's.
/// Lifetime: nothing is kept.
/// Thread: any, callbacks included.
/// Returns: whether it is known; it cannot fail.
///
/// # Safety
/// The pointer is NULL or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_pending_is_finished(pending: *const superchat_pending) -> bool {
    infallible(true, || {
        // SAFETY: NULL or a pending that was not freed, by contract.
        let Some(posted) = (unsafe { look(pending) }) else { return true };
        !is_of_this_process(posted.stamp()) || posted.is_told()
    })
}

/// Waits for what becomes of the message, and frees the pending. delivery is set to what became of it,
/// NONE on failure.
///
/// NULL: pending must not be; delivery may.
/// Ownership: the pending is the library's again, whatever is returned; delivery stays the caller's.
/// Lifetime: nothing is kept.
/// Thread: any, callbacks included; no other thread may be using the pending.
/// Returns: OK, INVALID_ARGUMENT, UNKNOWN_USER, NOT_REGISTERED, TOO_LONG, TOO_MANY_PENDING, REFUSED,
/// SERVER_NOT_RESPONDING or CLOSED.
///
/// # Safety
/// The pointers are NULL or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_pending_wait(
    pending: *mut superchat_pending,
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
        // SAFETY: NULL or a pending that was not freed, by contract.
        let Some(posted) = (unsafe { look(pending) }) else {
            return Err(Fault::Argument("pending is NULL"));
        };
        if !is_of_this_process(posted.stamp()) {
            return Err(Error::Closed.into());
        }
        // SAFETY: a pending from superchat_client_post_pending that was not freed, which nobody else uses,
        // by contract.
        let posted = unsafe { take(pending) };
        write(posted.wait()?.into());
        Ok(())
    })
}

/// Frees a pending without waiting. What was sent is not taken back.
///
/// NULL: does nothing.
/// Ownership: the pending is the library's again.
/// Lifetime: nothing is kept.
/// Thread: any, callbacks included; no other thread may be using the pending.
/// Returns: nothing; it cannot fail.
///
/// # Safety
/// The pointer is NULL or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_pending_free(pending: *mut superchat_pending) {
    infallible((), || {
        // SAFETY: NULL or a pending that was not freed, by contract.
        let Some(posted) = (unsafe { look(pending) }) else { return };
        if is_of_this_process(posted.stamp()) {
            // SAFETY: a pending from superchat_client_post_pending that was not freed, which nobody else
            // uses, by contract.
            drop(unsafe { take(pending) });
        }
    });
}
