//! The server's lines for the user. Classic clients only show them; ours also learns from them what
//! became of a request, since the classic dialect has no other answer.

use std::fmt;

use super::{Nickname, NicknameError};

/// A line of the server. Its [`Display`](fmt::Display) form is the text on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The registration is done.
    Welcome,
    /// The nickname is held by another address, which answers.
    AlreadyOnline(Nickname),
    /// The deregistration is done.
    Bye,
    /// Stored messages follow.
    HaveMessages,
    /// The message is on disk.
    Saved,
    /// The server handed the message to the recipient itself.
    Received(Nickname),
    /// The recipient is online after all; the table follows.
    Exists(Nickname),
    /// The server has never heard of the recipient.
    NotExisted(Nickname),
    /// The message cannot be stored, for this reason.
    NotSaved(String),
    /// The server does not hold the sender at this address: it must register first.
    NotRegistered(Nickname),
    /// The nickname that was asked for is not allowed.
    NotAllowed(NicknameError),
    /// The table of users is full of users who are online.
    Full,
    /// The server takes nobody who speaks the classic dialect.
    ClassicRefused,
    /// A stored message was not fetched, and is gone.
    Expired(String),
    /// The server is going down.
    ServerDown,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Welcome => f.write_str("[Welcome, You are registered.]"),
            Self::AlreadyOnline(name) => write!(f, "[{name} is already Online!]"),
            Self::Bye => f.write_str("[You are Offline. Bye.]"),
            Self::HaveMessages => f.write_str("[You Have Messages]"),
            Self::Saved => f.write_str("[Messages received by the server and saved]"),
            Self::Received(name) => write!(f, "[Message received by {name}.]"),
            Self::Exists(name) => write!(f, "[Client {name} exists!!]"),
            Self::NotExisted(name) => write!(f, "[Client {name} Not Existed!]"),
            Self::NotSaved(reason) => write!(f, "[Message not saved: {reason}]"),
            Self::NotRegistered(name) => write!(f, "[{name} is not registered from here.]"),
            Self::NotAllowed(reason) => write!(f, "[Nickname not allowed: {reason}]"),
            Self::Full => f.write_str("[The server is full.]"),
            Self::ClassicRefused => f.write_str("[No classic clients here.]"),
            Self::Expired(name) => {
                write!(f, "[A message to {name} waited too long and is removed.]")
            }
            Self::ServerDown => f.write_str("[Server is Down!]"),
        }
    }
}

impl Notice {
    /// Reads the lines that answer a request or end a session; `None` for any other text, which is
    /// the user's to read.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let line = text.strip_prefix('[')?.strip_suffix(']')?;
        for notice in [Self::Welcome, Self::Bye, Self::HaveMessages, Self::Saved, Self::ServerDown]
        {
            if notice.to_string() == text {
                return Some(notice);
            }
        }
        let between = |before: &str, after: &str| {
            Nickname::new(line.strip_prefix(before)?.strip_suffix(after)?).ok()
        };
        None.or_else(|| between("Message received by ", ".").map(Self::Received))
            .or_else(|| between("Client ", " exists!!").map(Self::Exists))
            .or_else(|| between("Client ", " Not Existed!").map(Self::NotExisted))
            .or_else(|| between("", " is already Online!").map(Self::AlreadyOnline))
            .or_else(|| between("", " is not registered from here.").map(Self::NotRegistered))
            .or_else(|| line.strip_prefix("Message not saved: ").map(|r| Self::NotSaved(r.into())))
    }

    /// Whether it says that a message is neither passed on nor stored, nor to be sent directly.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::NotExisted(_) | Self::NotSaved(_) | Self::NotRegistered(_))
    }

    /// Whether the client is offline once it has been told this.
    #[must_use]
    pub fn means_offline(&self) -> bool {
        matches!(
            self,
            Self::AlreadyOnline(_)
                | Self::Bye
                | Self::NotRegistered(_)
                | Self::NotAllowed(_)
                | Self::Full
                | Self::ClassicRefused
                | Self::ServerDown
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_a_request_is_read_back() {
        let name = || Nickname::new("is").unwrap();
        for notice in [
            Notice::Welcome,
            Notice::AlreadyOnline(name()),
            Notice::Bye,
            Notice::HaveMessages,
            Notice::Saved,
            Notice::Received(name()),
            Notice::Exists(name()),
            Notice::NotExisted(name()),
            Notice::NotSaved("the mailbox is full".into()),
            Notice::NotRegistered(name()),
            Notice::ServerDown,
        ] {
            assert_eq!(Notice::parse(&notice.to_string()), Some(notice));
        }
        assert_eq!(Notice::parse("[The server is full.]"), None);
        assert_eq!(Notice::parse("anything"), None);
    }
}
