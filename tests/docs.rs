//! What the documents show is true.
// A test that panics has failed: that is its report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use superchat::wire::Datagram;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn every_example_datagram_of_the_protocol_is_read() {
    let text = read("docs/PROTOCOL.md");
    let mut kinds = BTreeSet::new();
    for block in text.split("```json\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            let datagram = Datagram::decode(line.as_bytes());
            let datagram = datagram.unwrap_or_else(|error| panic!("{line}: {error:?}"));
            assert_eq!(Datagram::decode(&datagram.encode()), Ok(datagram), "{line}");
            kinds.insert(line.split('"').nth(3).unwrap().to_owned());
        }
    }
    let all = ["Chat", "Dereg", "Notification", "Offline", "Reg", "Table", "Verification", "ack"];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

#[test]
fn every_path_that_the_documents_name_is_there() {
    let mut links = 0;
    for document in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/PROTOCOL.md"] {
        for target in read(document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
            assert!(path.parent().unwrap().join(target).exists(), "{document}: {target}");
            links += 1;
        }
    }
    assert!(links >= 5, "{links}");
}
