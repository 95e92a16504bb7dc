//! Text from others, fit for a line on a screen or in a log.
//!
//! The invariant: what comes out is one line, moves no cursor, and turns no direction.

use std::fmt::{self, Write as _};

/// A text whose [`Display`](fmt::Display) form spells out, as Rust spells them, the control characters
/// in it, line separators, and what nobody sees, direction marks among them.
#[derive(Debug, Clone, Copy)]
pub struct Visible<'a>(pub &'a str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if is_obeyed(character) || is_invisible(character) {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// Whether a screen does something else than show it: a control character or a line separator.
pub(super) fn is_obeyed(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Whether it leaves no mark on a screen and is no white space: what Unicode calls default ignorable
/// (joiners, direction marks, variation selectors, tags, fillers; the ranges are reserved for such),
/// annotations, and the Braille pattern without dots.
pub(super) fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_screen_would_obey_or_not_show_is_spelled_out() {
        for (text, seen) in [
            ("hi there, Сонник é 早", "hi there, Сонник é 早"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("one\ntwo\r\t", "one\\ntwo\\r\\t"),
            ("\u{202e}evil\u{200b}\u{9b}", "\\u{202e}evil\\u{200b}\\u{9b}"),
            ("\u{2028}", "\\u{2028}"),
        ] {
            assert_eq!(Visible(text).to_string(), seen);
        }
    }

    /// The tables of Unicode, as another crate has them.
    #[test]
    fn all_that_unicode_calls_invisible_is() {
        let class = |name: &str| {
            let parsed = regex_syntax::Parser::new().parse(&format!("\\p{{{name}}}")).unwrap();
            let regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class)) =
                parsed.into_kind()
            else {
                panic!("{name}")
            };
            let ranges: Vec<_> = class.iter().map(|range| range.start()..=range.end()).collect();
            ranges
        };
        let ignorable = class("Default_Ignorable_Code_Point");
        let bidi = class("Bidi_Control");
        for character in '\0'..=char::MAX {
            let of = |ranges: &[std::ops::RangeInclusive<char>]| {
                ranges.iter().any(|range| range.contains(&character))
            };
            let more = matches!(character, '\u{2800}' | '\u{fff9}'..='\u{fffb}');
            assert_eq!(is_invisible(character), of(&ignorable) || more, "{character:?}");
            assert!(!of(&bidi) || is_invisible(character), "{character:?}");
        }
    }
}
