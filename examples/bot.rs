//! A bot, by an inbox: one loop on one thread, which ends when somebody says "bye".
//!
//! ```text
//! cargo run --example bot -- eggman localhost:5000
//! ```
//!
//! It answers "who" with those who are online, and everything else with the same words.

use std::process::ExitCode;

use superchat::{Client, ClientEvent, Error, Incoming, Message};

/// Who is online, as text.
fn who(client: &Client) -> String {
    let online = client.users().into_iter().filter(|user| user.online);
    online.map(|user| user.nickname.to_string()).collect::<Vec<_>>().join(" ")
}

/// Answers a message. Whether the bot goes on.
fn answer(client: &Client, message: &Message) -> Result<bool, Error> {
    let sender = message.sender.as_str();
    match message.text.as_str() {
        "bye" => {
            client.send(sender, "bye")?;
            return Ok(false);
        }
        // It does not wait: what becomes of an answer is its reader's business.
        "who" => drop(client.post(sender, &who(client))?),
        text => drop(client.post(sender, text)?),
    }
    Ok(true)
}

fn run(nickname: String, server: String) -> Result<(), Error> {
    let (client, inbox) = Client::builder(nickname).server(server).connect_with_inbox()?;
    for incoming in &inbox {
        match incoming {
            Incoming::Event(ClientEvent::Registered { nickname }) => {
                println!("registered as {nickname}");
            }
            Incoming::Message(message) if !answer(&client, &message)? => break,
            _ => {}
        }
    }
    client.close();
    Ok(())
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(nickname), Some(server)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: bot NICKNAME HOST:PORT");
        return ExitCode::from(2);
    };
    match run(nickname, server) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bot: {error}");
            ExitCode::FAILURE
        }
    }
}
