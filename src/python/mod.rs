//! The native half of the Python module: `superchat._superchat`.
//!
//! Values, events and exceptions are plain Python classes (`python/superchat`); here are the two
//! classes that have threads behind them. The invariants: whatever waits, waits detached from the
//! interpreter and lets signals through; a callback's exception is reported; and every endpoint is
//! closed before the interpreter goes, since a thread that attaches to an interpreter which is going
//! away brings the process down.

mod client;
mod convert;
mod held;
mod limits;
mod log;
mod reports;
mod server;

/// The native half of `superchat`.
#[pyo3::pymodule(name = "_superchat")]
mod native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::client::Client;
    #[pymodule_export]
    use super::log::log_to_stderr;
    #[pymodule_export]
    use super::server::Server;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        super::held::close_at_exit(module)
    }
}
