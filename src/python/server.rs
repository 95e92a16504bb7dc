//! `superchat.Server`.

use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;

use super::polled::Polled;
use super::{convert, endpoints, limits};
use crate::ServerEvent;

/// A running server: it keeps who is online where, and stores what cannot be delivered.
///
/// It serves from construction until ``stop()``; as a context manager it stops at the end of the
/// block. Its callback runs on a thread of its own, or inside ``dispatch()`` if it is ``polled``. Raises ``AddressError``, ``BindError``, ``DirectoryError`` or ``LimitError``.
#[pyclass(module = "superchat", frozen, weakref)]
pub(super) struct Server {
    inner: Arc<crate::Server>,
    polled: Polled<ServerEvent>,
    on_event: Arc<Option<Py<PyAny>>>,
}

fn tell(py: Python<'_>, on_event: &Option<Py<PyAny>>, event: &ServerEvent) {
    if let Some(callback) = on_event {
        convert::call(py, callback, convert::server_event(py, event));
    }
}

#[pymethods]
impl Server {
    #[new]
    #[pyo3(signature = (port=0, host="localhost", *, directory=PathBuf::from("."), refuse_classic=false,
                        limits=None, on_event=None, polled=false),
           text_signature = "(port=0, host=\"localhost\", *, directory=\".\", refuse_classic=False, limits=None, on_event=None, polled=False)")]
    #[allow(clippy::too_many_arguments)] // They are keywords in Python.
    fn new(
        py: Python<'_>,
        port: u16,
        host: &str,
        directory: PathBuf,
        refuse_classic: bool,
        limits: Option<Bound<'_, PyAny>>,
        on_event: Option<Py<PyAny>>,
        polled: bool,
    ) -> PyResult<Self> {
        let mut builder = crate::Server::builder()
            .bind(convert::host_and_port(host, port))
            .directory(directory)
            .refuse_classic(refuse_classic);
        if let Some(given) = limits {
            builder = builder.limits(limits::from_python(&given)?);
        }
        let on_event = Arc::new(on_event);
        let started = py.detach(|| {
            if polled {
                let (server, inbox) = builder.start_with_inbox()?;
                return Ok((server, Some(inbox)));
            }
            let of_events = Arc::clone(&on_event);
            let builder = builder.on_event(move |event| {
                // None while the interpreter goes: there is nobody left to tell.
                let _ = Python::try_attach(|py| tell(py, &of_events, &event));
            });
            Ok((builder.start()?, None))
        });
        let (server, inbox) = started.map_err(|error| convert::exception(py, &error))?;
        let inner = Arc::new(server);
        endpoints::remember(&inner);
        Ok(Self { inner, polled: Polled(inbox), on_event })
    }

    /// Where it listens: host and port.
    #[getter]
    fn address(&self) -> (String, u16) {
        convert::address(self.inner.address())
    }

    /// What it was started with.
    fn limits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        limits::to_python(py, self.inner.limits())
    }

    /// Everyone who registered, online or not, by name.
    fn users<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        convert::users(py, &py.detach(|| self.inner.users()))
    }

    /// What it has counted since the start, and how things stand now.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::stats(py, py.detach(|| self.inner.stats()))
    }

    /// The file descriptor of a ``polled`` server, readable while something waits for ``dispatch()``.
    fn fileno(&self) -> PyResult<RawFd> {
        self.polled.fileno()
    }

    /// Run the callback of what waits, of a ``polled`` server: here and now.
    fn dispatch(&self, py: Python<'_>) -> PyResult<bool> {
        self.polled.dispatch(|event| tell(py, &self.on_event, &event))
    }

    /// Tell everyone online that the server is down, and stop. Safe to call twice.
    fn stop(&self, py: Python<'_>) {
        endpoints::close(py, &*self.inner);
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (exc_type, exc_value, traceback))]
    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: Option<Bound<'_, PyAny>>,
        exc_value: Option<Bound<'_, PyAny>>,
        traceback: Option<Bound<'_, PyAny>>,
    ) {
        let _ = (exc_type, exc_value, traceback);
        self.stop(py);
    }

    fn __repr__(&self) -> String {
        format!("<superchat.Server at {}>", self.inner.address())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its threads may wait for the interpreter: they must not be waited for attached to it.
        let _ = Python::try_attach(|py| endpoints::close(py, &*self.inner));
    }
}
