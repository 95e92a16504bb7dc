//! `superchat.Server`.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;

use super::{convert, endpoints, limits};

/// A running server: it keeps who is online where, and stores what cannot be delivered.
///
/// It serves from construction until ``stop()``; as a context manager it stops at the end of the
/// block. Raises ``AddressError``, ``BindError``, ``DirectoryError`` or ``LimitError``.
#[pyclass(module = "superchat", frozen, weakref)]
pub(super) struct Server {
    inner: Arc<crate::Server>,
}

#[pymethods]
impl Server {
    #[new]
    #[pyo3(signature = (port=0, host="localhost", *, directory=PathBuf::from("."), refuse_classic=false,
                        limits=None, on_event=None),
           text_signature = "(port=0, host=\"localhost\", *, directory=\".\", refuse_classic=False, limits=None, on_event=None)")]
    fn new(
        py: Python<'_>,
        port: u16,
        host: &str,
        directory: PathBuf,
        refuse_classic: bool,
        limits: Option<Bound<'_, PyAny>>,
        on_event: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let mut builder = crate::Server::builder()
            .bind(convert::host_and_port(host, port))
            .directory(directory)
            .refuse_classic(refuse_classic);
        if let Some(given) = limits {
            builder = builder.limits(limits::from_python(&given)?);
        }
        if let Some(callback) = on_event {
            builder = builder.on_event(move |event| {
                // None while the interpreter goes: there is nobody left to tell.
                let _ = Python::try_attach(|py| {
                    convert::call(py, &callback, convert::server_event(py, &event));
                });
            });
        }
        let started = py.detach(|| builder.start());
        let inner = Arc::new(started.map_err(|error| convert::exception(py, &error))?);
        endpoints::remember(&inner);
        Ok(Self { inner })
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
