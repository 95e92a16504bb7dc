//! `include/superchat.h` is what cbindgen makes of `src/capi`, and is committed.
// A test that panics has failed: that is its report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

/// The order in which the header tells of things; modules bring the files of their folder with them.
const SOURCES: [&str; 7] = [
    "status.rs",
    "boundary.rs",
    "stats.rs",
    "events.rs",
    "limits.rs",
    "server/mod.rs",
    "client/mod.rs",
];

#[test]
fn the_header_is_the_one_that_the_code_makes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(root.join("src/capi").join(source));
    }
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    // "Safety" sections speak to a Rust reader; the lines above them have said the same in C.
    let made = without_safety_sections(&String::from_utf8(made).unwrap());

    let path = root.join("include/superchat.h");
    if std::env::var_os("SUPERCHAT_REFRESH").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "include/superchat.h is not up to date; refresh it with\n  \
         SUPERCHAT_REFRESH=1 cargo test --test header",
    );
}

fn without_safety_sections(header: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut skipping = false;
    for line in header.lines() {
        if line.trim() == "* # Safety" {
            skipping = true;
            // The empty line before it goes too.
            kept.pop();
        }
        skipping &= line.trim() != "*/";
        if !skipping {
            kept.push(line);
        }
    }
    kept.join("\n") + "\n"
}

/// What every function's comment says, in this order.
const CONTRACT: [&str; 5] = ["NULL: ", "Ownership: ", "Lifetime: ", "Thread: ", "Returns: "];

/// A comment as one line, and the declaration after it.
fn commented(header: &str) -> impl Iterator<Item = (String, &str)> {
    header.split("\n/**\n").skip(1).filter_map(|rest| rest.split_once("\n */\n")).map(
        |(comment, rest)| {
            let comment = comment.lines().map(|line| line.trim_start_matches([' ', '*']));
            (comment.collect::<Vec<_>>().join(" "), rest.split(';').next().unwrap())
        },
    )
}

#[test]
fn every_function_says_what_its_contract_is_and_names_statuses_that_exist() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/superchat.h");
    let header = fs::read_to_string(path).unwrap();
    let is_function = |declaration: &str| declaration.contains('(') && !declaration.contains('{');
    let functions: Vec<_> = commented(&header)
        .filter(|(_, declaration)| is_function(declaration) && !declaration.starts_with("typedef"))
        .collect();
    assert!(functions.len() > 20, "{}", functions.len());
    for (comment, declaration) in functions {
        let mut rest = comment.as_str();
        for part in CONTRACT {
            let (_, after) = rest.split_once(part).unwrap_or_else(|| {
                panic!("{declaration}: nothing is said about {part}, or not in this order")
            });
            rest = after;
        }
        let words = rest.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        let named: Vec<&str> = words.filter(|word| word.len() > 1 && *word != "NUL").collect();
        for status in &named {
            let constant = format!("SUPERCHAT_STATUS_{status} =");
            assert!(header.contains(&constant), "{declaration}: {status} is no status");
        }
        if declaration.starts_with("superchat_status") {
            assert_eq!(named[..2], ["OK", "INVALID_ARGUMENT"], "{declaration}");
        } else {
            assert!(rest.contains("cannot fail"), "{declaration}");
        }
    }
}
