//! What the documents show is true.
// A test that panics has failed: that is its report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use superchat::wire::{Datagram, Frame, MAX_PACKET, Packet};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The lines of every block that says it is JSON.
fn examples(text: &str) -> impl Iterator<Item = &str> {
    text.split("```json\n").skip(1).flat_map(|block| block.split("```").next().unwrap().lines())
}

fn kind_of(datagram: &Datagram) -> &'static str {
    match datagram {
        Datagram::Register { hello: None, .. } => "register",
        Datagram::Register { hello: Some(hello), .. } if hello.cookie.is_none() => "hello",
        Datagram::Register { .. } => "cookie",
        Datagram::Deregister { .. } => "deregister",
        Datagram::Keep { .. } => "keep",
        Datagram::Notification { .. } => "notification",
        Datagram::Table(_) => "table",
        Datagram::Verification => "verification",
        Datagram::Chat { .. } => "chat",
        Datagram::Ack => "ack",
    }
}

fn kind_of_frame(frame: &Frame) -> &'static str {
    match frame {
        Frame::Chat(_) => "chat",
        Frame::Keep(_) => "keep",
        Frame::Deregister { .. } => "deregister",
        Frame::Notification { .. } => "notification",
        Frame::Changes { .. } => "changes",
        Frame::Lookup { .. } => "lookup",
        Frame::Found { .. } => "found",
        Frame::Verification => "verification",
    }
}

/// A datagram as a value in which the same thing has one form: the rows of a table are read, and an
/// early program's name for a field is the later one.
fn normal(bytes: &[u8]) -> Value {
    fn in_place(value: &mut Value) {
        match value {
            Value::Array(elements) => elements.iter_mut().for_each(in_place),
            Value::Object(fields) if fields.get("Type") == Some(&"Table".into()) => {
                if let Some(rows) = fields.get_mut("Msg") {
                    *rows = serde_json::from_str(rows.as_str().unwrap()).unwrap();
                }
            }
            Value::Object(fields) if fields.get("Type") == Some(&"Offline".into()) => {
                if let Some(sender) = fields.remove("Sender") {
                    fields.insert("Nickname".into(), sender);
                }
            }
            _ => {}
        }
    }
    let mut value = serde_json::from_slice(bytes).unwrap();
    in_place(&mut value);
    value
}

/// The names of the fields of a packet's header, and of all frames or of a classic datagram.
fn add_fields(value: &Value, header: &mut BTreeSet<String>, others: &mut BTreeSet<String>) {
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    match value {
        Value::Array(elements) => {
            header.extend(names(&elements[0]));
            others.extend(elements[1..].iter().flat_map(names));
        }
        classic => others.extend(names(classic)),
    }
}

/// A field that the decoder does not know would be missing from what is written again.
#[test]
fn every_example_of_the_protocol_is_read_and_has_no_field_too_many() {
    let text = read("docs/PROTOCOL.md");
    let (mut kinds, mut frames) = (BTreeSet::new(), BTreeSet::new());
    let (mut header, mut fields) = (BTreeSet::new(), BTreeSet::new());
    for line in examples(&text) {
        let encoded = if line.starts_with('[') {
            let packet = Packet::decode(line.as_bytes());
            let packet = packet.unwrap_or_else(|error| panic!("{line}: {error:?}"));
            frames.extend(packet.frames.iter().map(kind_of_frame));
            let encoded = packet.encode();
            assert!(encoded.len() <= MAX_PACKET, "{line}");
            assert_eq!(Packet::decode(&encoded), Ok(packet), "{line}");
            encoded
        } else {
            let datagram = Datagram::decode(line.as_bytes());
            let datagram = datagram.unwrap_or_else(|error| panic!("{line}: {error:?}"));
            kinds.insert(kind_of(&datagram));
            let encoded = datagram.encode();
            assert_eq!(Datagram::decode(&encoded), Ok(datagram), "{line}");
            encoded
        };
        let value = normal(line.as_bytes());
        assert_eq!(value, normal(&encoded), "{line}");
        add_fields(&value, &mut header, &mut fields);
    }
    let list = |set: &BTreeSet<&'static str>| set.iter().copied().collect::<Vec<_>>().join(" ");
    assert_eq!(
        list(&kinds),
        "ack chat cookie deregister hello keep notification register table verification"
    );
    assert_eq!(
        list(&frames),
        "changes chat deregister found keep lookup notification verification"
    );
    let list = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(list(header), "Ack Also Cookie Floor Number Revision Session To");
    assert_eq!(
        list(fields),
        "Cookie Floor Last More Msg Nickname Number Offline Part Receipent Revision Sender Session \
         Since Status Time Type"
    );
}

/// The same fields in the document, in Rust and in C, in one order; tests/python compares Python's.
#[test]
fn every_figure_has_one_name_and_is_documented() {
    let stats = format!("{:?}", superchat::Stats::default());
    let in_rust: Vec<_> = stats
        .trim_start_matches("Stats { ")
        .split(", ")
        .map(|field| field.split(':').next().unwrap())
        .collect();
    let document = read("docs/METRICS.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let documented: Vec<_> = rows.map(|row| row.split('`').next().unwrap()).collect();
    assert_eq!(documented, in_rust);
    let header = read("include/superchat.h");
    let of_stats = header.split("typedef struct superchat_stats {").nth(1).unwrap();
    let of_stats = of_stats.split("} superchat_stats;").next().unwrap();
    let fields = of_stats.lines().filter(|line| line.ends_with(';'));
    let in_c = fields.map(|line| line.trim_end_matches(';').rsplit(' ').next().unwrap());
    assert!(in_c.eq(std::iter::once("size").chain(in_rust)));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document, by its path.
fn documents() -> Vec<String> {
    let pages = fs::read_dir(root().join("docs")).unwrap();
    let pages = pages.map(|page| format!("docs/{}", page.unwrap().file_name().to_string_lossy()));
    let pages = pages.filter(|page| page.ends_with(".md"));
    let others = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(str::to_owned);
    others.into_iter().chain(pages).collect()
}

/// Whether a document has a heading that a link leads to by this fragment.
fn has_heading(text: &str, fragment: &str) -> bool {
    text.lines().filter_map(|line| line.strip_prefix('#')).any(|heading| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().replace(' ', "-") == fragment
    })
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let mut links = 0;
    for document in documents() {
        let text = read(&document);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
            let folder = Path::new(&document).parent().unwrap();
            let path = if path.is_empty() { document.clone().into() } else { folder.join(path) };
            assert!(root().join(&path).exists(), "{document}: {target}");
            let found = fragment.is_empty() || has_heading(&read(path.to_str().unwrap()), fragment);
            assert!(found, "{document}: {target}");
            links += 1;
        }
    }
    assert!(links >= 20, "{links}");
}

/// What stands between backquotes, line by line.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn every_path_that_the_documents_name_is_there() {
    let folders: [&str; 9] = [
        "src/",
        "tests/",
        "docs/",
        "benches/",
        "examples/",
        "fuzz/",
        "python/",
        "include/",
        ".ci/",
    ];
    let mut paths = 0;
    for document in documents() {
        let text = read(&document);
        let words = code(&text).flat_map(|code| code.split([' ', ':']));
        let is_path = |word: &&str| folders.iter().any(|folder| word.starts_with(folder));
        // One with a word in capitals stands for many.
        let is_named = |word: &&str| !word.split('/').any(|part| part == part.to_uppercase());
        for path in words.map(|word| word.trim_end_matches('/')).filter(is_path).filter(is_named) {
            assert!(root().join(path).exists(), "{document}: {path}");
            paths += 1;
        }
    }
    assert!(paths >= 50, "{paths}");
}

/// The sources of a suite: `tests/NAME.rs`, or all of `tests/NAME`.
fn suite(name: &str) -> Vec<PathBuf> {
    let file = root().join("tests").join(format!("{name}.rs"));
    if file.exists() {
        return vec![file];
    }
    let folder = fs::read_dir(root().join("tests").join(name));
    let files =
        folder.unwrap_or_else(|_| panic!("no suite {name}")).map(|file| file.unwrap().path());
    files.filter(|file| file.is_file()).collect()
}

/// Commands that select tests by name, and would run none without an error.
#[test]
fn every_test_that_the_documents_name_is_there() {
    let mut commands = 0;
    for document in documents() {
        for command in read(&document).split("cargo test ").skip(1) {
            let command = command.split(['`', '\n', ',']).next().unwrap();
            let words = command.split("    ").next().unwrap();
            let words = words.split(' ').take_while(|word| !["", "--", "#"].contains(word));
            let mut words = words.skip_while(|word| *word != "--test").skip(1);
            let Some(name) = words.next() else { continue };
            let files = suite(name);
            let filter = words.next().unwrap_or_default();
            let is_in = |file: &PathBuf| {
                let module = file.file_stem().unwrap().to_string_lossy().into_owned();
                let text = fs::read_to_string(file).unwrap();
                let mut tests =
                    text.split("\nfn ").skip(1).filter_map(|rest| rest.split('(').next());
                module.contains(filter) || tests.any(|test| test.contains(filter))
            };
            assert!(files.iter().any(is_in), "{document}: cargo test {command}");
            commands += 1;
        }
    }
    assert!(commands >= 10, "{commands}");
}

/// Each limit has one row, with its default, and no row is of anything else. A limit's `Debug` form has
/// every field.
#[test]
fn every_limit_and_its_default_stand_in_the_table() {
    let text = read("docs/LIMITS.md");
    let (_, table) = text.split_once("| limit | default |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows: BTreeSet<(String, String)> = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            (cells[0].split('`').nth(1).unwrap().to_owned(), cells[1].to_owned())
        })
        .collect();
    let limits = format!("{:?}", superchat::Limits::default());
    let fields = limits.strip_prefix("Limits { ").unwrap().strip_suffix(" }").unwrap();
    let expected: BTreeSet<(String, String)> = fields
        .split(", ")
        .map(|field| {
            let (name, value) = field.split_once(": ").unwrap();
            (name.to_owned(), value.to_lowercase())
        })
        .collect();
    assert_eq!(rows, expected);
    let options = read("python/superchat/cli/options.py");
    let python = read("python/superchat/_limits.py");
    for (name, _) in rows {
        assert!(options.contains(&format!("\"{name}\":")), "no option for {name}");
        assert!(python.contains(&format!("    {name}: ")), "Python has no {name}");
    }
}

/// The names between backquotes with which the rows of a page's tables begin.
fn named_in_rows(page: &str) -> BTreeSet<String> {
    let text = read(page);
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// The names in a source that stand behind this at the beginning of a line, from one line on to the end
/// of its block.
fn declared(source: &str, from: &str, head: &str) -> Vec<String> {
    let text = read(source);
    let (_, block) = text.split_once(from).unwrap();
    let block = block.split("\n}\n").next().unwrap();
    let names = block.lines().filter_map(|line| line.strip_prefix(head));
    let names = names.filter(|name| name.starts_with(char::is_uppercase));
    names.map(|name| name.split([' ', '(', ',']).next().unwrap().to_owned()).collect()
}

#[test]
fn every_error_and_event_has_a_row_in_the_guides() {
    for (page, source, from, head) in [
        ("docs/RUST.md", "src/endpoint/error.rs", "pub enum Error {", "    "),
        ("docs/PYTHON.md", "python/superchat/errors.py", "class Error(Exception):", "class "),
        ("docs/RECEIPTS.md", "src/proto/client/interface.rs", "pub enum ClientEvent {", "    "),
    ] {
        let (rows, names) = (named_in_rows(page), declared(source, from, head));
        assert!(names.len() >= 7, "{source}: {names:?}");
        for name in names {
            assert!(rows.contains(&name), "{page} has no row for {name}");
        }
    }
}
