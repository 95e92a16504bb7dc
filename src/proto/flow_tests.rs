//! Two ends of a flow, and a path between them that a test rules.

use std::time::Duration;

use super::*;
use crate::proto::incoming::{RIDE, RIDERS};
use crate::wire::Frame;

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

/// A packet as it is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Packed {
    sequence: Option<Sequence>,
    ack: Option<Ack>,
    /// One for each frame.
    frames: Vec<u64>,
}

/// Everything that a flow sends now.
fn sent(flow: &mut Flow<u64>, now: Instant) -> Vec<Packed> {
    let mut packets = Vec::new();
    while let Some(Transmission { sequence, ack, frames, .. }) = flow.poll(now) {
        let frames = std::str::from_utf8(frames).unwrap().split_terminator(',');
        let frames = frames.map(|frame| frame.trim().parse().unwrap()).collect();
        packets.push(Packed { sequence, ack, frames });
    }
    packets
}

/// A frame that is known by its number, and its item.
fn push(flow: &mut Flow<u64>, number: u64, length: usize) {
    flow.push(format!("{number:<length$}").as_bytes(), number);
}

/// How many of the frames are handed on, one `Verification` for each.
fn receive(flow: &mut Flow<u64>, packet: &Packed) -> usize {
    let frames = vec![Frame::Verification; packet.frames.len()];
    if let Some(sequence) = packet.sequence {
        flow.incoming.receive(at(0), sequence, frames);
    }
    std::iter::from_fn(|| flow.incoming.take()).map(|frames| frames.len()).sum()
}

fn acked(flow: &mut Flow<u64>, now: Instant, packet: &Packed) -> Vec<u64> {
    packet
        .ack
        .as_ref()
        .map(|ack| flow.acknowledge(now, ack, &mut RoundTrips::default()))
        .unwrap_or_default()
}

/// Two ends: `a` sends, `b` gets.
fn pair() -> (Flow<u64>, Flow<u64>) {
    (Flow::new(at(1)), Flow::new(at(1)))
}

#[test]
fn frames_are_handed_on_and_their_items_come_back() {
    let (mut a, mut b) = pair();
    push(&mut a, 1, 10);
    push(&mut a, 2, 10);
    let packets = sent(&mut a, at(1));
    assert_eq!(packets.len(), 1, "what is ready goes together");
    assert_eq!(receive(&mut b, &packets[0]), 2);
    let acks = sent(&mut b, at(2));
    assert_eq!(acked(&mut a, at(3), &acks[0]), [1, 2]);
    assert!(a.is_idle() && sent(&mut a, at(5_000)).is_empty());
}

#[test]
fn a_lone_frame_does_not_wait_and_a_packet_is_not_too_long() {
    let (mut a, _) = pair();
    push(&mut a, 1, 10);
    assert_eq!(sent(&mut a, at(1)).len(), 1);
    for number in 2..8 {
        push(&mut a, number, Packet::ROOM / 3 - 1);
    }
    assert_eq!(sent(&mut a, at(1)), [], "they wait for company");
    assert_eq!(a.deadline(), Some(at(1) + COMPANY));
    let packets = sent(&mut a, at(1) + COMPANY);
    let frames: Vec<_> = packets.into_iter().map(|packet| packet.frames).collect();
    assert_eq!(frames, [[2, 3, 4], [5, 6, 7]]);
    push(&mut a, 8, 10);
    assert_eq!(sent(&mut a, at(2)).len(), 1, "nothing was sent for a while");
}

#[test]
fn what_waits_for_company_goes_when_somebody_waits_or_it_is_enough_or_all_has_come() {
    let (mut a, mut b) = pair();
    push(&mut a, 1, 10);
    let first = sent(&mut a, at(1)).pop().unwrap();
    push(&mut a, 2, 10);
    assert!(a.holds_back() && sent(&mut a, at(1)).is_empty());
    a.hasten();
    assert!(!a.holds_back());
    let second = sent(&mut a, at(1)).pop().unwrap();
    push(&mut a, 3, 10);
    assert!(a.holds_back() && sent(&mut a, at(1)).is_empty(), "that was for the one before");

    receive(&mut b, &first);
    receive(&mut b, &second);
    let ack = sent(&mut b, at(1)).pop().unwrap();
    assert_eq!(acked(&mut a, at(1), &ack), [1, 2]);
    assert_eq!(sent(&mut a, at(1)).len(), 1);

    let packets = TRAIN / Packet::ROOM;
    for number in 0..packets as u64 {
        assert_eq!(sent(&mut a, at(1)), []);
        push(&mut a, number, Packet::ROOM - 1);
    }
    assert_eq!(sent(&mut a, at(1)), [], "a byte is missing");
    push(&mut a, 99, Packet::ROOM - 1);
    assert_eq!(sent(&mut a, at(1)).len(), packets + 1, "once they go, all go");
}

#[test]
fn what_waits_is_a_train_once_it_is_as_much_as_is_under_way() {
    let (mut a, _) = pair();
    let packets = 2 * TRAIN as u64 / Packet::ROOM as u64;
    for number in 0..packets {
        push(&mut a, number, Packet::ROOM);
    }
    assert_eq!(sent(&mut a, at(1)).len() as u64, packets, "nothing was under way");
    for number in 1..packets {
        push(&mut a, number, Packet::ROOM);
        assert_eq!(sent(&mut a, at(1)), [], "{number} wait, {packets} are under way");
    }
    push(&mut a, packets, Packet::ROOM);
    assert_eq!(sent(&mut a, at(1)).len() as u64, packets);
}

#[test]
fn what_is_lost_is_sent_again_and_what_came_early_waits_for_it() {
    let (mut a, mut b) = pair();
    for number in 1..=3 {
        push(&mut a, number, Packet::ROOM - 1);
    }
    let packets = sent(&mut a, at(1));
    assert_eq!(receive(&mut b, &packets[1]) + receive(&mut b, &packets[2]), 0);
    let ack = sent(&mut b, at(2)).pop().unwrap();
    assert_eq!(acked(&mut a, at(3), &ack), [0; 0]);
    assert_eq!(sent(&mut a, at(3)), []);
    let expires = a.deadline().unwrap();
    let again = sent(&mut a, expires);
    assert_eq!(again.len(), 1, "only what did not come");
    assert_eq!(again[0].frames, [1]);
    assert_eq!(receive(&mut b, &again[0]), 3);
    let ack = sent(&mut b, at(200)).pop().unwrap();
    assert_eq!(acked(&mut a, at(201), &ack), [1, 2, 3]);
}

#[test]
fn what_three_later_ones_have_overtaken_is_sent_again_at_once() {
    let (mut a, mut b) = pair();
    for number in 1..=4 {
        push(&mut a, number, Packet::ROOM - 1);
    }
    let packets = sent(&mut a, at(1));
    for (packet, again) in packets[1..].iter().zip([0, 0, 1]) {
        receive(&mut b, packet);
        let ack = sent(&mut b, at(2)).pop().unwrap();
        acked(&mut a, at(3), &ack);
        assert_eq!(sent(&mut a, at(3)).len(), again);
    }
}

#[test]
fn what_comes_twice_is_handed_on_once_and_acknowledged_again() {
    let (mut a, mut b) = pair();
    push(&mut a, 1, 10);
    let packet = sent(&mut a, at(1)).pop().unwrap();
    assert_eq!(receive(&mut b, &packet), 1);
    sent(&mut b, at(2));
    assert_eq!(receive(&mut b, &packet), 0);
    assert_eq!(sent(&mut b, at(3)).len(), 1);
}

#[test]
fn both_sides_of_the_window() {
    let (mut a, mut b) = pair();
    for number in 0..=WINDOW {
        push(&mut a, number, Packet::ROOM - 1);
    }
    let packets = sent(&mut a, at(1));
    assert_eq!(packets.len() as u64, WINDOW);
    assert_eq!(receive(&mut b, &packets[0]), 1);
    let ack = sent(&mut b, at(2)).pop().unwrap();
    acked(&mut a, at(3), &ack);
    let last = sent(&mut a, at(3)).pop().unwrap();
    assert_eq!(last.frames, [WINDOW]);
    // The other end holds as many, and not one that is further ahead.
    let mut b = Flow::<u64>::new(at(1));
    let floor = packets[0].sequence.unwrap().floor;
    let early = |number| Sequence { number: floor + number, floor };
    b.incoming.receive(at(1), early(WINDOW - 1), Vec::new());
    b.incoming.receive(at(1), early(WINDOW), Vec::new());
    let held = b.incoming.acknowledge().unwrap().beyond;
    assert_eq!(held, [(floor + WINDOW - 1, floor + WINDOW - 1)]);
}

/// The other end restarted, or let the flow go: nothing that it had is owed to it.
#[test]
fn an_end_that_forgot_goes_on_with_the_floor_of_the_other() {
    let (mut a, mut b) = pair();
    push(&mut a, 1, 10);
    receive(&mut b, &sent(&mut a, at(1))[0]);
    let ack = sent(&mut b, at(1)).pop().unwrap();
    acked(&mut a, at(2), &ack);
    push(&mut a, 2, 10);
    let mut b = Flow::<u64>::new(at(3));
    assert_eq!(receive(&mut b, &sent(&mut a, at(3))[0]), 1);
    let ack = sent(&mut b, at(3)).pop().unwrap();
    assert_eq!(acked(&mut a, at(4), &ack), [2]);
}

#[test]
fn what_is_given_up_is_not_waited_for() {
    let (mut a, mut b) = pair();
    for number in 1..=3 {
        push(&mut a, number, Packet::ROOM - 1);
    }
    sent(&mut a, at(1));
    assert_eq!(a.abandon_where(|number| *number != 2), [1, 3]);
    let again = sent(&mut a, at(1));
    assert_eq!(again[0].frames, [2], "in a packet with a number of its own");
    assert_eq!(receive(&mut b, &again[0]), 1);
}

#[test]
fn what_is_taken_back_goes_on_if_it_was_sent_and_else_does_not() {
    let (mut a, mut b) = pair();
    for number in 1..=3 {
        push(&mut a, number, 10);
    }
    let first = sent(&mut a, at(1)).pop().unwrap();
    for number in 4..=6 {
        push(&mut a, number, 10);
    }
    assert_eq!(a.take_back_where(|number| number % 2 == 0, &9), [2, 4, 6]);
    receive(&mut b, &first);
    let ack = sent(&mut b, at(2)).pop().unwrap();
    assert_eq!(acked(&mut a, at(3), &ack), [1, 9, 3]);
    assert_eq!(sent(&mut a, at(3))[0].frames, [5]);
}

#[test]
fn an_ack_of_what_was_not_sent_says_nothing() {
    let (mut a, _) = pair();
    push(&mut a, 1, 10);
    sent(&mut a, at(1));
    let through = u64::MAX;
    let ack = Ack { through, beyond: vec![(0, u64::MAX)] };
    assert_eq!(a.acknowledge(at(2), &ack, &mut RoundTrips::default()), [0; 0]);
    assert!(!a.is_idle());
}

#[test]
fn it_is_known_since_when_there_is_no_progress() {
    let (mut a, mut b) = pair();
    assert_eq!(a.waits_since(), None);
    push(&mut a, 1, Packet::ROOM - 1);
    push(&mut a, 2, Packet::ROOM - 1);
    let packets = sent(&mut a, at(7));
    assert_eq!(a.waits_since(), Some(at(7)));
    receive(&mut b, &packets[0]);
    let ack = sent(&mut b, at(8)).pop().unwrap();
    acked(&mut a, at(9), &ack);
    assert_eq!(a.waits_since(), Some(at(9)));
}

/// Where an answer is to come, an ack waits for it: not for long, not for many packets, and not where one is missing.
#[test]
fn an_ack_rides_on_the_answer_if_that_comes_soon() {
    let (a, mut b) = pair();
    let floor = a.next_number();
    let packet = |number| Sequence { number: floor + number, floor };
    let receive = |b: &mut Flow<u64>, ms, number| {
        b.incoming.receive(at(ms), packet(number), Vec::new());
        while b.incoming.take().is_some() {}
        b.incoming.let_ack_ride();
    };
    let through = |packet: &Packed| packet.ack.as_ref().map(|ack| ack.through);
    receive(&mut b, 1, 0);
    assert_eq!(sent(&mut b, at(2)), []);
    receive(&mut b, 2, 1);
    assert_eq!((sent(&mut b, at(2)), b.deadline()), (Vec::new(), Some(at(1) + RIDE)));
    let alone = sent(&mut b, at(1) + RIDE);
    assert_eq!(alone.iter().map(through).collect::<Vec<_>>(), [Some(floor + 1)]);
    assert!(alone[0].sequence.is_none() && b.deadline().is_none());

    receive(&mut b, 4, 2);
    push(&mut b, 1, 10);
    let answer = sent(&mut b, at(4)).pop().unwrap();
    assert_eq!((answer.frames.as_slice(), through(&answer)), (&[1][..], Some(floor + 2)));
    assert_eq!(sent(&mut b, at(4) + RIDE), []);

    // The fourth is missing.
    receive(&mut b, 5, 4);
    assert_eq!(sent(&mut b, at(5)).iter().map(through).collect::<Vec<_>>(), [Some(floor + 2)]);
    receive(&mut b, 5, 3);
    let last = 2 + RIDERS;
    (5..last).for_each(|number| receive(&mut b, 6, number));
    assert_eq!(sent(&mut b, at(6)), []);
    receive(&mut b, 6, last);
    assert_eq!(sent(&mut b, at(6)).iter().map(through).collect::<Vec<_>>(), [Some(floor + last)]);
}
