//! Every state that the replayed feeds have published and the engine may still be told of.
//!
//! Live, a shelf shows the newest state only, and the engine reads whichever stands there at that
//! moment. Here the states are kept, so that a read can be given exactly the version that it saw.

use std::collections::VecDeque;

use dutchbook_book::view::{TopUpdate, TopView};
use dutchbook_book::{Book, BookId, Depth, Stamp};
use dutchbook_feeds::notice::Sink;

/// The states of one book, oldest first.
#[derive(Debug, Default)]
struct States {
    tops: VecDeque<TopUpdate>,
    depths: VecDeque<Depth>,
}

/// The states of all books.
#[derive(Debug)]
pub struct Views {
    books: Vec<States>,
}

/// Whether a version can be given.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// Here it is.
    Here(T),
    /// Not yet: drive the book's feed further.
    NotYet,
    /// Not any more, or never: the capture contradicts itself.
    Never,
}

impl Views {
    /// Room for so many books.
    #[must_use]
    pub fn new(books: usize) -> Self {
        Self { books: (0..books).map(|_| States::default()).collect() }
    }

    /// The top that the engine took from the ring. Older ones will not be asked for any more.
    pub fn take_top(&mut self, book: BookId, version: u64) -> Found<TopUpdate> {
        let Some(states) = self.books.get_mut(book.index()) else { return Found::Never };
        while states.tops.front().is_some_and(|top| top.stamp.version < version) {
            states.tops.pop_front();
        }
        // Its depth was on the shelf before the top was in the ring.
        while states.depths.front().is_some_and(|depth| depth.stamp.version < version) {
            states.depths.pop_front();
        }
        match states.tops.front() {
            Some(top) if top.stamp.version == version => Found::Here(*top),
            Some(_) => Found::Never,
            None => Found::NotYet,
        }
    }

    /// The top that the engine read from the shelf.
    #[must_use]
    pub fn top(&self, book: BookId, version: u64) -> Found<TopView> {
        if version == 0 {
            return Found::Here(TopView::default());
        }
        let Some(states) = self.books.get(book.index()) else { return Found::Never };
        let found = states.tops.iter().rev().find(|top| top.stamp.version <= version);
        match found {
            Some(top) if top.stamp.version == version => {
                Found::Here(TopView { top: top.top, stamp: top.stamp })
            }
            _ if states.tops.back().is_none_or(|top| top.stamp.version < version) => Found::NotYet,
            Some(_) | None => Found::Never,
        }
    }

    /// The depth that the engine read from the shelf. Older ones will not be asked for any more.
    pub fn depth(&mut self, book: BookId, version: u64) -> Found<Box<Depth>> {
        if version == 0 {
            return Found::Here(Box::default());
        }
        let Some(states) = self.books.get_mut(book.index()) else { return Found::Never };
        while states.depths.front().is_some_and(|depth| depth.stamp.version < version) {
            states.depths.pop_front();
        }
        match states.depths.front() {
            Some(depth) if depth.stamp.version == version => Found::Here(Box::new(*depth)),
            Some(_) => Found::Never,
            None => Found::NotYet,
        }
    }
}

impl Sink for Views {
    fn book_changed(&mut self, id: BookId, book: &Book, stamp: Stamp) {
        let Some(states) = self.books.get_mut(id.index()) else { return };
        let mut depth = Depth::default();
        book.copy_depth(&mut depth);
        states.tops.push_back(TopUpdate { book: id, top: book.top(), stamp });
        states.depths.push_back(depth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::{Grid, Nanos, Price};

    #[test]
    fn a_read_is_given_the_version_that_it_saw() {
        let id = BookId(0);
        let mut views = Views::new(1);
        let mut book = Book::new(Grid::uniform(Price::from_micro(10_000).unwrap()).unwrap());
        let mut publish = |views: &mut Views, count: u64| {
            for at in 0..count {
                let stamp = book.commit(Nanos(at), Nanos(at));
                views.book_changed(id, &book, stamp);
            }
        };
        assert_eq!(views.top(id, 1), Found::NotYet);
        publish(&mut views, 3);
        assert_eq!(views.take_top(id, 4), Found::NotYet, "and the three are let go");
        publish(&mut views, 4);
        let version = |found: Found<Box<Depth>>| match found {
            Found::Here(depth) => Some(depth.stamp.version),
            Found::NotYet | Found::Never => None,
        };
        // A mark is re-read ahead of the tops that are still queued.
        assert!(matches!(views.top(id, 6), Found::Here(view) if view.stamp.version == 6));
        assert!(matches!(views.take_top(id, 5), Found::Here(top) if top.stamp.version == 5));
        assert_eq!(version(views.depth(id, 6)), Some(6));
        assert_eq!(version(views.depth(id, 6)), Some(6), "a second read sees the same");
        assert_eq!(views.depth(id, 5), Found::Never);
        assert_eq!(views.depth(id, 8), Found::NotYet);
        assert_eq!(views.take_top(id, 4), Found::Never);
        assert!(matches!(views.top(id, 0), Found::Here(view) if view == TopView::default()));
        assert_eq!(views.take_top(BookId(7), 1), Found::Never);
    }
}
