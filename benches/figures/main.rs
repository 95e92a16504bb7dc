//! What superchat costs, each figure beside its limit in the same run.
//!
//! ```text
//! cargo bench --bench figures -- [--short] [--json PATH] [NAME…]
//! ```
//!
//! Each row of the table is a figure of ours, and a raw one: what the machine gives to a program that does
//! only what cannot be left out. They are taken by turns, so that what else the machine does hits both, and
//! judged by their ratio. `--short` does a little of everything in less than a minute, and judges no times. A
//! name picks the rows that begin with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "a program has no public API")]

mod child;
mod direct;
mod micro;
mod micro_store;
mod raw;
mod registering;
mod report;
mod scale;
mod stored;

use std::time::Duration;

use self::report::{Report, Row};

/// How much of everything is done.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Turns of ours and raw.
    pub turns: usize,
    /// How long a turn of either is.
    pub turn: Duration,
}

impl Effort {
    const FULL: Self = Self { turns: 9, turn: Duration::from_millis(700) };
    const SHORT: Self = Self { turns: 2, turn: Duration::from_millis(50) };
}

/// Rows, under the name by which they are picked.
type Bench = (&'static str, fn(Effort) -> Vec<Row>);

const BENCHES: [Bench; 10] = [
    ("parts", micro::parts),
    ("store", micro_store::append),
    ("one at a time", direct::one_at_a_time),
    ("window", direct::window),
    ("faces", direct::faces),
    ("client", direct::client),
    ("registrations", registering::registrations),
    ("saved", stored::saved),
    ("drain", stored::drain),
    ("users", scale::users),
];

fn main() {
    if child::play() {
        return;
    }
    let mut arguments = pico_args::Arguments::from_env();
    // What `cargo bench` adds.
    let _ = arguments.contains("--bench");
    let short = arguments.contains("--short");
    let json: Option<String> = arguments.opt_value_from_str("--json").unwrap();
    let names: Vec<_> = arguments.finish().into_iter().map(|n| n.into_string().unwrap()).collect();
    if let Some(option) = names.iter().find(|name| name.starts_with('-')) {
        eprintln!("{option}: no such option; there are --short and --json PATH");
        std::process::exit(2);
    }
    let effort = if short { Effort::SHORT } else { Effort::FULL };
    child::pin(0);
    let mut report = Report::default();
    let wanted =
        |name: &str| names.is_empty() || names.iter().any(|n| name.starts_with(n.as_str()));
    for (_, bench) in BENCHES.iter().filter(|(name, _)| wanted(name)) {
        report.add(bench(effort));
    }
    if let Some(path) = json {
        std::fs::write(path, report.json()).unwrap();
    }
}
