//! `superchat.Limits`.

use std::time::Duration;

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::convert;
use crate::Limits;

/// Does the same with every limit that is a number.
macro_rules! numbers {
    ($do:ident) => {
        $do!(users);
        $do!(lookup_past);
        $do!(message_bytes);
        $do!(stranger_datagrams_per_second);
        $do!(member_datagrams_per_second);
        $do!(name_requests_per_second);
        $do!(handshakes);
        $do!(unproven_factor);
        $do!(mailboxes);
        $do!(mailbox_bytes);
        $do!(mailbox_messages);
        $do!(store_bytes);
    };
}

pub(super) fn to_python(py: Python<'_>, limits: Limits) -> PyResult<Bound<'_, PyAny>> {
    let given = PyDict::new(py);
    macro_rules! give {
        ($name:ident) => {
            given.set_item(stringify!($name), limits.$name)?
        };
    }
    numbers!(give);
    given.set_item("message_age", limits.message_age)?;
    py.import("superchat")?.getattr("Limits")?.call((), Some(&given))
}

pub(super) fn from_python(from: &Bound<'_, PyAny>) -> PyResult<Limits> {
    let mut limits = Limits::default();
    macro_rules! take {
        ($name:ident) => {
            limits.$name = take(from, stringify!($name))?
        };
    }
    numbers!(take);
    limits.message_age = take::<Option<Duration>>(from, "message_age")?;
    Ok(limits)
}

/// A number, or a time, that the type cannot have is out of the range as well.
fn take<'py, T: for<'a> FromPyObject<'a, 'py>>(
    from: &Bound<'py, PyAny>,
    name: &str,
) -> PyResult<T> {
    let py = from.py();
    let value = from.getattr(name)?;
    value.extract::<T>().map_err(|error| {
        let error = error.into();
        let out_of_range =
            error.is_instance_of::<PyOverflowError>(py) || error.is_instance_of::<PyValueError>(py);
        match out_of_range {
            true => {
                let text = format!("the limit {name} is {value}, which it may not be");
                convert::raised(py, "LimitError", &text)
            }
            false if error.is_instance_of::<PyTypeError>(py) => {
                PyTypeError::new_err(format!("the limit {name}: {}", error.value(py)))
            }
            false => error,
        }
    })
}
