//! Endpoints whose callbacks run where the program says: in ``dispatch()``.

use std::os::fd::{AsRawFd, RawFd};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::Inbox;

/// The inbox of an endpoint that was made with ``polled=True``; of others there is none.
pub(super) struct Polled<T>(pub(super) Option<Inbox<T>>);

impl<T> Polled<T> {
    fn inbox(&self) -> PyResult<&Inbox<T>> {
        let missing =
            || PyValueError::new_err("it has a thread for its callbacks: polled=True has none");
        self.0.as_ref().ok_or_else(missing)
    }

    pub(super) fn fileno(&self) -> PyResult<RawFd> {
        Ok(self.inbox()?.as_raw_fd())
    }

    pub(super) fn dispatch(&self, take: impl FnMut(T)) -> PyResult<bool> {
        Ok(self.inbox()?.dispatch(take))
    }

    pub(super) fn pause(&self) -> PyResult<()> {
        self.inbox()?.pause();
        Ok(())
    }

    pub(super) fn resume(&self) -> PyResult<()> {
        self.inbox()?.resume();
        Ok(())
    }
}
