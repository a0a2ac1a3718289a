//! Programs of the compiler: what is watched changes between two evaluations, while everything runs.

use dutchbook_book::{BasketId, Exact, Nanos};

use super::pricer::LEGS_MAX;
use super::{Engine, kind_of};
use crate::compiler::program::Program;
use crate::eval::compile::Template;
use crate::opportunity::Cause;
use crate::position::bonds::Bonds;
use crate::telemetry::Counter;

/// Programs that one look takes.
const PROGRAMS_MAX: usize = 4;

impl Engine {
    /// Installs what the compiler has made meanwhile. Cold: for a tile's housekeeping.
    pub fn take_programs(&mut self, now: Nanos) {
        for _ in 0..PROGRAMS_MAX {
            let next = self.programs.as_ref().and_then(|programs| programs.try_recv().ok());
            let Some(program) = next else { return };
            self.install(*program, now);
        }
    }

    /// Weighs holdings by what the relations bind now.
    pub(super) fn net(&mut self) {
        let bonds = Bonds::of(self.watch.relations());
        if bonds == *self.portfolio.bonds() {
            return;
        }
        let before = self.portfolio.locked_profit();
        self.portfolio.net(&bonds);
        self.risk.regroup(&self.portfolio);
        let grown = self.portfolio.locked_profit().pico().saturating_sub(before.pico());
        self.risk.lift(Exact::from_pico(grown));
    }

    /// Installs a program: withdrawn baskets end, new ones are evaluated at the tops that are known.
    pub fn install(&mut self, program: Program, now: Nanos) {
        self.sight.took_program(&program, now);
        self.enter(&program.appeared);
        let legs = |template: &Template| template.slots.chunk_by(|a, b| a.group == b.group).count();
        let templates = program.add.iter().flat_map(|one| &one.templates);
        let is_fit = templates.map(legs).all(|legs| legs <= LEGS_MAX);
        let before = self.watch.basket_count();
        if !is_fit || self.watch.install(&self.catalog, program).is_err() {
            self.counters.add(Counter::ProgramsRefused, 1);
        } else {
            self.counters.add(Counter::Programs, 1);
        }
        self.net();
        let kinds =
            (before..self.watch.basket_count()).map(|at| kind_of(&self.watch, &self.catalog, at));
        self.lives.extend(kinds);
        self.pricer.reserve(self.watch.legs_max());
        self.legged.reserve(self.watch.legs_max());
        for index in 0..u32::try_from(before).unwrap_or(u32::MAX) {
            let basket = BasketId(index);
            if self.lives.life(basket).is_some() && self.watch.is_retired(basket) {
                self.observe_absence(basket, Cause::Withdrawn, now);
            }
        }
        self.review_footings();
        self.evaluate_touched(now);
    }
}
