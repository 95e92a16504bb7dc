//! What is said at the end.

use serde_json::{Value, json};

use super::Load;
use super::crowd::Crowd;
use super::latency::Latencies;
use super::samples::{Rates, Samples, no_room};

/// How much more memory the last third may show than the one before. In the first all who write to each other meet,
/// and are remembered for it.
const FLAT: f64 = 1.05;

/// How the chat went.
pub struct Chat {
    /// Messages that were not sent in time.
    pub behind: f64,
    /// All came back in the end, and everything to them.
    pub healed: bool,
}

/// Prints everything, and writes what is figures. Whether nothing was lost and nothing came twice.
pub fn report(
    crowd: &Crowd,
    samples: Samples,
    load: Load,
    chat: &Chat,
    path: Option<&str>,
) -> bool {
    let (from, to) = samples.of("chat");
    let rates = samples.rates(from, to - 1);
    let third = (to - from) / 3;
    let thirds = [from, from + third, to - third, to];
    let memory = [0, 1, 2].map(|n| samples.memory(thirds[n], thirds[n + 1]));
    print_times(crowd);
    println!(
        "\nwhile they chatted: {:.0} messages/s, the server {:.0} datagrams/s in and {:.0} out, {:.0} % of a core; \
        the clients {:.0} %",
        rates.messages,
        rates.received,
        rates.sent,
        rates.server_cpu * 100.0,
        rates.clients_cpu * 100.0
    );
    println!(
        "the server's memory: {:.1} MB in the first third, {:.1} MB in the second, {:.1} MB in the last",
        memory[0], memory[1], memory[2]
    );
    let [turn, answer] = samples.longest();
    println!("all were there after {:.1} s", samples.end_of("fill"));
    println!(
        "the longest turn of the clients' thread: {turn:?}; the longest wait for the server's figures: {answer:?}"
    );
    let [at_server, at_clients] = no_room(crowd);
    println!(
        "the network: {} datagrams of the clients and to them, {} lost on purpose; no room for {at_server} at the \
        server and {at_clients} at the clients, {} not sent",
        crowd.faults.carried, crowd.faults.lost, crowd.sockets.failures
    );
    println!("the server: {}", samples.stop());
    print_clients(crowd, chat);

    let (open, missing) = crowd.unfinished();
    crowd.show_unfinished();
    let violations = crowd.ledger.violations;
    let well = chat.healed && (open, missing, violations) == (0, 0, 0);
    println!(
        "{}: {missing} lost, {violations} twice or out of order or untrue, {open} without an outcome; \
        {} of {} are online",
        if well { "kept" } else { "BROKEN" },
        crowd.registered(),
        load.clients
    );
    if let Some(path) = path {
        let wrong = missing as u64 + violations;
        let rows = rows(crowd, load, &rates, memory, (wrong, well));
        let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
        std::fs::write(path, lines).unwrap();
    }
    well
}

fn print_times(crowd: &Crowd) {
    let line = |name: &str, times: &Latencies| {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| times.percentile(share));
        println!("{name:<44} {:>9} {p50:>10.2} {p99:>10.2} {p999:>10.2}", times.count);
    };
    println!("\n{:<44} {:>9} {:>10} {:>10} {:>10}", "milliseconds", "count", "p50", "p99", "p99.9");
    line("send to arrival, direct", &crowd.ledger.arrival[0]);
    line("send to arrival, relayed", &crowd.ledger.arrival[1]);
    for (name, outcome) in ["received", "relayed", "stored"].iter().zip(&crowd.ledger.outcome) {
        line(&format!("send to outcome, {name}"), outcome);
    }
    line("register to registered", &crowd.happened.registering);
}

fn print_clients(crowd: &Crowd, chat: &Chat) {
    let (ledger, happened) = (&crowd.ledger, &crowd.happened);
    println!(
        "the clients: {} registrations, {} failed {:?}; {} died, {} left; {} thrown out, {} lost the server",
        happened.registered,
        happened.not_registered.values().sum::<u64>(),
        happened.not_registered,
        happened.died,
        happened.left,
        happened.thrown_out,
        happened.lost
    );
    println!(
        "messages: {} sent, {:.0} fewer than wanted; came direct, relayed, stored: {:?}; errors: {:?}",
        ledger.sent, chat.behind, ledger.came, ledger.failed
    );
    println!(
        "came again to a recipient that had died: {}; of an author's earlier run, after a later one's: {}",
        ledger.again, ledger.late
    );
    for shown in &ledger.shown {
        println!("VIOLATED: {shown}");
    }
    for id in ledger.missing().take(10) {
        println!("LOST: {id:?}");
    }
}

/// The figures, as the bench `figures` writes its own.
fn rows(
    crowd: &Crowd,
    load: Load,
    rates: &Rates,
    memory: [f64; 3],
    (wrong, well): (u64, bool),
) -> Vec<Value> {
    let spread = |of: f64| json!({"min": of, "median": of, "max": of});
    let stated = |name: &str, unit: &str, ours: f64| {
        json!({
            "name": format!("load: {name}"), "unit": unit, "ours": spread(ours),
            "baseline": null, "against": null, "ratio": null, "goal": null, "met": null,
        })
    };
    let [_, before, last] = memory;
    let ratio = last / before;
    let [received, _, stored] = &crowd.ledger.outcome;
    vec![
        json!({
            "name": "load: messages lost, twice, out of order or untrue", "unit": "", "ours": spread(wrong as f64),
            "baseline": null, "against": null, "ratio": null, "goal": "0", "met": well,
        }),
        json!({
            "name": "load: server memory in the last third", "unit": "MB", "ours": spread(last),
            "baseline": spread(before), "against": "the second third", "ratio": spread(ratio),
            "goal": format!("≤ {FLAT}"), "met": ratio <= FLAT,
        }),
        stated("clients", "", load.clients as f64),
        stated("messages", "/s", rates.messages),
        stated("the server's datagrams", "/s", rates.received + rates.sent),
        stated("the server's CPU", "cores", rates.server_cpu),
        stated("send to outcome, received: p50", "ms", received.percentile(0.5)),
        stated("send to outcome, received: p99", "ms", received.percentile(0.99)),
        stated("send to outcome, stored: p99", "ms", stored.percentile(0.99)),
        stated("send to arrival, direct: p99", "ms", crowd.ledger.arrival[0].percentile(0.99)),
    ]
}
