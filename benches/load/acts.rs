//! What the clients do: they come, write, die, leave and come back.

use std::time::Duration;

use superchat::proto::{Client, ClientCommand};

use super::crowd::{Crowd, DEREGISTER, Event, MESSAGE, REGISTER, nickname};
use super::random::Random;

/// To how many others each client writes: always the same, as people do. So few that a client has met them, and been
/// met by who writes to it, early in its life.
pub const CONTACTS: u64 = 3;

/// How long who died, or left, stays away: at least, and at most as much more.
const AWAY: Duration = Duration::from_secs(3);
const MORE_AWAY: Duration = Duration::from_secs(20);

impl Crowd {
    /// The next client that has never been there comes.
    pub fn next_comes(&mut self) {
        let client = self.come as u32;
        self.come += 1;
        self.returns(client);
    }

    /// A client comes, or comes back: a new run if it had died, and the same one if it had left.
    pub fn returns(&mut self, client: u32) {
        let now = self.now();
        let fresh = self.random.next();
        let server = self.server;
        let member = &mut self.members[client as usize];
        member.away = false;
        if member.engine.is_none() {
            let engine = Client::new(server, nickname(client), fresh, 1 << 20);
            member.engine = Some(Box::new(engine));
            member.life += 1;
            member.began = now.at;
        }
        member.asked = Some(now.at);
        let nickname = nickname(client);
        self.command(now, client, ClientCommand::Register { ticket: REGISTER, nickname });
    }

    /// Somebody, if the one picked is there.
    fn somebody(&mut self) -> Option<u32> {
        let client = self.random.below(self.come as u64) as u32;
        let member = &self.members[client as usize];
        let engine = member.engine.as_ref()?;
        (engine.is_registered() && !member.away && member.asked.is_none()).then_some(client)
    }

    /// Somebody writes to one of its contacts.
    pub fn someone_writes(&mut self) {
        let Some(client) = self.somebody() else { return };
        let which = self.random.below(CONTACTS);
        let recipient = self.contact(client, which);
        let now = self.now();
        let member = &mut self.members[client as usize];
        member.number += 1;
        let (number, life) = (member.number, member.life);
        let text = format!("{client} {number} {life} ");
        let text = format!("{text:.<MESSAGE$}");
        self.ledger.sent(now.at, (client, number), recipient);
        let (ticket, recipient) = (u64::from(number), nickname(recipient));
        self.command(now, client, ClientCommand::Send { ticket, recipient, text });
    }

    fn contact(&self, client: u32, which: u64) -> u32 {
        let key =
            self.seed ^ (u64::from(client) * CONTACTS + which).wrapping_mul(0x2545_f491_4f6c_dd1d);
        Random::new(key).below(self.come as u64) as u32
    }

    /// Somebody's program ends without a word.
    pub fn someone_dies(&mut self) {
        let Some(client) = self.somebody() else { return };
        let member = &mut self.members[client as usize];
        member.engine = None;
        member.wakes_at = None;
        member.died_at = member.number;
        self.happened.died += 1;
        self.stays_away(client);
    }

    /// Somebody deregisters.
    pub fn someone_leaves(&mut self) {
        let Some(client) = self.somebody() else { return };
        self.happened.left += 1;
        self.stays_away(client);
        let now = self.now();
        self.command(now, client, ClientCommand::Deregister { ticket: DEREGISTER });
    }

    fn stays_away(&mut self, client: u32) {
        self.members[client as usize].away = true;
        let more = self.random.below(MORE_AWAY.as_nanos() as u64);
        let back = self.now().at + AWAY + Duration::from_nanos(more);
        self.due.push(back, Event::Return(client));
    }
}
