//! Frames that share a packet, as they stand in it.
//!
//! The invariant: there is one at the least, and more only as far as the packet has room.

use crate::wire::Packet;

/// Frames one after the other, a comma between two, and what depends on each.
#[derive(Debug)]
pub(super) struct Bundle<T> {
    bytes: Vec<u8>,
    /// An item for each frame, with its length.
    items: Vec<(T, usize)>,
}

impl<T> Bundle<T> {
    /// A frame by itself: however long it is, it goes.
    pub(super) fn of(frame: &[u8], item: T) -> Self {
        Self { bytes: frame.to_vec(), items: vec![(item, frame.len())] }
    }

    /// A frame that others follow most likely, with memory for them.
    pub(super) fn of_several(frame: &[u8], item: T) -> Self {
        let items = Vec::with_capacity(1 + Packet::ROOM / (frame.len() + 1));
        let mut bundle = Self { bytes: Vec::with_capacity(Packet::ROOM), items };
        bundle.bytes.extend_from_slice(frame);
        bundle.items.push((item, frame.len()));
        bundle
    }

    /// Whether this frame fits as well.
    pub(super) fn has_room_for(&self, frame: &[u8]) -> bool {
        self.bytes.len() + 1 + frame.len() < Packet::ROOM
    }

    /// Adds a frame that fits.
    pub(super) fn push(&mut self, frame: &[u8], item: T) {
        if self.items.len() == 1 && self.bytes.capacity() < Packet::ROOM {
            // Who follows is likely to be followed. A new place costs less than a larger one.
            let mut bytes = Vec::with_capacity(Packet::ROOM);
            bytes.extend_from_slice(&self.bytes);
            self.bytes = bytes;
            self.items.reserve(Packet::ROOM / (frame.len() + 1));
        }
        self.bytes.push(b',');
        self.bytes.extend_from_slice(frame);
        self.items.push((item, frame.len()));
    }

    /// As it stands in a packet, behind a comma.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many frames there are.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|(item, _)| item)
    }

    pub(super) fn items_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.items.iter_mut().map(|(item, _)| item)
    }

    pub(super) fn into_items(self) -> impl Iterator<Item = T> {
        self.items.into_iter().map(|(item, _)| item)
    }

    /// Takes it apart again.
    pub(super) fn for_each(self, mut what: impl FnMut(&[u8], T)) {
        let mut rest = self.bytes.as_slice();
        for (item, length) in self.items {
            let (frame, others) = rest.split_at_checked(length).unwrap_or_default();
            what(frame, item);
            rest = others.strip_prefix(b",").unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_together_is_taken_apart_again() {
        let mut bundle = Bundle::of(b"{}", 1);
        bundle.push(b"", 2);
        bundle.push(b"{,}", 3);
        same_bundle(bundle);
        let mut bundle = Bundle::of_several(b"{}", 1);
        bundle.push(b"", 2);
        bundle.push(b"{,}", 3);
        same_bundle(bundle);
    }

    fn same_bundle(bundle: Bundle<i32>) {
        assert_eq!((bundle.bytes(), bundle.len()), (&b"{},,{,}"[..], 3));
        assert_eq!(bundle.items().copied().collect::<Vec<_>>(), [1, 2, 3]);
        let mut frames = Vec::new();
        bundle.for_each(|frame, item| frames.push((frame.to_vec(), item)));
        assert_eq!(frames, [(b"{}".to_vec(), 1), (b"".to_vec(), 2), (b"{,}".to_vec(), 3)]);
    }

    #[test]
    fn both_sides_of_the_room() {
        let bundle = Bundle::of(&[b' '; Packet::ROOM - 10], ());
        assert!(bundle.has_room_for(&[b' '; 8]) && !bundle.has_room_for(&[b' '; 9]));
        assert_eq!(Bundle::of(&[b' '; 5000], ()).into_items().count(), 1, "alone it may be long");
    }
}
