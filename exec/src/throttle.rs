//! Rate limits of venues as token buckets, with a share of each kept for getting out.
//!
//! A bucket starts full and is refilled continuously. A request goes when the bucket holds its cost,
//! and then pays it; one that does not go pays nothing. Costs and rates are the venue's tokens;
//! inside, a token is a thousand million parts, so that a refill by nanoseconds is exact.
//!
//! An order that opens a position may not touch the reserve; cancels and unwinds may. So whatever
//! the entries of a burst have spent, what takes them back is still paid for.

use dutchbook_book::Nanos;

/// Parts of one token.
const PARTS: u64 = 1_000_000_000;

/// What a bucket is: the venue's figures and our reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketRules {
    /// Tokens a second.
    pub refill_rate: u32,
    /// Tokens at most.
    pub capacity: u32,
    /// Tokens that only [`Urgency::Unwind`] may spend.
    pub reserve: u32,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Opens a position, or can wait.
    Entry,
    /// Cancels, completes or unwinds: may spend the reserve.
    Unwind,
}

/// Not now: when it will go, if nothing else is sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttled {
    /// From this moment on.
    Until(Nanos),
    /// Never: the bucket does not hold so much.
    Never,
}

/// One token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    rules: BucketRules,
    /// Parts of tokens.
    level: u64,
    refilled: Nanos,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub const fn new(rules: BucketRules, now: Nanos) -> Self {
        Self { rules, level: parts(rules.capacity), refilled: now }
    }

    /// Takes `cost` tokens out.
    ///
    /// # Errors
    /// When there are not so many; nothing is taken then.
    pub fn take(&mut self, cost: u32, urgency: Urgency, now: Nanos) -> Result<(), Throttled> {
        self.refill(now);
        let reserve = match urgency {
            Urgency::Entry => self.rules.reserve,
            Urgency::Unwind => 0,
        };
        if cost > self.rules.capacity.saturating_sub(reserve) {
            return Err(Throttled::Never);
        }
        let (cost, needed) = (parts(cost), parts(cost.saturating_add(reserve)));
        if self.level >= needed {
            self.level = self.level.saturating_sub(cost);
            return Ok(());
        }
        let missing = needed.saturating_sub(self.level);
        match missing.checked_add(u64::from(self.rules.refill_rate).saturating_sub(1)) {
            Some(sum) if self.rules.refill_rate > 0 => {
                let wait = sum / u64::from(self.rules.refill_rate);
                Err(Throttled::Until(now.plus(Nanos(wait))))
            }
            _ => Err(Throttled::Never),
        }
    }

    /// The venue refused though the bucket held the cost: its figures differ from ours. The bucket
    /// is emptied, so that what follows waits.
    pub fn refused(&mut self, now: Nanos) {
        self.refill(now);
        self.level = 0;
    }

    /// Parts of tokens in the bucket: a thousand million are one.
    #[must_use]
    pub fn level(&mut self, now: Nanos) -> u64 {
        self.refill(now);
        self.level
    }

    fn refill(&mut self, now: Nanos) {
        // A clock that went back refills nothing.
        let elapsed = now.0.saturating_sub(self.refilled.0);
        let gained = elapsed.saturating_mul(u64::from(self.rules.refill_rate));
        self.level = self.level.saturating_add(gained).min(parts(self.rules.capacity));
        self.refilled = Nanos(self.refilled.0.max(now.0));
    }
}

const fn parts(tokens: u32) -> u64 {
    // Below 2³² times 2³⁰.
    (tokens as u64).saturating_mul(PARTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: BucketRules = BucketRules { refill_rate: 100, capacity: 100, reserve: 30 };

    #[test]
    fn entries_leave_the_reserve_to_unwinds() {
        let mut bucket = Bucket::new(RULES, Nanos(0));
        for _ in 0..7 {
            assert_eq!(bucket.take(10, Urgency::Entry, Nanos(0)), Ok(()));
        }
        let at = Nanos(100_000_000);
        assert_eq!(bucket.take(10, Urgency::Entry, Nanos(0)), Err(Throttled::Until(at)));
        for _ in 0..3 {
            assert_eq!(bucket.take(10, Urgency::Unwind, Nanos(0)), Ok(()));
        }
        assert_eq!(bucket.take(10, Urgency::Unwind, Nanos(0)), Err(Throttled::Until(at)));
        assert_eq!(bucket.take(10, Urgency::Unwind, at), Ok(()));
        assert_eq!(bucket.take(71, Urgency::Entry, at), Err(Throttled::Never));
    }

    #[test]
    fn a_refusal_empties_the_bucket() {
        let mut bucket = Bucket::new(RULES, Nanos(0));
        bucket.refused(Nanos(0));
        assert_eq!(bucket.level(Nanos(10_000_000)), PARTS);
        assert_eq!(bucket.level(Nanos(5_000_000)), PARTS, "the clock went back");
    }

    proptest! {
        #[test]
        fn no_window_takes_more_than_capacity_and_refill(
            steps in proptest::collection::vec((0_u64..50_000_000, 1_u32..40, any::<bool>()), 1..200),
        ) {
            let mut bucket = Bucket::new(RULES, Nanos(0));
            let (mut now, mut taken) = (0_u64, 0_u64);
            for (wait, cost, is_unwind) in steps {
                now += wait;
                let urgency = if is_unwind { Urgency::Unwind } else { Urgency::Entry };
                match bucket.take(cost, urgency, Nanos(now)) {
                    Ok(()) => taken += u64::from(cost),
                    Err(Throttled::Until(at)) => {
                        // It says exactly when: not a nanosecond earlier.
                        let early = bucket.take(cost, urgency, Nanos(at.0 - 1));
                        prop_assert!(early.is_err());
                        prop_assert_eq!(bucket.take(cost, urgency, at), Ok(()));
                        taken += u64::from(cost);
                        now = at.0;
                    }
                    Err(Throttled::Never) => prop_assert!(false),
                }
                prop_assert!(u128::from(taken) * 1_000_000_000 <= 100_000_000_000 + u128::from(now) * 100);
            }
        }
    }
}
