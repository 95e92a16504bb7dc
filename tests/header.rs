//! `include/superchat.h` is what cbindgen makes of `src/capi`, and is committed.
// A test that panics has failed: that is its report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

/// The order in which the header tells of things.
const SOURCES: [&str; 7] =
    ["status.rs", "boundary.rs", "stats.rs", "events.rs", "limits.rs", "server.rs", "client.rs"];

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
