//! Long messages: taken apart so that each part fits a packet, and put together again.

use super::{Packet, Piece};

/// Gives the frames that carry a text, each such that it fits a packet. `write` writes each in the place of what is in
/// the buffer, which may be used again.
pub(super) fn each_part(
    text: &str,
    buffer: &mut Vec<u8>,
    write: impl Fn(Piece, &str, &mut Vec<u8>),
    mut each: impl FnMut(Piece, &[u8]),
) {
    // Nearly always it is one, and what is in it has not to be measured.
    if text.len() < Packet::ROOM {
        write(Piece::default(), text, buffer);
        if buffer.len() < Packet::ROOM {
            return each(Piece::default(), buffer);
        }
    }
    write(Piece::default(), "", buffer);
    for (piece, text) in pieces(text, buffer.len()) {
        write(piece, text, buffer);
        each(piece, buffer);
    }
}

/// The parts of a text, in order, each such that its frame fits a packet. `empty` is the length of
/// that frame with no text in it.
fn pieces(text: &str, empty: usize) -> impl Iterator<Item = (Piece, &str)> {
    // `"Part":4294967295,"More":true,` and the comma before the frame.
    let room = Packet::ROOM.saturating_sub(empty + 32).max(6);
    let mut rest = Some(text);
    let mut part = 0;
    std::iter::from_fn(move || {
        let (first, more) = rest?.split_at_checked(fitting(rest?, room))?;
        rest = Some(more).filter(|more| !more.is_empty());
        let piece = Piece { part, more: rest.is_some() };
        part += 1;
        Some((piece, first))
    })
}

/// The length of the longest beginning of a text that has at most `room` bytes inside a JSON string;
/// at least one character, if there is one.
fn fitting(text: &str, room: usize) -> usize {
    let mut length = 0;
    for (at, character) in text.char_indices() {
        length += escaped_len(character);
        if length > room && at > 0 {
            return at;
        }
    }
    text.len()
}

fn escaped_len(character: char) -> usize {
    match character {
        '"' | '\\' | '\u{8}' | '\u{c}' | '\n' | '\r' | '\t' => 2,
        '\0'..='\u{1f}' => 6,
        _ => character.len_utf8(),
    }
}

/// A long message of which some parts have come.
#[derive(Debug, Default)]
pub struct Assembly {
    number: u64,
    next: u32,
    text: String,
}

impl Assembly {
    /// Takes the next part of a message; the whole text once it is the last one.
    ///
    /// Parts come in order. Where some are missing, because their sender gave the message up, the
    /// rest of it is dropped; so is a message that is longer than `limit` bytes.
    pub fn add(&mut self, number: u64, piece: Piece, text: String, limit: usize) -> Option<String> {
        if piece.part == 0 {
            *self = Self { number, next: 0, text: String::new() };
        }
        if !self.continues(number, piece) || self.exceeds(number, piece, &text, limit) {
            *self = Self::default();
            return None;
        }
        if piece == Piece::default() {
            return Some(text);
        }
        self.text.push_str(&text);
        self.next += 1;
        if piece.more {
            return None;
        }
        Some(std::mem::take(self).text)
    }

    /// Whether a message has more than `limit` bytes with this part, which is its next one.
    #[must_use]
    pub fn exceeds(&self, number: u64, piece: Piece, text: &str, limit: usize) -> bool {
        let before = if piece.part == 0 { 0 } else { self.text.len() };
        self.continues(number, piece) && before + text.len() > limit
    }

    /// Whether this part begins a message, or is the next one of the message that is under way.
    #[must_use]
    pub fn continues(&self, number: u64, piece: Piece) -> bool {
        piece.part == 0 || (self.number, self.next) == (number, piece.part)
    }

    /// Whether parts have come, and others are to come.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.next > 0
    }

    /// The bytes that wait for the rest of their message.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Chat, ChatFrame, Frame, Nickname};

    fn frame(piece: Piece, text: &str) -> Frame {
        Frame::Chat(Chat {
            sender: Nickname::new("lanking").unwrap(),
            author: None,
            number: 7,
            stored_at: None,
            piece,
            text: text.into(),
        })
    }

    fn put_together(parts: &[(Piece, &str)]) -> Vec<String> {
        let mut assembly = Assembly::default();
        let add = |(piece, text): &(Piece, &str)| assembly.add(7, *piece, (*text).into(), 1 << 20);
        parts.iter().filter_map(add).collect()
    }

    #[test]
    fn a_short_message_is_one_part_and_an_empty_one_too() {
        for text in ["", "hi"] {
            assert_eq!(pieces(text, 80).collect::<Vec<_>>(), [(Piece::default(), text)]);
        }
    }

    #[test]
    fn a_message_without_its_beginning_or_middle_is_dropped() {
        let text = "x".repeat(5000);
        let parts: Vec<_> = pieces(&text, 80).collect();
        assert!(parts.len() > 4);
        assert_eq!(put_together(&parts[1..]), [""; 0]);
        assert_eq!(put_together(&[parts[0], parts[2], parts[3]]), [""; 0]);
        let again: Vec<_> = parts[..2].iter().chain(&parts).copied().collect();
        assert_eq!(put_together(&again), [text.as_str()]);
    }

    /// Those of a message, with what stood in the buffer before.
    fn parts_of(text: &str) -> Vec<(Piece, usize)> {
        let sender = Nickname::new("lanking").unwrap();
        let chat = ChatFrame { sender: &sender, author: None, number: 7, stored_at: None };
        let (mut buffer, mut parts) = (b"before".to_vec(), Vec::new());
        chat.each_part(text, &mut buffer, |piece, frame| {
            assert!(frame.starts_with(b"{") && frame.len() < Packet::ROOM);
            parts.push((piece, frame.len()));
        });
        parts
    }

    #[test]
    fn both_sides_of_a_text_that_goes_whole() {
        let around = frame(Piece::default(), "").encode().len();
        let longest = Packet::ROOM - 1 - around;
        let whole = parts_of(&"x".repeat(longest));
        assert_eq!(whole, [(Piece::default(), Packet::ROOM - 1)]);
        for length in [longest + 1, Packet::ROOM - 1, Packet::ROOM] {
            let parts = parts_of(&"x".repeat(length));
            let [(first, _), (last, _)] = parts[..] else { panic!("{parts:?}") };
            assert_eq!(
                (first, last),
                (Piece { part: 0, more: true }, Piece { part: 1, more: false })
            );
        }
    }

    #[test]
    fn both_sides_of_the_limit() {
        let mut assembly = Assembly::default();
        let more = Piece { part: 0, more: true };
        assert_eq!(assembly.add(1, Piece::default(), "1234".into(), 4), Some("1234".into()));
        assert_eq!(assembly.add(1, Piece::default(), "12345".into(), 4), None);
        assert_eq!(assembly.add(2, more, "123".into(), 4), None);
        let last = Piece { part: 1, more: false };
        assert!(assembly.exceeds(2, last, "45", 4) && !assembly.exceeds(2, last, "4", 4));
        assert!(!assembly.exceeds(1, last, "45", 4), "it is no part of that message");
        assert!(assembly.exceeds(3, more, "12345", 4) && !assembly.exceeds(3, more, "1234", 4));
        assert_eq!(assembly.add(2, Piece { part: 1, more: false }, "45".into(), 4), None);
        assert_eq!(assembly.waiting(), 0);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_put_together_again_from_parts_that_fit(
            texts in proptest::collection::vec(".{0,700}", 0..6),
        ) {
            let text = texts.concat();
            let empty = frame(Piece::default(), "").encode().len();
            let parts: Vec<_> = pieces(&text, empty).collect();
            for (piece, part) in &parts {
                proptest::prop_assert!(frame(*piece, part).encode().len() < Packet::ROOM);
            }
            proptest::prop_assert_eq!(put_together(&parts), [text]);
        }
    }
}
