//! What the server hands to a member.

use std::time::Duration;

use super::requests::RequestId;
use super::{QUESTION_PATIENCE, Server, Timer};
use crate::proto::Now;
use crate::proto::flows::AckWait;
use crate::wire::{ChatFrame, Frame, MessageId, Nickname, Notice, Session, UnixTime};

/// How long the last word of a server that goes down is tried: the operator waits for it.
const FAREWELL: AckWait =
    AckWait { blocked: Duration::from_millis(1000), silent: Duration::from_millis(1000) };

/// Answers that were not taken, of all members together: 25 MB, or up to 90 where each member has two, since a packet is
/// counted on for the next. Past that, whoever has most of them has to register, and begins anew.
pub(super) const MAX_ANSWERS: usize = 131_072;

/// What depends on a frame that a member takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owed {
    Nothing,
    /// Somebody waits for it.
    Answer,
    /// The author of this message knows what became of it.
    Outcome(MessageId),
    /// The message of this request is passed on.
    Relay(RequestId),
    /// The next message of this mailbox is delivered, in the delivery of this number.
    Mail(Nickname, u64),
    /// The author of this message to this recipient knows that it was refused.
    Refusal(MessageId, Nickname),
}

impl Owed {
    /// Whether it stays owed where nothing else would be taken.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self, Self::Answer | Self::Outcome(_) | Self::Refusal(..))
    }
}

/// A message on its way to a member.
#[derive(Debug)]
pub(super) struct ChatOf<'a> {
    pub(super) sender: &'a Nickname,
    /// Without one it was stored by a program of 2017.
    pub(super) id: Option<MessageId>,
    pub(super) stored_at: Option<UnixTime>,
    pub(super) text: &'a str,
}

impl Server {
    /// Asks a member whether it is there, for somebody who waits to hear.
    pub(super) fn verify(&mut self, now: Now, session: Session) {
        self.remind(session);
        self.expect_word(now, session);
    }

    /// Asks a member whether it is there.
    pub(super) fn remind(&mut self, session: Session) {
        self.push(session, &Frame::Verification.encode(), Owed::Nothing);
    }

    /// Somebody waits for word of a member: it is not waited for as long as otherwise.
    pub(super) fn expect_word(&mut self, now: Now, session: Session) {
        if let Some((_, address)) = self.directory.member_named(session)
            && !self.timers.is_set(&Timer::Question(address))
        {
            self.timers.set(Timer::Question(address), now.at + QUESTION_PATIENCE);
        }
    }

    /// Says something to a member, if there is one of this name.
    pub(super) fn push_frame(&mut self, to: &Nickname, frame: &Frame) {
        if let Some(session) = self.directory.session(to) {
            self.push(session, &frame.encode(), Owed::Nothing);
        }
    }

    /// Queues a frame for a member, if there is one of this session.
    fn push(&mut self, session: Session, frame: &[u8], owed: Owed) {
        if let Some(flow) = self.flow(session) {
            flow.push(frame, owed);
        }
    }

    /// Queues an answer for a member.
    pub(super) fn push_answer(&mut self, session: Session, frame: Vec<u8>, owed: Owed) {
        if let Some(flow) = self.flow(session) {
            flow.push(&frame, owed);
            // Somebody waits for it.
            flow.hasten();
            self.answers += 1;
        }
    }

    /// Keeps the bound of the answers that nobody has taken.
    pub(super) fn bound_answers(&mut self, now: Now) {
        if self.answers <= MAX_ANSWERS {
            return;
        }
        let answers = |session: &Session| {
            let flow = self.flows.get(*session);
            flow.map_or(0, |flow| flow.load_of(Owed::is_answer))
        };
        let most = self.flows.sessions().into_iter().max_by_key(answers);
        if let Some(address) = most.and_then(|session| self.flows.address(session)) {
            self.on_gone(now, address);
        }
    }

    /// Passes a message on to a member; somebody waits for it if it is not out of the store.
    pub(super) fn push_chat(&mut self, now: Now, to: &Nickname, message: &ChatOf<'_>, owed: Owed) {
        let Some(session) = self.directory.session(to) else { return };
        let id = message.id.unwrap_or_else(|| {
            self.last_number += 1;
            MessageId { author: self.stored_author, number: self.last_number }
        });
        let chat = ChatFrame {
            sender: message.sender,
            author: Some(id.author),
            number: id.number,
            stored_at: message.stored_at,
        };
        chat.each_part(message.text, &mut Vec::new(), |piece, frame| {
            let owed = if piece.more { Owed::Nothing } else { owed.clone() };
            self.push(session, frame, owed);
        });
        if message.stored_at.is_none() {
            self.expect_word(now, session);
        }
    }

    /// Tells everyone who speaks the current dialect that the server is going down.
    pub(super) fn say_farewell(&mut self) {
        let frame = Frame::Notification {
            text: Notice::ServerDown.to_string(),
            offline: true,
            answers: None,
        };
        let members: Vec<_> = self.directory.members().map(|(session, _)| session).collect();
        for session in members {
            if let Some(flow) = self.flow(session) {
                for owed in flow.abandon() {
                    if let Owed::Mail(recipient, _) = owed {
                        self.end_mail(&recipient);
                    }
                }
            }
            self.flows.limit(session, FAREWELL);
            self.push(session, &frame.encode(), Owed::Nothing);
        }
    }
}
