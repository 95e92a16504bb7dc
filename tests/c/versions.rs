//! A program and a library of different versions: `tests/c/versions.c` with headers of other versions.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::toolchain::{Build, LANGUAGES, root, run};

/// The structs that a program makes.
const STRUCTS: [&str; 4] =
    ["superchat_client_options", "superchat_server_options", "superchat_limits", "superchat_stats"];

/// Compiles the program with a header in which `change` has changed the fields of each struct, and runs it.
fn runs_with(change: impl Fn(&str) -> String, flags: &[&str]) {
    let mut header = fs::read_to_string(root().join("include/superchat.h")).unwrap();
    for name in STRUCTS {
        let (before, rest) = header.split_once(&format!("typedef struct {name} {{\n")).unwrap();
        let (fields, after) = rest.split_once(&format!("}} {name};")).unwrap();
        let changed = change(fields);
        header = format!("{before}typedef struct {name} {{\n{changed}}} {name};{after}");
    }
    for language in LANGUAGES {
        let (directory, mail) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        fs::write(directory.path().join("superchat.h"), &header).unwrap();
        let build = Build::new(Path::new("tests/c/versions.c")).language(language);
        let program = build.include(directory.path()).flags(flags).in_directory(directory.path());
        run(Command::new(program).arg(mail.path()));
    }
}

#[test]
fn a_program_compiled_with_an_older_header_runs() {
    // The last field, which comes after the last comment.
    runs_with(|fields| fields[..fields.rfind("    /**").unwrap()].to_owned(), &[]);
}

#[test]
fn a_program_compiled_with_a_newer_header_runs_unless_it_asks_for_what_is_not_there() {
    runs_with(|fields| format!("{fields}    uint64_t later;\n"), &["-DNEWER"]);
}
