//! What a packet says: the objects of the classic dialect, with more fields.

use super::fields::{
    CHAT, DEREGISTER, FALSE, Fields, KEEP, NOTIFICATION, Names, OFFLINE, ONLINE, TABLE, TRUE,
    VERIFICATION, nickname, number, required, session,
};
use super::pieces::each_part;
use super::table::{RowForm, decode_rows, encode_rows};
use super::{DecodeError, Nickname, Presence, Row, Session, UnixTime};

/// Which part of a long message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Piece {
    /// Counted from zero.
    pub part: u32,
    /// Another one follows.
    pub more: bool,
}

/// A message, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// Who wrote it.
    pub sender: Nickname,
    /// In which session, where that is not the one that the packet comes from.
    pub author: Option<Session>,
    /// The author's number for it.
    pub number: u64,
    /// When the server stored it, if it did.
    pub stored_at: Option<UnixTime>,
    /// Which part of it this is.
    pub piece: Piece,
    /// What that part says.
    pub text: String,
}

/// A message for the server to pass on or to store, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// Who wrote it.
    pub sender: Nickname,
    /// Whom it is for.
    pub recipient: Nickname,
    /// `Online`: it is to be passed on if its recipient is there; `Offline`: it was not tried
    /// directly, and will be if the recipient turns out to be there.
    pub seen: Presence,
    /// The author's number for it; the answer has it, too.
    pub number: u64,
    /// Which part of it this is.
    pub piece: Piece,
    /// What that part says.
    pub text: String,
}

/// What all parts of a [`Chat`] have in common, to be written with a text that stays where it is.
#[derive(Debug, Clone, Copy)]
pub struct ChatFrame<'a> {
    /// Who wrote it.
    pub sender: &'a Nickname,
    /// In which session, where that is not the one that the packet comes from.
    pub author: Option<Session>,
    /// The author's number for it.
    pub number: u64,
    /// When the server stored it, if it did.
    pub stored_at: Option<UnixTime>,
}

impl ChatFrame<'_> {
    /// Gives the frames of a message, each of which fits a packet. They are written in the buffer, one after the
    /// other: who keeps it has no memory asked for.
    pub fn each_part(&self, text: &str, buffer: &mut Vec<u8>, each: impl FnMut(Piece, &[u8])) {
        each_part(text, buffer, |piece, text, buffer| self.write(piece, text, buffer), each);
    }

    /// Writes a part in the place of what is there.
    fn write(&self, piece: Piece, text: &str, buffer: &mut Vec<u8>) {
        buffer.clear();
        let fields = Fields {
            sender: Some(self.sender.as_str().into()),
            session: self.author.map(Session::number),
            number: Some(self.number),
            time: self.stored_at.map(UnixTime::as_seconds),
            msg: Some(text.into()),
            ..Fields::of_piece(CHAT, piece)
        };
        fields.write_to(buffer);
    }
}

/// What all parts of a [`Keep`] have in common, to be written with a text that stays where it is.
#[derive(Debug, Clone, Copy)]
pub struct KeepFrame<'a> {
    /// Who wrote it.
    pub sender: &'a Nickname,
    /// Whom it is for.
    pub recipient: &'a Nickname,
    /// What is asked for: see [`Keep`].
    pub seen: Presence,
    /// The author's number for it.
    pub number: u64,
}

impl KeepFrame<'_> {
    /// Gives the frames of a message, each of which fits a packet. They are written in the buffer, one after the
    /// other: who keeps it has no memory asked for.
    pub fn each_part(&self, text: &str, buffer: &mut Vec<u8>, each: impl FnMut(Piece, &[u8])) {
        each_part(text, buffer, |piece, text, buffer| self.write(piece, text, buffer), each);
    }

    /// Writes a part in the place of what is there.
    fn write(&self, piece: Piece, text: &str, buffer: &mut Vec<u8>) {
        buffer.clear();
        let fields = Fields {
            nickname: Some(self.sender.as_str().into()),
            recipient: Some(self.recipient.as_str().into()),
            status: Some(if self.seen.is_online() { ONLINE } else { OFFLINE }.into()),
            number: Some(self.number),
            msg: Some(text.into()),
            ..Fields::of_piece(KEEP, piece)
        };
        fields.write_to(buffer);
    }
}

/// One thing that a packet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A message.
    Chat(Chat),
    /// A message for somebody who is not reached.
    Keep(Keep),
    /// The nickname goes offline.
    Deregister {
        /// The nickname that goes.
        nickname: Nickname,
        /// The number of the request.
        number: u64,
    },
    /// A line for the user, from the server.
    Notification {
        /// The line.
        text: String,
        /// The client is offline from now on.
        offline: bool,
        /// The number of the request that it answers.
        answers: Option<u64>,
    },
    /// Rows of the table that changed.
    Changes {
        /// The rows, as they are now.
        rows: Vec<Row>,
        /// After this revision.
        since: u64,
        /// Whoever had that has now this one.
        revision: u64,
        /// The newest that there is.
        last: u64,
    },
    /// Who is this?
    Lookup {
        /// The nickname that is asked for.
        nickname: Nickname,
    },
    /// The answer to that.
    Found {
        /// The nickname that was asked for.
        nickname: Nickname,
        /// Its row, if anybody ever had that name.
        row: Option<Row>,
        /// The revision of the table that says so.
        revision: u64,
    },
    /// Are you there?
    Verification,
}

impl Frame {
    /// Writes the frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let fields = match self {
            Self::Chat(Chat { sender, author, number, stored_at, piece, text }) => {
                let (author, number, stored_at) = (*author, *number, *stored_at);
                ChatFrame { sender, author, number, stored_at }.write(*piece, text, &mut bytes);
                return bytes;
            }
            Self::Keep(Keep { sender, recipient, seen, number, piece, text }) => {
                let (seen, number) = (*seen, *number);
                KeepFrame { sender, recipient, seen, number }.write(*piece, text, &mut bytes);
                return bytes;
            }
            Self::Deregister { nickname, number } => Fields {
                nickname: Some(nickname.as_str().into()),
                number: Some(*number),
                ..Fields::of(DEREGISTER)
            },
            Self::Notification { text, offline, answers } => Fields {
                msg: Some(text.as_str().into()),
                offline: Some(if *offline { TRUE } else { FALSE }.into()),
                number: *answers,
                ..Fields::of(NOTIFICATION)
            },
            Self::Changes { rows, since, revision, last } => Fields {
                msg: Some(encode_rows(rows, RowForm::Current, usize::MAX).0.into()),
                since: Some(*since),
                revision: Some(*revision),
                last: Some(*last),
                ..Fields::of(TABLE)
            },
            Self::Lookup { nickname } => {
                Fields { nickname: Some(nickname.as_str().into()), ..Fields::of(TABLE) }
            }
            Self::Found { nickname, row, revision } => Fields {
                nickname: Some(nickname.as_str().into()),
                revision: Some(*revision),
                msg: Some(encode_rows(row, RowForm::Current, usize::MAX).0.into()),
                ..Fields::of(TABLE)
            },
            Self::Verification => Fields::of(VERIFICATION),
        };
        fields.to_bytes()
    }

    /// Writes the [`Frame::Changes`] that has the first of these rows, each with the revision of its
    /// last change, as many as fit `limit` bytes; and the revision that it leads to.
    #[must_use]
    pub fn encode_changes(
        rows: &[(u64, Row)],
        since: u64,
        last: u64,
        limit: usize,
    ) -> (Vec<u8>, u64) {
        let frame = |msg: String, revision| {
            let (since, revision, last) = (Some(since), Some(revision), Some(last));
            Fields { msg: Some(msg.into()), since, revision, last, ..Fields::of(TABLE) }.to_bytes()
        };
        if rows.is_empty() {
            return (frame("{}".to_owned(), last), last);
        }
        let around = frame(String::new(), last).len();
        let only_rows = rows.iter().map(|(_, row)| row);
        let (text, count) = encode_rows(only_rows, RowForm::Current, limit.saturating_sub(around));
        let revision = match rows.get(..count).and_then(<[_]>::last) {
            _ if count == rows.len() => last,
            Some((revision, _)) => *revision,
            None => since,
        };
        (frame(text, revision), revision)
    }
}

impl Fields<'_> {
    fn of_piece(kind: &'static str, piece: Piece) -> Self {
        Self {
            part: Some(u64::from(piece.part)).filter(|part| *part > 0),
            more: Some(piece.more).filter(|more| *more),
            ..Self::of(kind)
        }
    }

    fn piece(&self) -> Result<Piece, DecodeError> {
        let part = u32::try_from(self.part.unwrap_or(0)).map_err(|_| DecodeError::Malformed)?;
        Ok(Piece { part, more: self.more.unwrap_or(false) })
    }

    pub(super) fn into_frame(self, names: &mut Names) -> Result<Frame, DecodeError> {
        let piece = self.piece()?;
        Ok(match &*self.r#type {
            CHAT => Frame::Chat(Chat {
                sender: names.parse(self.sender)?,
                author: self.session.map(|author| session(Some(author))).transpose()?,
                number: number(self.number)?,
                stored_at: self
                    .time
                    .map(|time| required(UnixTime::from_seconds(time)))
                    .transpose()?,
                piece,
                text: required(self.msg)?.into_owned(),
            }),
            KEEP => Frame::Keep(Keep {
                sender: names.parse(self.nickname)?,
                recipient: names.parse(self.recipient)?,
                seen: match &*required(self.status)? {
                    ONLINE => Presence::Online,
                    OFFLINE => Presence::Offline,
                    _ => return Err(DecodeError::Malformed),
                },
                number: number(self.number)?,
                piece,
                text: required(self.msg)?.into_owned(),
            }),
            DEREGISTER => Frame::Deregister {
                nickname: nickname(self.nickname)?,
                number: number(self.number)?,
            },
            NOTIFICATION => Frame::Notification {
                text: required(self.msg)?.into_owned(),
                offline: self.offline.as_deref() == Some(TRUE),
                answers: self.number,
            },
            TABLE => self.into_table()?,
            VERIFICATION => Frame::Verification,
            _ => return Err(DecodeError::Malformed),
        })
    }

    fn into_table(self) -> Result<Frame, DecodeError> {
        let rows = |msg| required(decode_rows(msg));
        Ok(match (self.nickname, self.msg) {
            (Some(name), None) => Frame::Lookup { nickname: nickname(Some(name))? },
            (Some(name), Some(msg)) => {
                let nickname = nickname(Some(name))?;
                let row = rows(&msg)?.into_iter().find(|row| row.nickname == nickname);
                Frame::Found { nickname, row, revision: number(self.revision)? }
            }
            (None, msg) => Frame::Changes {
                rows: rows(&required(msg)?)?,
                since: number(self.since)?,
                revision: number(self.revision)?,
                last: number(self.last)?,
            },
        })
    }
}
