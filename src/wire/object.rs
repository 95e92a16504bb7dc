//! An object of JSON, as it is written. Each name comes with what is in front of it: `{"Type":`, `,"Msg":`.

use serde::Serialize;

/// The fields so far.
pub(super) struct Object<'a> {
    bytes: &'a mut Vec<u8>,
}

impl<'a> Object<'a> {
    /// One that comes after these bytes.
    pub(super) fn after(bytes: &'a mut Vec<u8>) -> Self {
        Self { bytes }
    }

    /// Adds a word of the protocol's own, in which nothing is escaped.
    #[inline(always)]
    pub(super) fn word(&mut self, name: &str, word: &str) {
        debug_assert!(stands_for_itself(word));
        self.name(name);
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(word.as_bytes());
        self.bytes.push(b'"');
    }

    /// Adds a text, if it is there. Inlined for the sake of the name: see [`name`](Self::name).
    #[inline(always)]
    pub(super) fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.name(name);
            self.quoted(text);
        }
    }

    fn quoted(&mut self, text: &str) {
        if stands_for_itself(text) {
            self.bytes.reserve(text.len() + 2);
            self.bytes.push(b'"');
            self.bytes.extend_from_slice(text.as_bytes());
            self.bytes.push(b'"');
        } else {
            self.value(text);
        }
    }

    /// Adds a number, a truth value, or ranges of numbers, if they are there.
    #[inline]
    pub(super) fn plain(&mut self, name: &str, value: Option<impl Serialize>) {
        if let Some(value) = value {
            self.name(name);
            self.value(&value);
        }
    }

    pub(super) fn finish(self) {
        self.bytes.push(b'}');
    }

    /// Where it is called how long a name is is known, so that it is written at once.
    #[inline(always)]
    fn name(&mut self, name: &str) {
        self.bytes.extend_from_slice(name.as_bytes());
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) {
        // Texts, numbers, ranges and truth values, into memory: there is nothing in it that can fail.
        let _ = serde_json::to_writer(&mut *self.bytes, value);
    }
}

/// Bytes that are looked at together.
const WORD: usize = 8;

/// Whether a text is written as it is. All of it is looked at, without a branch: so many bytes are at a time. What is
/// at its end is looked at with what is before it, once more.
pub(super) fn stands_for_itself(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(end) = bytes.last_chunk::<WORD>() else {
        return !bytes.iter().any(|byte| matches!(byte, 0..b' ' | b'"' | b'\\'));
    };
    let (words, _) = bytes.as_chunks::<WORD>();
    words.iter().fold(escaped(end), |found, word| found | escaped(word)) == 0
}

/// Not zero where one of these bytes is escaped (`hasless` and `haszero` of S. E. Anderson, Bit Twiddling Hacks).
#[inline(always)]
fn escaped(word: &[u8; WORD]) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; WORD]);
    let word = u64::from_ne_bytes(*word);
    let control = word.wrapping_sub(EACH * 0x20);
    let is = |byte: u8| (word ^ (EACH * u64::from(byte))).wrapping_sub(EACH);
    (control | is(b'"') | is(b'\\')) & !word & (EACH << 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// What is written is what serde writes.
        #[test]
        fn a_text_is_written_as_json_has_it(text in ".*|[ -~\\x00-\\x7f]*", number: u64, truth: bool) {
            let mut bytes = Vec::new();
            let mut object = Object::after(&mut bytes);
            object.text("{\"Msg\":", Some(&text));
            object.text(",\"None\":", None);
            object.plain(",\"None\":", None::<u64>);
            object.plain(",\"Number\":", Some(number));
            object.plain(",\"More\":", Some(truth));
            object.finish();
            let expected = format!(
                r#"{{"Msg":{},"Number":{number},"More":{truth}}}"#,
                serde_json::to_string(&text).unwrap(),
            );
            proptest::prop_assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        }
    }

    #[test]
    fn both_sides_of_each_text_that_is_escaped() {
        for (text, stands) in
            [("\x1f", false), (" ", true), ("\"", false), ("\\", false), ("\x7f\u{e9}", true)]
        {
            assert_eq!(stands_for_itself(text), stands, "{text:?}");
        }
    }

    #[test]
    fn one_that_is_escaped_is_found_wherever_it_stands() {
        for length in 0..4 * WORD {
            let plain = "x".repeat(length);
            assert!(stands_for_itself(&plain));
            for at in 0..length {
                let with = |text: &str| [&plain[..at], text, &plain[at + 1..]].concat();
                for escaped in ["\0", "\x1f", "\"", "\\"] {
                    assert!(!stands_for_itself(&with(escaped)), "{at} of {length}");
                }
                for other in [" ", "!", "#", "[", "]", "\x7f", "\u{80}", "\u{7ff}"] {
                    assert!(stands_for_itself(&with(other)), "{at} of {length}");
                }
            }
        }
    }
}
