//! JSON as this crate writes it, read without asking what else it could be.
//!
//! The invariant: what is read here is what serde reads there. Whatever else may stand in JSON (white space, an
//! escape, a number that is not whole, fields in another order, or others) is not read at all, and left to serde. So
//! nobody has to write it like this; who does is read in half the time.

use super::object::stands_for_itself;

/// What is left of a text.
pub(super) struct Scan<'a> {
    rest: &'a str,
}

/// The digits of a number that is certain to fit.
const DIGITS: usize = 19;

impl<'a> Scan<'a> {
    /// Reads all of a text.
    pub(super) fn all<T>(text: &'a str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let mut scan = Self { rest: text };
        read(&mut scan).filter(|_| scan.rest.is_empty())
    }

    /// Reads this. How long it is is known where it is called, so that it is compared at once.
    #[inline(always)]
    pub(super) fn token(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(token)?;
        Some(())
    }

    /// Reads a text that stands there as it is.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        let text = self.rest.strip_prefix('"')?;
        self.until_quote(text, memchr::memchr(b'"', text.as_bytes())?)
            .filter(|text| stands_for_itself(text))
    }

    /// Takes so many bytes of what is left, and the quote behind them.
    fn until_quote(&mut self, rest: &'a str, length: usize) -> Option<&'a str> {
        let (text, rest) = rest.split_at_checked(length)?;
        self.rest = rest.strip_prefix('"')?;
        Some(text)
    }

    /// Reads a whole number.
    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        let mut digits = 0;
        for digit in self.rest.bytes().map(|byte| byte.wrapping_sub(b'0')).take(DIGITS + 1) {
            if digit > 9 {
                break;
            }
            number = u64::wrapping_add(u64::wrapping_mul(number, 10), digit.into());
            digits += 1;
        }
        let (text, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        // What goes on is no whole number, or a long one.
        let ends = rest.starts_with([',', '}', ']']);
        let begins = !text.starts_with('0') || text == "0";
        Some(number).filter(|_| (1..=DIGITS).contains(&digits) && begins && ends)
    }

    /// Reads a truth value.
    pub(super) fn truth(&mut self) -> Option<bool> {
        let truth = self.rest.starts_with("true");
        self.token(if truth { "true" } else { "false" })?;
        Some(truth)
    }

    /// Reads a field of an object, with what is in front of its name, if it is the next one. `None` if its value is
    /// not to be read here.
    #[inline(always)]
    pub(super) fn field<T>(
        &mut self,
        name: &str,
        value: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.token(name) {
            Some(()) => value(self).map(Some),
            None => Some(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_a_number() {
        let read = |text: &str| Scan { rest: text }.number();
        assert_eq!(read("0,"), Some(0));
        assert_eq!(read("9007199254740991}"), Some((1 << 53) - 1));
        assert_eq!(read("9999999999999999999]"), Some(9_999_999_999_999_999_999));
        for other in ["", ",", "01,", "-1,", "1.0,", "1e3,", "1", "1 ,", "10000000000000000000,"] {
            assert_eq!(read(other), None, "{other:?}");
        }
    }

    #[test]
    fn both_sides_of_a_text() {
        let read = |text: &'static str| Scan { rest: text }.text();
        assert_eq!(read(r#""""#), Some(""));
        assert_eq!(read(r#""früh","#), Some("früh"));
        for other in [r#"""#, r#"hi""#, r#""a\"b""#, r#""a\\""#, "\"\n\"", r#""open"#] {
            assert_eq!(read(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_field_is_there_or_not_or_not_to_be_read_here() {
        let read = |text: &'static str| Scan { rest: text }.field("\"More\":", Scan::truth);
        assert_eq!(read("\"More\":true"), Some(Some(true)));
        assert_eq!(read("\"Most\":true"), Some(None));
        assert_eq!(read("\"More\": true"), None);
        let all = |text| Scan::all(text, |scan| scan.field("a", Scan::truth));
        assert_eq!((all("atrue"), all("atrue ")), (Some(Some(true)), None));
    }
}
