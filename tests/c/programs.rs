//! C programs that use the functions, and use them wrongly.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::toolchain::{Build, LANGUAGES, Link, root, run};

#[test]
fn the_functions_work_in_each_language_with_the_shared_library_and_the_static_one() {
    for language in LANGUAGES {
        for link in [Link::Shared, Link::Static] {
            let (directory, mail) = (TempDir::new().unwrap(), TempDir::new().unwrap());
            let build = Build::new("tests/c/api.c").language(language).link(link);
            run(Command::new(build.in_directory(directory.path())).arg(mail.path()));
        }
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
