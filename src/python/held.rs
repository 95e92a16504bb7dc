//! An endpoint, as an object of Python holds it.
//!
//! The invariants: it is used by the process that made it, and by no child of that, which has the socket
//! but none of the threads; and it is closed before the interpreter goes.

use std::os::fd::{AsRawFd, RawFd};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::{convert, log, reports};
use crate::{Client, Inbox, Server};

/// What has threads, and has to be closed.
pub(super) trait Endpoint: Send + Sync {
    fn close(&self);
}

impl Endpoint for Client {
    fn close(&self) {
        Self::close(self);
    }
}

impl Endpoint for Server {
    fn close(&self) {
        self.stop();
    }
}

struct Parts<E, T> {
    endpoint: E,
    /// Of an endpoint that was made with ``polled=True``; of others there is none.
    inbox: Option<Inbox<T>>,
    process: u32,
    closed: AtomicBool,
}

impl<E, T> Parts<E, T> {
    fn is_of_this_process(&self) -> bool {
        self.process == process::id()
    }
}

impl<E: Endpoint, T: Send> Endpoint for Parts<E, T> {
    fn close(&self) {
        if self.is_of_this_process() {
            self.closed.store(true, Ordering::Relaxed);
            self.endpoint.close();
        }
    }
}

/// Those that are to be closed at the exit; `None` after that.
static OPEN: Mutex<Option<Vec<Weak<dyn Endpoint>>>> = Mutex::new(Some(Vec::new()));

/// Whether it will be closed at the exit. Nothing of Python happens under the lock, which another thread
/// may want that is attached.
fn remember(endpoint: Weak<dyn Endpoint>) -> bool {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(open) = &mut *open else { return false };
    open.retain(|endpoint| endpoint.strong_count() > 0);
    open.push(endpoint);
    true
}

/// An endpoint for as long as an object has it.
pub(super) struct Held<E: Endpoint + 'static, T: Send + 'static>(Arc<Parts<E, T>>);

impl<E: Endpoint + 'static, T: Send + 'static> Held<E, T> {
    /// Holds an endpoint, which will be closed at the exit at the latest.
    pub(super) fn new(py: Python<'_>, endpoint: E, inbox: Option<Inbox<T>>) -> PyResult<Self> {
        let closed = AtomicBool::new(false);
        let held = Self(Arc::new(Parts { endpoint, inbox, process: process::id(), closed }));
        let weak: Weak<dyn Endpoint> = Arc::<Parts<E, T>>::downgrade(&held.0) as _;
        if remember(weak) {
            return Ok(held);
        }
        let text = "the interpreter exits, and has closed its clients and servers";
        Err(convert::raised(py, "ClosedError", text))
    }

    /// The endpoint, for the process that made it.
    pub(super) fn get(&self, py: Python<'_>) -> PyResult<&E> {
        if self.0.is_of_this_process() {
            return Ok(&self.0.endpoint);
        }
        let text = "it belongs to the process that forked this one; make another one here";
        Err(convert::raised(py, "ClosedError", text))
    }

    fn inbox(&self, py: Python<'_>) -> PyResult<&Inbox<T>> {
        self.get(py)?;
        let missing =
            || PyValueError::new_err("it has a thread for its callbacks: polled=True has none");
        self.0.inbox.as_ref().ok_or_else(missing)
    }

    pub(super) fn fileno(&self, py: Python<'_>) -> PyResult<RawFd> {
        Ok(self.inbox(py)?.as_raw_fd())
    }

    /// Gives what waits to `take`. What is to end the program, it raises; other exceptions were reported.
    pub(super) fn dispatch(&self, py: Python<'_>, take: impl FnMut(T)) -> PyResult<bool> {
        let inbox = self.inbox(py)?;
        reports::or_raise(|| inbox.dispatch(take))
    }

    pub(super) fn pause(&self, py: Python<'_>) -> PyResult<()> {
        self.inbox(py)?.pause();
        Ok(())
    }

    pub(super) fn resume(&self, py: Python<'_>) -> PyResult<()> {
        self.inbox(py)?.resume();
        Ok(())
    }

    /// Closes it, detached: its callbacks may need the interpreter until it is closed.
    pub(super) fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.close());
    }

    /// How it stands, in a word or a few, if it is not open; `closed` is the word for that.
    pub(super) fn state(&self, closed: &'static str) -> Option<&'static str> {
        match (self.0.is_of_this_process(), self.0.closed.load(Ordering::Relaxed)) {
            (false, _) => Some("of another process"),
            (true, true) => Some(closed),
            (true, false) => None,
        }
    }

    /// Also where nothing may be asked of it.
    pub(super) fn endpoint_of_any_process(&self) -> &E {
        &self.0.endpoint
    }
}

impl<E: Endpoint + 'static, T: Send + 'static> Drop for Held<E, T> {
    fn drop(&mut self) {
        if self.0.is_of_this_process() {
            // Its threads may wait for the interpreter: they must not be waited for attached to it.
            let _ = Python::try_attach(|py| self.close(py));
        } else {
            // Whatever is dropped with it waits for threads that are not there, or for their locks.
            std::mem::forget(Arc::clone(&self.0));
        }
    }
}

/// Why an object is not pickled or copied.
pub(super) fn not_pickled(what: &str, instead: &str) -> PyErr {
    let text = "has threads and a socket of this process: it is neither pickled nor copied";
    PyTypeError::new_err(format!("a superchat.{what} {text}; {instead}"))
}

#[pyfunction]
fn close_all(py: Python<'_>) {
    let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner).take();
    py.detach(|| {
        open.iter().flatten().filter_map(Weak::upgrade).for_each(|endpoint| endpoint.close());
        log::finish();
    });
}

/// Has Python close what is open, at its exit.
pub(super) fn close_at_exit(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let close_all = wrap_pyfunction!(close_all, module)?;
    module.py().import("atexit")?.call_method1("register", (close_all,))?;
    Ok(())
}
