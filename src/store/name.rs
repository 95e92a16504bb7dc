//! The file names of mailboxes.
//!
//! The invariants: different nicknames have different file names; a file name has no separator and
//! no dot, so that it can neither leave the directory nor be that of a file of the server's own; and
//! it is short enough for every file system.

use std::fmt::Write as _;

use crate::wire::Nickname;

/// The longest file name in percent-encoding. File systems allow 255 bytes; a suffix must fit too.
const MAX_ENCODED: usize = 240;

/// Begins the name of a mailbox whose percent-encoding is too long. No percent-encoding has it.
const PACKED: &str = "%_";

const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The file name of a nickname's mailbox.
///
/// ASCII letters, digits, `-` and `_` stand for themselves, every other byte of the UTF-8 form for
/// `%` and two hexadecimal digits. Where that is too long (about 25 characters in most scripts),
/// the characters are packed instead, 21 bits each, into 64 symbols: 226 bytes at the most.
pub(super) fn file_name(nickname: &Nickname) -> String {
    let mut encoded = String::new();
    for byte in nickname.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    if encoded.len() <= MAX_ENCODED { encoded } else { pack(nickname.as_str()) }
}

fn pack(name: &str) -> String {
    let mut packed = String::from(PACKED);
    let (mut bits, mut count) = (0_u32, 0);
    let mut push = |value: u32| {
        packed
            .extend(SYMBOLS.get(value as usize % SYMBOLS.len()).map(|symbol| char::from(*symbol)));
    };
    for character in name.chars() {
        // At most 5 bits are left over from the character before: 26 in all.
        bits = (bits << 21) | u32::from(character);
        count += 21;
        while count >= 6 {
            count -= 6;
            push(bits >> count);
            bits &= (1 << count) - 1;
        }
    }
    if count > 0 {
        push(bits << (6 - count));
    }
    packed
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
        assert_eq!(of("a-B_9"), "a-B_9");
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
    fn the_longest_names_fit_and_differ() {
        let long = "\u{10ffff}".repeat(Nickname::MAX_CHARS);
        let mut other = "\u{10ffff}".repeat(Nickname::MAX_CHARS - 1);
        other.push('\u{10fffe}');
        assert_eq!(of(&long).len(), 226);
        assert_ne!(of(&long), of(&other));
        assert_eq!(of(&".".repeat(64)).len(), 192);
    }

    proptest::proptest! {
        #[test]
        fn different_names_have_different_safe_files(a in "[^\\s\\pC]{1,64}", b in "[^\\s\\pC]{1,64}") {
            let (Ok(a), Ok(b)) = (Nickname::new(&a), Nickname::new(&b)) else { return Ok(()) };
            proptest::prop_assert_eq!(a == b, file_name(&a) == file_name(&b));
            let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"%-_".contains(&byte);
            proptest::prop_assert!(file_name(&a).bytes().all(safe));
            proptest::prop_assert!(file_name(&a).len() <= MAX_ENCODED);
        }

        /// Packed names are not to collide either: compare what only differs somewhere inside.
        #[test]
        fn packing_loses_nothing(name in "[Ѐ-ӿ]{41,64}", at in 0..40_usize) {
            let mut other: Vec<char> = name.chars().collect();
            other[at] = if other[at] == 'Ж' { 'Щ' } else { 'Ж' };
            let other: String = other.into_iter().collect();
            proptest::prop_assert!(of(&name).starts_with(PACKED));
            proptest::prop_assert_ne!(of(&name), of(&other));
        }
    }
}
