//! `superchat.Client`.

use std::os::fd::RawFd;
use std::sync::Arc;

use pyo3::prelude::*;

use super::convert;
use super::held::{Held, not_pickled};
use crate::{ClientEvent, Incoming, Message};

/// A client of one server, online under one nickname.
///
/// It registers when it is made, unless ``register=False``, and waits for that. ``port`` 0 takes any
/// free port; without ``host`` it binds to the loopback interface if the server is there, and to all
/// interfaces otherwise. ``close()``, or the end of a ``with`` block, logs it off.
///
/// Callbacks run one at a time, in order, on a thread of the client's own, or inside ``dispatch()`` if
/// the client is ``polled``. What they raise goes to ``sys.unraisablehook``, and the next one runs.
/// They are held until the client is closed, so close one whose callbacks refer to its owner.
///
/// All methods may be called from any thread, callbacks included. A child of ``os.fork`` has none of
/// the threads: there a client of the parent raises ``ClosedError``, and closing it does nothing.
///
/// Raises ``AddressError``, ``BindError``, ``NicknameError``, ``NameTakenError``, ``RefusedError`` or
/// ``ServerNotRespondingError``. In the examples ``sonic`` and ``lanking`` are clients of ``server``.
///
/// >>> import queue, superchat, tempfile
/// >>> messages = queue.Queue()
/// >>> with superchat.Server(directory=tempfile.mkdtemp()) as server:
/// ...     host, port = server.address
/// ...     with superchat.Client("sonic", host, port, on_message=messages.put) as sonic:
/// ...         sonic.send("sonic", "a word to myself")
/// ...         messages.get(timeout=10)
/// Delivery.RECEIVED
/// Message(sender='sonic', text='a word to myself', route=Route.DIRECT)
#[pyclass(module = "superchat", frozen, weakref)]
pub(super) struct Client {
    held: Held<crate::Client, Incoming>,
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
        convert::check_callable(py, "on_message", on_message.as_ref())?;
        convert::check_callable(py, "on_event", on_event.as_ref())?;
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
            // In all three, None while the interpreter goes: there is nobody left to tell.
            let (of_messages, of_events) = (Arc::clone(&callbacks), Arc::clone(&callbacks));
            let mut builder = builder
                // One after the other they do not have to get the interpreter back each time.
                .around_callbacks(|callbacks| {
                    let _ = Python::try_attach(|_| callbacks());
                })
                .on_message(move |message| {
                    let _ = Python::try_attach(|py| of_messages.message(py, &message));
                });
            if callbacks.on_event.is_some() {
                builder = builder.on_event(move |event| {
                    let _ = Python::try_attach(|py| of_events.event(py, &event));
                });
            }
            Ok((builder.connect()?, None))
        });
        let (client, inbox) = connected.map_err(|error| convert::exception(py, &error))?;
        let client = Self { held: Held::new(py, client, inbox)?, callbacks };
        if register {
            client.register(py, None)?;
        }
        Ok(client)
    }

    /// The nickname that it is, or was last, registered under.
    ///
    /// >>> sonic.nickname
    /// 'sonic'
    #[getter]
    fn nickname(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.held.get(py)?.nickname().as_str().to_owned())
    }

    /// Where it listens: host and port.
    ///
    /// >>> host, port = sonic.address
    /// >>> host
    /// '127.0.0.1'
    #[getter]
    fn address(&self, py: Python<'_>) -> PyResult<(String, u16)> {
        Ok(convert::address(self.held.get(py)?.address()))
    }

    /// Whether the server holds it online.
    ///
    /// >>> sonic.registered
    /// True
    #[getter]
    fn registered(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.held.get(py)?.is_registered())
    }

    /// Go online, under another nickname if one is given; waits for the server.
    ///
    /// Raises ``NicknameError``, ``NameTakenError``, ``RefusedError``, ``ServerNotRespondingError``,
    /// ``TooManyPendingError`` or ``ClosedError``.
    ///
    /// >>> sonic.register("lanking")
    /// Traceback (most recent call last):
    /// superchat.errors.NameTakenError: lanking is already online
    #[pyo3(signature = (nickname=None))]
    fn register(&self, py: Python<'_>, nickname: Option<&str>) -> PyResult<()> {
        let client = self.held.get(py)?;
        let name = nickname.map_or_else(|| client.nickname().to_string(), str::to_owned);
        let pending = py.detach(|| client.post_register(&name));
        convert::wait(py, pending.map_err(|error| convert::exception(py, &error))?)
    }

    /// Go online without waiting; the future is done when the server has answered.
    ///
    /// Raises ``NicknameError``, ``TooManyPendingError`` or ``ClosedError`` at once, the others of
    /// ``register()`` with the outcome.
    ///
    /// >>> sonic.post_register("knuckles").result(timeout=10)
    /// >>> sonic.nickname
    /// 'knuckles'
    #[pyo3(signature = (nickname=None))]
    fn post_register<'py>(
        &self,
        py: Python<'py>,
        nickname: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let client = self.held.get(py)?;
        let name = nickname.map_or_else(|| client.nickname().to_string(), str::to_owned);
        let future = convert::future(py)?;
        let held = future.clone().unbind();
        let posted = py.detach(|| {
            client.post_register_then(&name, move |outcome| {
                convert::settle(&held, outcome, convert::nothing)
            })
        });
        posted.map_err(|error| convert::exception(py, &error))?;
        Ok(future)
    }

    /// Go offline; waits for the server. Messages then wait in the server's mailbox.
    ///
    /// Raises ``ServerNotRespondingError`` or ``ClosedError``, with which it is offline all the same, or
    /// ``TooManyPendingError``.
    ///
    /// >>> sonic.deregister()
    /// >>> lanking.send("sonic", "for later")
    /// Delivery.STORED
    /// >>> sonic.register()
    fn deregister(&self, py: Python<'_>) -> PyResult<()> {
        let client = self.held.get(py)?;
        let pending = py.detach(|| client.post_deregister());
        convert::wait(py, pending.map_err(|error| convert::exception(py, &error))?)
    }

    /// Go offline without waiting; the future is done when the server has answered.
    ///
    /// Raises ``TooManyPendingError`` or ``ClosedError`` at once, the other of ``deregister()`` with the
    /// outcome.
    ///
    /// >>> sonic.post_deregister().result(timeout=10)
    /// >>> sonic.registered
    /// False
    fn post_deregister<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let client = self.held.get(py)?;
        let future = convert::future(py)?;
        let held = future.clone().unbind();
        let posted = py.detach(|| {
            client.post_deregister_then(move |outcome| {
                convert::settle(&held, outcome, convert::nothing)
            })
        });
        posted.map_err(|error| convert::exception(py, &error))?;
        Ok(future)
    }

    /// Send a message and wait for what becomes of it.
    ///
    /// That is 500 ms for the recipient's ack, then for the server. Raises ``NicknameError``,
    /// ``UnknownUserError``, ``NotRegisteredError``, ``TooLongError``, ``TooManyPendingError``,
    /// ``RefusedError``, ``ServerNotRespondingError`` or ``ClosedError``.
    ///
    /// >>> sonic.send("lanking", "hi")
    /// Delivery.RECEIVED
    /// >>> sonic.send("tails", "hi")
    /// Traceback (most recent call last):
    /// superchat.errors.UnknownUserError: there is no user tails
    fn send<'py>(
        &self,
        py: Python<'py>,
        recipient: &str,
        text: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let client = self.held.get(py)?;
        let pending = py.detach(|| client.post(recipient, text));
        let pending = pending.map_err(|error| convert::exception(py, &error))?;
        convert::delivery(py, convert::wait(py, pending)?)
    }

    /// Send a message without waiting; the future has what became of it.
    ///
    /// Messages to one recipient come in the order in which they were posted. The future cannot be
    /// cancelled: what was sent is not taken back. Raises ``NicknameError``, ``ClosedError`` or, where 1024
    /// futures wait, ``TooManyPendingError`` at once, the others of ``send()`` with the outcome.
    ///
    /// >>> futures = [sonic.post("lanking", text) for text in ("one", "two")]
    /// >>> [future.result(timeout=10) for future in futures]
    /// [Delivery.RECEIVED, Delivery.RECEIVED]
    fn post<'py>(
        &self,
        py: Python<'py>,
        recipient: &str,
        text: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let client = self.held.get(py)?;
        let future = convert::future(py)?;
        let held = future.clone().unbind();
        // Without a detour through `detach`: it waits for nothing that waits for Python, and every other message
        // would have to get the interpreter back from the thread of the callbacks.
        let posted = client.post_then(recipient, text, move |outcome| {
            convert::settle(&held, outcome, convert::delivery)
        });
        posted.map_err(|error| convert::exception(py, &error))?;
        Ok(future)
    }

    /// The table of users as the server last sent it, by name.
    ///
    /// >>> sonic.register()
    /// >>> [(user.nickname, user.online) for user in sonic.users() if user.nickname == "sonic"]
    /// [('sonic', True)]
    fn users<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let client = self.held.get(py)?;
        convert::users(py, &py.detach(|| client.users()))
    }

    /// What it has counted since the start, and how things stand now.
    ///
    /// >>> sonic.send("lanking", "hi")
    /// Delivery.RECEIVED
    /// >>> sonic.stats().messages_received
    /// 1
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let client = self.held.get(py)?;
        convert::stats(py, py.detach(|| client.stats()))
    }

    /// The file descriptor of a ``polled`` client, for an event loop to wait on.
    ///
    /// It is readable while something waits for ``dispatch()``, and after the end. Raises ``ValueError`` if
    /// the client is not polled.
    ///
    /// >>> import select
    /// >>> polled = superchat.Client("tails", *server.address, polled=True)
    /// >>> readable, _, _ = select.select([polled.fileno()], [], [], 10)
    /// >>> readable == [polled.fileno()]
    /// True
    fn fileno(&self, py: Python<'_>) -> PyResult<RawFd> {
        self.held.fileno(py)
    }

    /// Run the callbacks of what waits, and settle futures, of a ``polled`` client: here and now.
    ///
    /// False once the client is closed and nothing more comes. What a callback raises goes to
    /// ``sys.unraisablehook``; but ``KeyboardInterrupt`` and ``SystemExit`` are raised here, after the other
    /// callbacks. Raises ``ValueError`` if the client is not polled.
    ///
    /// >>> import select
    /// >>> polled = superchat.Client("tails", *server.address, polled=True)
    /// >>> future = polled.post("lanking", "hi")
    /// >>> while not future.done():
    /// ...     select.select([polled], [], [], 10) and polled.dispatch() and None
    /// >>> future.result()
    /// Delivery.RECEIVED
    fn dispatch(&self, py: Python<'_>) -> PyResult<bool> {
        self.held.dispatch(py, |incoming| match incoming {
            Incoming::Message(message) => self.callbacks.message(py, &message),
            Incoming::Event(event) => self.callbacks.event(py, &event),
        })
    }

    /// Take no more messages of others, of a ``polled`` client, until ``resume()``.
    ///
    /// For a program that has moved what came to a queue of its own, which is full: their senders send them
    /// again, or to the server. What the server tells of others waits, too. Raises ``ValueError`` if the client is
    /// not polled.
    ///
    /// >>> polled = superchat.Client("tails", *server.address, polled=True)
    /// >>> polled.pause()
    /// >>> lanking.send("tails", "hi")
    /// Delivery.STORED
    fn pause(&self, py: Python<'_>) -> PyResult<()> {
        self.held.pause(py)
    }

    /// Take messages of others again, after ``pause()``. Raises ``ValueError`` if it is not polled.
    ///
    /// >>> polled = superchat.Client("tails", *server.address, polled=True)
    /// >>> polled.pause()
    /// >>> polled.resume()
    /// >>> lanking.send("tails", "hi")
    /// Delivery.RECEIVED
    fn resume(&self, py: Python<'_>) -> PyResult<()> {
        self.held.resume(py)
    }

    /// Log off and stop; what is pending fails with ``ClosedError``. Safe to call twice.
    ///
    /// A server that does not answer is waited for a second. From inside a callback it does not wait for
    /// that callback. Clients that are still open are closed when the interpreter exits.
    ///
    /// >>> sonic.close()
    /// >>> sonic.send("lanking", "hi")
    /// Traceback (most recent call last):
    /// superchat.errors.ClosedError: the client is closed
    fn close(&self, py: Python<'_>) {
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
        self.close(py);
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_pickled(
            "Client",
            "make another one, under a nickname of its own, where it is needed",
        ))
    }

    fn __repr__(&self) -> String {
        let client = self.held.endpoint_of_any_process();
        let address = client.address();
        if let Some(state) = self.held.state("closed") {
            return format!("<superchat.Client at {address}, {state}>");
        }
        let presence = if client.is_registered() { "online" } else { "offline" };
        format!("<superchat.Client {:?} at {address}, {presence}>", client.nickname())
    }
}
