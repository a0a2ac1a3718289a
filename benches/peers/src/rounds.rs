//! Paired rounds: in each, every candidate does the same prepared work, in rotating order; a ratio
//! is taken round by round, and the median of the rounds is reported. Clock speed and neighbours on
//! a shared machine drift within seconds; a ratio of one round does not see that.

use std::time::Duration;

use support::median;

/// Rounds that warm up and do not count.
const WARM_UP: usize = 3;

/// What was measured of one row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Median of ours per piece of work.
    pub(crate) ours_ns: f64,
    /// Each peer's median ratio to ours.
    pub(crate) ratios: Vec<(&'static str, f64)>,
}

impl Row {
    /// A peer's time: ours times their ratio, so that times and ratios of a row agree.
    pub(crate) fn peers(&self) -> impl Iterator<Item = (&'static str, f64, f64)> {
        self.ratios.iter().map(|(name, ratio)| (*name, self.ours_ns * ratio, *ratio))
    }

    /// The fastest peer's ratio to ours.
    pub(crate) fn to_best(&self) -> f64 {
        self.ratios.iter().map(|(_, ratio)| *ratio).fold(f64::INFINITY, f64::min)
    }
}

/// Runs the rounds of one row. `work` prepares a round and times candidate `n` of it with the
/// closure that it is given; the first of `names` is ours.
pub(crate) fn paired(
    name: &'static str,
    names: &[&'static str],
    rounds: usize,
    count: usize,
    mut round: impl FnMut(&mut dyn FnMut(usize, Duration)),
) -> Row {
    let mut times = vec![Vec::with_capacity(rounds); names.len()];
    for number in 0..rounds + WARM_UP {
        round(&mut |candidate, taken| {
            if number >= WARM_UP {
                times[candidate].push(taken.as_nanos() as f64 / count as f64);
            }
        });
    }
    let ratios = names.iter().zip(&times).skip(1).map(|(name, theirs)| {
        let by_round = theirs.iter().zip(&times[0]).map(|(theirs, ours)| theirs / ours);
        (*name, median(by_round.collect()))
    });
    Row { name, ours_ns: median(times[0].clone()), ratios: ratios.collect() }
}
