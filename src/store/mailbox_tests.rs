//! What is read first of a mailbox, against all that is in it.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// One of a few lines, so that the same comes again.
fn line(number: u8) -> String {
    format!(r#"{{"Msg": "{number}", "Sender": "lanking", "Time": 1.0}}"#)
}

fn digest(number: &u8) -> Digest {
    Digest::of(line(*number).as_bytes())
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0..6_u8).prop_map(|number| Change::Added(Line::from_readable(line(number).as_bytes()))),
        vec(0..6_u8, 1..3)
            .prop_map(|numbers| Change::Removed(numbers.iter().map(digest).collect())),
    ]
}

proptest! {
    #[test]
    fn the_first_lines_are_those_of_the_whole(
        in_file in vec(0..6_u8, 0..8),
        changes in vec(change(), 0..8),
        messages in 0..8_usize,
        bytes in 0..400_u64,
    ) {
        let file: String = in_file.iter().map(|number| line(*number) + "\n").collect();
        let whole = contents(file.as_bytes(), &changes);
        let mut size = 0;
        let right = whole.iter().take(messages).take_while(|line| {
            let is_past = size >= bytes;
            size += line.len() as u64 + 1;
            !is_past
        });
        let batch = first(file.as_bytes(), &changes, Most { messages, bytes });
        prop_assert!(batch.iter().map(|(line, _)| line).eq(right));

        // Where a line ends, all before it are given out, or are removed: the rest leads to the same.
        for (count, (line, given)) in batch.iter().enumerate() {
            prop_assert_eq!(known_by(line), (given.digest, given.length));
            let Some(end) = given.end else { continue };
            let mut changes = changes.clone();
            let taken = batch.iter().take(count + 1).map(|(_, given)| given.digest);
            changes.push(Change::Removed(taken.collect()));
            let rest = &file.as_bytes()[end as usize..];
            prop_assert_eq!(contents(rest, &changes), contents(file.as_bytes(), &changes));
        }
    }
}
