//! The whole protocol in a simulated world: virtual time, drawn faults, exact replay.
//!
//! The invariant: nothing here depends on anything but the seed. See [`storm`] for what a run is,
//! [`check`] and [`wire_check`] for what must hold in it, and [`faults`] for the named scenarios. The
//! store is the real one, on a simulated disk: see [`power`] and [`store_storm`] for it alone.
//!
//! `SUPERCHAT_SIM_SEEDS=N` makes the fresh batch N runs long, `SUPERCHAT_SIM_SEED=S` lets it begin
//! at S.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the modules of a test are nobody else's")]

mod check;
mod classic;
mod classic_server;
mod client_answers;
mod current;
mod current_client;
mod current_given_again;
mod current_paths;
mod current_presence;
mod current_remembered;
mod current_rounds;
mod current_server;
mod current_strangers;
mod current_world;
mod disk;
mod faults;
mod forged;
mod host;
mod journal;
mod limits;
mod network;
mod plan;
mod power;
mod script;
mod server_answers;
mod server_limits;
mod store;
mod store_storm;
mod storm;
mod verbs;
mod wire_check;
mod world;

use std::panic::{catch_unwind, resume_unwind};
use std::time::Duration;

const SEED: &str = "SUPERCHAT_SIM_SEED";
const SEEDS: &str = "SUPERCHAT_SIM_SEEDS";

/// A number out of the environment.
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}: not a number: {text}")))
}

/// Prints a line also where the test passes: the harness keeps back what `println` prints then.
fn show(line: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Runs seeds; if one fails, says how to see it again.
fn run_all(name: &str, seeds: impl Iterator<Item = u64>) {
    let mut covered = Duration::ZERO;
    let (mut count, mut accepted) = (0, 0);
    for seed in seeds {
        let (time, messages) = catch_unwind(|| storm::run(seed, false)).unwrap_or_else(|failure| {
            println!("{SEED}={seed} cargo test --test sim replay -- --ignored --nocapture");
            resume_unwind(failure)
        });
        covered += time;
        accepted += messages;
        count += 1;
    }
    let hours = covered.as_secs_f64() / 3600.0;
    show(format_args!(
        "{name}: {count} seeds, {hours:.1} virtual hours, {accepted} messages accepted"
    ));
}

#[test]
fn fixed_seeds() {
    run_all("seeds 0 to 299", 0..300);
}

#[test]
fn fresh_seeds() {
    let base = number(SEED).unwrap_or_else(|| {
        let now = std::time::SystemTime::now();
        now.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
    });
    show(format_args!("{SEED}={base} is the first"));
    run_all("fresh seeds", (0..number(SEEDS).unwrap_or(300)).map(|n| base.wrapping_add(n)));
}

#[test]
#[ignore = "it shows one run: set SUPERCHAT_SIM_SEED"]
fn replay() {
    let seed = number(SEED).unwrap_or_else(|| panic!("set {SEED}"));
    storm::run(seed, true);
}
