//! Where the time of a payload goes, stage by stage.
//!
//! A reading of the clock costs as much as a stage may take, so stages are sampled: one payload in
//! [`SAMPLE_EVERY`]. The two totals (to the book, to the decision) are taken of every payload.

use dutchbook_book::Nanos;

use crate::telemetry::{LatencyHistogram, LatencyRecorder, LatencySummary, latency};

/// One payload in so many has its stages timed.
pub const SAMPLE_EVERY: u32 = 16;

/// What a payload passes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub enum Stage {
    /// From receipt until its first book is changed: decode, session, book.
    DecodeApply,
    /// Until every changed book is on the shelf and its top handed on.
    Publish,
    /// From receipt until the evaluator has taken it from the ring; split layout only.
    ToEvaluator,
    /// Until every basket that it touched has been evaluated.
    Evaluate,
}

impl Stage {
    /// Every stage, in the order in which a payload meets them.
    pub const ALL: [Self; 4] =
        [Self::DecodeApply, Self::Publish, Self::ToEvaluator, Self::Evaluate];

    /// The stage's name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DecodeApply => "decode_apply",
            Self::Publish => "publish",
            Self::ToEvaluator => "to_evaluator",
            Self::Evaluate => "evaluate",
        }
    }

    /// The stage in words, as a line of a table begins.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::DecodeApply => "  decode and apply",
            Self::Publish => "  publish",
            Self::ToEvaluator => "  to the evaluator",
            Self::Evaluate => "  evaluate",
        }
    }
}

/// The hot side of one tile's stages.
#[derive(Debug)]
pub struct StageRecorders {
    recorders: [LatencyRecorder; Stage::ALL.len()],
    until_sample: u32,
}

/// The slow side of one tile's stages.
#[derive(Debug)]
pub struct StageHistograms {
    histograms: [LatencyHistogram; Stage::ALL.len()],
}

/// Makes the two sides. `None` when a histogram cannot be made, which the fixed bounds exclude.
#[must_use]
pub fn stages(chunk_count: usize, chunk_len: usize) -> Option<(StageRecorders, StageHistograms)> {
    let make = || latency(chunk_count, chunk_len);
    let [a, b, c, d] = [make()?, make()?, make()?, make()?];
    let recorders = StageRecorders { recorders: [a.0, b.0, c.0, d.0], until_sample: 0 };
    Some((recorders, StageHistograms { histograms: [a.1, b.1, c.1, d.1] }))
}

impl StageRecorders {
    /// Whether the stages of the payload that comes next are timed.
    #[inline]
    pub const fn samples_next(&mut self) -> bool {
        if self.until_sample == 0 {
            self.until_sample = SAMPLE_EVERY - 1;
            true
        } else {
            self.until_sample -= 1;
            false
        }
    }

    /// Records one stage of a sampled payload.
    #[inline]
    pub fn record(&mut self, stage: Stage, span: Nanos) {
        if let Some(recorder) = self.recorders.get_mut(stage as usize) {
            recorder.record(span);
        }
    }

    /// Hands over what is there.
    pub fn flush(&mut self) {
        for recorder in &mut self.recorders {
            recorder.flush();
        }
    }
}

impl StageHistograms {
    /// Takes what the hot side has handed over.
    pub fn drain(&mut self) {
        for histogram in &mut self.histograms {
            histogram.drain();
        }
    }

    /// Adds another tile's stages, drained ones only.
    pub fn merge(&mut self, other: &Self) {
        for (own, other) in self.histograms.iter_mut().zip(&other.histograms) {
            own.merge(other);
        }
    }

    /// The stages that were met, in their order.
    #[must_use]
    pub fn summaries(&self) -> Vec<(Stage, LatencySummary)> {
        let all = Stage::ALL.into_iter().zip(&self.histograms);
        let met = all.map(|(stage, histogram)| (stage, histogram.summary()));
        met.filter(|(_, summary)| summary.count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_payload_in_sixteen_is_sampled_and_met_stages_are_told_in_order() {
        let (mut recorders, mut histograms) = stages(4, 64).unwrap();
        let sampled = (0..160).filter(|_| recorders.samples_next()).count();
        assert_eq!(sampled, 10);
        recorders.record(Stage::Evaluate, Nanos(30));
        recorders.record(Stage::DecodeApply, Nanos(200));
        recorders.flush();
        histograms.drain();
        let met = histograms.summaries();
        assert_eq!(met.len(), 2);
        assert_eq!((met[0].0, met[0].1.p50), (Stage::DecodeApply, 200));
        assert_eq!((met[1].0, met[1].1.max), (Stage::Evaluate, 30));
    }
}
