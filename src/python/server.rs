//! `superchat.Server`.

use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;

use super::held::{Held, not_pickled};
use super::{convert, limits};
use crate::ServerEvent;

/// A running server: it keeps who is online where, and stores what cannot be delivered.
///
/// It serves from construction until ``stop()``, or the end of a ``with`` block. ``port`` 0 takes any
/// free port. What waits for users is in ``directory``, which is one server's. ``refuse_classic`` turns
/// programs of 2017 away.
///
/// Its callback runs on a thread of its own, or inside ``dispatch()`` if the server is ``polled``. What
/// it raises goes to ``sys.unraisablehook``. All methods may be called from any thread, the callback
/// included. A child of ``os.fork`` has none of the threads: there a server of the parent raises
/// ``ClosedError``, and stopping it does nothing.
///
/// Raises ``AddressError``, ``BindError``, ``DirectoryError`` or ``LimitError``.
///
/// >>> import superchat, tempfile
/// >>> with superchat.Server(directory=tempfile.mkdtemp()) as server:
/// ...     with superchat.Client("sonic", *server.address):
/// ...         [user.nickname for user in server.users() if user.online]
/// ['sonic']
#[pyclass(module = "superchat", frozen, weakref)]
pub(super) struct Server {
    held: Held<crate::Server, ServerEvent>,
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
        convert::check_callable(py, "on_event", on_event.as_ref())?;
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
            if on_event.is_some() {
                let of_events = Arc::clone(&on_event);
                builder = builder.on_event(move |event| {
                    // None while the interpreter goes: there is nobody left to tell.
                    let _ = Python::try_attach(|py| tell(py, &of_events, &event));
                });
            }
            Ok((builder.start()?, None))
        });
        let (server, inbox) = started.map_err(|error| convert::exception(py, &error))?;
        Ok(Self { held: Held::new(py, server, inbox)?, on_event })
    }

    /// Where it listens: host and port.
    ///
    /// >>> superchat.Client("tails", *server.address).registered
    /// True
    #[getter]
    fn address(&self, py: Python<'_>) -> PyResult<(String, u16)> {
        Ok(convert::address(self.held.get(py)?.address()))
    }

    /// What it was started with.
    ///
    /// >>> server.limits().users
    /// 65536
    fn limits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        limits::to_python(py, self.held.get(py)?.limits())
    }

    /// Everyone who registered, online or not, by name.
    ///
    /// >>> [user.nickname for user in server.users()]
    /// ['lanking', 'sonic']
    fn users<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let server = self.held.get(py)?;
        convert::users(py, &py.detach(|| server.users()))
    }

    /// What it has counted since the start, and how things stand now.
    ///
    /// >>> server.stats().users_online
    /// 2
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let server = self.held.get(py)?;
        convert::stats(py, py.detach(|| server.stats()))
    }

    /// The file descriptor of a ``polled`` server, for an event loop to wait on.
    ///
    /// It is readable while something waits for ``dispatch()``, and after the end. Raises ``ValueError`` if
    /// the server is not polled.
    ///
    /// >>> server.fileno()
    /// Traceback (most recent call last):
    /// ValueError: it has a thread for its callbacks: polled=True has none
    fn fileno(&self, py: Python<'_>) -> PyResult<RawFd> {
        self.held.fileno(py)
    }

    /// Run the callback of what waits, of a ``polled`` server: here and now.
    ///
    /// False once the server has stopped and nothing more comes. What the callback raises goes to
    /// ``sys.unraisablehook``; but ``KeyboardInterrupt`` and ``SystemExit`` are raised here, after the other
    /// events. Raises ``ValueError`` if the server is not polled.
    ///
    /// >>> import select, tempfile
    /// >>> seen = []
    /// >>> polled = superchat.Server(directory=tempfile.mkdtemp(), on_event=seen.append, polled=True)
    /// >>> superchat.Client("tails", *polled.address).close()
    /// >>> while superchat.events.Offline("tails") not in seen:
    /// ...     select.select([polled], [], [], 10) and polled.dispatch() and None
    /// >>> polled.stop()
    fn dispatch(&self, py: Python<'_>) -> PyResult<bool> {
        self.held.dispatch(py, |event| tell(py, &self.on_event, &event))
    }

    /// Answer nothing that leads to more events, of a ``polled`` server, until ``resume()``.
    ///
    /// For a program that has moved them to a queue of its own, which is full. Raises ``ValueError`` if the
    /// server is not polled.
    ///
    /// >>> import tempfile
    /// >>> polled = superchat.Server(directory=tempfile.mkdtemp(), polled=True)
    /// >>> polled.pause()
    /// >>> polled.resume()
    /// >>> polled.stop()
    fn pause(&self, py: Python<'_>) -> PyResult<()> {
        self.held.pause(py)
    }

    /// Answer again, after ``pause()``, which has an example. Raises ``ValueError`` if it is not polled.
    fn resume(&self, py: Python<'_>) -> PyResult<()> {
        self.held.resume(py)
    }

    /// Tell everyone online that the server is down, and stop. Safe to call twice.
    ///
    /// Who does not answer is waited for a second. Servers that still run are stopped when the interpreter
    /// exits.
    ///
    /// >>> server.stop()
    fn stop(&self, py: Python<'_>) {
        self.held.close(py);
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

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_pickled("Server", "pass its address on, which its clients connect to"))
    }

    fn __repr__(&self) -> String {
        let address = self.held.endpoint_of_any_process().address();
        format!(
            "<superchat.Server at {address}, {}>",
            self.held.state("stopped").unwrap_or("running")
        )
    }
}
