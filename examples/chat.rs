//! A chat client, by callbacks: sends each line "NAME TEXT" of its standard input, prints what comes.
//!
//! ```text
//! cargo run --example chat -- sonic localhost:5000
//! ```

use std::io;
use std::process::ExitCode;

use superchat::{Client, ClientEvent, Delivery, Error};

/// What others wrote, without what a terminal would obey: it is spelled out.
fn visible(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        match c {
            '"' | '\'' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    shown
}

/// What became of a message, in a line.
fn outcome(recipient: &str, outcome: Result<Delivery, Error>) -> String {
    match outcome {
        Ok(Delivery::Received) => format!("[received by {recipient}]"),
        Ok(Delivery::Relayed) => format!("[relayed to {recipient}]"),
        Ok(Delivery::Stored) => format!("[stored for {recipient}]"),
        Err(error) => format!("[{error}]"),
    }
}

fn run(nickname: String, server: String) -> Result<(), Error> {
    let client = Client::builder(nickname)
        .server(server)
        .on_message(|message| println!("{}: {}", message.sender, visible(&message.text)))
        .on_event(|event| match event {
            ClientEvent::Registered { nickname } => println!("registered as {nickname}"),
            ClientEvent::ServerLost | ClientEvent::ServerDown => println!("the server is gone"),
            _ => {}
        })
        .connect()?;
    // Whether it ends or fails, there is nothing more to send.
    for line in io::stdin().lines().map_while(Result::ok) {
        let (recipient, text) = line.split_once(' ').unwrap_or((&line, ""));
        println!("{}", outcome(recipient, client.send(recipient, text)));
    }
    client.close();
    Ok(())
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(nickname), Some(server)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: chat NICKNAME HOST:PORT");
        return ExitCode::from(2);
    };
    match run(nickname, server) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat: {error}");
            ExitCode::FAILURE
        }
    }
}
