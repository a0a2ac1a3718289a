//! The bytes of a capture's files: segments of checked, compressed blocks. No files here.
//!
//! A segment begins with [`SEGMENT_HEAD_BYTES`]: magic, layout version, number, checksum. Blocks
//! follow, each with a head of [`BLOCK_HEAD_BYTES`]:
//!
//! | bytes | what |
//! | --- | --- |
//! | 0..4 | magic |
//! | 4..6 | lane |
//! | 6..8 | packing: 0 plain, 1 zstd |
//! | 8..12 | bytes as the lane wrote them |
//! | 12..16 | bytes as stored |
//! | 16..24 | number of the block in its lane, from 0 |
//! | 24..28 | checksum (CRC-32) of bytes 0..24 and of the stored bytes |
//! | 28..32 | zero |
//!
//! All numbers are little-endian. A jump in a lane's numbers is a block that was not stored.

use super::error::CaptureError;

/// Bytes before the first block of a segment.
pub const SEGMENT_HEAD_BYTES: usize = 24;
/// Bytes before a block's stored bytes.
pub const BLOCK_HEAD_BYTES: usize = 32;
/// Most bytes that one block may unpack to: a lane's chunk and what was gathered before it.
pub const BLOCK_BYTES_MAX: usize = 4 << 20;
/// The lane of the writer itself: its last word.
pub const WRITER_LANE: u16 = u16::MAX;

const SEGMENT_MAGIC: [u8; 8] = *b"DBCAPTUR";
const BLOCK_MAGIC: [u8; 4] = *b"DBLK";
/// The layout that is written, and the only one that is read.
pub const LAYOUT: u32 = 1;
/// Level of compression: the fastest keeps up with any feed on a fraction of a core.
const ZSTD_LEVEL: i32 = 1;
const PLAIN: u16 = 0;
const ZSTD: u16 = 1;

/// What a block's head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHead {
    /// Which lane.
    pub lane: u16,
    packing: u16,
    /// Bytes once unpacked.
    pub raw_bytes: u32,
    /// Bytes as stored.
    pub stored_bytes: u32,
    /// Its number in the lane.
    pub number: u64,
    checksum: u32,
}

/// The head of a segment.
#[must_use]
pub fn segment_head(number: u32) -> [u8; SEGMENT_HEAD_BYTES] {
    let mut bytes = [0; SEGMENT_HEAD_BYTES];
    put(&mut bytes, 0, &SEGMENT_MAGIC);
    put(&mut bytes, 8, &LAYOUT.to_le_bytes());
    put(&mut bytes, 12, &number.to_le_bytes());
    let checksum = crc32fast::hash(bytes.get(..16).unwrap_or_default());
    put(&mut bytes, 16, &checksum.to_le_bytes());
    bytes
}

/// Reads the head of a segment; `None` where it is none of this layout.
#[must_use]
pub fn read_segment_head(bytes: &[u8]) -> Option<u32> {
    let number = u32_at(bytes, 12)?;
    (bytes.get(..SEGMENT_HEAD_BYTES)? == segment_head(number)).then_some(number)
}

/// Appends one block to `out`.
///
/// # Errors
/// When the compressor fails, which it does for want of memory only.
pub fn write(out: &mut Vec<u8>, lane: u16, number: u64, raw: &[u8]) -> std::io::Result<()> {
    let packed = zstd::bulk::compress(raw, ZSTD_LEVEL)?;
    let (packing, stored) =
        if packed.len() < raw.len() { (ZSTD, packed.as_slice()) } else { (PLAIN, raw) };
    let mut head = [0; BLOCK_HEAD_BYTES];
    put(&mut head, 0, &BLOCK_MAGIC);
    put(&mut head, 4, &lane.to_le_bytes());
    put(&mut head, 6, &packing.to_le_bytes());
    put(&mut head, 8, &length(raw).to_le_bytes());
    put(&mut head, 12, &length(stored).to_le_bytes());
    put(&mut head, 16, &number.to_le_bytes());
    let checksum = checksum(&head, stored);
    put(&mut head, 24, &checksum.to_le_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(stored);
    Ok(())
}

/// Reads a block's head; `None` where these bytes are none.
#[must_use]
pub fn read_head(bytes: &[u8; BLOCK_HEAD_BYTES]) -> Option<BlockHead> {
    let head = BlockHead {
        lane: u16_at(bytes, 4)?,
        packing: u16_at(bytes, 6)?,
        raw_bytes: u32_at(bytes, 8)?,
        stored_bytes: u32_at(bytes, 12)?,
        number: u64::from_le_bytes(*bytes.get(16..)?.first_chunk()?),
        checksum: u32_at(bytes, 24)?,
    };
    let most = u32::try_from(BLOCK_BYTES_MAX).unwrap_or(u32::MAX);
    let is_sane = bytes.starts_with(&BLOCK_MAGIC)
        && head.packing <= ZSTD
        && head.raw_bytes <= most
        && head.stored_bytes <= most;
    is_sane.then_some(head)
}

/// The bytes that a block holds.
///
/// # Errors
/// When the checksum disagrees or the stored bytes do not unpack to what the head says.
pub fn unpack(
    head: &BlockHead,
    head_bytes: &[u8; BLOCK_HEAD_BYTES],
    stored: &[u8],
) -> Result<Vec<u8>, CaptureError> {
    if checksum(head_bytes, stored) != head.checksum {
        return Err(CaptureError::Checksum);
    }
    let raw_bytes = usize::try_from(head.raw_bytes).unwrap_or(BLOCK_BYTES_MAX);
    let raw = if head.packing == ZSTD {
        zstd::bulk::decompress(stored, raw_bytes).map_err(|_| CaptureError::Checksum)?
    } else {
        stored.to_vec()
    };
    if raw.len() == raw_bytes { Ok(raw) } else { Err(CaptureError::Checksum) }
}

fn checksum(head: &[u8; BLOCK_HEAD_BYTES], stored: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head.get(..24).unwrap_or_default());
    hasher.update(stored);
    hasher.finalize()
}

fn length(bytes: &[u8]) -> u32 {
    // Blocks are bounded far below.
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn put(into: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(slot) = into.get_mut(at..).and_then(|rest| rest.get_mut(..bytes.len())) {
        slot.copy_from_slice(bytes);
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_and_any_changed_bit_is_noticed() {
        let raw: Vec<u8> = (0..5_000_u32).map(|at| u8::try_from(at % 7).unwrap()).collect();
        for raw in [raw.as_slice(), b"x", b""] {
            let mut out = Vec::new();
            write(&mut out, 3, 9, raw).unwrap();
            let (head_bytes, stored) = out.split_first_chunk::<BLOCK_HEAD_BYTES>().unwrap();
            let head = read_head(head_bytes).unwrap();
            assert_eq!((head.lane, head.number), (3, 9));
            assert_eq!(unpack(&head, head_bytes, stored).unwrap(), raw);
            for bit in 0..out.len() * 8 {
                let mut broken = out.clone();
                broken[bit / 8] ^= 1 << (bit % 8);
                let (head_bytes, stored) = broken.split_first_chunk::<BLOCK_HEAD_BYTES>().unwrap();
                let is_padding = (28..32).contains(&(bit / 8));
                let unpacked = read_head(head_bytes).map(|head| unpack(&head, head_bytes, stored));
                assert_eq!(matches!(unpacked, Some(Ok(_))), is_padding, "bit {bit}");
            }
        }
    }

    #[test]
    fn a_segment_names_itself() {
        let head = segment_head(7);
        assert_eq!(read_segment_head(&head), Some(7));
        for at in 0..20 {
            let mut broken = head;
            broken[at] ^= 1;
            assert_eq!(read_segment_head(&broken), None, "byte {at}");
        }
        assert_eq!(read_segment_head(&head[..23]), None);
    }
}
