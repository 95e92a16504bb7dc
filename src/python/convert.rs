//! From the crate's values to those of Python.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};

use super::reports;
use crate::{ClientEvent, Delivery, Error, Message, Pending, Route, ServerEvent, Stats, User};

/// How often a call that waits looks for signals: Ctrl+C acts within this time.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// Waits for an outcome, detached, and lets signals through.
pub(super) fn wait<T: Send>(py: Python<'_>, mut pending: Pending<T>) -> PyResult<T> {
    loop {
        match py.detach(|| pending.wait_timeout(SIGNAL_INTERVAL)) {
            Ok(outcome) => return outcome.map_err(|error| exception(py, &error)),
            Err(still_pending) => pending = still_pending,
        }
        py.check_signals()?;
    }
}

/// The class of what [`future`] makes.
fn outcome_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "superchat._outcome", "Outcome")
}

/// A `concurrent.futures.Future` that is to be [settled](settle).
pub(super) fn future(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    outcome_class(py)?.call0()
}

/// What gives such a future its result: looked up once, and called without a bound method for each.
fn set_result(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let find = || Ok::<_, PyErr>(outcome_class(py)?.getattr(intern!(py, "set_result"))?.unbind());
    Ok(FUNCTION.get_or_try_init(py, find)?.bind(py))
}

/// Gives a future its outcome. What its own callbacks raise, it reports itself.
pub(super) fn settle<T>(
    future: &Py<PyAny>,
    outcome: Result<T, Error>,
    convert: fn(Python<'_>, T) -> PyResult<Bound<'_, PyAny>>,
) {
    // None while the interpreter goes: there is nobody left to tell.
    let _ = Python::try_attach(|py| {
        let settled = match outcome {
            Ok(value) => convert(py, value)
                .and_then(|value| set_result(py)?.call1((future, value)))
                .map(Bound::unbind),
            Err(error) => future.call_method1(py, "set_exception", (exception(py, &error),)),
        };
        if let Err(error) = settled {
            reports::report(py, error, future.bind(py));
        }
    });
}

/// `None`.
pub(super) fn nothing(py: Python<'_>, (): ()) -> PyResult<Bound<'_, PyAny>> {
    Ok(py.None().into_bound(py))
}

/// Calls a callback; an exception is reported.
pub(super) fn call<'py>(
    py: Python<'py>,
    callback: &Py<PyAny>,
    argument: PyResult<Bound<'py, PyAny>>,
) {
    let called = argument.and_then(|argument| callback.call1(py, (argument,)));
    if let Err(error) = called {
        reports::report(py, error, callback.bind(py));
    }
}

/// Refuses a callback that could not be called: what comes would be acknowledged and lost.
pub(super) fn check_callable(
    py: Python<'_>,
    name: &str,
    callback: Option<&Py<PyAny>>,
) -> PyResult<()> {
    match callback {
        Some(callback) if !callback.bind(py).is_callable() => {
            Err(PyTypeError::new_err(format!("{name} is no function")))
        }
        _ => Ok(()),
    }
}

/// `host:port` of a socket, as the builders want it.
pub(super) fn host_and_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Host and port, as Python's sockets have them.
pub(super) fn address(address: SocketAddr) -> (String, u16) {
    (address.ip().to_string(), address.port())
}

/// The exception that stands for an error.
pub(super) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let name = match error {
        Error::Address { .. } => "AddressError",
        Error::Bind { .. } => "BindError",
        Error::Directory { .. } | Error::DirectoryInUse { .. } => "DirectoryError",
        Error::Limit(_) => "LimitError",
        Error::Nickname { .. } => "NicknameError",
        Error::NameTaken { .. } => "NameTakenError",
        Error::NotRegistered => "NotRegisteredError",
        Error::UnknownUser { .. } => "UnknownUserError",
        Error::TooLong { .. } => "TooLongError",
        Error::Refused(_) => "RefusedError",
        Error::ServerNotResponding { .. } => "ServerNotRespondingError",
        Error::TooManyPending => "TooManyPendingError",
        Error::Closed => "ClosedError",
        Error::Thread(_) | Error::Descriptor(_) | Error::Random(_) => "Error",
    };
    raised(py, name, &error.to_string())
}

/// An exception of `superchat.errors`.
pub(super) fn raised(py: Python<'_>, name: &str, text: &str) -> PyErr {
    let class = py.import("superchat.errors").and_then(|module| module.getattr(name));
    match class.and_then(|class| class.call1((text,))) {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// An instance of a class of `superchat.events`.
fn event<'py>(
    py: Python<'py>,
    class: &str,
    arguments: impl pyo3::call::PyCallArgs<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    py.import("superchat.events")?.getattr(class)?.call1(arguments)
}

pub(super) fn client_event<'py>(
    py: Python<'py>,
    from: &ClientEvent,
) -> PyResult<Bound<'py, PyAny>> {
    match from {
        ClientEvent::Registered { nickname } => event(py, "Registered", (nickname.as_str(),)),
        ClientEvent::Deregistered { nickname } => event(py, "Deregistered", (nickname.as_str(),)),
        ClientEvent::Notification { text } => event(py, "Notification", (text,)),
        ClientEvent::UsersChanged => event(py, "UsersChanged", ()),
        ClientEvent::Unacknowledged { recipient } => {
            event(py, "Unacknowledged", (recipient.as_str(),))
        }
        ClientEvent::ServerDown => event(py, "ServerDown", ()),
        ClientEvent::ServerLost => event(py, "ServerLost", ()),
    }
}

pub(super) fn server_event<'py>(
    py: Python<'py>,
    from: &ServerEvent,
) -> PyResult<Bound<'py, PyAny>> {
    match from {
        ServerEvent::RegisterRequest { nickname, address: at } => {
            event(py, "RegisterRequest", (nickname.as_str(), address(*at)))
        }
        ServerEvent::DeregisterRequest { nickname, address: at } => {
            event(py, "DeregisterRequest", (nickname.as_str(), address(*at)))
        }
        ServerEvent::StoreRequest { sender, recipient } => {
            event(py, "StoreRequest", (sender.as_str(), recipient.as_str()))
        }
        ServerEvent::MailboxEmpty { nickname } => event(py, "MailboxEmpty", (nickname.as_str(),)),
        ServerEvent::Online { nickname, address: at } => {
            event(py, "Online", (nickname.as_str(), address(*at)))
        }
        ServerEvent::Offline { nickname } => event(py, "Offline", (nickname.as_str(),)),
        ServerEvent::MailboxFault { nickname, reason } => {
            event(py, "MailboxFault", (nickname.as_str(), reason))
        }
        ServerEvent::MessagesExpired { recipient, count } => {
            event(py, "MessagesExpired", (recipient, *count))
        }
        ServerEvent::StoreFault { reason } => event(py, "StoreFault", (reason,)),
    }
}

/// A class of `superchat._types`, looked up once.
fn class<'py>(
    py: Python<'py>,
    cell: &'static PyOnceLock<Py<PyType>>,
    name: &str,
) -> PyResult<&'py Bound<'py, PyType>> {
    cell.import(py, "superchat._types", name)
}

pub(super) fn delivery(py: Python<'_>, from: Delivery) -> PyResult<Bound<'_, PyAny>> {
    static RECEIVED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static RELAYED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static STORED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let (cell, name) = match from {
        Delivery::Received => (&RECEIVED, "RECEIVED"),
        Delivery::Relayed => (&RELAYED, "RELAYED"),
        Delivery::Stored => (&STORED, "STORED"),
    };
    let find = || {
        Ok::<_, PyErr>(py.import("superchat._types")?.getattr("Delivery")?.getattr(name)?.unbind())
    };
    Ok(cell.get_or_try_init(py, find)?.bind(py).clone())
}

fn route(py: Python<'_>, from: Route) -> PyResult<Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let name = match from {
        Route::Direct => "DIRECT",
        Route::Relayed => "RELAYED",
        Route::Stored => "STORED",
    };
    class(py, &CLASS, "Route")?.getattr(name)
}

/// A time that pyo3 converts: of one before the Unix epoch it would panic, and others say what times are.
fn time(from: Option<SystemTime>) -> Option<SystemTime> {
    from.map(|time| time.max(SystemTime::UNIX_EPOCH))
}

pub(super) fn message<'py>(py: Python<'py>, from: &Message) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let route = route(py, from.route)?;
    let arguments = (from.sender.as_str(), &from.text, route, time(from.sent_at));
    class(py, &CLASS, "Message")?.call1(arguments)
}

pub(super) fn user<'py>(py: Python<'py>, from: &User) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let arguments =
        (from.nickname.as_str(), address(from.address), from.online, time(from.last_seen));
    class(py, &CLASS, "User")?.call1(arguments)
}

pub(super) fn users<'py>(py: Python<'py>, from: &[User]) -> PyResult<Vec<Bound<'py, PyAny>>> {
    from.iter().map(|row| user(py, row)).collect()
}

/// Puts fields into keyword arguments of the same names.
macro_rules! fields {
    ($arguments:ident, $from:ident: $($field:ident)+) => {
        $($arguments.set_item(stringify!($field), $from.$field)?;)+
    };
}

pub(super) fn stats(py: Python<'_>, from: Stats) -> PyResult<Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let arguments = PyDict::new(py);
    fields! { arguments, from:
        datagrams_received
        datagrams_sent
        bytes_received
        bytes_sent
        retransmissions
        send_failures
        malformed
        oversized
        unexpected
        busy
        limited
        displaced
        withheld
        messages_received
        messages_relayed
        messages_stored
        messages_failed
        messages_delivered
        messages_refused
        messages_expired
        store_faults
        commits
        users
        users_online
        mailboxes
        stored_bytes
        journal_bytes
        unsettled
        messages_pending
        requests_pending
        store_requests_pending
        events_pending
        frames_pending
        round_trips
    }
    arguments.set_item("round_trip_p50", from.round_trip_p50.as_secs_f64())?;
    arguments.set_item("round_trip_p90", from.round_trip_p90.as_secs_f64())?;
    arguments.set_item("round_trip_p99", from.round_trip_p99.as_secs_f64())?;
    class(py, &CLASS, "Stats")?.call((), Some(&arguments))
}
