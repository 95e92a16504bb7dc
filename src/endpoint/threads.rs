//! The threads of an endpoint.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, ThreadId};

use super::Error;

/// Threads that end by themselves once their endpoint has ended, and are waited for once.
#[derive(Debug, Default)]
pub(super) struct Threads {
    handles: Mutex<Vec<JoinHandle<()>>>,
    /// Beside the handles, whose lock is held while they are waited for.
    ids: Mutex<Vec<ThreadId>>,
}

impl Threads {
    /// What it logs is of the endpoint that the caller works on.
    pub(super) fn spawn(
        &self,
        name: &str,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<(), Error> {
        let thread = thread::Builder::new().name(format!("superchat-{name}"));
        let span = tracing::Span::current();
        let handle = thread.spawn(move || span.in_scope(body)).map_err(Error::Thread)?;
        lock(&self.ids).push(handle.thread().id());
        lock(&self.handles).push(handle);
        Ok(())
    }

    /// Waits for the threads to end, unless this is one of them. Where two threads call it, each
    /// returns only after the end.
    pub(super) fn join(&self) {
        if lock(&self.ids).contains(&thread::current().id()) {
            return;
        }
        for handle in lock(&self.handles).drain(..) {
            // A panic in it was reported by the panic hook; there is nothing more to say here.
            let _ = handle.join();
        }
    }
}

/// Neither list is ever left half changed.
fn lock<T>(list: &Mutex<T>) -> MutexGuard<'_, T> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}
