//! Endpoints that are still open when the interpreter goes.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use pyo3::prelude::*;

use super::log;
use crate::{Client, Server};

/// What has to be closed before the interpreter goes.
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

static OPEN: Mutex<Vec<Weak<dyn Endpoint>>> = Mutex::new(Vec::new());

/// Remembers an endpoint for as long as something else holds it.
pub(super) fn remember(endpoint: &Arc<impl Endpoint + 'static>) {
    let weak: Weak<dyn Endpoint> = Arc::<_>::downgrade(endpoint) as _;
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.retain(|endpoint| endpoint.strong_count() > 0);
    open.push(weak);
}

/// Closes an endpoint, detached: its callbacks may need the interpreter until it is closed.
pub(super) fn close(py: Python<'_>, endpoint: &impl Endpoint) {
    py.detach(|| endpoint.close());
}

#[pyfunction]
fn close_all(py: Python<'_>) {
    let open = std::mem::take(&mut *OPEN.lock().unwrap_or_else(PoisonError::into_inner));
    py.detach(|| {
        open.iter().filter_map(Weak::upgrade).for_each(|endpoint| endpoint.close());
        log::finish();
    });
}

/// Has Python close what is open, at its exit.
pub(super) fn close_at_exit(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let close_all = wrap_pyfunction!(close_all, module)?;
    module.py().import("atexit")?.call_method1("register", (close_all,))?;
    Ok(())
}
