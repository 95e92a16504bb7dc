//! The header and the library tell of the same functions.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::toolchain::{LIBRARIES, root, run};

/// The functions that a text declares or calls.
fn functions(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '(')
        .filter_map(|word| word.split_once('(').map(|(name, _)| name))
        .filter(|name| name.starts_with("superchat_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_cmake_package_has_the_version_of_the_library() {
    let text = fs::read_to_string(root().join("cmake/superchat-config-version.cmake")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert!(text.contains(&format!("set(PACKAGE_VERSION \"{version}\")")), "{text}");
    let (compatible, _patch) = version.rsplit_once('.').unwrap();
    let pattern = format!("\"^{}(\\\\.|$)\"", compatible.replace('.', "\\\\."));
    assert!(text.contains(&pattern), "{pattern}: {text}");
}

#[test]
fn the_header_declares_what_the_library_exports_and_nothing_else() {
    let header = fs::read_to_string(root().join("include/superchat.h")).unwrap();
    // A function that the header itself has needs no symbol.
    let inline: Vec<&str> =
        header.lines().filter(|line| line.starts_with("static inline ")).collect();
    let inline = functions(&inline.join("\n"));
    assert_eq!(inline.len(), 4, "{inline:?}");
    let declared: BTreeSet<String> = functions(&header).difference(&inline).cloned().collect();
    let library = LIBRARIES.join("libsuperchat.so");
    let symbols = run(Command::new("nm").args(["-D", "--defined-only"]).arg(library));
    let exported: BTreeSet<String> = symbols
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2).map(str::to_owned))
        .collect();
    assert!(declared.len() > 20, "{declared:?}");
    assert_eq!(declared, exported);
}
