//! What the crate logs, as lines on standard error, once somebody has asked for it.
//!
//! The invariant: who logs never waits for who reads. A thread writes the lines; those that it is
//! too far behind with are left out.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use tracing::Level;

/// Lines that wait for a reader of standard error, as many as of the command line's own.
const LINES: usize = 10_000;

/// How long the last lines are waited for when the interpreter goes.
const LAST_LINES: Duration = Duration::from_secs(1);

enum Entry {
    Line(Vec<u8>),
    /// Everything before this is written when it is dropped.
    End {
        _written: Sender<()>,
    },
}

static ENTRIES: OnceLock<Sender<Entry>> = OnceLock::new();

/// What the subscriber writes a line to.
struct Line(Sender<Entry>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // It fails if there is no room: the line is left out.
        let _ = self.0.try_send(Entry::Line(bytes.to_vec()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Write what servers and clients log to standard error from now on, a line each.
///
/// ``level`` is ``"error"``, ``"warn"``, ``"info"``, ``"debug"`` or ``"trace"``; each has what those
/// before it have. Raises ``ValueError`` for another level, and ``RuntimeError`` the second time.
///
/// >>> superchat.log_to_stderr("loud")
/// Traceback (most recent call last):
/// ValueError: "loud" is not error, warn, info, debug or trace
#[pyfunction]
pub(super) fn log_to_stderr(level: &str) -> PyResult<()> {
    let level: Level = level.parse().map_err(|_| {
        PyValueError::new_err(format!("{level:?} is not error, warn, info, debug or trace"))
    })?;
    // A file of its own: whoever waits here for a reader holds no lock of the standard library.
    let stderr = io::stderr().as_fd().try_clone_to_owned().map_err(PyOSError::new_err)?;
    let (entries, waiting) = bounded(LINES);
    ENTRIES
        .set(entries.clone())
        .map_err(|_| PyRuntimeError::new_err("what is logged is written already"))?;
    let thread = thread::Builder::new().name("superchat-log".to_owned());
    thread.spawn(move || write(stderr.into(), &waiting)).map_err(PyOSError::new_err)?;
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_target(false)
        .with_writer(move || Line(entries.clone()))
        .finish();
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

fn write(mut stderr: File, waiting: &Receiver<Entry>) {
    for entry in waiting {
        if let Entry::Line(line) = entry {
            // It fails if nobody takes it, and there is nobody else to tell.
            let _ = stderr.write_all(&line);
        }
    }
}

/// Waits until what was logged is written, or until it is clear that nobody reads it.
pub(super) fn finish() {
    let Some(entries) = ENTRIES.get() else { return };
    let (_written, done) = bounded(0);
    if entries.try_send(Entry::End { _written }).is_ok() {
        let _ = done.recv_timeout(LAST_LINES);
    }
}
