//! A capture's folder back to lanes, whatever state the writer left it in.
//!
//! Opening reads the manifest and the heads of all blocks; the blocks themselves are read one at a
//! time as a lane is followed, so that memory does not grow with the capture. Damage is never an
//! error: it is a [`Loss`] that is told, and the lane goes on behind it.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use dutchbook_book::catalog::Catalog;
use dutchbook_core::capture::lane::{BODY_BYTES_MAX, Head, Kind, Records};

use dutchbook_core::recovery::Recovered;
use dutchbook_core::relation::Relation;

use super::before;
use super::block::{self, BLOCK_HEAD_BYTES, BlockHead, SEGMENT_HEAD_BYTES, WRITER_LANE};
use super::error::CaptureError;
use super::manifest::Manifest;
use super::writer::LastWord;

/// Something that a capture does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The last word is missing: the recorder was killed, or its disk was full.
    NoEnd,
    /// A segment ends within a block: so many bytes cannot be read.
    Cut {
        /// The segment's file.
        segment: String,
        /// Bytes behind its last whole block.
        bytes: u64,
    },
    /// A segment's file is none.
    NoSegment {
        /// The file.
        segment: String,
    },
    /// A block's bytes are not those that were written.
    Damaged {
        /// Whose block.
        lane: u16,
        /// Its number.
        number: u64,
    },
    /// Blocks that were never stored, or whose segment is gone.
    Missing {
        /// Whose blocks.
        lane: u16,
        /// The first of them.
        number: u64,
        /// How many.
        count: u64,
    },
    /// Records that found no room while the run went on.
    Shed {
        /// Whose records.
        lane: u16,
        /// How many.
        records: u64,
        /// Their bytes.
        bytes: u64,
    },
}

impl core::fmt::Display for Loss {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoEnd => write!(
                f,
                "the recorder did not end the capture: it was killed or its disk was full, and the \
                 last block of each lane may be missing"
            ),
            Self::Cut { segment, bytes } => {
                write!(f, "{segment} ends within a block: {bytes} bytes cannot be read")
            }
            Self::NoSegment { segment } => write!(f, "{segment} is no segment of a capture"),
            Self::Damaged { lane, number } => {
                write!(f, "block {number} of lane {lane} is damaged")
            }
            Self::Missing { lane, number, count } => {
                write!(f, "{count} blocks of lane {lane} from number {number} are missing")
            }
            Self::Shed { lane, records, bytes } => write!(
                f,
                "{records} records of lane {lane} ({bytes} bytes) were shed: the writer was too slow"
            ),
        }
    }
}

/// Where a block lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    segment: usize,
    offset: u64,
    head: BlockHead,
}

/// An opened capture.
#[derive(Debug)]
pub struct Capture {
    /// What it says of itself.
    pub manifest: Manifest,
    /// What the run knew at its end; `None` where the capture was not ended.
    pub last_word: Option<LastWord>,
    /// What is known to be missing from the heads alone.
    pub losses: Vec<Loss>,
    /// Bytes of all segments.
    pub stored_bytes: u64,
    folder: PathBuf,
    segments: Vec<PathBuf>,
    lanes: Vec<Vec<Place>>,
}

/// Whether a folder is a capture, or what is left of one.
#[must_use]
pub fn is_capture(folder: &Path) -> bool {
    let is_segment =
        |entry: std::io::Result<std::fs::DirEntry>| entry.is_ok_and(|one| is_segment(&one.path()));
    folder.join(super::manifest::FILE_NAME).is_file()
        || std::fs::read_dir(folder).is_ok_and(|mut entries| entries.any(is_segment))
}

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "segment")
}

impl Capture {
    /// Opens a capture's folder.
    ///
    /// # Errors
    /// When it has no manifest, one of another layout, or cannot be read.
    pub fn open(folder: &Path) -> Result<Self, CaptureError> {
        let manifest = Manifest::read(folder)?;
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if is_segment(&path) {
                segments.push(path);
            }
        }
        segments.sort();
        let lanes = manifest.lanes.iter().map(|_| Vec::new()).collect();
        let (last_word, losses) = (None, Vec::new());
        let folder = folder.to_path_buf();
        let mut capture =
            Self { manifest, last_word, losses, stored_bytes: 0, folder, segments, lanes };
        for segment in 0..capture.segments.len() {
            capture.index(segment)?;
        }
        if capture.last_word.is_none() {
            capture.losses.push(Loss::NoEnd);
        }
        capture.find_missing();
        Ok(capture)
    }

    /// What its run went on from; `None` for one that began with nothing.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn before(
        &self,
        catalog: &Catalog,
        relations: &[Relation],
    ) -> Result<Option<Recovered>, CaptureError> {
        before::read(&self.folder, catalog, relations)
    }

    fn name(&self, segment: usize) -> String {
        let path = self.segments.get(segment).and_then(|path| path.file_name());
        path.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Reads the heads of one segment.
    fn index(&mut self, segment: usize) -> Result<(), CaptureError> {
        let Some(path) = self.segments.get(segment) else { return Ok(()) };
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        self.stored_bytes = self.stored_bytes.saturating_add(length);
        let mut file = BufReader::new(file);
        let mut head = [0; SEGMENT_HEAD_BYTES];
        if file.read_exact(&mut head).is_err() || block::read_segment_head(&head).is_none() {
            self.losses.push(Loss::NoSegment { segment: self.name(segment) });
            return Ok(());
        }
        let mut offset = u64::try_from(SEGMENT_HEAD_BYTES).unwrap_or(0);
        while offset < length {
            let Some((head, end)) = next_head(&mut file, offset, length)? else {
                let bytes = length.saturating_sub(offset);
                self.losses.push(Loss::Cut { segment: self.name(segment), bytes });
                return Ok(());
            };
            let place = Place { segment, offset, head };
            if head.lane == WRITER_LANE {
                let text = self.read(&place).ok();
                self.last_word = text.and_then(|text| serde_json::from_slice(&text).ok());
            } else if let Some(lane) = self.lanes.get_mut(usize::from(head.lane)) {
                lane.push(place);
            }
            offset = end;
        }
        Ok(())
    }

    /// Blocks that should lie between those that are there.
    fn find_missing(&mut self) {
        for (lane, places) in (0_u16..).zip(&self.lanes) {
            let mut expected = 0;
            for place in places {
                if let Some(count) = place.head.number.checked_sub(expected).filter(|c| *c > 0) {
                    self.losses.push(Loss::Missing { lane, number: expected, count });
                }
                expected = place.head.number.saturating_add(1);
            }
        }
        if let Some(LastWord { lost_blocks, .. }) = &self.last_word {
            let missing =
                |loss: &Loss| if let Loss::Missing { count, .. } = loss { *count } else { 0 };
            let told = self.losses.iter().map(missing).fold(0, u64::saturating_add);
            // Blocks lost at the end leave no jump behind them.
            if let Some(count) = lost_blocks.checked_sub(told).filter(|count| *count > 0) {
                self.losses.push(Loss::Missing { lane: WRITER_LANE, number: 0, count });
            }
        }
    }

    /// Reads the bytes of a block.
    fn read(&self, place: &Place) -> Result<Vec<u8>, CaptureError> {
        let path = self.segments.get(place.segment).ok_or(CaptureError::Checksum)?;
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(place.offset))?;
        let mut head_bytes = [0; BLOCK_HEAD_BYTES];
        file.read_exact(&mut head_bytes)?;
        let head = block::read_head(&head_bytes).ok_or(CaptureError::Checksum)?;
        let mut stored = vec![0; usize::try_from(head.stored_bytes).unwrap_or(0)];
        file.read_exact(&mut stored)?;
        block::unpack(&head, &head_bytes, &stored)
    }

    /// Bytes of a lane as it wrote them, and as they are stored.
    #[must_use]
    pub fn lane_bytes(&self, lane: usize) -> (u64, u64) {
        let places = self.lanes.get(lane).map_or(&[][..], Vec::as_slice);
        places.iter().fold((0, 0), |(raw, stored), place| {
            (
                raw.saturating_add(u64::from(place.head.raw_bytes)),
                stored.saturating_add(u64::from(place.head.stored_bytes)),
            )
        })
    }

    /// Follows a lane from its beginning.
    #[must_use]
    pub fn lane(&self, lane: usize) -> LaneCursor<'_> {
        LaneCursor {
            capture: self,
            lane: u16::try_from(lane).unwrap_or(WRITER_LANE),
            next_place: 0,
            expected: 0,
            block: Vec::new(),
            at: 0,
            joined: Vec::new(),
            body: 0..0,
            is_joined: false,
        }
    }
}

/// The head of the next block and where the block ends; `None` where there is no whole block.
fn next_head(
    file: &mut BufReader<File>,
    offset: u64,
    length: u64,
) -> Result<Option<(BlockHead, u64)>, CaptureError> {
    let head_bytes = u64::try_from(BLOCK_HEAD_BYTES).unwrap_or(0);
    if offset.saturating_add(head_bytes) > length {
        return Ok(None);
    }
    let mut bytes = [0; BLOCK_HEAD_BYTES];
    file.read_exact(&mut bytes)?;
    let Some(head) = block::read_head(&bytes) else { return Ok(None) };
    let end = offset.saturating_add(head_bytes).saturating_add(u64::from(head.stored_bytes));
    if end > length {
        return Ok(None);
    }
    file.seek_relative(i64::from(head.stored_bytes))?;
    Ok(Some((head, end)))
}

/// What comes next in a lane.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A record; its body is [`LaneCursor::body`].
    Record(Head),
    /// Something is missing here.
    Lost(Loss),
    /// Nothing more.
    End,
}

/// Follows one lane.
#[derive(Debug)]
pub struct LaneCursor<'a> {
    capture: &'a Capture,
    lane: u16,
    next_place: usize,
    expected: u64,
    block: Vec<u8>,
    at: usize,
    /// A body that came in parts.
    joined: Vec<u8>,
    body: core::ops::Range<usize>,
    is_joined: bool,
}

impl LaneCursor<'_> {
    /// The body of the record that [`LaneCursor::advance`] gave last.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        let of = if self.is_joined { &self.joined } else { &self.block };
        of.get(self.body.clone()).unwrap_or_default()
    }

    /// The next record or hole.
    ///
    /// # Errors
    /// When the files cannot be read any more.
    pub fn advance(&mut self) -> Result<Next, CaptureError> {
        self.joined.clear();
        self.is_joined = false;
        loop {
            if self.at >= self.block.len() {
                match self.load()? {
                    Loaded::Block => {}
                    Loaded::Lost(loss) => return Ok(Next::Lost(loss)),
                    Loaded::End => return Ok(Next::End),
                }
            }
            let Some((head, goes_on)) = self.take() else {
                // The checksum held: another layout wrote this.
                self.at = self.block.len();
                let number = self.expected.saturating_sub(1);
                return Ok(Next::Lost(Loss::Damaged { lane: self.lane, number }));
            };
            if !self.is_joined && !goes_on {
                return Ok(self.tell(head));
            }
            self.is_joined = true;
            let part = self.block.get(self.body.clone()).unwrap_or_default();
            if self.joined.len().saturating_add(part.len()) <= BODY_BYTES_MAX {
                self.joined.extend_from_slice(part);
            }
            if !goes_on {
                self.body = 0..self.joined.len();
                return Ok(self.tell(head));
            }
        }
    }

    /// Takes the next record of the block; its body's place is kept.
    fn take(&mut self) -> Option<(Head, bool)> {
        let rest = self.block.get(self.at..)?;
        let mut records = Records::of(rest);
        let record = records.next()?.ok()?;
        let end = self.at.checked_add(records.position())?;
        self.body = end.checked_sub(record.body.len())?..end;
        self.at = end;
        Some((record.head, record.goes_on))
    }

    fn tell(&self, head: Head) -> Next {
        if head.kind != Kind::Hole {
            return Next::Record(head);
        }
        let bytes = self.body().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Next::Lost(Loss::Shed { lane: self.lane, records: head.number, bytes })
    }

    fn load(&mut self) -> Result<Loaded, CaptureError> {
        let places = self.capture.lanes.get(usize::from(self.lane));
        let Some(place) = places.and_then(|places| places.get(self.next_place)) else {
            return Ok(Loaded::End);
        };
        let number = place.head.number;
        if let Some(count) = number.checked_sub(self.expected).filter(|count| *count > 0) {
            let loss = Loss::Missing { lane: self.lane, number: self.expected, count };
            self.expected = number;
            return Ok(Loaded::Lost(loss));
        }
        self.next_place = self.next_place.saturating_add(1);
        self.expected = number.saturating_add(1);
        (self.at, self.body) = (0, 0..0);
        self.block.clear();
        match self.capture.read(place) {
            Ok(block) => {
                self.block = block;
                Ok(Loaded::Block)
            }
            Err(CaptureError::Checksum) => {
                Ok(Loaded::Lost(Loss::Damaged { lane: self.lane, number }))
            }
            Err(error) => Err(error),
        }
    }
}

enum Loaded {
    Block,
    Lost(Loss),
    End,
}
