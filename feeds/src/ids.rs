//! A venue's own ids to dense instruments, without allocating and without trusting the id.
//!
//! A decoder does not check that an id is well formed: the full compare here does that. The key is
//! a 64-bit fold of the first, middle and last eight bytes (the middle, because Kalshi's tickers of
//! one strike differ only in the hour); 32-bit tags lie in their own small array beside the
//! instruments, so that a miss touches one line and a hit names its likely instrument before the
//! listed id, which is most often cold, has come to confirm it. The ids lie in a parallel array at
//! the same index. Ids that collide on purpose make a look-up slow, never wrong.

use core::fmt;
use dutchbook_book::fetch::fetch;
use dutchbook_book::{InstrumentId, Price, Side};

/// Ids up to this length are compared in place; longer ones lie in a side store.
pub const INLINE_BYTES: usize = 96;

/// Marks an unused slot; a tag is never zero.
const EMPTY: u32 = 0;
/// The place of an instrument without an id.
const NO_PLACE: u32 = u32::MAX;

const FOLD_FIRST: u64 = 0x9E37_79B9_7F4A_7C15;
const FOLD_MIDDLE: u64 = 0xC2B2_AE3D_27D4_EB4F;
const FOLD_LAST: u64 = 0x1656_67B1_9E37_79F9;

/// What is known of a slot without its id.
#[derive(Clone, Copy, Debug)]
struct Tag {
    tag: u32,
    instrument: InstrumentId,
}

const NO_TAG: Tag = Tag { tag: EMPTY, instrument: InstrumentId(u32::MAX) };

/// One id, on two cache lines of its own.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Slot {
    len: u32,
    /// Where a long id lies in the side store.
    spill_at: u32,
    /// A short id, then zeros.
    bytes: [u8; INLINE_BYTES],
}

const FREE: Slot = Slot { len: 0, spill_at: 0, bytes: [0; INLINE_BYTES] };

/// The id is already listed, for this other instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdTaken(pub InstrumentId);

impl fmt::Display for IdTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "native id already listed for instrument {}", self.0)
    }
}

impl core::error::Error for IdTaken {}

/// Finds the instrument that a native id stands for.
pub trait Ids {
    /// The instrument listed under exactly these bytes.
    fn find(&self, id: &[u8]) -> Option<InstrumentId>;

    /// As [`Ids::find`], of the bytes of a JSON string as they were sent, which nobody has looked through:
    /// what is found has no byte that cannot stand in one. It may miss an id that is listed.
    fn find_as_sent(&self, id: &[u8]) -> Option<InstrumentId>;

    /// A level of an instrument that was found is going to change.
    #[inline(always)]
    fn level(&self, _instrument: InstrumentId, _side: Side, _price: Price) {}

    /// All levels of an instrument that was found are going to be stated.
    #[inline(always)]
    fn book(&self, _instrument: InstrumentId) {}

    /// Several levels of a side are going to be stated, beginning with this.
    #[inline(always)]
    fn side(&self, _instrument: InstrumentId, _side: Side, _first: Price) {}
}

/// Is told of what a message names before it has been read to its end, so that memory can be on its
/// way: see [`dutchbook_book::fetch`].
pub trait Herald {
    /// An instrument is named; once in four billion times a wrong one.
    fn instrument(&self, instrument: InstrumentId);
    /// A level of an instrument is named.
    fn level(&self, instrument: InstrumentId, side: Side, price: Price);
    /// A snapshot of an instrument is named.
    fn book(&self, instrument: InstrumentId);
    /// A side of a snapshot is named, with the first of several levels.
    fn side(&self, instrument: InstrumentId, side: Side, first: Price);
}

impl Ids for IdTable {
    #[inline(always)]
    fn find(&self, id: &[u8]) -> Option<InstrumentId> {
        self.get(id)
    }

    #[inline(always)]
    fn find_as_sent(&self, id: &[u8]) -> Option<InstrumentId> {
        if self.are_plain { self.find(id) } else { None }
    }
}

/// A table, and who is told what its answers most likely are.
#[derive(Clone, Copy, Debug)]
pub struct Heralded<'a, H> {
    /// The table.
    pub table: &'a IdTable,
    /// Is told.
    pub herald: H,
}

impl<H: Herald> Ids for Heralded<'_, H> {
    #[inline(always)]
    fn find(&self, id: &[u8]) -> Option<InstrumentId> {
        self.table.get_heralded(id, |instrument| self.herald.instrument(instrument))
    }

    #[inline(always)]
    fn find_as_sent(&self, id: &[u8]) -> Option<InstrumentId> {
        if self.table.are_plain { self.find(id) } else { None }
    }

    #[inline(always)]
    fn level(&self, instrument: InstrumentId, side: Side, price: Price) {
        self.herald.level(instrument, side, price);
    }

    #[inline(always)]
    fn book(&self, instrument: InstrumentId) {
        self.herald.book(instrument);
    }

    #[inline(always)]
    fn side(&self, instrument: InstrumentId, side: Side, first: Price) {
        self.herald.side(instrument, side, first);
    }
}

/// Native ids of one venue. A Kalshi ticker names a market: list it with its YES instrument.
#[derive(Clone, Debug)]
pub struct IdTable {
    tags: Vec<Tag>,
    slots: Vec<Slot>,
    spill: Vec<u8>,
    /// Where each instrument's id lies, by [`InstrumentId`]; beyond all slots for one that has none.
    places: Vec<u32>,
    mask: usize,
    len: usize,
    /// Whether every byte of every id may stand in a JSON string as it is.
    are_plain: bool,
}

impl Default for IdTable {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl IdTable {
    /// A table that takes `ids` ids without growing.
    #[must_use]
    pub fn with_capacity(ids: usize) -> Self {
        let slots = ids.saturating_mul(2).max(16).next_power_of_two();
        Self {
            tags: vec![NO_TAG; slots],
            slots: vec![FREE; slots],
            spill: Vec::new(),
            places: Vec::new(),
            mask: slots.saturating_sub(1),
            len: 0,
            are_plain: true,
        }
    }

    /// Number of ids.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds no id.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Lists an id. May allocate; never call it between a payload and its decision.
    ///
    /// # Errors
    /// When the id is listed for another instrument already; the table is unchanged.
    pub fn insert(&mut self, id: &[u8], instrument: InstrumentId) -> Result<(), IdTaken> {
        match self.get(id) {
            Some(listed) if listed == instrument => return Ok(()),
            Some(listed) => return Err(IdTaken(listed)),
            None => {}
        }
        if self.len.saturating_add(1).saturating_mul(2) > self.slots.len() {
            self.grow();
        }
        let mut slot = FREE;
        slot.len = u32::try_from(id.len()).unwrap_or(u32::MAX);
        if let Some(inline) = slot.bytes.get_mut(..id.len()) {
            inline.copy_from_slice(id);
        } else {
            slot.spill_at = u32::try_from(self.spill.len()).unwrap_or(u32::MAX);
            self.spill.extend_from_slice(id);
        }
        self.place(fold(id), instrument, slot);
        self.len = self.len.saturating_add(1);
        self.are_plain &=
            id.iter().all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\".contains(byte));
        Ok(())
    }

    /// The instrument listed under exactly these bytes.
    #[inline(always)]
    #[must_use]
    pub fn get(&self, id: &[u8]) -> Option<InstrumentId> {
        self.get_heralded(id, |_| {})
    }

    /// As [`IdTable::get`], with the likely answer told before it is confirmed.
    #[inline(always)]
    fn get_heralded(&self, id: &[u8], herald: impl Fn(InstrumentId)) -> Option<InstrumentId> {
        let key = fold(id);
        let tag = tag_of(key);
        let mut at = home_of(key) & self.mask;
        loop {
            let found = *self.tags.get(at)?;
            if found.tag == tag {
                herald(found.instrument);
                if self.is_same(self.slots.get(at)?, id) {
                    return Some(found.instrument);
                }
            } else if found.tag == EMPTY {
                return None;
            }
            at = at.wrapping_add(1) & self.mask;
        }
    }

    /// Asks for the memory that a look-up of this instrument's id needs.
    #[inline]
    pub fn fetch(&self, instrument: InstrumentId) {
        let Some(&place) = self.places.get(instrument.index()) else { return };
        if let (Some(tag), Some(slot)) =
            (self.tags.get(place as usize), self.slots.get(place as usize))
        {
            fetch(tag);
            fetch(slot);
        }
    }

    #[inline(always)]
    fn is_same(&self, slot: &Slot, id: &[u8]) -> bool {
        if slot.len as usize != id.len() {
            return false;
        }
        match slot.bytes.get(..id.len()) {
            Some(listed) => is_equal(listed, id),
            None => self.is_same_long(slot, id),
        }
    }

    #[cold]
    fn is_same_long(&self, slot: &Slot, id: &[u8]) -> bool {
        let from = slot.spill_at as usize;
        self.spill.get(from..from.saturating_add(id.len())) == Some(id)
    }

    fn place(&mut self, key: u64, instrument: InstrumentId, slot: Slot) {
        let mut at = home_of(key) & self.mask;
        while self.tags.get(at).is_some_and(|tag| tag.tag != EMPTY) {
            at = at.wrapping_add(1) & self.mask;
        }
        if let (Some(tag), Some(free)) = (self.tags.get_mut(at), self.slots.get_mut(at)) {
            *tag = Tag { tag: tag_of(key), instrument };
            *free = slot;
        }
        let index = instrument.index();
        if self.places.len() <= index {
            self.places.resize(index.saturating_add(1), NO_PLACE);
        }
        if let Some(place) = self.places.get_mut(index) {
            *place = u32::try_from(at).unwrap_or(0);
        }
    }

    fn grow(&mut self) {
        let bigger = Self::with_capacity(self.slots.len());
        let old = core::mem::replace(self, bigger);
        self.len = old.len;
        self.are_plain = old.are_plain;
        self.spill = old.spill;
        self.places = old.places;
        let listed = old.slots.into_iter().zip(&old.tags).filter(|(_, tag)| tag.tag != EMPTY);
        for (slot, tag) in listed {
            let from = slot.spill_at as usize;
            let len = slot.len as usize;
            let key = match slot.bytes.get(..len) {
                Some(id) => fold(id),
                None => fold(self.spill.get(from..from.saturating_add(len)).unwrap_or(&[])),
            };
            self.place(key, tag.instrument, slot);
        }
    }
}

/// Equality of two slices of one length, by fixed-size blocks of which the last overlaps.
#[inline(always)]
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    let (Some((a_first, a_rest)), Some((b_first, b_rest))) =
        (a.split_first_chunk::<32>(), b.split_first_chunk::<32>())
    else {
        return is_equal_short(a, b);
    };
    let mut same = a_first == b_first && a.last_chunk::<32>() == b.last_chunk::<32>();
    if let (Some(a_middle), Some(b_middle)) = (a_rest.first_chunk::<32>(), b_rest.first_chunk()) {
        same &= a_middle == b_middle;
    }
    same
}

#[inline(always)]
fn is_equal_short(a: &[u8], b: &[u8]) -> bool {
    match (a.first_chunk::<16>(), b.first_chunk::<16>()) {
        (Some(a_first), Some(b_first)) => {
            a_first == b_first && a.last_chunk::<16>() == b.last_chunk::<16>()
        }
        _ => a == b,
    }
}

/// The key of an id: cheap, and different for ids that differ near either end or in the middle.
#[inline(always)]
fn fold(id: &[u8]) -> u64 {
    let (Some(first), Some(last)) = (id.first_chunk::<8>(), id.last_chunk::<8>()) else {
        return fold_short(id);
    };
    let middle_at = (id.len() - 8) / 2;
    let middle = id.get(middle_at..).and_then(|rest| rest.first_chunk::<8>()).unwrap_or(first);
    let middle = u64::from_le_bytes(*middle).wrapping_mul(FOLD_MIDDLE);
    mix(u64::from_le_bytes(*first) ^ FOLD_FIRST ^ middle, u64::from_le_bytes(*last) ^ FOLD_LAST)
}

#[cold]
fn fold_short(id: &[u8]) -> u64 {
    let word = id.iter().fold(id.len() as u64, |word, &byte| (word << 8) | u64::from(byte));
    mix(word ^ FOLD_FIRST, FOLD_LAST)
}

/// Both halves of the 128-bit product, folded.
#[inline(always)]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a).wrapping_mul(u128::from(b));
    let bytes = product.to_le_bytes();
    let (low, high) = bytes.split_at(8);
    let word = |half: &[u8]| half.first_chunk::<8>().map_or(0, |half| u64::from_le_bytes(*half));
    word(low) ^ word(high)
}

#[inline(always)]
fn tag_of(key: u64) -> u32 {
    u32::try_from(key >> 32).unwrap_or(0) | 1
}

#[inline(always)]
fn home_of(key: u64) -> usize {
    u32::try_from(key & 0xFFFF_FFFF).unwrap_or(0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(ids: &[Vec<u8>]) -> IdTable {
        let mut table = IdTable::default();
        for (index, id) in (0_u32..).zip(ids) {
            table.insert(id, InstrumentId(index)).unwrap();
        }
        table
    }

    #[test]
    fn every_length_is_found_and_its_neighbours_are_not() {
        let ids: Vec<Vec<u8>> =
            (0..=200_usize).map(|len| (b'0'..=b'9').cycle().take(len).collect()).collect();
        let table = filled(&ids);
        assert_eq!(table.len(), ids.len());
        for (index, id) in (0_u32..).zip(&ids) {
            assert_eq!(table.get(id), Some(InstrumentId(index)));
            for at in 0..id.len() {
                let mut other = id.clone();
                other[at] ^= 0x40;
                assert_eq!(table.get(&other), None, "length {}, byte {at}", id.len());
            }
        }
    }

    #[test]
    fn ids_with_one_key_are_told_apart() {
        // First, middle and last eight bytes are equal: every tag and home collide.
        let ids: Vec<Vec<u8>> = (0..500)
            .map(|n| format!("11111111{n:026}22222222{n:026}33333333").into_bytes())
            .collect();
        let keys: Vec<u64> = ids.iter().map(|id| fold(id)).collect();
        assert!(keys.iter().all(|key| *key == keys[0]));
        let table = filled(&ids);
        for (index, id) in (0_u32..).zip(&ids) {
            assert_eq!(table.get(id), Some(InstrumentId(index)));
        }
        assert_eq!(table.get(&[b'1'; 76]), None);
    }

    #[test]
    fn an_id_that_a_string_cannot_hold_as_it_is_ends_finding_unread_bytes() {
        let plain = b"KXBTCD-26JUL0317-T60499.99";
        for bad in [&b"a\"b"[..], b"a\\", b"\x1f", b"\x80"] {
            let mut table = IdTable::default();
            table.insert(plain, InstrumentId(4)).unwrap();
            assert_eq!(table.find_as_sent(plain), Some(InstrumentId(4)));
            table.insert(bad, InstrumentId(6)).unwrap();
            // Growing keeps it so.
            for n in 0..100 {
                table.insert(format!("id {n}").as_bytes(), InstrumentId(100 + n)).unwrap();
            }
            assert_eq!((table.find_as_sent(plain), table.find_as_sent(bad)), (None, None));
            assert_eq!(table.find(plain), Some(InstrumentId(4)));
            assert_eq!(table.find(bad), Some(InstrumentId(6)));
        }
    }

    #[test]
    fn an_id_is_listed_once() {
        let mut table = IdTable::default();
        assert!(table.is_empty());
        table.insert(b"KXBTCD-26JUL0317-T60499.99", InstrumentId(4)).unwrap();
        assert_eq!(table.insert(b"KXBTCD-26JUL0317-T60499.99", InstrumentId(4)), Ok(()));
        assert_eq!(
            table.insert(b"KXBTCD-26JUL0317-T60499.99", InstrumentId(6)),
            Err(IdTaken(InstrumentId(4)))
        );
        assert_eq!(table.len(), 1);
    }
}
