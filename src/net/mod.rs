//! The socket, the clock, and the thread that waits for both.
//!
//! The invariant: an engine is given one input at a time, and what it says to that is passed on before
//! the next; what is due is then done for all that came together. The driver's thread owns the socket's
//! incoming side and the timers, runs no code of the user's, and blocks on nothing but the socket. A
//! command is handled on the thread that gives it, so that what it sends is on its way without a hop to
//! another thread.

mod clock;
mod driver;
mod later;
mod outgoing;
mod socket;

pub(crate) use clock::{local_stamp, system_time, system_time_from_local};
pub(crate) use driver::{Driver, Outlet, Port};
pub(crate) use later::Later;
