//! C programs that use the functions, and use them wrongly.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::toolchain::{Build, LANGUAGES, Link, SANITIZERS, root, run, valgrind};

const PROGRAMS: [&str; 3] = ["tests/c/api.c", "tests/c/misuse.c", "tests/c/polled.c"];

/// Runs a program in a directory for mailboxes; `watcher` is a command that runs it, or none.
fn run_watched(watcher: &[String], build: Build) {
    let (directory, mail) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let program = build.in_directory(directory.path());
    let mut words = watcher.iter().map(OsStr::new).chain([program.as_os_str()]);
    let mut command = Command::new(words.next().unwrap());
    run(command.args(words).arg(mail.path()));
}

#[test]
fn the_programs_run_in_each_language_with_the_shared_library_and_the_static_one() {
    for program in PROGRAMS {
        for language in LANGUAGES {
            for link in [Link::Shared, Link::Static] {
                run_watched(&[], Build::new(program).language(language).link(link));
            }
        }
    }
}

#[test]
fn the_sanitizers_have_nothing_to_say() {
    for program in PROGRAMS {
        let build = Build::new(program).link(Link::Static);
        run_watched(&[], build.flags(&["-g"]).flags(&SANITIZERS));
    }
}

#[test]
fn valgrind_finds_no_error_and_no_leak() {
    let Some(watcher) = valgrind() else { return };
    for program in PROGRAMS {
        run_watched(&watcher, Build::new(program).flags(&["-g"]));
    }
}

/// The inputs that fuzzing has found: `fuzz/corpus/capi` and `fuzz/crashes/capi`, in a program that is
/// watched by AddressSanitizer.
#[test]
fn every_input_that_fuzzing_found_is_taken() {
    let directory = TempDir::new().unwrap();
    let build = Build::new("fuzz/targets/capi.c").link(Link::Static);
    let build = build.flags(&["-DSUPERCHAT_FUZZ_MAIN", "-g", "-fsanitize=address"]);
    let program = build.in_directory(directory.path());
    let inputs: Vec<PathBuf> = ["corpus", "crashes"]
        .iter()
        .filter_map(|kind| std::fs::read_dir(root().join("fuzz").join(kind).join("capi")).ok())
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(!inputs.is_empty(), "no inputs");
    run(Command::new(program).args(inputs).env("TMPDIR", directory.path()));
}
