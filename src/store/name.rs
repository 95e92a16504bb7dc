//! The file names of mailboxes.
//!
//! The invariants: different nicknames have different file names, also where the file system takes
//! capital and small letters, or different forms of a character, for the same; a file name has no
//! separator and no dot, so that it can neither leave the directory nor be that of a file of the
//! server's own; and it is short enough for every file system.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::wire::Nickname;

/// The longest file name in percent-encoding. File systems allow 255 bytes; a suffix must fit too.
const MAX_ENCODED: usize = 240;

/// Begins the name of a mailbox whose percent-encoding is too long. No percent-encoding has it.
const HASHED: &str = "%_";

/// The file name of a nickname's mailbox.
///
/// Small ASCII letters, digits, `-` and `_` stand for themselves, every other byte of the UTF-8 form
/// for `%` and two hexadecimal digits. Where that is too long (about 27 characters in most scripts)
/// it is the SHA-256 of the nickname instead.
pub(super) fn file_name(nickname: &Nickname) -> String {
    let encoded = encode(nickname.as_str().bytes());
    if encoded.len() <= MAX_ENCODED {
        return encoded;
    }
    let mut name = String::from(HASHED);
    for byte in Sha256::digest(nickname.as_str()) {
        // Writing to a String does not fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

fn encode(bytes: impl Iterator<Item = u8>) -> String {
    let mut encoded = String::new();
    for byte in bytes {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_' {
            encoded.push(char::from(byte));
        } else {
            // As above.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Whether this can be the name of a mailbox. The server's own files have a dot in theirs.
pub(super) fn is_file_name(name: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"%-_".contains(&byte);
    (1..=MAX_ENCODED).contains(&name.len()) && name.bytes().all(safe)
}

/// The nickname of whose mailbox this is the file name, unless it is too long to be told by it.
pub(super) fn nickname(file_name: &str) -> Option<String> {
    let mut parts = file_name.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (code, plain) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend(plain.bytes());
    }
    Some(Nickname::new(&String::from_utf8(bytes).ok()?).ok()?.as_str().to_owned())
}

/// The name that a mailbox has now, which had this one when capital letters stood for themselves, as
/// in the program of 2017. `None` if it is called the same.
pub(super) fn renamed(old: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_old = old.bytes().all(plain) && old.bytes().any(|byte| byte.is_ascii_uppercase());
    is_old.then(|| encode(old.bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> String {
        file_name(&Nickname::new(name).unwrap())
    }

    #[test]
    fn plain_names_stand_for_themselves() {
        assert_eq!(of("sonic"), "sonic");
        assert_eq!(of("a-b_9"), "a-b_9");
    }

    #[test]
    fn no_name_leaves_the_directory_or_has_a_dot() {
        assert_eq!(of("../x"), "%2E%2E%2Fx");
        assert_eq!(of("."), "%2E");
        assert_eq!(of("/etc/passwd"), "%2Fetc%2Fpasswd");
        assert_eq!(of("é"), "%C3%A9");
        assert_eq!(of("%41"), "%2541");
    }

    #[test]
    fn capitals_have_names_of_their_own_everywhere() {
        assert_eq!(of("Sonic"), "%53onic");
        assert_eq!(renamed("Sonic").as_deref(), Some("%53onic"));
        assert_eq!((renamed("sonic"), renamed("%53onic"), renamed("My notes")), (None, None, None));
    }

    #[test]
    fn the_longest_names_fit_and_differ() {
        let long = "\u{10ffff}".repeat(Nickname::MAX_CHARS);
        let mut other = "\u{10ffff}".repeat(Nickname::MAX_CHARS - 1);
        other.push('\u{10fffe}');
        assert_eq!(of(&long).len(), 66);
        assert_ne!(of(&long), of(&other));
        assert_eq!(of(&".".repeat(64)).len(), 192);
    }

    #[test]
    fn a_name_that_is_spelled_out_is_read_back() {
        for name in ["sonic", "Sonic", "../x", "é%41"] {
            assert_eq!(nickname(&of(name)).as_deref(), Some(name));
        }
        assert_eq!(nickname(&of(&"é".repeat(64))), None);
    }

    proptest::proptest! {
        /// Names that differ in what file systems may not tell apart are among those drawn.
        #[test]
        fn different_names_have_different_safe_files(
            a in "[^\\s\\pC]{1,64}|[aAkK\u{212a}\u{e5}\u{c5}\u{212b}]{1,3}",
            b in "[^\\s\\pC]{1,64}|[aAkK\u{212a}\u{e5}\u{c5}\u{212b}]{1,3}",
        ) {
            let (Ok(a), Ok(b)) = (Nickname::new(&a), Nickname::new(&b)) else { return Ok(()) };
            let folded = |name| file_name(name).to_lowercase();
            proptest::prop_assert_eq!(a == b, folded(&a) == folded(&b));
            proptest::prop_assert!(is_file_name(&file_name(&a)));
        }

        #[test]
        fn long_names_differ_too(name in "[Ѐ-ӿ]{41,64}", at in 0..40_usize) {
            let mut other: Vec<char> = name.chars().collect();
            other[at] = if other[at] == 'Ж' { 'Щ' } else { 'Ж' };
            let other: String = other.into_iter().collect();
            proptest::prop_assert!(of(&name).starts_with(HASHED));
            proptest::prop_assert_ne!(of(&name), of(&other));
        }
    }
}
