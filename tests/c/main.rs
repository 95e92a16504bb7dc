//! The C library, built by a plain `cargo build --release`, as C programs use it: compiled with
//! every warning an error, linked with the shared and the static library, and run.
// A test that panics has failed: that is its report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

const WARNINGS: [&str; 5] = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"];

/// What a program that links `libsuperchat.a` must link besides.
const STATIC_NEEDS: [&str; 4] = ["-lpthread", "-ldl", "-lm", "-lgcc_s"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `cargo build --release` has put the libraries.
static LIBRARIES: LazyLock<PathBuf> = LazyLock::new(|| {
    let mut cargo = Command::new(env!("CARGO"));
    run(cargo.current_dir(root()).args(["build", "--release", "--lib", "--quiet"]));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from);
    target.join("release")
});

/// Runs a command that must succeed, and returns its output.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Compiles a C file to a program in `directory`.
fn compile(source: &Path, directory: &Path, link: &[&OsStr]) -> PathBuf {
    let program = directory.join(source.file_stem().unwrap());
    let mut cc = Command::new(std::env::var_os("CC").unwrap_or("cc".into()));
    cc.args(WARNINGS).arg("-I").arg(root().join("include"));
    run(cc.arg(source).arg("-o").arg(&program).args(link));
    program
}

fn link_shared(source: &Path, directory: &Path) -> PathBuf {
    let rpath = format!("-Wl,-rpath,{}", LIBRARIES.display());
    let link = ["-L".as_ref(), LIBRARIES.as_os_str(), "-lsuperchat".as_ref(), rpath.as_ref()];
    compile(source, directory, &link)
}

fn link_static(source: &Path, directory: &Path) -> PathBuf {
    let library = LIBRARIES.join("libsuperchat.a");
    let mut link = vec![library.as_os_str()];
    link.extend(STATIC_NEEDS.iter().map(OsStr::new));
    compile(source, directory, &link)
}

#[test]
fn the_functions_work_in_a_program_that_links_the_shared_library() {
    let directory = TempDir::new().unwrap();
    let mail = TempDir::new().unwrap();
    run(Command::new(link_shared(&root().join("tests/c/api.c"), directory.path())).arg(mail.path()));
}

#[test]
fn the_functions_work_in_a_program_that_links_the_static_library() {
    let directory = TempDir::new().unwrap();
    let mail = TempDir::new().unwrap();
    run(Command::new(link_static(&root().join("tests/c/api.c"), directory.path())).arg(mail.path()));
}

/// The inputs that fuzzing has found: `fuzz/corpus/capi` and `fuzz/crashes/capi`, in a program that is
/// watched by AddressSanitizer.
#[test]
fn every_input_that_fuzzing_found_is_taken() {
    let directory = TempDir::new().unwrap();
    let library = LIBRARIES.join("libsuperchat.a");
    let mut link: Vec<&OsStr> =
        ["-DSUPERCHAT_FUZZ_MAIN", "-g", "-fsanitize=address"].map(OsStr::new).to_vec();
    link.push(library.as_os_str());
    link.extend(STATIC_NEEDS.iter().map(OsStr::new));
    let program = compile(&root().join("fuzz/targets/capi.c"), directory.path(), &link);
    let inputs: Vec<PathBuf> = ["corpus", "crashes"]
        .iter()
        .filter_map(|kind| std::fs::read_dir(root().join("fuzz").join(kind).join("capi")).ok())
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(!inputs.is_empty(), "no inputs");
    run(Command::new(program).args(inputs).env("TMPDIR", directory.path()));
}

#[test]
fn the_header_declares_what_the_library_exports_and_nothing_else() {
    let header = std::fs::read_to_string(root().join("include/superchat.h")).unwrap();
    let declared: BTreeSet<String> = header
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '(')
        .filter_map(|word| word.split_once('(').map(|(name, _)| name))
        .filter(|name| name.starts_with("superchat_"))
        .map(str::to_owned)
        .collect();
    let library = LIBRARIES.join("libsuperchat.so");
    let symbols = run(Command::new("nm").args(["-D", "--defined-only"]).arg(library));
    let exported: BTreeSet<String> = symbols
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2).map(str::to_owned))
        .collect();
    assert!(declared.len() > 20, "{declared:?}");
    assert_eq!(declared, exported);
}

/// The C examples of the README and of `examples`.
#[test]
fn the_examples_compile() {
    let directory = TempDir::new().unwrap();
    link_shared(&root().join("examples/chat.c"), directory.path());

    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let blocks: Vec<&str> =
        readme.split("```c\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty(), "README.md has no C example");
    let server = superchat::Server::builder().directory(directory.path()).start().unwrap();
    for (number, block) in blocks.iter().enumerate() {
        let source = directory.path().join(format!("readme{number}.c"));
        // The README's reader has a server at the usual port; this test has one of its own.
        let text = block.replace("localhost:5000", &server.address().to_string());
        std::fs::write(&source, text).unwrap();
        run(&mut Command::new(link_shared(&source, directory.path())));
    }
}
