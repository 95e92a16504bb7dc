//! What a library exports that links the crate: without the feature `capi`, none of the C functions.
// A test that panics has failed: that is its report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;
use std::process::Command;

const CODE: &str = "#[unsafe(no_mangle)]
pub extern \"C\" fn of_the_library() {
    drop(superchat::Client::builder(\"sonic\"));
}
";

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// The same with the feature is what tests/c compares with the header.
#[test]
fn without_the_feature_no_c_function_is_exported() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = tempfile::tempdir().unwrap();
    let manifest = format!(
        "[package]\nname = \"user\"\nedition = \"2024\"\n\
         [lib]\ncrate-type = [\"cdylib\"]\npath = \"lib.rs\"\n\
         [dependencies]\nsuperchat = {{ path = {root:?}, default-features = false }}\n"
    );
    fs::write(package.path().join("Cargo.toml"), manifest).unwrap();
    fs::write(package.path().join("lib.rs"), CODE).unwrap();
    // The versions that are at hand already.
    fs::copy(root.join("Cargo.lock"), package.path().join("Cargo.lock")).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("features");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(package.path()).env("CARGO_TARGET_DIR", &target);
    // Sooner done: nobody looks for lines in it.
    run(cargo.env("CARGO_PROFILE_DEV_DEBUG", "0").args(["build", "--quiet", "--offline"]));
    let library = target.join("debug/libuser.so");
    let symbols = run(Command::new("nm").args(["-D", "--defined-only"]).arg(library));
    let exported = symbols.lines().filter_map(|line| line.split_whitespace().nth(2));
    assert_eq!(exported.collect::<Vec<_>>(), ["of_the_library"]);
}
