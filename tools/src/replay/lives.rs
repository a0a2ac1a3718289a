//! Opportunities as lives: born when a state first shows one, dead when a state no longer does.
//!
//! Two kinds of life are counted for one key (what is traded against what): *gross*, while the
//! prices alone leave an edge, and *net*, while the evaluator finds a size whose worst case is
//! positive after fees, roundings, lots and minimums.

use std::collections::{BTreeMap, BTreeSet};

use dutchbook_book::{Exact, Nanos, Qty};

/// What one state shows of one key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// The prices alone leave an edge.
    pub is_gross: bool,
    /// Size and edge that the evaluator finds, where it finds one.
    pub net: Option<Net>,
}

/// An executable opportunity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    /// Baskets.
    pub size: Qty,
    /// Worst-case profit.
    pub edge: Exact,
}

/// One life of a net opportunity, with the size and edge of its best state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// Number of the opportunity in the file, from 1, in the order of birth.
    pub id: u64,
    /// What law it rests on.
    pub kind: &'static str,
    /// What is traded against what, for a person.
    pub what: String,
    /// The best state.
    pub best: Net,
    /// When the first state showed it.
    pub born: Nanos,
    /// When a state no longer showed it, or the last moment of the recording.
    pub died: Nanos,
    /// States that showed it.
    pub states: u64,
}

/// The lives of one file.
#[derive(Debug, Default)]
pub struct Lives {
    gross: BTreeSet<(&'static str, String)>,
    gross_count: u64,
    net: BTreeMap<(&'static str, String), Life>,
    ended: Vec<Life>,
    born_count: u64,
    last: Nanos,
}

impl Lives {
    /// Takes what the state at `now` shows of one key.
    pub fn observe(&mut self, kind: &'static str, what: &str, seen: Seen, now: Nanos) {
        self.observe_gross(kind, what, seen.is_gross, now);
        self.observe_net(kind, what, seen.net, now);
    }

    /// Takes whether the state at `now` leaves an edge by prices alone.
    pub fn observe_gross(&mut self, kind: &'static str, what: &str, is_gross: bool, now: Nanos) {
        self.last = self.last.max(now);
        if !is_gross && self.gross.is_empty() {
            return;
        }
        let key = (kind, what.to_owned());
        if !is_gross {
            self.gross.remove(&key);
        } else if self.gross.insert(key) {
            self.gross_count = self.gross_count.saturating_add(1);
        }
    }

    /// Takes the executable opportunity of the state at `now`, where there is one.
    pub fn observe_net(&mut self, kind: &'static str, what: &str, net: Option<Net>, now: Nanos) {
        self.last = self.last.max(now);
        if net.is_none() && self.net.is_empty() {
            return;
        }
        let key = (kind, what.to_owned());
        let Some(net) = net else {
            if let Some(mut life) = self.net.remove(&key) {
                life.died = now.max(life.born);
                self.ended.push(life);
            }
            return;
        };
        let born_count = &mut self.born_count;
        let life = self.net.entry(key).or_insert_with(|| {
            *born_count = born_count.saturating_add(1);
            let what = what.to_owned();
            Life { id: *born_count, kind, what, best: net, born: now, died: now, states: 0 }
        });
        life.states = life.states.saturating_add(1);
        if net.edge > life.best.edge {
            life.best = net;
        }
    }

    /// How many gross lives began.
    #[must_use]
    pub const fn gross_count(&self) -> u64 {
        self.gross_count
    }

    /// Ends every life at the last moment seen and returns all in the order of birth.
    #[must_use]
    pub fn finish(mut self) -> Vec<Life> {
        let last = self.last;
        let mut lives = self.ended;
        lives.extend(core::mem::take(&mut self.net).into_values().map(|mut life| {
            life.died = last.max(life.born);
            life
        }));
        lives.sort_by_key(|life| life.id);
        lives
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_spans_consecutive_states_and_keeps_its_best() {
        let mut lives = Lives::default();
        let net = |edge| {
            let net = Net { size: Qty::ONE, edge: Exact::from_pico(edge) };
            Seen { is_gross: true, net: Some(net) }
        };
        let gross = Seen { is_gross: true, net: None };
        for (now, seen) in [(1, net(5)), (2, net(9)), (3, gross), (4, net(2)), (6, net(1))] {
            lives.observe("two_venues", "a/b", seen, Nanos(now));
        }
        assert_eq!(lives.gross_count(), 1);
        let all = lives.finish();
        let spans: Vec<_> =
            all.iter().map(|l| (l.id, l.born.0, l.died.0, l.best.edge.pico())).collect();
        assert_eq!(spans, [(1, 1, 3, 9), (2, 4, 6, 2)]);
    }
}
