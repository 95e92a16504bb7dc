//! What callbacks raise.
//!
//! The invariant: no exception is lost. It goes to `sys.unraisablehook`; but inside `dispatch()`, where the
//! program's own code waits, what is to end the program (`KeyboardInterrupt`, `SystemExit`) goes on there.

use std::cell::RefCell;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

thread_local! {
    /// What is to be raised at the end of the `dispatch()` that runs on this thread, if one does.
    static RAISED: RefCell<Option<Option<PyErr>>> = const { RefCell::new(None) };
}

/// Reports what a callback raised.
pub(super) fn report(py: Python<'_>, error: PyErr, callback: &Bound<'_, PyAny>) {
    if error.is_instance_of::<PyException>(py) {
        return error.write_unraisable(py, Some(callback));
    }
    // Of two, the second is reported.
    let kept = RAISED.with_borrow_mut(|raised| match raised {
        Some(first @ None) => {
            *first = Some(error);
            None
        }
        _ => Some(error),
    });
    if let Some(error) = kept {
        error.write_unraisable(py, Some(callback));
    }
}

/// Runs callbacks, and raises what one of them has raised to end the program.
pub(super) fn or_raise<R>(run: impl FnOnce() -> R) -> PyResult<R> {
    let outer = RAISED.replace(Some(None));
    let result = run();
    RAISED.replace(outer).flatten().map_or(Ok(result), Err)
}
