//! Stop and wait: how a classic peer is spoken to.
//!
//! Its ack carries nothing that says what it acknowledges. So the invariant: at most one datagram
//! to an address is unacknowledged at a time, and the next one goes out only when no ack for an
//! earlier one can still come. For that a link counts the acks that it is *owed* (a datagram sent
//! twice is acknowledged twice) and waits until they are in, or until [`ACK_LIFETIME`] has passed
//! since the last of them was asked for. Only a question whose answer is the ack itself, whichever
//! it was ([`Patience::VERIFICATION`]), does not wait for that.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use super::Instant;
use super::timers::Timers;

/// An ack that takes longer than this is taken for one of a later datagram: the classic dialect
/// has no way to tell. Twice its own timing of 500 ms.
const ACK_LIFETIME: Duration = Duration::from_secs(1);

/// How often and how far apart a datagram is sent until it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    tries: u8,
    interval: Duration,
    urgent: bool,
}

impl Patience {
    const CLASSIC: Duration = Duration::from_millis(500);

    /// What the server tells a client: as often as a classic client asks before it gives up.
    pub(super) const PUSH: Self = Self { tries: 5, interval: Self::CLASSIC, urgent: false };

    /// A message to a peer, whose next way is through the server; and what a stranger is told.
    pub(super) const ONCE: Self = Self { tries: 1, interval: Self::CLASSIC, urgent: false };

    /// Is it there? Three losses in a row are rare; 750 ms is what somebody waits for the answer.
    pub(super) const VERIFICATION: Self =
        Self { tries: 3, interval: Duration::from_millis(250), urgent: true };

    /// Is a client that was silent still there? Nobody waits for the answer.
    pub(super) const LEASE: Self = Self { tries: 6, interval: Self::CLASSIC, urgent: false };

    /// The last word of a server that goes down: the operator waits for it, so not for long.
    pub(super) const FAREWELL: Self = Self { tries: 2, interval: Self::CLASSIC, urgent: true };
}

/// Whether a datagram was sent at least once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    Yes,
    No,
}

#[derive(Debug)]
struct Exchange<T> {
    item: T,
    begun: Begun,
    patience: Patience,
    sent: u8,
    last_sent: Instant,
}

#[derive(Debug)]
struct Link<T> {
    /// Exchanges that were not begun; urgent ones first.
    queue: VecDeque<Exchange<T>>,
    current: Option<Exchange<T>>,
    /// Acks of exchanges that are over, which may still come.
    owed: u32,
    quiet_until: Instant,
}

/// What a link does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a, T> {
    /// Send this, now.
    Transmit(&'a T),
    /// No ack came in time; it is not tried again.
    Failed(T),
}

/// What a link is to do, or until when nothing.
enum Next {
    Transmit,
    Fail,
    WaitUntil(Instant),
    Empty,
}

impl<T> Link<T> {
    fn new() -> Self {
        Self { queue: VecDeque::new(), current: None, owed: 0, quiet_until: Instant::default() }
    }

    fn urgent_waits(&self) -> bool {
        self.queue.front().is_some_and(|next| next.patience.urgent)
    }

    fn push(&mut self, item: T, patience: Patience) {
        let exchange =
            Exchange { item, begun: Begun::No, patience, sent: 0, last_sent: Instant::default() };
        if patience.urgent {
            self.queue.push_front(exchange);
        } else {
            self.queue.push_back(exchange);
        }
    }

    fn next(&mut self, now: Instant) -> Next {
        let overtaken = self.urgent_waits();
        if let Some(current) = &mut self.current {
            let deadline = current.last_sent + current.patience.interval;
            if now < deadline {
                return Next::WaitUntil(deadline);
            }
            let overtaken = overtaken && !current.patience.urgent;
            if current.sent < current.patience.tries && !overtaken {
                current.sent += 1;
                current.last_sent = now;
                return Next::Transmit;
            }
            if current.sent == current.patience.tries {
                return Next::Fail;
            }
            self.set_aside();
        }
        if now >= self.quiet_until {
            self.owed = 0;
        }
        if self.owed > 0 && !self.urgent_waits() {
            return Next::WaitUntil(self.quiet_until);
        }
        let Some(mut next) = self.queue.pop_front() else { return Next::Empty };
        next.begun = Begun::Yes;
        next.sent += 1;
        next.last_sent = now;
        self.current = Some(next);
        Next::Transmit
    }

    /// Lets an urgent exchange go first; the current one goes on with the tries that it has left.
    fn set_aside(&mut self) {
        if let Some(current) = self.end_current(0)
            && current.sent < current.patience.tries
        {
            let patience =
                Patience { tries: current.patience.tries - current.sent, ..current.patience };
            let behind_urgent = self.queue.iter().take_while(|e| e.patience.urgent).count();
            self.queue.insert(behind_urgent, Exchange { patience, sent: 0, ..current });
        }
    }

    /// Takes the current exchange out, `acked` of its acks having come.
    fn end_current(&mut self, acked: u8) -> Option<Exchange<T>> {
        let current = self.current.take()?;
        self.owed += u32::from(current.sent.saturating_sub(acked));
        self.quiet_until = self.quiet_until.max(current.last_sent + ACK_LIFETIME);
        Some(current)
    }

    fn acknowledge(&mut self) -> Option<T> {
        if self.current.is_none() {
            self.owed = self.owed.saturating_sub(1);
        }
        Some(self.end_current(1)?.item)
    }
}

/// A link for each address that there is something to say to, and the deadlines of them all.
///
/// What a link may hold is bounded by those who push: see `proto::server`.
#[derive(Debug)]
pub(super) struct Links<T> {
    links: BTreeMap<SocketAddr, Link<T>>,
    timers: Timers<SocketAddr>,
}

impl<T> Links<T> {
    pub(super) fn new() -> Self {
        Self { links: BTreeMap::new(), timers: Timers::new() }
    }

    /// Queues an item for an address.
    pub(super) fn push(&mut self, now: Instant, to: SocketAddr, item: T, patience: Patience) {
        self.links.entry(to).or_insert_with(Link::new).push(item, patience);
        self.timers.set(to, now);
    }

    /// How many items that `which` picks wait for their turn, the one on its way left out.
    pub(super) fn waiting(&self, to: SocketAddr, which: impl Fn(&T) -> bool) -> usize {
        self.links.get(&to).map_or(0, |link| link.queue.iter().filter(|e| which(&e.item)).count())
    }

    /// Whether an item that `which` picks waits, or is on its way.
    pub(super) fn has(&self, to: SocketAddr, which: impl Fn(&T) -> bool) -> bool {
        let all = |link: &Link<T>| link.current.iter().chain(&link.queue).any(|e| which(&e.item));
        self.links.get(&to).is_some_and(all)
    }

    /// An ack came from this address: what it acknowledges, if anything.
    pub(super) fn acknowledge(&mut self, now: Instant, from: SocketAddr) -> Option<T> {
        let item = self.links.get_mut(&from)?.acknowledge();
        self.timers.set(from, now);
        item
    }

    /// Ends every exchange with an address that `which` picks, and returns their items.
    pub(super) fn cancel(
        &mut self,
        now: Instant,
        to: SocketAddr,
        which: impl Fn(&T, Begun) -> bool,
    ) -> Vec<T> {
        let Some(link) = self.links.get_mut(&to) else { return Vec::new() };
        let mut cancelled = Vec::new();
        if link.current.as_ref().is_some_and(|current| which(&current.item, Begun::Yes)) {
            cancelled.extend(link.end_current(0).map(|exchange| exchange.item));
        }
        for exchange in std::mem::take(&mut link.queue) {
            if which(&exchange.item, exchange.begun) {
                cancelled.push(exchange.item);
            } else {
                link.queue.push_back(exchange);
            }
        }
        self.timers.set(to, now);
        cancelled
    }

    /// Ends every exchange with an address, and returns their items.
    pub(super) fn cancel_all(&mut self, now: Instant, to: SocketAddr) -> Vec<T> {
        self.cancel(now, to, |_, _| true)
    }

    /// Forgets an address where nobody is, and returns the items of its exchanges. The acks that it owes
    /// are forgotten, too: a late one counts for the next thing that it is told.
    pub(super) fn forget(&mut self, to: SocketAddr) -> Vec<T> {
        self.timers.stop(&to);
        let Some(link) = self.links.remove(&to) else { return Vec::new() };
        let exchanges = link.current.into_iter().chain(link.queue);
        exchanges.map(|exchange| exchange.item).collect()
    }

    /// The addresses that there is something to say to, or an ack owed from.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.links.keys().copied().collect()
    }

    /// The next thing that is due, until there is none.
    pub(super) fn poll(&mut self, now: Instant) -> Option<(SocketAddr, Step<'_, T>)> {
        loop {
            let to = self.timers.pop_expired(now)?;
            let Some(link) = self.links.get_mut(&to) else { continue };
            match link.next(now) {
                Next::Transmit => {
                    self.timers.set(to, now);
                    // The borrow checker wants the link looked up anew on the way out.
                    let current = self.links.get(&to)?.current.as_ref()?;
                    return Some((to, Step::Transmit(&current.item)));
                }
                Next::Fail => {
                    self.timers.set(to, now);
                    let exchange = link.end_current(0)?;
                    return Some((to, Step::Failed(exchange.item)));
                }
                Next::WaitUntil(at) => self.timers.set(to, at),
                Next::Empty => {
                    self.links.remove(&to);
                }
            }
        }
    }

    /// When [`poll`](Self::poll) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Whether no exchange is under way or waiting.
    pub(super) fn is_idle(&self) -> bool {
        self.links.values().all(|link| link.current.is_none() && link.queue.is_empty())
    }

    /// How many items were not acknowledged.
    pub(super) fn load(&self) -> usize {
        let links = self.links.values();
        links.map(|link| link.queue.len() + usize::from(link.current.is_some())).sum()
    }

    /// How many addresses there is something to say to, or an ack owed from.
    pub(super) fn len(&self) -> usize {
        self.links.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1211);

    fn at(ms: u64) -> Instant {
        Instant::default() + Duration::from_millis(ms)
    }

    /// Everything that the links do at this time.
    fn steps(links: &mut Links<char>, ms: u64) -> String {
        let mut done = String::new();
        while let Some((_, step)) = links.poll(at(ms)) {
            match step {
                Step::Transmit(item) => done.push(*item),
                Step::Failed(item) => done.extend(['!', item]),
            }
        }
        done
    }

    #[test]
    fn one_at_a_time_each_until_its_ack() {
        let mut links = Links::new();
        for item in ['a', 'b'] {
            links.push(at(0), PEER, item, Patience::PUSH);
        }
        assert_eq!(steps(&mut links, 0), "a");
        assert_eq!(links.acknowledge(at(1), PEER), Some('a'));
        assert_eq!(steps(&mut links, 1), "b");
        assert_eq!(links.acknowledge(at(2), PEER), Some('b'));
        assert_eq!(steps(&mut links, 2), "");
        assert_eq!((links.len(), links.deadline()), (0, None));
    }

    #[test]
    fn unanswered_it_is_sent_as_often_as_its_patience_says() {
        let mut links = Links::new();
        links.push(at(0), PEER, 'a', Patience::PUSH);
        let mut done = String::new();
        while let Some(next) = links.deadline() {
            let ms = u64::try_from(next.since_start().as_millis()).unwrap();
            done.push_str(&steps(&mut links, ms));
            assert!(ms <= 3000);
        }
        assert_eq!(done, "aaaaa!a");
    }

    /// The 2017 fault: an ack that confirms the wrong request.
    #[test]
    fn a_late_ack_does_not_confirm_the_next_datagram() {
        let mut links = Links::new();
        links.push(at(0), PEER, 'a', Patience::PUSH);
        links.push(at(0), PEER, 'b', Patience::PUSH);
        assert_eq!(steps(&mut links, 0), "a");
        assert_eq!(steps(&mut links, 500), "a", "sent twice, so two acks may come");
        assert_eq!(links.acknowledge(at(600), PEER), Some('a'));
        assert_eq!(steps(&mut links, 600), "", "the second ack would be taken for one of b");
        assert_eq!(links.acknowledge(at(650), PEER), None);
        assert_eq!(steps(&mut links, 650), "b", "both are in");
    }

    #[test]
    fn an_ack_that_was_lost_is_not_waited_for_longer_than_it_lives() {
        let mut links = Links::new();
        links.push(at(0), PEER, 'a', Patience::ONCE);
        links.push(at(0), PEER, 'b', Patience::ONCE);
        assert_eq!(steps(&mut links, 0), "a");
        assert_eq!(steps(&mut links, 500), "!a");
        assert_eq!(steps(&mut links, 999), "");
        assert_eq!(steps(&mut links, 1000), "b");
    }

    #[test]
    fn a_verification_overtakes_at_the_next_timeout_and_the_rest_goes_on() {
        let mut links = Links::new();
        links.push(at(0), PEER, 'a', Patience::PUSH);
        assert_eq!(steps(&mut links, 0), "a");
        links.push(at(10), PEER, 'v', Patience::VERIFICATION);
        assert_eq!(steps(&mut links, 10), "");
        assert_eq!(steps(&mut links, 500), "v");
        assert_eq!(links.acknowledge(at(501), PEER), Some('v'));
        assert_eq!(steps(&mut links, 501), "", "one of the two acks is still owed");
        assert_eq!(steps(&mut links, 1500), "a");
    }

    #[test]
    fn an_ack_out_of_the_blue_confirms_nothing() {
        let mut links = Links::<char>::new();
        assert_eq!(links.acknowledge(at(0), PEER), None);
        links.push(at(0), PEER, 'a', Patience::PUSH);
        assert_eq!(links.acknowledge(at(0), PEER), None);
        assert_eq!(steps(&mut links, 0), "a");
    }

    #[test]
    fn what_is_cancelled_is_returned_and_its_ack_waited_for() {
        let mut links = Links::new();
        for item in ['a', 'b', 'c'] {
            links.push(at(0), PEER, item, Patience::PUSH);
        }
        assert_eq!(steps(&mut links, 0), "a");
        let begun = |_: &char, begun| begun == Begun::Yes;
        assert_eq!(links.cancel(at(1), PEER, begun), ['a']);
        assert_eq!(links.cancel_all(at(1), PEER), ['b', 'c']);
        links.push(at(1), PEER, 'd', Patience::PUSH);
        assert_eq!(steps(&mut links, 1), "");
        assert_eq!(links.acknowledge(at(2), PEER), None);
        assert_eq!(steps(&mut links, 2), "d");
    }
}
