//! The layers of ARCHITECTURE.md: imports go one way, and the engines are sans-IO.
// A test that panics has failed: that is its report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};

/// Each layer, and what it may import.
const LAYERS: [(&str, &[&str]); 7] = [
    ("wire", &[]),
    ("proto", &["wire"]),
    ("store", &["wire", "proto"]),
    ("net", &["wire", "proto"]),
    ("endpoint", &["wire", "proto", "store", "net"]),
    // The faces see what any user of the crate sees: names of the crate's root.
    ("capi", &[]),
    ("python", &[]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The modules of the crate that a source names after `crate::`.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    text.split("crate::").skip(1).map(|rest| {
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
    })
}

#[test]
fn imports_go_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for (layer, allowed) in LAYERS {
        for path in sources(&root.join(layer)) {
            let text = fs::read_to_string(&path).unwrap();
            for module in imports(&text) {
                let is_layer = LAYERS.iter().any(|(name, _)| *name == module);
                seen += usize::from(is_layer);
                assert!(
                    !is_layer || module == layer || allowed.contains(&module),
                    "{}: {layer} must not import {module}",
                    path.display(),
                );
            }
        }
    }
    assert!(seen > 20, "the imports were not found: {seen}");
}

/// The same as the lint of clippy.toml, by another way.
#[test]
fn the_engines_have_no_clock_socket_thread_or_randomness() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for layer in ["wire", "proto"] {
        for path in sources(&root.join(layer)) {
            let text = fs::read_to_string(&path).unwrap();
            for forbidden in [
                "time::Instant",
                "SystemTime",
                "::now()",
                "UdpSocket",
                "std::thread",
                "Mutex",
                "HashMap",
                "HashSet",
                "std::fs",
                "rand::",
                "tracing",
            ] {
                assert!(!text.contains(forbidden), "{}: {forbidden}", path.display());
            }
        }
    }
}
