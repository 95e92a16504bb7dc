//! The C programs of the README and of `examples`.

use std::process::Command;

use tempfile::TempDir;

use crate::toolchain::{Build, root, run};

#[test]
fn the_examples_compile() {
    let directory = TempDir::new().unwrap();
    Build::new("examples/chat.c").in_directory(directory.path());
}

#[test]
fn the_programs_of_the_readme_run() {
    let directory = TempDir::new().unwrap();
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
        run(&mut Command::new(Build::new(&source).in_directory(directory.path())));
    }
}
