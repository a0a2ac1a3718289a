//! How it is going: counters and latency histograms, off the hot path.
//!
//! The hot side of a latency is one packed word appended to a chunk; a slow thread drains the
//! chunks into an HDR histogram (measured elsewhere at 1.2 ns against 5.6 ns for recording in
//! place). When the slow side lags, samples are shed and counted: telemetry never holds the engine
//! back, and a report with shed samples says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dutchbook_book::Nanos;
use hdrhistogram::Histogram;

use crate::chunk::{self, ChunkReader, ChunkWriter};

/// Bits of a packed sample that carry the span: up to 18 minutes.
const SPAN_BITS: u32 = 40;
/// The longest span that a sample carries; longer ones are recorded as this.
pub const SPAN_NS_MAX: u64 = (1 << SPAN_BITS) - 1;
/// The most payloads that one sample may stand for; more are recorded as this.
pub const PAYLOADS_MAX: u64 = (1 << (64 - SPAN_BITS)) - 1;
/// Significant decimal digits of every figure.
const DIGITS: u8 = 3;

/// The hot side of one latency.
#[derive(Debug)]
pub struct LatencyRecorder {
    samples: ChunkWriter<u64>,
    shed: Arc<AtomicU64>,
}

/// The slow side of one latency.
#[derive(Debug)]
pub struct LatencyHistogram {
    samples: ChunkReader<u64>,
    shed: Arc<AtomicU64>,
    histogram: Histogram<u64>,
    /// Exact, where the histogram only knows the bucket.
    max: u64,
}

/// Percentiles of one latency in whole nanoseconds; all zero without samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatencySummary {
    /// Half are at most this.
    pub p50: u64,
    /// 90 % are at most this.
    pub p90: u64,
    /// 99 % are at most this.
    pub p99: u64,
    /// 99.9 % are at most this.
    pub p999: u64,
    /// The longest.
    pub max: u64,
    /// How many payloads.
    pub count: u64,
    /// Payloads that were not recorded for want of room.
    pub shed: u64,
}

/// Makes the two sides of one latency with room for `chunk_count` × `chunk_len` samples under way.
/// `None` when the histogram cannot be made, which the fixed bounds exclude.
#[must_use]
pub fn latency(
    chunk_count: usize,
    chunk_len: usize,
) -> Option<(LatencyRecorder, LatencyHistogram)> {
    let (writer, reader) = chunk::channel(chunk_count, chunk_len);
    let shed = Arc::new(AtomicU64::new(0));
    let histogram = Histogram::new_with_bounds(1, SPAN_NS_MAX, DIGITS).ok()?;
    let recorder = LatencyRecorder { samples: writer, shed: Arc::clone(&shed) };
    Some((recorder, LatencyHistogram { samples: reader, shed, histogram, max: 0 }))
}

impl LatencyRecorder {
    /// Records one span.
    #[inline]
    pub fn record(&mut self, span: Nanos) {
        self.record_n(span, 1);
    }

    /// Records one span for `payloads` payloads at once: those that an evaluation covered together.
    #[inline]
    pub fn record_n(&mut self, span: Nanos, payloads: u64) {
        let payloads = payloads.min(PAYLOADS_MAX);
        let sample = (payloads << SPAN_BITS) | span.0.min(SPAN_NS_MAX);
        if self.samples.push(sample).is_err() {
            // Relaxed: a count of its own, read for reports only.
            self.shed.fetch_add(payloads, Ordering::Relaxed);
        }
    }

    /// Hands over what is there: call it when idle, so that a report lags by little.
    pub fn flush(&mut self) {
        self.samples.flush();
    }
}

impl LatencyHistogram {
    /// Takes what the hot side has handed over. Returns how many samples there were.
    pub fn drain(&mut self) -> usize {
        let (histogram, max) = (&mut self.histogram, &mut self.max);
        self.samples.drain(|sample| {
            let span = sample & SPAN_NS_MAX;
            *max = span.max(*max);
            histogram.saturating_record_n(span, sample >> SPAN_BITS);
        })
    }

    /// Adds another histogram's samples, drained ones only: two tiles, one figure.
    pub fn merge(&mut self, other: &Self) {
        let mut shed = other.shed.load(Ordering::Relaxed);
        // Both have the same fixed bounds: an addition does not fail.
        if self.histogram.add(&other.histogram).is_err() {
            shed = shed.saturating_add(other.histogram.len());
        }
        self.max = self.max.max(other.max);
        self.shed.fetch_add(shed, Ordering::Relaxed);
    }

    /// The percentiles of everything drained so far.
    #[must_use]
    pub fn summary(&self) -> LatencySummary {
        let shed = self.shed.load(Ordering::Relaxed);
        if self.histogram.is_empty() {
            return LatencySummary { shed, ..LatencySummary::default() };
        }
        let max = self.max;
        // A bucket's upper end may lie past the largest sample: no percentile exceeds the maximum.
        let at = |quantile| self.histogram.value_at_quantile(quantile).min(max);
        LatencySummary {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max,
            count: self.histogram.len(),
            shed,
        }
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $variant:ident => $name:literal),* $(,)?) => {
        /// What is counted. Names are lower case with underscores, as reports print them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(usize)]
        pub enum Counter { $($(#[$doc])* $variant),* }

        impl Counter {
            /// Every counter.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The counter's name in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}
counters!(
    /// Payloads received.
    Payloads => "payloads",
    /// Messages in them.
    Messages => "messages",
    /// Holes in a sequence.
    SequenceGaps => "sequence_gaps",
    /// Books published.
    BooksPublished => "books_published",
    /// Books published while crossed.
    CrossedBooks => "crossed_books",
    /// Payloads that no decoder understood.
    DecodeErrors => "decode_errors",
    /// Top updates that were merged because the ring was full.
    Coalesced => "coalesced",
    /// View reads that stayed torn after every retry.
    TornViews => "torn_views",
    /// Baskets evaluated.
    Evaluations => "evaluations",
    /// Evaluations with a positive edge after all costs.
    Opportunities => "opportunities",
    /// Lives of such edges that began.
    OpportunitiesBorn => "opportunities_born",
    /// Opportunities that risk refused.
    Vetoes => "vetoes",
    /// Intents sent.
    Intents => "intents",
    /// Intents that found no room.
    IntentsRefused => "intents_refused",
    /// Fills.
    Fills => "fills",
    /// Orders refused by the venue.
    Rejects => "rejects",
    /// Trades whose legs were filled unequally.
    Legged => "legged",
    /// Of these, trades whose missing legs were then bought, at least in part.
    Completed => "completed",
    /// Of these, trades whose excess was left again.
    Unwound => "unwound",
    /// Records that found no room in the journal.
    JournalFull => "journal_full",
    /// Words of sources on outcomes that were refused.
    WordsRefused => "words_refused",
    /// Programs of the compiler that were installed.
    Programs => "programs",
    /// Programs that did not fit what was watched.
    ProgramsRefused => "programs_refused",
    /// Telemetry records that were shed.
    TelemetryShed => "telemetry_shed",
);

const COUNTER_COUNT: usize = Counter::ALL.len();

/// The writing half of one tile's counters. One writer: an addition is a load and a store.
#[derive(Debug)]
pub struct Counters {
    values: Arc<[AtomicU64; COUNTER_COUNT]>,
}

/// A reading half of one tile's counters.
#[derive(Clone, Debug)]
pub struct CounterReader {
    values: Arc<[AtomicU64; COUNTER_COUNT]>,
}

impl Default for Counters {
    fn default() -> Self {
        Self { values: Arc::new(std::array::from_fn(|_| AtomicU64::new(0))) }
    }
}

impl Counters {
    /// Adds to a counter.
    #[inline]
    pub fn add(&mut self, counter: Counter, count: u64) {
        if let Some(value) = self.values.get(counter as usize) {
            // Relaxed: one writer, and each counter stands alone.
            let next = value.load(Ordering::Relaxed).wrapping_add(count);
            value.store(next, Ordering::Relaxed);
        }
    }

    /// A reading half.
    #[must_use]
    pub fn reader(&self) -> CounterReader {
        CounterReader { values: Arc::clone(&self.values) }
    }
}

impl CounterReader {
    /// The value of a counter now.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.values.get(counter as usize).map_or(0, |value| value.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn coalesced_payloads_count_each() {
        let (mut recorder, mut histogram) = latency(4, 8).unwrap();
        recorder.record_n(Nanos(500), 99);
        recorder.record(Nanos(7_000));
        recorder.flush();
        assert_eq!(histogram.drain(), 2);
        let summary = histogram.summary();
        assert_eq!((summary.p50, summary.p90, summary.p99), (500, 500, 500));
        assert_eq!((summary.p999, summary.max, summary.count), (7_000, 7_000, 100));
    }

    #[test]
    fn samples_without_room_are_counted_and_no_samples_are_all_zero() {
        let (mut recorder, mut histogram) = latency(2, 2).unwrap();
        assert_eq!(histogram.summary(), LatencySummary::default());
        for _ in 0..5 {
            recorder.record_n(Nanos(10), 3);
        }
        drop(recorder);
        histogram.drain();
        assert_eq!((histogram.summary().count, histogram.summary().shed), (12, 3));
    }

    #[test]
    fn counters_add_up_and_have_names() {
        let mut counters = Counters::default();
        counters.add(Counter::Fills, 2);
        counters.add(Counter::Fills, 3);
        assert_eq!(counters.reader().get(Counter::Fills), 5);
        let mut names: Vec<_> = Counter::ALL.iter().map(|counter| counter.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COUNTER_COUNT);
    }

    proptest! {
        /// Percentiles are ordered, within the digits of the exact ones, and nothing is lost.
        #[test]
        fn percentiles_agree_with_sorting(spans in proptest::collection::vec(1_u64..10_000_000_000, 1..200)) {
            let (mut recorder, mut histogram) = latency(8, 64).unwrap();
            spans.iter().for_each(|span| recorder.record(Nanos(*span)));
            drop(recorder);
            histogram.drain();
            let (mut sorted, summary) = (spans.clone(), histogram.summary());
            sorted.sort_unstable();
            prop_assert_eq!(summary.count, spans.len() as u64);
            let exact = sorted[(spans.len() - 1) / 2];
            prop_assert!(summary.p50.abs_diff(exact) <= exact / 500 + 1);
            prop_assert!(summary.p50 <= summary.p90 && summary.p90 <= summary.p99);
            prop_assert!(summary.p99 <= summary.p999 && summary.p999 <= summary.max);
        }
    }
}
