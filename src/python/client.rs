//! `superchat.Client`.

use std::os::fd::RawFd;
use std::sync::Arc;

use pyo3::prelude::*;

use super::polled::Polled;
use super::{convert, endpoints};
use crate::{ClientEvent, Incoming, Message};

/// A client of one server, online under one nickname.
///
/// It registers when it is made, unless ``register=False``. ``port`` 0 takes any free port;
/// without ``host`` it binds to the loopback interface if the server is there, and to all
/// interfaces otherwise. Callbacks run one at a time on a thread of the client's own, or inside
/// ``dispatch()`` if the client is ``polled``; they are held until the client is closed, so close one
/// whose callbacks refer to its owner. Raises
/// ``AddressError``, ``BindError``, ``NicknameError``, ``NameTakenError``, ``RefusedError`` or
/// ``ServerNotRespondingError``.
#[pyclass(module = "superchat", frozen, weakref)]
pub(super) struct Client {
    inner: Arc<crate::Client>,
    polled: Polled<Incoming>,
    callbacks: Arc<Callbacks>,
}

struct Callbacks {
    on_message: Option<Py<PyAny>>,
    on_event: Option<Py<PyAny>>,
}

impl Callbacks {
    fn message(&self, py: Python<'_>, message: &Message) {
        if let Some(callback) = &self.on_message {
            convert::call(py, callback, convert::message(py, message));
        }
    }

    fn event(&self, py: Python<'_>, event: &ClientEvent) {
        if let Some(callback) = &self.on_event {
            convert::call(py, callback, convert::client_event(py, event));
        }
    }
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (nickname, server, server_port, port=0, *, host=None, register=true,
                        on_message=None, on_event=None, polled=false))]
    #[allow(clippy::too_many_arguments)] // They are keywords in Python.
    fn new(
        py: Python<'_>,
        nickname: &str,
        server: &str,
        server_port: u16,
        port: u16,
        host: Option<&str>,
        register: bool,
        on_message: Option<Py<PyAny>>,
        on_event: Option<Py<PyAny>>,
        polled: bool,
    ) -> PyResult<Self> {
        let mut builder = crate::Client::builder(nickname)
            .server(convert::host_and_port(server, server_port))
            .port(port)
            .register(false);
        if let Some(host) = host {
            builder = builder.bind(convert::host_and_port(host, port));
        }
        let callbacks = Arc::new(Callbacks { on_message, on_event });
        let connected = py.detach(|| {
            if polled {
                let (client, inbox) = builder.connect_with_inbox()?;
                return Ok((client, Some(inbox)));
            }
            // In both, None while the interpreter goes: there is nobody left to tell.
            let (of_messages, of_events) = (Arc::clone(&callbacks), Arc::clone(&callbacks));
            let client = builder
                .on_message(move |message| {
                    let _ = Python::try_attach(|py| of_messages.message(py, &message));
                })
                .on_event(move |event| {
                    let _ = Python::try_attach(|py| of_events.event(py, &event));
                })
                .connect()?;
            Ok((client, None))
        });
        let (client, inbox) = connected.map_err(|error| convert::exception(py, &error))?;
        let inner = Arc::new(client);
        endpoints::remember(&inner);
        let client = Self { inner, polled: Polled(inbox), callbacks };
        if register {
            client.register(py, None)?;
        }
        Ok(client)
    }

    /// The nickname that it is, or was last, registered under.
    #[getter]
    fn nickname(&self) -> String {
        self.inner.nickname().as_str().to_owned()
    }

    /// Where it listens: host and port.
    #[getter]
    fn address(&self) -> (String, u16) {
        convert::address(self.inner.address())
    }

    /// Whether the server holds it online.
    #[getter]
    fn registered(&self) -> bool {
        self.inner.is_registered()
    }

    /// Go online, under another nickname if one is given; waits for the server.
    #[pyo3(signature = (nickname=None))]
    fn register(&self, py: Python<'_>, nickname: Option<&str>) -> PyResult<()> {
        let name = nickname.map_or_else(|| self.nickname(), str::to_owned);
        let pending = py.detach(|| self.inner.post_register(&name));
        convert::wait(py, pending.map_err(|error| convert::exception(py, &error))?)
    }

    /// Go online without waiting; the future is done when the server has answered.
    #[pyo3(signature = (nickname=None))]
    fn post_register<'py>(
        &self,
        py: Python<'py>,
        nickname: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = nickname.map_or_else(|| self.nickname(), str::to_owned);
        let future = convert::future(py)?;
        let held = future.clone().unbind();
        let posted = py.detach(|| {
            self.inner.post_register_then(&name, move |outcome| {
                convert::settle(&held, outcome, convert::nothing)
            })
        });
        posted.map_err(|error| convert::exception(py, &error))?;
        Ok(future)
    }

    /// Go offline; waits for the server. Messages then wait in the server's mailbox.
    fn deregister(&self, py: Python<'_>) -> PyResult<()> {
        let pending = py.detach(|| self.inner.post_deregister());
        convert::wait(py, pending.map_err(|error| convert::exception(py, &error))?)
    }

    /// Go offline without waiting; the future is done when the server has answered.
    fn post_deregister<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let future = convert::future(py)?;
        let held = future.clone().unbind();
        let posted = py.detach(|| {
            self.inner.post_deregister_then(move |outcome| {
                convert::settle(&held, outcome, convert::nothing)
            })
        });
        posted.map_err(|error| convert::exception(py, &error))?;
        Ok(future)
    }

    /// Send a message and wait for what becomes of it.
    fn send<'py>(
        &self,
        py: Python<'py>,
        recipient: &str,
        text: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let pending = py.detach(|| self.inner.post(recipient, text));
        let pending = pending.map_err(|error| convert::exception(py, &error))?;
        convert::delivery(py, convert::wait(py, pending)?)
    }

    /// Send a message without waiting; the future has what became of it.
    fn post<'py>(
        &self,
        py: Python<'py>,
        recipient: &str,
        text: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let future = convert::future(py)?;
        let held = future.clone().unbind();
        let posted = py.detach(|| {
            self.inner.post_then(recipient, text, move |outcome| {
                convert::settle(&held, outcome, convert::delivery)
            })
        });
        posted.map_err(|error| convert::exception(py, &error))?;
        Ok(future)
    }

    /// The table of users as the server last sent it, by name.
    fn users<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        convert::users(py, &py.detach(|| self.inner.users()))
    }

    /// What it has counted since the start, and how things stand now.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::stats(py, py.detach(|| self.inner.stats()))
    }

    /// The file descriptor of a ``polled`` client, readable while something waits for ``dispatch()``.
    fn fileno(&self) -> PyResult<RawFd> {
        self.polled.fileno()
    }

    /// Run the callbacks of what waits, and settle futures, of a ``polled`` client: here and now.
    fn dispatch(&self, py: Python<'_>) -> PyResult<bool> {
        self.polled.dispatch(|incoming| match incoming {
            Incoming::Message(message) => self.callbacks.message(py, &message),
            Incoming::Event(event) => self.callbacks.event(py, &event),
        })
    }

    /// Take no more messages of others, of a ``polled`` client, until ``resume()``.
    fn pause(&self) -> PyResult<()> {
        self.polled.pause()
    }

    /// Take messages of others again.
    fn resume(&self) -> PyResult<()> {
        self.polled.resume()
    }

    /// Log off and stop; what is pending fails with ``ClosedError``. Safe to call twice.
    fn close(&self, py: Python<'_>) {
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
        self.close(py);
    }

    fn __repr__(&self) -> String {
        let presence = if self.inner.is_registered() { "online" } else { "offline" };
        let (name, address) = (self.inner.nickname(), self.inner.address());
        format!("<superchat.Client {name:?} at {address}, {presence}>")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Its threads may wait for the interpreter: they must not be waited for attached to it.
        let _ = Python::try_attach(|py| endpoints::close(py, &*self.inner));
    }
}
