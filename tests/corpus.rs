//! The inputs that fuzzing has found, in every run of the tests: `fuzz/corpus` and `fuzz/crashes`. No
//! fuzzer is needed. `docs/FUZZING.md` says more.
// A test that panics has failed: that is its report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

// The fuzzer takes it from outside.
#[allow(unreachable_pub)]
#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::fs;
use std::path::Path;

/// Gives every input that there is to a target.
fn run_all(target: &str, run: fn(&[u8])) {
    let mut count = 0;
    for kind in ["corpus", "crashes"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(kind).join(target);
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            // Shown if it fails.
            println!("{}", path.display());
            run(&fs::read(path).unwrap());
            count += 1;
        }
    }
    assert!(count > 0, "no inputs for {target}");
}

#[test]
fn decoder() {
    run_all("decoder", targets::decoder::run);
}

#[test]
fn server() {
    run_all("server", targets::server::run);
}

#[test]
fn client() {
    run_all("client", targets::client::run);
}

#[test]
fn mailbox() {
    run_all("mailbox", targets::mailbox::run);
}

#[test]
fn journal() {
    run_all("journal", targets::journal::run);
}
