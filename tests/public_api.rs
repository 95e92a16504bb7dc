//! What the crate promises: its public API is `tests/public-api.txt`, and an example shows each part of it.
//!
//! Both are read out of rustdoc's JSON, whose form differs between toolchains, so these tests are ignored unless
//! they are asked for: CI does, with the toolchain that fits.
// A test that panics has failed: that is its report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// Rust 1.95 writes this version, and the pinned `public-api` reads it.
const FORMAT: u64 = 57;

/// What rustdoc says of the crate, in a file.
static RUSTDOC: LazyLock<PathBuf> = LazyLock::new(|| {
    // Of its own: dependencies are built anew where this variable is another.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rustdoc");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["rustdoc", "--lib", "--quiet"]);
    cargo.args(["--", "-Zunstable-options", "--output-format=json", "--document-hidden-items"]);
    // JSON is for nightly toolchains otherwise.
    cargo.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", &target);
    assert!(cargo.status().unwrap().success(), "{cargo:?}");
    target.join("doc/superchat.json")
});

fn rustdoc() -> Value {
    let json: Value = serde_json::from_str(&fs::read_to_string(&*RUSTDOC).unwrap()).unwrap();
    let format = json["format_version"].as_u64().unwrap();
    assert!(
        format == FORMAT,
        "this toolchain's rustdoc writes version {format} of its JSON, and public-api reads {FORMAT}: use Rust \
         1.95 (cargo +1.95 test --test public_api -- --ignored), or pin the public-api that reads {format}",
    );
    json
}

/// What is open to the crate's own tests, and no part of the promise.
const HIDDEN: [&str; 3] = ["superchat::proto", "superchat::store", "superchat::wire"];

/// What the compiler derives for itself.
const DERIVED: [&str; 3] = ["::assert_fields_are_eq(", "::StructuralPartialEq ", "::TrivialClone "];

/// The lines of the API that are promised. What is defined in a hidden module and exported from the root is in
/// it twice, at last beside its type.
fn promised(api: &str) -> String {
    let named = |line: &str, names: &[&str]| names.iter().any(|name| line.contains(name));
    let mut seen = BTreeSet::new();
    let mut lines: Vec<&str> = api
        .lines()
        .rev()
        .filter(|line| {
            line.contains("superchat") && !named(line, &HIDDEN) && !named(line, &DERIVED)
        })
        .filter(|line| seen.insert(*line))
        .collect();
    lines.reverse();
    lines.join("\n") + "\n"
}

/// The functions of what is promised that could not be called, or give what cannot be named, without what is
/// not. A conversion from that is nobody's to call.
fn leaks(api: &str) -> Vec<&str> {
    let is_promised = |line: &&str| {
        line.strip_prefix("pub fn superchat::")
            .is_some_and(|path| path.starts_with(char::is_uppercase))
    };
    let leaks = |line: &&str| HIDDEN.iter().any(|name| line.contains(name));
    api.lines().filter(is_promised).filter(leaks).filter(|line| !line.contains("::from(")).collect()
}

/// The lines of one that the other has not, each with a sign in front.
fn missing(sign: char, from: &str, of: &str) -> String {
    let has: BTreeSet<&str> = from.lines().collect();
    of.lines().filter(|line| !has.contains(line)).map(|line| format!("{sign} {line}\n")).collect()
}

#[test]
#[ignore = "needs Rust 1.95, whose rustdoc writes JSON as public-api reads it"]
fn the_public_api_is_the_one_that_is_promised() {
    rustdoc();
    let api = public_api::Builder::from_rustdoc_json(&*RUSTDOC)
        .omit_blanket_impls(true)
        // tests/handles.rs has those that matter.
        .omit_auto_trait_impls(true)
        .build()
        .unwrap();
    let made = promised(&api.to_string());
    assert!(made.lines().count() > 100, "{made}");
    assert_eq!(leaks(&api.to_string()), Vec::<&str>::new());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/public-api.txt");
    if std::env::var_os("SUPERCHAT_REFRESH").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "the public API is not that of tests/public-api.txt:\n{}{}Is what goes (-) a break, and in CHANGELOG.md? Then \
         refresh the file with\n  SUPERCHAT_REFRESH=1 cargo test --test public_api -- --ignored",
        missing('-', &made, &committed),
        missing('+', &committed, &made),
    );
}

/// What a reader sees of the examples in a text that run.
fn examples(item: &Value) -> String {
    let docs = item["docs"].as_str().unwrap_or_default();
    let blocks = docs.split("```").skip(1).step_by(2);
    let run = blocks.filter_map(|block| block.strip_prefix('\n'));
    let lines = run.flat_map(str::lines).filter(|line| !line.starts_with("# "));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Whether a code has a word in it.
fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|each| each == word)
}

/// Each type is in an example on its page or in the guide, and so is each of its functions. Fields and variants are
/// shown as their type is, and what a trait asks for as that trait is.
#[test]
#[ignore = "needs Rust 1.95, whose rustdoc writes JSON as public-api reads it"]
fn every_type_and_function_is_in_an_example_that_runs() {
    let json = rustdoc();
    let index = &json["index"];
    let item = |id: &Value| &index[id.to_string()];
    let root = item(&json["root"]);
    let guide = examples(root);
    let mut seen = 0;
    let mut without = Vec::new();
    for exported in root["inner"]["module"]["items"].as_array().unwrap() {
        let exported = &item(exported)["inner"]["use"]["id"];
        if exported.is_null() {
            continue; // a hidden module
        }
        let of_type = item(exported);
        let name = of_type["name"].as_str().unwrap();
        // A struct or an enum.
        let (_, inner) = of_type["inner"].as_object().unwrap().iter().next().unwrap();
        let implemented = inner["impls"].as_array().unwrap().iter().map(item);
        let own: Vec<&Value> = implemented
            .map(|implemented| &implemented["inner"]["impl"])
            .filter(|implemented| implemented["trait"].is_null())
            .flat_map(|implemented| implemented["items"].as_array().unwrap())
            .map(item)
            .filter(|function| function["visibility"] == "public")
            .collect();
        let page: String = own.iter().copied().chain([of_type]).map(examples).collect();
        for each in own.into_iter().chain([of_type]) {
            seen += 1;
            let each = each["name"].as_str().unwrap();
            if !has_word(&page, each) && !has_word(&guide, each) {
                without.push(format!("{name}::{each}"));
            }
        }
    }
    assert!(seen > 60, "only {seen} were found");
    assert!(without.is_empty(), "in no example that runs: {}", without.join(", "));
}
