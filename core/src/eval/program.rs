//! The linear program of one cluster: which orders earn most in the worst state.
//!
//! Floats live here and nowhere else. What comes out is a hint: quantities that the caller rounds
//! down to lots and proves again in integers. States enter as rows only when a portfolio fails in
//! them, so that most of a long table is never seen by the solver.

#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the solver works in floats; its answer is rounded down and proved again in integers"
)]

use microlp::{ComparisonOp, LinearExpr, OptimizationDirection, Problem, Variable};

use dutchbook_book::{Exact, Price, Qty, Side};

/// States in the first program.
const ROWS_FIRST: usize = 8;
/// Rows added after one solution.
const ROWS_ADDED: usize = 4;
/// Solutions after which the last portfolio has to do.
const ROUNDS_MAX: usize = 256;
/// Below this a dollar is noise of the solver.
const NOISE: f64 = 1e-9;

/// One level of one order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    /// Which order.
    pub(super) order: usize,
    /// What one more contract ordered costs, fees unrounded and carry included, in 1e-14 $; negative for a
    /// sale.
    pub(super) outlay: i128,
    /// Contracts offered.
    pub(super) qty: Qty,
    /// Contracts that arrive of `qty`, after a fee in contracts.
    pub(super) delivered: Qty,
}

/// One order that may be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column<'a> {
    /// What one contract pays, state by state.
    pub(super) payoffs: &'a [Price],
    /// Whether we hold it or owe it.
    pub(super) side: Side,
}

/// What may be traded, and with how much.
#[derive(Debug)]
pub(super) struct Program<'a> {
    pub(super) columns: &'a [Column<'a>],
    pub(super) slices: &'a [Slice],
    pub(super) states: usize,
    pub(super) capital: Option<Exact>,
    /// The share of a payoff that counts, in 1e-9: less than one where a ruling may go wrong.
    pub(super) share_nano: u32,
}

fn contracts(qty: Qty) -> f64 {
    qty.micro() as f64 / 1e6
}

impl Program<'_> {
    /// What a slice's contracts pay in a state, per contract ordered.
    fn payoff(&self, slice: &Slice, state: usize) -> f64 {
        let Some(column) = self.columns.get(slice.order) else { return 0.0 };
        let payoff = column.payoffs.get(state).copied().unwrap_or(Price::ZERO);
        let unit = f64::from(payoff.micro()) / 1e6;
        match column.side {
            Side::Sell => -unit,
            Side::Buy => {
                let arrives = contracts(slice.delivered) / contracts(slice.qty).max(NOISE);
                unit * arrives * f64::from(self.share_nano) / 1e9
            }
        }
    }

    /// Adds the row of a state: what the portfolio earns in it is at least `least`.
    fn add_state(
        &self,
        problem: &mut Problem,
        variables: &[Variable],
        least: Variable,
        state: usize,
    ) {
        let mut row = LinearExpr::empty();
        for (slice, &variable) in self.slices.iter().zip(variables) {
            row.add(variable, self.payoff(slice, state) - slice.outlay as f64 / 1e14);
        }
        row.add(least, -1.0);
        problem.add_constraint(row, ComparisonOp::Ge, 0.0);
    }

    /// Adds the capital: what is paid, and what sold sets may owe beyond it.
    fn add_capital(
        &self,
        problem: &mut Problem,
        variables: &[Variable],
        rows: &[usize],
        capital: Exact,
    ) {
        let owed = problem.add_var(0.0, (0.0, f64::INFINITY));
        let mut paid = LinearExpr::empty();
        for (slice, &variable) in self.slices.iter().zip(variables) {
            paid.add(variable, slice.outlay as f64 / 1e14);
        }
        paid.add(owed, 1.0);
        problem.add_constraint(paid, ComparisonOp::Le, capital.pico() as f64 / 1e12);
        for &state in rows {
            let mut row = LinearExpr::empty();
            for (slice, &variable) in self.slices.iter().zip(variables) {
                row.add(variable, self.payoff(slice, state));
            }
            row.add(owed, 1.0);
            problem.add_constraint(row, ComparisonOp::Ge, 0.0);
        }
    }

    /// Solves over some states: contracts by slice, and what is earned in the worst of them.
    fn solve_rows(&self, rows: &[usize]) -> Option<(Vec<f64>, f64)> {
        let mut problem = Problem::new(OptimizationDirection::Maximize);
        let most = self.slices.iter().map(|slice| contracts(slice.qty)).sum::<f64>().max(1.0);
        let least = problem.add_var(1.0, (0.0, most));
        let variable = |slice: &Slice| (0.0, contracts(slice.qty));
        let variables: Vec<Variable> =
            self.slices.iter().map(|slice| problem.add_var(0.0, variable(slice))).collect();
        for &state in rows {
            self.add_state(&mut problem, &variables, least, state);
        }
        if let Some(capital) = self.capital {
            self.add_capital(&mut problem, &variables, rows, capital);
        }
        let solution = problem.solve().ok()?.into_solution().ok()?;
        let held = variables.iter().map(|&variable| solution.var_value(variable)).collect();
        Some((held, solution.objective()))
    }

    /// What a portfolio earns in a state.
    fn earned(&self, held: &[f64], state: usize) -> f64 {
        let of = |(slice, held): (&Slice, &f64)| {
            held * (self.payoff(slice, state) - slice.outlay as f64 / 1e14)
        };
        self.slices.iter().zip(held).map(of).sum()
    }

    /// Contracts by order of the portfolio that earns most in its worst state; `None` where nothing
    /// earns anything, or the solver gives up.
    pub(super) fn solve(&self) -> Option<Vec<Qty>> {
        let mut rows: Vec<usize> = (0..self.states.min(ROWS_FIRST)).collect();
        for _ in 0..ROUNDS_MAX {
            let (held, earned) = self.solve_rows(&rows)?;
            if earned <= NOISE {
                return None;
            }
            let left = (0..self.states).filter(|state| !rows.contains(state));
            let mut failing: Vec<(usize, f64)> = left
                .map(|state| (state, self.earned(&held, state)))
                .filter(|(_, value)| *value < earned - NOISE)
                .collect();
            if failing.is_empty() {
                return Some(self.by_order(&held));
            }
            failing.sort_by(|a, b| a.1.total_cmp(&b.1));
            rows.extend(failing.iter().take(ROWS_ADDED).map(|(state, _)| *state));
        }
        None
    }

    fn by_order(&self, held: &[f64]) -> Vec<Qty> {
        let mut sums = vec![0.0_f64; self.columns.len()];
        for (slice, held) in self.slices.iter().zip(held) {
            if let Some(sum) = sums.get_mut(slice.order) {
                *sum += held.max(0.0);
            }
        }
        // A hair is added, so that 4.999 999 999 is the five that was meant; the proof decides.
        sums.iter()
            .map(|sum| Qty::from_micro((sum * 1e6 + 0.5) as u64).unwrap_or(Qty::ZERO))
            .collect()
    }
}
