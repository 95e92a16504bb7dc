//! What an event loop waits on, which is a file descriptor, and what a task waits on, which is its waker.
//!
//! The invariant: the descriptor is readable while the bell is rung. Whoever silences it looks once more,
//! afterwards, for what it was rung for; so nothing that came in between is slept over. A task leaves its waker
//! before it looks, and is woken by the next ring after a silence.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use super::pending::WakerSlot;

#[derive(Debug)]
pub(super) struct Bell {
    rung: AtomicBool,
    ringing: UnixStream,
    heard: UnixStream,
    waker: WakerSlot,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        let (ringing, heard) = UnixStream::pair()?;
        ringing.set_nonblocking(true)?;
        heard.set_nonblocking(true)?;
        let waker = WakerSlot::default();
        Ok(Self { rung: AtomicBool::new(false), ringing, heard, waker })
    }

    /// Rings. The task that waits, if one does, is to be woken with no lock held.
    #[must_use]
    pub(super) fn ring(&self) -> Option<Waker> {
        if self.rung.swap(true, Ordering::SeqCst) {
            return None;
        }
        // Where it does not fit, there is more than enough to be heard.
        let _ = (&self.ringing).write(&[0]);
        self.waker.take()
    }

    /// Leaves the waker of a task that is about to look.
    pub(super) fn leave(&self, waker: &Waker) {
        self.waker.leave(waker);
    }

    /// Whether it was rung until now.
    pub(super) fn silence(&self) -> bool {
        // Also where the flag is down: whoever rang may have written after the last silence. And in this
        // order: a byte that is written after the flag is down stays to be heard.
        let heard = (&self.heard).read(&mut [0; 64]).is_ok();
        self.rung.swap(false, Ordering::SeqCst) || heard
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.heard.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::thread;
    use std::time::Duration;

    use mio::net::UnixStream;
    use mio::{Events, Interest, Poll, Token};

    use super::Bell;

    fn is_readable(bell: &Bell) -> bool {
        let mut poll = Poll::new().unwrap();
        let mut heard = UnixStream::from_std(bell.heard.try_clone().unwrap());
        poll.registry().register(&mut heard, Token(0), Interest::READABLE).unwrap();
        let mut events = Events::with_capacity(1);
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        !events.is_empty()
    }

    #[test]
    fn it_is_readable_from_the_first_ring_to_the_silence() {
        let bell = Bell::new().unwrap();
        assert!(!is_readable(&bell));
        for _ in 0..3 {
            assert!(bell.ring().is_none());
            assert!(bell.ring().is_none());
            assert!(is_readable(&bell));
            assert!(bell.silence());
            assert!(!bell.silence());
            assert!(!is_readable(&bell));
        }
    }

    /// Who rings may be held up between the flag and the byte.
    #[test]
    fn a_byte_that_comes_late_is_silenced_too() {
        let bell = Bell::new().unwrap();
        let _ = (&bell.ringing).write(&[0]);
        assert!(is_readable(&bell));
        assert!(bell.silence());
        assert!(!is_readable(&bell));
        assert!(!bell.silence());
    }

    #[test]
    fn no_ring_is_lost_to_a_silence_at_the_same_time() {
        let bell = Bell::new().unwrap();
        let rounds = 20_000;
        let (sender, receiver) = crossbeam_channel::unbounded();
        thread::scope(|scope| {
            let ringer = scope.spawn(|| {
                for round in 0..rounds {
                    sender.send(round).unwrap();
                    let _ = bell.ring();
                }
            });
            let mut taken = 0;
            while taken < rounds {
                let all_rung = ringer.is_finished();
                if bell.silence() {
                    taken += receiver.try_iter().count();
                } else {
                    assert!(!all_rung, "a loop would sleep while {} wait", rounds - taken);
                    thread::yield_now();
                }
            }
        });
    }
}
