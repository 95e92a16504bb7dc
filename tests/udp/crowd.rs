//! The 2017 fault: requests that arrive while the server is busy are lost.

use std::thread;

use superchat::wire::Datagram;

use crate::peer::Peer;
use crate::server;

const CROWD: usize = 60;
const DEAD: usize = 10;

/// Registers all of `peers` at once, the first as `user0`, and waits on a thread for each until it
/// was welcomed and has a table with `online` rows that say so.
fn register_at_once(peers: &[Peer], online: usize) {
    for (number, peer) in peers.iter().enumerate() {
        peer.register(&format!("user{number}"));
    }
    thread::scope(|scope| {
        for peer in peers {
            scope.spawn(move || {
                assert_eq!(peer.until_notified(), "[Welcome, You are registered.]");
                peer.until(|datagram| match datagram {
                    Datagram::Table(rows) => {
                        let there = rows.iter().filter(|row| row.presence.is_online()).count();
                        (there >= online).then_some(())
                    }
                    _ => None,
                });
            });
        }
    });
}

#[test]
fn sixty_that_register_in_the_same_instant_are_all_registered() {
    let (_directory, server) = server();
    let peers: Vec<Peer> = (0..CROWD).map(|_| Peer::of(&server)).collect();
    register_at_once(&peers, CROWD);
    assert_eq!(server.users().iter().filter(|user| user.online).count(), CROWD);
}

#[test]
fn the_names_of_ten_that_died_are_given_to_others() {
    let (_directory, server) = server();
    let mut peers: Vec<Peer> = (0..CROWD).map(|_| Peer::of(&server)).collect();
    register_at_once(&peers, CROWD);
    // The first ones' sockets stay bound and say nothing more, as those of a machine that lost its
    // network; their users come to other machines. All register again.
    let newcomers: Vec<Peer> = (0..DEAD).map(|_| Peer::of(&server)).collect();
    let _dead: Vec<Peer> = peers.splice(..DEAD, newcomers).collect();
    register_at_once(&peers, CROWD);
    // How long that takes is judged in virtual time: see `tests/sim/faults.rs`.
    assert_eq!(server.users().iter().filter(|user| user.online).count(), CROWD);
}
