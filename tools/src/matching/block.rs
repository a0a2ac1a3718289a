//! Blocking: from a title to the few titles of the other list that could be the same question.
//!
//! An inverted index over the words, numbers and days of one list. A title asks with its rarest
//! words first and stops when it has seen enough, so that common words cost nothing; the work per
//! title is bounded whatever the size of the lists.

/// Entries of posting lists that one title may walk.
const POSTINGS_MAX: usize = 6_000;
/// Titles whose exact likeness is computed.
const CANDIDATES_MAX: usize = 40;

/// The index of one list.
#[derive(Debug)]
pub(super) struct Index {
    /// By word: the titles that hold it, ascending.
    postings: Vec<Vec<u32>>,
    /// By word: how telling it is, in thousandths of a bit.
    weights: Vec<u32>,
    /// By title: its keys.
    keys: Vec<Vec<u32>>,
}

/// Buffers of one asker.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    sums: Vec<u32>,
    touched: Vec<u32>,
    order: Vec<u32>,
}

fn at(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// log2 in thousandths, straight between powers of two.
fn log2_milli(ratio: u64) -> u32 {
    let bits = ratio.max(1).ilog2();
    let base = 1_u64 << bits;
    let part = (ratio.max(1) - base).saturating_mul(1_000) / base;
    bits.saturating_mul(1_000).saturating_add(u32::try_from(part).unwrap_or(0))
}

impl Index {
    /// Indexes the titles of the second list; `first` counts into how common a word is.
    pub(super) fn new<'a>(
        words: usize,
        first: impl Iterator<Item = &'a [u32]>,
        second: impl Iterator<Item = &'a [u32]>,
    ) -> Self {
        let mut counts = vec![0_u64; words];
        let mut total = 0_u64;
        let mut count = |keys: &[u32]| {
            total += 1;
            for &key in keys {
                if let Some(count) = counts.get_mut(at(key)) {
                    *count += 1;
                }
            }
        };
        first.for_each(&mut count);
        let keys: Vec<Vec<u32>> = second.inspect(|keys| count(keys)).map(<[u32]>::to_vec).collect();
        let mut postings = vec![Vec::new(); words];
        for (title, keys) in keys.iter().enumerate() {
            let title = u32::try_from(title).unwrap_or(u32::MAX);
            for &key in keys {
                if let Some(list) = postings.get_mut(at(key)) {
                    list.push(title);
                }
            }
        }
        let weight = |&count: &u64| log2_milli(1 + total / count.max(1)).max(100);
        let weights = counts.iter().map(weight).collect();
        Self { postings, weights, keys }
    }

    fn weight(&self, key: u32) -> u32 {
        self.weights.get(at(key)).copied().unwrap_or(0)
    }

    fn sum(&self, keys: &[u32]) -> u32 {
        keys.iter().fold(0_u32, |sum, &key| sum.saturating_add(self.weight(key)))
    }

    /// How much of the telling words two titles share, in thousandths of all of them.
    fn likeness(&self, a: &[u32], b: &[u32]) -> u32 {
        let (mut i, mut j, mut shared) = (0, 0, 0_u32);
        while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
            match x.cmp(y) {
                core::cmp::Ordering::Less => i += 1,
                core::cmp::Ordering::Greater => j += 1,
                core::cmp::Ordering::Equal => {
                    shared = shared.saturating_add(self.weight(*x));
                    i += 1;
                    j += 1;
                }
            }
        }
        let all = self.sum(a).saturating_add(self.sum(b)).saturating_sub(shared).max(1);
        let permille = u64::from(shared) * 1_000 / u64::from(all);
        u32::try_from(permille).unwrap_or(1_000)
    }

    /// The titles most like one with these keys, with their likeness, best first.
    pub(super) fn candidates(&self, keys: &[u32], scratch: &mut Scratch) -> Vec<(u32, u32)> {
        let Scratch { sums, touched, order } = scratch;
        sums.resize(self.keys.len(), 0);
        order.clear();
        order.extend(
            keys.iter()
                .filter(|key| self.postings.get(at(**key)).is_some_and(|list| !list.is_empty())),
        );
        order.sort_by_key(|&key| (core::cmp::Reverse(self.weight(key)), key));
        let mut walked = 0_usize;
        for &key in &*order {
            let Some(list) = self.postings.get(at(key)) else { continue };
            if walked > 0 && walked.saturating_add(list.len()) > POSTINGS_MAX {
                continue;
            }
            // The rarest word alone may be common: then its first titles have to do.
            for &title in list.iter().take(POSTINGS_MAX) {
                let Some(sum) = sums.get_mut(at(title)) else { continue };
                if *sum == 0 {
                    touched.push(title);
                }
                *sum = sum.saturating_add(self.weight(key));
            }
            walked = walked.saturating_add(list.len());
        }
        let score = |title: &u32| {
            let sum = sums.get(at(*title)).copied().unwrap_or(0);
            (core::cmp::Reverse(sum), *title)
        };
        if touched.len() > CANDIDATES_MAX {
            touched.select_nth_unstable_by_key(CANDIDATES_MAX, score);
        }
        let mut found: Vec<(u32, u32)> = touched
            .iter()
            .take(CANDIDATES_MAX)
            .filter_map(|&title| Some((title, self.likeness(keys, self.keys.get(at(title))?))))
            .collect();
        for title in touched.drain(..) {
            if let Some(sum) = sums.get_mut(at(title)) {
                *sum = 0;
            }
        }
        found.sort_unstable_by_key(|&(title, likeness)| (core::cmp::Reverse(likeness), title));
        found
    }
}
