//! Relations that share markets, as one: every way in which all of them can settle together, without
//! listing it.
//!
//! A state of a cluster gives each book what its two faces pay, such that every relation has a row that
//! says just that. The worst state of a portfolio is found by going from relation to relation, cutting
//! every branch that cannot be worse than what was found already.
//!
//! One relation's table may have rows in which a market pays neither nothing nor all (a void, a split)
//! that another's table does not know. Where a market settles in such a way, what the other relation
//! says is taken to be void as well: its other markets are free. So nothing is ruled out that any of
//! the tables admits.

use dutchbook_book::{BookId, Face, InstrumentId, Price};

use super::states::StateTable;
use crate::relation::{Law, Relation};

/// What the two faces of a book pay.
pub type Pays = [Price; 2];

/// Steps of one search; beyond them nothing is proved.
const STEPS_MAX: usize = 200_000;

/// A state: the place of each book's payoff in its domain.
pub type State = Vec<usize>;

/// The worst state of a portfolio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Worst {
    /// What it pays then, in the unit of the weights times 1e-6, and the state.
    Found(i128, State),
    /// There is no state at all: the relations contradict each other.
    Impossible,
    /// The search was given up.
    TooMany,
}

/// One relation as its books and rows.
#[derive(Clone, Debug)]
struct Bound {
    /// Places among the cluster's books.
    books: Vec<usize>,
    /// What each of them pays, as places in their domains, row by row.
    rows: Vec<Vec<usize>>,
    /// Whether a book of it may settle in a way that none of its rows knows.
    may_be_void: bool,
}

/// Relations that share markets.
#[derive(Clone, Debug)]
pub struct Cluster {
    books: Vec<BookId>,
    /// What each book may pay, over all tables.
    domains: Vec<Vec<Pays>>,
    relations: Vec<Bound>,
}

/// A payoff that is no plain yes or no.
fn is_odd(pays: Pays) -> bool {
    pays != [Price::ONE, Price::ZERO] && pays != [Price::ZERO, Price::ONE]
}

/// The books of a table, ascending, where it has both faces of each.
fn books_of(table: &StateTable) -> Option<Vec<BookId>> {
    let mut books: Vec<BookId> = table.instruments().iter().map(|id| id.book()).collect();
    books.dedup();
    (books.len() * 2 == table.instruments().len()).then_some(books)
}

impl Cluster {
    /// The cluster of relations; those that know only one face of a market, or are a basket given with
    /// its states, add nothing and are left out.
    #[must_use]
    pub fn of<'a>(relations: impl IntoIterator<Item = &'a Relation>) -> Self {
        let mut cluster = Self { books: Vec::new(), domains: Vec::new(), relations: Vec::new() };
        for relation in relations {
            let is_given = matches!(relation.law, Law::Given { .. });
            if let (false, Some(books)) = (is_given, books_of(&relation.states)) {
                cluster.add(&books, &relation.states);
            }
        }
        for at in 0..cluster.relations.len() {
            let may_be_void = cluster.has_foreign(at);
            if let Some(bound) = cluster.relations.get_mut(at) {
                bound.may_be_void = may_be_void;
            }
        }
        // Those with most books first: what they fix is fixed for the others.
        cluster.relations.sort_by_key(|bound| core::cmp::Reverse(bound.books.len()));
        cluster
    }

    fn add(&mut self, books: &[BookId], table: &StateTable) {
        let places: Vec<usize> = books.iter().map(|book| self.place(*book)).collect();
        let mut rows = Vec::new();
        for state in table.possible() {
            let row: Vec<usize> = books
                .iter()
                .zip(&places)
                .filter_map(|(book, place)| {
                    let of = |face| table.payoff(state, book.instrument(face));
                    self.value(*place, [of(Face::Yes)?, of(Face::No)?])
                })
                .collect();
            if row.len() == places.len() && !rows.contains(&row) {
                rows.push(row);
            }
        }
        self.relations.push(Bound { books: places, rows, may_be_void: false });
    }

    fn place(&mut self, book: BookId) -> usize {
        match self.books.iter().position(|known| *known == book) {
            Some(at) => at,
            None => {
                self.books.push(book);
                self.domains.push(Vec::new());
                self.books.len() - 1
            }
        }
    }

    fn value(&mut self, place: usize, pays: Pays) -> Option<usize> {
        let domain = self.domains.get_mut(place)?;
        match domain.iter().position(|known| *known == pays) {
            Some(at) => Some(at),
            None => {
                domain.push(pays);
                Some(domain.len() - 1)
            }
        }
    }

    /// Whether another table lets a book of this relation settle in an odd way that this one's does not.
    fn has_foreign(&self, at: usize) -> bool {
        let Some(bound) = self.relations.get(at) else { return false };
        bound.books.iter().enumerate().any(|(column, place)| {
            let domain = self.domains.get(*place).map_or(&[][..], Vec::as_slice);
            (0..domain.len()).any(|value| self.is_foreign(bound, column, value))
        })
    }

    fn is_foreign(&self, bound: &Bound, column: usize, value: usize) -> bool {
        let place = bound.books.get(column).copied().unwrap_or(usize::MAX);
        let pays = self.domains.get(place).and_then(|domain| domain.get(value));
        pays.is_some_and(|pays| is_odd(*pays))
            && bound.rows.iter().all(|row| row.get(column) != Some(&value))
    }

    /// The books, in the order of a state.
    #[must_use]
    pub fn books(&self) -> &[BookId] {
        &self.books
    }

    /// How many relations bind them.
    #[must_use]
    pub fn relation_count(&self) -> usize {
        self.relations.len()
    }

    /// What a book's faces may pay.
    #[must_use]
    pub fn domain(&self, place: usize) -> &[Pays] {
        self.domains.get(place).map_or(&[], Vec::as_slice)
    }

    /// Whether one relation alone binds all of these books: its closed forms are watched already.
    #[must_use]
    pub fn is_of_one_relation(&self, books: &[BookId]) -> bool {
        self.relations.iter().any(|bound| {
            let has = |book: &BookId| {
                bound.books.iter().any(|place| self.books.get(*place) == Some(book))
            };
            books.iter().all(has)
        })
    }

    /// What an instrument pays in a state.
    #[must_use]
    pub fn payoff(&self, state: &State, id: InstrumentId) -> Option<Price> {
        let place = self.books.iter().position(|book| *book == id.book())?;
        let pays = self.domain(place).get(*state.get(place)?)?;
        pays.get(id.face() as usize).copied()
    }

    /// The state in which holdings pay least; `held` gives the contracts of YES and of NO by book, in
    /// the order of [`Cluster::books`], negative where they are owed.
    #[must_use]
    pub fn worst(&self, held: &[[i128; 2]]) -> Worst {
        self.search(held, &vec![None; self.books.len()])
    }

    /// Whether the named books, by place, can settle in these ways together. `None`: not known.
    #[must_use]
    pub fn can_be(&self, fixed: &[(usize, usize)]) -> Option<bool> {
        let mut given = vec![None; self.books.len()];
        for (place, value) in fixed {
            *given.get_mut(*place)? = Some(*value);
        }
        match self.search(&vec![[0; 2]; self.books.len()], &given) {
            Worst::Found(..) => Some(true),
            Worst::Impossible => Some(false),
            Worst::TooMany => None,
        }
    }

    fn search(&self, held: &[[i128; 2]], given: &[Option<usize>]) -> Worst {
        let worth = |(place, domain): (usize, &Vec<Pays>)| -> Vec<i128> {
            let [yes, no] = held.get(place).copied().unwrap_or_default();
            let of = |pays: &Pays| {
                let [of_yes, of_no] = pays.map(|price| i128::from(price.micro()));
                yes.saturating_mul(of_yes).saturating_add(no.saturating_mul(of_no))
            };
            domain.iter().map(of).collect()
        };
        let mut search = Search {
            cluster: self,
            worth: self.domains.iter().enumerate().map(worth).collect(),
            state: given.to_vec(),
            void: Vec::new(),
            best: None,
            steps: 0,
        };
        search.descend(0);
        if search.steps > STEPS_MAX {
            return Worst::TooMany;
        }
        search.best.map_or(Worst::Impossible, |(value, state)| Worst::Found(value, state))
    }

    /// Every way in which these books can settle together, as a table of their instruments. `None`
    /// where it is too large, or could not be proved.
    #[must_use]
    pub fn table(&self, books: &[BookId], rows_max: usize) -> Option<StateTable> {
        let places: Vec<usize> = books
            .iter()
            .map(|book| self.books.iter().position(|known| known == book))
            .collect::<Option<_>>()?;
        let mut rows: Vec<Vec<(usize, usize)>> = vec![Vec::new()];
        for place in places {
            rows = self.longer(&rows, place)?;
            if rows.len() > rows_max {
                return None;
            }
        }
        let both: Vec<InstrumentId> = books
            .iter()
            .flat_map(|book| [book.instrument(Face::Yes), book.instrument(Face::No)])
            .collect();
        let mut table = StateTable::new(&both);
        for row in rows {
            table.push(|id| {
                let of = |(place, value): &(usize, usize)| {
                    let is_it = self.books.get(*place) == Some(&id.book());
                    let pays = self.domain(*place).get(*value).filter(|_| is_it)?;
                    pays.get(id.face() as usize).copied()
                };
                row.iter().find_map(of).unwrap_or(Price::ZERO)
            });
        }
        Some(table)
    }
}

impl Cluster {
    /// Rows with one more book, as far as they can be. `None` where that is not known.
    fn longer(
        &self,
        rows: &[Vec<(usize, usize)>],
        place: usize,
    ) -> Option<Vec<Vec<(usize, usize)>>> {
        let values = 0..self.domain(place).len();
        let mut longer = Vec::new();
        for (row, value) in rows.iter().flat_map(|row| values.clone().map(move |at| (row, at))) {
            let mut row = row.clone();
            row.push((place, value));
            if self.can_be(&row)? {
                longer.push(row);
            }
        }
        Some(longer)
    }
}

/// A search under way.
struct Search<'a> {
    cluster: &'a Cluster,
    /// What each payoff of each book is worth to the portfolio.
    worth: Vec<Vec<i128>>,
    state: Vec<Option<usize>>,
    /// Relations that are taken to be void.
    void: Vec<usize>,
    best: Option<(i128, State)>,
    steps: usize,
}

impl Search<'_> {
    /// What the books that are fixed pay, and the others at least.
    fn bound(&self) -> i128 {
        let of = |(state, worth): (&Option<usize>, &Vec<i128>)| match state {
            Some(value) => worth.get(*value).copied().unwrap_or(0),
            None => worth.iter().copied().min().unwrap_or(0),
        };
        self.state.iter().zip(&self.worth).map(of).fold(0, i128::saturating_add)
    }

    fn descend(&mut self, at: usize) {
        self.steps += 1;
        let is_over = self.steps > STEPS_MAX;
        if is_over || self.best.as_ref().is_some_and(|(best, _)| self.bound() >= *best) {
            return;
        }
        let Some(relation) = self.cluster.relations.get(at) else { return self.arrive() };
        for row in &relation.rows {
            let Some(fresh) = self.fix(&relation.books, row) else { continue };
            self.descend(at + 1);
            for place in fresh {
                if let Some(slot) = self.state.get_mut(place) {
                    *slot = None;
                }
            }
        }
        if relation.may_be_void {
            self.void.push(at);
            self.descend(at + 1);
            self.void.pop();
        }
    }

    /// Fixes the books of a row; the places that were free before, or `None` where one says otherwise.
    fn fix(&mut self, books: &[usize], row: &[usize]) -> Option<Vec<usize>> {
        let is_fit = books.iter().zip(row).all(|(place, value)| {
            self.state.get(*place).copied().flatten().is_none_or(|known| known == *value)
        });
        if !is_fit {
            return None;
        }
        let mut fresh = Vec::new();
        for (place, value) in books.iter().zip(row) {
            if let Some(slot @ None) = self.state.get_mut(*place) {
                *slot = Some(*value);
                fresh.push(*place);
            }
        }
        Some(fresh)
    }

    /// Every relation has its row: a state, where what is void has a reason to be.
    fn arrive(&mut self) {
        let has_reason = |at: &usize| {
            let Some(bound) = self.cluster.relations.get(*at) else { return false };
            bound.books.iter().enumerate().any(|(column, place)| {
                let state = self.state.get(*place).copied().flatten();
                match state {
                    Some(value) => self.cluster.is_foreign(bound, column, value),
                    // A book that nothing fixes may settle in any way that some table knows.
                    None => (0..self.cluster.domain(*place).len())
                        .any(|value| self.cluster.is_foreign(bound, column, value)),
                }
            })
        };
        if !self.void.iter().all(has_reason) {
            return;
        }
        let least = |worth: &Vec<i128>| {
            (0..worth.len()).min_by_key(|value| worth.get(*value).copied()).unwrap_or(0)
        };
        let states = self.state.iter().zip(&self.worth);
        let state: State = states.map(|(state, worth)| state.unwrap_or(least(worth))).collect();
        self.best = Some((self.bound(), state));
    }
}

#[cfg(test)]
mod tests;
