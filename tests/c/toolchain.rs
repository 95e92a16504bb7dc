//! The libraries, as a plain `cargo build --release` makes them, and C programs against them.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

pub const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

/// What the library does with C's memory, and with what it allocates, is watched as well: its allocator
/// and its copies are C's.
pub const SANITIZERS: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// The languages that the header is for.
pub const LANGUAGES: [Language; 3] = [Language::C99, Language::C11, Language::Cpp17];

/// What a program that links `libsuperchat.a` must link besides.
const STATIC_NEEDS: [&str; 4] = ["-lpthread", "-ldl", "-lm", "-lgcc_s"];

#[derive(Debug, Clone, Copy)]
pub enum Language {
    C99,
    C11,
    Cpp17,
}

#[derive(Debug, Clone, Copy)]
pub enum Link {
    Shared,
    Static,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `cargo build --release` has put the libraries.
pub static LIBRARIES: LazyLock<PathBuf> = LazyLock::new(|| {
    let mut cargo = Command::new(env!("CARGO"));
    run(cargo.current_dir(root()).args(["build", "--release", "--lib", "--quiet"]));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from);
    target.join("release")
});

/// Runs a command that must succeed, and returns its output.
pub fn run(command: &mut Command) -> String {
    // Cargo has it lead to a library that it has built for other tests.
    command.env_remove("LD_LIBRARY_PATH");
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {}\n{said}{errors}", output.status);
    said
}

/// The command that has valgrind watch a program, if it is installed.
pub fn valgrind() -> Option<Vec<String>> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: valgrind is not installed");
        return None;
    }
    let known = format!("--suppressions={}", root().join("tests/c/valgrind.supp").display());
    let options =
        ["--quiet", "--error-exitcode=1", "--leak-check=full", "--fair-sched=yes", &known];
    Some(["valgrind"].iter().chain(&options).map(|word| (*word).to_owned()).collect())
}

/// How a C file becomes a program.
pub struct Build {
    source: PathBuf,
    language: Language,
    link: Link,
    /// Where the header is.
    include: PathBuf,
    flags: Vec<OsString>,
}

impl Build {
    /// By default as C99, with the shared library.
    pub fn new(source: impl AsRef<Path>) -> Self {
        Self {
            source: root().join(source),
            language: Language::C99,
            link: Link::Shared,
            include: root().join("include"),
            flags: Vec::new(),
        }
    }

    pub fn language(mut self, language: Language) -> Self {
        self.language = language;
        self
    }

    pub fn link(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    pub fn include(mut self, include: &Path) -> Self {
        include.clone_into(&mut self.include);
        self
    }

    pub fn flags<T: AsRef<OsStr>>(mut self, flags: &[T]) -> Self {
        self.flags.extend(flags.iter().map(|flag| flag.as_ref().to_owned()));
        self
    }

    /// Compiles it to a program in `directory`, with every warning an error.
    pub fn in_directory(self, directory: &Path) -> PathBuf {
        let (variable, compiler, arguments): (_, _, &[&str]) = match self.language {
            Language::C99 => ("CC", "cc", &["-std=c99"]),
            Language::C11 => ("CC", "cc", &["-std=c11"]),
            Language::Cpp17 => ("CXX", "c++", &["-x", "c++", "-std=c++17"]),
        };
        let program = directory.join(self.source.file_stem().unwrap());
        let mut cc = Command::new(std::env::var_os(variable).unwrap_or(compiler.into()));
        cc.args(arguments).args(WARNINGS).args(&self.flags);
        cc.arg("-I").arg(self.include).arg("-I").arg(root().join("tests/c"));
        cc.arg(self.source).arg("-o").arg(&program);
        // What follows is no C++.
        cc.args(["-x", "none", "-pthread"]);
        match self.link {
            Link::Shared => {
                let rpath = format!("-Wl,-rpath,{}", LIBRARIES.display());
                cc.arg("-L").arg(&*LIBRARIES).arg("-lsuperchat").arg(rpath)
            }
            Link::Static => cc.arg(LIBRARIES.join("libsuperchat.a")).args(STATIC_NEEDS),
        };
        run(&mut cc);
        program
    }
}
