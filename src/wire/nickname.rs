//! Nicknames: parsed at the edge, never checked again.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use smol_str::SmolStr;

use super::visible::is_invisible;

/// What the lines of the program begin with on a screen: a notice, and the prompt.
const OF_THE_PROGRAM: [char; 2] = ['[', '>'];

/// A name that a client registers under: 1 to 64 characters, no white space, no control character and
/// none that nobody sees, and the first one neither `[` nor `>`. Everything else is allowed, in any
/// script.
///
/// Two nicknames are the same if their characters are the same; no case folding and no Unicode
/// normalisation takes place. Cloning is cheap.
///
/// ```
/// use superchat::Nickname;
///
/// let sonic = Nickname::new("sonic")?;
/// assert_eq!(sonic, "sonic");
/// assert_eq!(sonic.as_str().len(), 5);
/// assert!(Nickname::new(&"a".repeat(Nickname::MAX_CHARS + 1)).is_err());
///
/// let scores = std::collections::BTreeMap::from([(sonic, 3)]);
/// assert_eq!(scores.get("sonic"), Some(&3));
/// # Ok::<(), superchat::NicknameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nickname(SmolStr);

/// Why a text is not a [`Nickname`].
///
/// ```
/// use superchat::{Nickname, NicknameError};
///
/// assert_eq!(Nickname::new("two words"), Err(NicknameError::WhiteSpace));
/// let long = "a".repeat(Nickname::MAX_CHARS + 1);
/// assert_eq!(Nickname::new(&long), Err(NicknameError::TooLong(65)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NicknameError {
    /// There is no character in it.
    #[error("it is empty")]
    Empty,
    /// It has more than [`Nickname::MAX_CHARS`] characters.
    #[error("it has {0} characters, more than {max}", max = Nickname::MAX_CHARS)]
    TooLong(usize),
    /// White space separates the words of a command, so a name cannot hold it.
    #[error("it has white space in it")]
    WhiteSpace,
    /// A control character would act on the terminals that show the name.
    #[error("it has a control character in it")]
    Control,
    /// Two names that differ in it look the same; and some turn the direction of what is beside them.
    #[error("it has an invisible character in it")]
    Invisible,
    /// A line that begins so is the program's own, not somebody's message.
    #[error("it begins with {0}")]
    Begin(char),
}

impl Nickname {
    /// The most characters (Unicode scalar values) that a nickname has.
    pub const MAX_CHARS: usize = 64;

    /// Parses a nickname.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn new(text: &str) -> Result<Self, NicknameError> {
        // Nearly all are: nothing in them has to be looked up.
        let is_plain = text.len() <= Self::MAX_CHARS && text.bytes().all(|b| b.is_ascii_graphic());
        if is_plain && !text.is_empty() && !text.starts_with(OF_THE_PROGRAM) {
            return Ok(Self(text.into()));
        }
        let count = text.chars().count();
        if count == 0 {
            return Err(NicknameError::Empty);
        }
        if count > Self::MAX_CHARS {
            return Err(NicknameError::TooLong(count));
        }
        // White space first: a tab is both, and "white space" says more to its user.
        if text.chars().any(char::is_whitespace) {
            return Err(NicknameError::WhiteSpace);
        }
        if text.chars().any(char::is_control) {
            return Err(NicknameError::Control);
        }
        if text.chars().any(is_invisible) {
            return Err(NicknameError::Invisible);
        }
        if let Some(first) = text.chars().next().filter(|first| OF_THE_PROGRAM.contains(first)) {
            return Err(NicknameError::Begin(first));
        }
        Ok(Self(text.into()))
    }

    /// The nickname as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Nickname {
    type Err = NicknameError;

    fn from_str(text: &str) -> Result<Self, NicknameError> {
        Self::new(text)
    }
}

/// It is equal to its text, in the same order, and has the same hash: maps are searched by text.
impl Borrow<str> for Nickname {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Nickname {
    fn eq(&self, text: &str) -> bool {
        self.0 == *text
    }
}

impl PartialEq<&str> for Nickname {
    fn eq(&self, text: &&str) -> bool {
        self.0 == **text
    }
}

impl AsRef<str> for Nickname {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Nickname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Nickname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_the_length_limit() {
        assert!(Nickname::new(&"é".repeat(64)).is_ok());
        assert_eq!(Nickname::new(&"é".repeat(65)), Err(NicknameError::TooLong(65)));
        assert_eq!(Nickname::new(""), Err(NicknameError::Empty));
    }

    #[test]
    fn white_space_and_control_characters_are_refused() {
        for text in ["two words", "a\tb", "a\u{a0}b", "a\u{2028}b"] {
            assert_eq!(Nickname::new(text), Err(NicknameError::WhiteSpace), "{text:?}");
        }
        for text in ["a\0", "\u{1b}[2J", "a\u{7f}", "a\u{80}b"] {
            assert_eq!(Nickname::new(text), Err(NicknameError::Control), "{text:?}");
        }
    }

    /// Names that would look the same, or turn the direction of a line.
    #[test]
    fn invisible_characters_are_refused() {
        for text in
            ["son\u{200b}ic", "sonic\u{200d}", "\u{202e}cinos", "\u{3164}", "\u{2800}", "s\u{fe0f}"]
        {
            assert_eq!(Nickname::new(text), Err(NicknameError::Invisible), "{text:?}");
        }
    }

    /// A message of theirs would begin as a notice or a prompt does.
    #[test]
    fn what_begins_as_a_line_of_the_program_is_refused() {
        for text in ["[Server", "[", ">>>", ">"] {
            let first = text.chars().next().unwrap();
            assert_eq!(Nickname::new(text), Err(NicknameError::Begin(first)), "{text:?}");
        }
    }

    #[test]
    fn anything_else_is_allowed() {
        for text in ["sonic", "../etc/passwd", ".", "con", "ソニック", "👩", "\"\\\"", "%", "a[>"]
        {
            assert_eq!(Nickname::new(text).unwrap().as_str(), text);
        }
    }
}
