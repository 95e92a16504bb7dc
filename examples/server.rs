//! A server that runs until its standard input ends.
//!
//! ```text
//! cargo run --example server -- localhost:5000 .
//! ```
//!
//! It prints where it listens, then a line for each event: one line, whatever others put into it.

use std::io::{self, Read as _};

use superchat::{Error, Server};

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "localhost:5000".to_owned());
    let directory = arguments.next().unwrap_or_else(|| ".".to_owned());

    let server = Server::builder()
        .bind(address)
        .directory(directory)
        .on_event(|event| println!("{event}"))
        .start()?;
    println!("listening on {}", server.address());

    // Whether it ends or fails, there is nothing more to wait for.
    let _ = io::stdin().read_to_end(&mut Vec::new());
    server.stop();
    Ok(())
}
