//! What an engine sees beside its arguments: views of the shelf, and whether its journal has room.
//!
//! Between threads both depend on the moment, so that a run can be repeated only when what was seen
//! is known. Live, an engine looks; while it is recorded it also writes down, in the order of its
//! work, every call that it took and the version of every view that it read. A replay is *told* what
//! was seen, ahead of each call, and looks at nothing.

use std::collections::VecDeque;

use dutchbook_book::shelf::ShelfReader;
use dutchbook_book::view::{TopUpdate, TopView};
use dutchbook_book::{BookId, Depth, Nanos};
use dutchbook_exec::paper::DepthRead;

use crate::capture::lane::{Head, Kind, LaneWriter, TORN};
use crate::compiler::program::Program;
use crate::control::Control;
use crate::desk::Word;
use crate::journal::{JournalWriter, encode};
use dutchbook_book::ring::Words;

/// One thing that a recorded engine saw.
#[derive(Clone, Debug)]
pub enum Seen {
    /// The top of a book; `None` where the view was torn.
    Top(BookId, Option<TopView>),
    /// The depth of a book; `None` where the view was torn.
    Depth(BookId, Option<Box<Depth>>),
    /// The journal had no room.
    JournalFull,
}

#[derive(Debug)]
enum Source {
    Shelf(ShelfReader),
    Told { queue: VecDeque<Seen>, strayed: u64 },
}

/// The view could not be read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unseen;

/// An engine's eyes.
#[derive(Debug)]
pub struct Sight {
    source: Source,
    log: Option<LaneWriter>,
}

impl From<ShelfReader> for Sight {
    /// Looks at a shelf.
    fn from(shelf: ShelfReader) -> Self {
        Self { source: Source::Shelf(shelf), log: None }
    }
}

impl Sight {
    /// Is told what was seen.
    #[must_use]
    pub const fn told() -> Self {
        Self { source: Source::Told { queue: VecDeque::new(), strayed: 0 }, log: None }
    }

    /// Writes down from now on what the engine takes and sees.
    pub(super) fn record(&mut self, log: LaneWriter) {
        self.log = Some(log);
    }

    /// Tells what will be seen next, in order; without effect on an engine that looks.
    pub fn tell(&mut self, seen: impl IntoIterator<Item = Seen>) {
        if let Source::Told { queue, .. } = &mut self.source {
            queue.extend(seen);
        }
    }

    /// How often the engine looked where it had not been told to, or left unseen what it was told:
    /// a replay that strays does not repeat its run.
    pub fn strayed(&mut self) -> u64 {
        match &mut self.source {
            Source::Shelf(_) => 0,
            Source::Told { queue, strayed } => {
                *strayed += u64::from(!queue.is_empty());
                queue.clear();
                *strayed
            }
        }
    }

    /// Reads the top of a book.
    pub(super) fn top(&mut self, book: BookId) -> Result<TopView, Unseen> {
        let seen = match &mut self.source {
            Source::Shelf(shelf) => shelf.top(book).map_err(|_torn| Unseen),
            Source::Told { queue, strayed } => match queue.pop_front() {
                Some(Seen::Top(told, view)) if told == book => view.ok_or(Unseen),
                Some(_) | None => {
                    *strayed += 1;
                    Err(Unseen)
                }
            },
        };
        let version = seen.as_ref().map_or(TORN, |view| view.stamp.version);
        self.note(Kind::SawTop, version, book);
        seen
    }

    /// Reads the depth of a book; `depth` is unchanged on an error.
    pub(super) fn depth(&mut self, book: BookId, depth: &mut Depth) -> Result<(), Unseen> {
        let seen = match &mut self.source {
            Source::Shelf(shelf) => shelf.depth(book, depth).map_err(|_torn| Unseen),
            Source::Told { queue, strayed } => match queue.pop_front() {
                Some(Seen::Depth(told, view)) if told == book => match view {
                    Some(view) => {
                        *depth = *view;
                        Ok(())
                    }
                    None => Err(Unseen),
                },
                Some(_) | None => {
                    *strayed += 1;
                    Err(Unseen)
                }
            },
        };
        let version = if seen.is_ok() { depth.stamp.version } else { TORN };
        self.note(Kind::SawDepth, version, book);
        seen
    }

    /// The same, as the paper venue asks.
    pub(super) fn depth_read(&mut self, book: BookId, depth: &mut Depth) -> DepthRead {
        match self.depth(book, depth) {
            Ok(()) => DepthRead::Read,
            Err(Unseen) => DepthRead::Torn,
        }
    }

    /// Whether the journal takes so many records now.
    pub(super) fn has_room(&mut self, journal: &JournalWriter, records: usize) -> bool {
        let has_room = match &mut self.source {
            Source::Shelf(_) => journal.has_room(records),
            Source::Told { queue, .. } => {
                let was_full = matches!(queue.front(), Some(Seen::JournalFull));
                if was_full {
                    queue.pop_front();
                }
                !was_full
            }
        };
        if !has_room {
            self.note(Kind::JournalFull, 0, BookId(0));
        }
        has_room
    }

    /// Books on the shelf that have had a snapshot.
    pub(super) fn seen_books(&self) -> u64 {
        let Source::Shelf(shelf) = &self.source else { return 0 };
        let books = (0..u32::try_from(shelf.len()).unwrap_or(u32::MAX)).map(BookId);
        let seen = books.filter(|book| shelf.top(*book).is_ok_and(|view| view.stamp.epoch > 0));
        u64::try_from(seen.count()).unwrap_or(u64::MAX)
    }

    /// The engine takes a top.
    #[inline]
    pub(super) fn took_top(&mut self, update: &TopUpdate) {
        self.note(Kind::Top, update.stamp.version, update.book);
    }

    /// The engine takes a mark.
    pub(super) fn took_dirty(&mut self, book: BookId) {
        self.note(Kind::Dirty, 0, book);
    }

    /// The engine takes cold news.
    pub(super) fn took_control(&mut self, control: Control, now: Nanos) {
        let Some(log) = &mut self.log else { return };
        let mut body = [0; 8 * dutchbook_book::ring::SLOT_WORDS];
        let (slots, _) = body.as_chunks_mut::<8>();
        for (slot, word) in slots.iter_mut().zip(control.to_words()) {
            *slot = word.to_le_bytes();
        }
        log.put(Head { kind: Kind::Control, connection: 0, at: now.0, number: 0 }, &body);
    }

    /// The engine takes a word of the order desk.
    pub(super) fn took_word(&mut self, word: &Word, now: Nanos) {
        let Some(log) = &mut self.log else { return };
        let Some(record) = word.to_record() else { return };
        let body = encode(0, now, &record);
        log.put(Head { kind: Kind::Told, connection: 0, at: now.0, number: 0 }, &body);
    }

    /// The engine takes a program.
    pub(super) fn took_program(&mut self, program: &Program, now: Nanos) {
        if let Some(log) = &mut self.log {
            let body = program.to_bytes();
            log.put(Head { kind: Kind::Programmed, connection: 0, at: now.0, number: 0 }, &body);
        }
    }

    /// The engine is called at a moment.
    #[inline]
    pub(super) fn called(&mut self, kind: Kind, now: Nanos) {
        self.note(kind, now.0, BookId(0));
    }

    #[inline]
    fn note(&mut self, kind: Kind, at: u64, book: BookId) {
        if let Some(log) = &mut self.log {
            log.put(Head { kind, connection: 0, at, number: u64::from(book.0) }, &[]);
        }
    }

    /// Hands over what was written down.
    pub(super) fn flush(&mut self) {
        if let Some(log) = &mut self.log {
            log.flush();
        }
    }

    /// Ends the writing down.
    pub(super) fn close(&mut self) {
        self.log = None;
    }
}
