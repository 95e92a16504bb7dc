//! What the operator of a server can set.
//!
//! The invariant: a server runs with limits that are in their ranges, and they stay as they are.
//! `docs/LIMITS.md` says of each what happens past it, and why it is what it is.

use std::time::Duration;

/// A hundred years.
const MAX_AGE: u64 = 36_525 * 24 * 60 * 60;

/// Bytes of a mailbox for each byte of a message, where every character has to be escaped.
const ESCAPED: u64 = 6;

/// What stands around the text of a message in a mailbox: the names of the fields, the sender, numbers.
const AROUND: u64 = 1024;

/// How much of everything a server takes: rates, sizes and numbers.
///
/// ```
/// let mut limits = superchat::Limits::default();
/// limits.users = 100;
/// limits.message_bytes = 4096;
/// let directory = tempfile::tempdir()?;
/// let server = superchat::Server::builder().directory(directory.path()).limits(limits).start()?;
/// assert_eq!(server.limits(), limits);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Users in the table, offline ones included.
    pub users: usize,
    /// Users past which a client is not told of all of them, but looks up whom it needs.
    pub lookup_past: usize,
    /// Bytes of UTF-8 of a message that is passed on or stored.
    pub message_bytes: usize,
    /// Datagrams a second from an IPv4 address, or an IPv6 network of 64 bits, that are of no registered
    /// session.
    pub stranger_datagrams_per_second: u32,
    /// Datagrams a second from an address where somebody is registered.
    pub member_datagrams_per_second: u32,
    /// Registrations, deregistrations and messages to keep, a second, of one nickname.
    pub name_requests_per_second: u32,
    /// Addresses that have proven nothing yet with which something is under way.
    pub handshakes: usize,
    /// How many times the bytes that came from such an address may be sent there.
    pub unproven_factor: u32,
    /// Mailboxes with messages in them.
    pub mailboxes: usize,
    /// Bytes of a mailbox.
    pub mailbox_bytes: u64,
    /// Messages in a mailbox.
    pub mailbox_messages: usize,
    /// Bytes of all mailboxes together.
    pub store_bytes: u64,
    /// How long a message waits for its recipient; `None` for ever.
    pub message_age: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            users: 65_536,
            lookup_past: 10_000,
            message_bytes: 1 << 20,
            stranger_datagrams_per_second: 5_000,
            member_datagrams_per_second: 200_000,
            name_requests_per_second: 1_000_000,
            handshakes: 4096,
            unproven_factor: 3,
            mailboxes: 65_536,
            mailbox_bytes: 8 << 20,
            mailbox_messages: 10_000,
            store_bytes: 1 << 30,
            message_age: None,
        }
    }
}

/// A limit is out of its range.
///
/// ```
/// use superchat::{LimitError, Limits};
///
/// let mut limits = Limits::default();
/// limits.users = 0;
/// let LimitError { name, least, most, .. } = limits.check().unwrap_err();
/// assert_eq!((name, least, most), ("users", 1, 1 << 24));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit {name} is {value}; it may be {least} to {most}")]
#[non_exhaustive]
pub struct LimitError {
    /// The field of [`Limits`].
    pub name: &'static str,
    /// What it is, in seconds if it is a time.
    pub value: u64,
    /// The least that it may be.
    pub least: u64,
    /// The most that it may be.
    pub most: u64,
}

impl Limits {
    /// Whether every limit is in its range.
    ///
    /// ```
    /// let mut limits = superchat::Limits::default();
    /// assert!(limits.check().is_ok());
    /// limits.users = 0;
    /// let error = limits.check().unwrap_err();
    /// assert_eq!(error.to_string(), "the limit users is 0; it may be 1 to 16777216");
    /// ```
    ///
    /// # Errors
    /// Names the first that is not.
    pub fn check(&self) -> Result<(), LimitError> {
        let rate = |rate: u32| (u64::from(rate), 1, 1_000_000_000);
        // Past that, a table is a matter of its own.
        let count = |count: usize, least| (count as u64, least, 1 << 24);
        let message = self.message_bytes as u64;
        let fits_a_message = message.saturating_mul(ESCAPED).saturating_add(AROUND);
        let numbers = [
            ("users", count(self.users, 1)),
            // Clients remember no more.
            ("lookup_past", (self.lookup_past as u64, 0, 131_072)),
            // Clients send and take no longer ones.
            ("message_bytes", (message, 1, 1 << 20)),
            ("stranger_datagrams_per_second", rate(self.stranger_datagrams_per_second)),
            ("member_datagrams_per_second", rate(self.member_datagrams_per_second)),
            ("name_requests_per_second", rate(self.name_requests_per_second)),
            ("handshakes", count(self.handshakes, 1)),
            // With more, the server would serve those who send in the name of a victim (RFC 9000, 8.1).
            ("unproven_factor", (u64::from(self.unproven_factor), 1, 3)),
            ("mailboxes", count(self.mailboxes, 1)),
            ("mailbox_bytes", (self.mailbox_bytes, fits_a_message, 1 << 30)),
            ("mailbox_messages", count(self.mailbox_messages, 1)),
            ("store_bytes", (self.store_bytes, self.mailbox_bytes, 1 << 50)),
        ];
        for (name, (value, least, most)) in numbers {
            check(name, value, least, most)?;
        }
        let age = self.message_age.map_or(1, |age| age.as_secs());
        check("message_age", age, 1, MAX_AGE)
    }
}

fn check(name: &'static str, value: u64, least: u64, most: u64) -> Result<(), LimitError> {
    match (least..=most).contains(&value) {
        true => Ok(()),
        false => Err(LimitError { name, value, least, most }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl Fn(&mut Limits)) -> Option<String> {
        let mut limits = Limits::default();
        change(&mut limits);
        limits.check().err().map(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_in_their_ranges() {
        assert_eq!(refused(|_| {}), None);
    }

    #[test]
    fn both_sides_of_a_range() {
        assert_eq!(refused(|limits| limits.users = 1), None);
        let text = refused(|limits| limits.users = 0).unwrap();
        assert_eq!(text, "the limit users is 0; it may be 1 to 16777216");
        assert_eq!(refused(|limits| limits.unproven_factor = 1), None);
        assert!(refused(|limits| limits.unproven_factor = 4).unwrap().contains("unproven_factor"));
    }

    #[test]
    fn a_mailbox_holds_the_longest_message_and_the_store_a_mailbox() {
        let short = |limits: &mut Limits| limits.message_bytes = 100;
        assert_eq!(refused(short), None);
        let least = 600 + AROUND;
        let mailbox = |bytes| {
            refused(|limits| {
                short(limits);
                limits.mailbox_bytes = bytes;
            })
        };
        assert_eq!(mailbox(least), None);
        assert!(mailbox(least - 1).unwrap().contains("mailbox_bytes"));
        assert_eq!(refused(|limits| limits.store_bytes = limits.mailbox_bytes), None);
        let text = refused(|limits| limits.store_bytes = limits.mailbox_bytes - 1).unwrap();
        assert!(text.contains("store_bytes"));
    }

    #[test]
    fn a_message_may_wait_for_ever_but_not_for_no_time() {
        let second = |limits: &mut Limits| limits.message_age = Some(Duration::from_secs(1));
        assert_eq!(refused(second), None);
        let none = |limits: &mut Limits| limits.message_age = Some(Duration::ZERO);
        assert!(refused(none).unwrap().contains("message_age"));
    }
}
