//! What every handle keeps beside its endpoint.
//!
//! The invariants: a handle is freed once, also where a callback frees one that is being freed; and it is
//! used by the process that made it, and by no child of that, which has the socket but none of the
//! threads.

use std::ffi::c_int;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// How many forks lie between this process and the one that made the first handle. To ask the system which process
/// this is takes a system call, for each message.
static GENERATION: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
    ) -> c_int;
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// The generation of this process, for a handle that is made here.
pub(super) fn generation() -> u32 {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        // SAFETY: `in_child` is a function of this type that may run in a child of a process with threads: it adds to
        // an atomic number, and does nothing else. Where there is no memory for this, no fork is noticed.
        unsafe { pthread_atfork(None, None, Some(in_child)) };
    });
    GENERATION.load(Ordering::Relaxed)
}

/// Whether a handle of this generation was made by this process.
pub(super) fn is_of_this_process(generation: u32) -> bool {
    generation == GENERATION.load(Ordering::Relaxed)
}

/// Whose a handle is, and whether it goes.
pub(super) struct Held {
    generation: u32,
    /// Its `_free` runs, and goes on when the callback that it waits for returns.
    freeing: AtomicBool,
}

impl Held {
    pub(super) fn new() -> Self {
        Self { generation: generation(), freeing: AtomicBool::new(false) }
    }

    pub(super) fn is_of_this_process(&self) -> bool {
        is_of_this_process(self.generation)
    }

    /// Whether the one who asks is to free it: the first, in the process that made it. In a child the
    /// threads that would be waited for are not there, so that it stays as it is.
    pub(super) fn begins_to_go(&self) -> bool {
        self.is_of_this_process() && !self.freeing.swap(true, Ordering::AcqRel)
    }
}
