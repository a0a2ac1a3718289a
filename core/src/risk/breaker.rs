//! Circuit breakers: trading that goes wrong in a way that no single decision shows is paused, and
//! what no pause mends pulls the kill switch.
//!
//! Rejects, slippage and legged baskets are added up over a moving window; past its bound a breaker
//! trips and nothing new is sent for a pause. A difference from the venue's books or a contradiction
//! in what it says is final at once, and so is one trip too many in a day.

use dutchbook_book::{Cash, Nanos};

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Breaker {
    /// Too many orders refused.
    Rejects = 0,
    /// Too much paid beyond the prices that were decided on.
    Slippage = 1,
    /// Too many baskets filled unequally.
    Legged = 2,
    /// Our books differ from the venue's.
    Reconciliation = 3,
    /// The venue's words contradict each other, or what we know.
    Contradiction = 4,
}

impl Breaker {
    /// Every breaker, in the order of their codes.
    pub const ALL: [Self; 5] =
        [Self::Rejects, Self::Slippage, Self::Legged, Self::Reconciliation, Self::Contradiction];

    /// The breaker's name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rejects => "rejects",
            Self::Slippage => "slippage",
            Self::Legged => "legged",
            Self::Reconciliation => "reconciliation",
            Self::Contradiction => "contradiction",
        }
    }

    /// Whether only a person can find out what happened.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Reconciliation | Self::Contradiction)
    }
}

/// Bounds of the breakers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerConfig {
    /// Orders refused within the window.
    pub rejects_max: u32,
    /// Cash paid beyond the decided prices within the window.
    pub slippage_cash_max: Cash,
    /// Legged baskets within the window.
    pub legged_max: u32,
    /// The window.
    pub window: Nanos,
    /// For how long nothing new is sent after a trip.
    pub pause: Nanos,
    /// Trips within a day after which the kill switch is pulled.
    pub trips_max: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            rejects_max: 50,
            slippage_cash_max: Cash::from_micro(25_000_000),
            legged_max: 20,
            window: Nanos::from_secs(60),
            pause: Nanos::from_secs(60),
            trips_max: 5,
        }
    }
}

/// What a trip does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing new is sent for the pause.
    Pause,
    /// The kill switch is to be pulled.
    Kill,
}

/// Parts of a moving window: a sum covers the last fifteen whole parts and the present one.
const PARTS: usize = 16;

/// A moving sum.
#[derive(Clone, Copy, Debug)]
struct Window {
    part: u64,
    sums: [i64; PARTS],
    /// Number of the present part.
    at: u64,
}

impl Window {
    fn new(span: Nanos) -> Self {
        let parts = u64::try_from(PARTS).unwrap_or(u64::MAX);
        Self { part: (span.0 / parts).max(1), sums: [0; PARTS], at: 0 }
    }

    /// Adds an amount and returns the sum of the window.
    fn add(&mut self, amount: i64, now: Nanos) -> i64 {
        // Time that goes back counts as the present.
        let at = (now.0 / self.part).max(self.at);
        let passed = usize::try_from(at - self.at).unwrap_or(usize::MAX).min(PARTS);
        for step in 0..passed {
            let step = u64::try_from(step).unwrap_or(0);
            if let Some(slot) = self.slot(at.saturating_sub(step)) {
                *slot = 0;
            }
        }
        self.at = at;
        if let Some(slot) = self.slot(at) {
            *slot = slot.saturating_add(amount);
        }
        self.sums.iter().fold(0, |sum, part| i64::saturating_add(sum, *part))
    }

    fn slot(&mut self, at: u64) -> Option<&mut i64> {
        let index = usize::try_from(at % u64::try_from(PARTS).unwrap_or(1)).unwrap_or(0);
        self.sums.get_mut(index)
    }

    const fn clear(&mut self) {
        self.sums = [0; PARTS];
    }
}

/// The breakers of one engine. One thread owns them.
#[derive(Clone, Debug)]
pub struct Breakers {
    config: BreakerConfig,
    windows: [Window; 3],
    /// Nothing new is sent before.
    open_until: Nanos,
    trips: [u64; Breaker::ALL.len()],
    day: u64,
    trips_today: u32,
}

const NANOS_PER_DAY: u64 = 86_400_000_000_000;

impl Breakers {
    /// Breakers that have not tripped.
    #[must_use]
    pub fn new(config: BreakerConfig) -> Self {
        Self {
            windows: [Window::new(config.window); 3],
            open_until: Nanos::ZERO,
            trips: [0; Breaker::ALL.len()],
            day: 0,
            trips_today: 0,
            config,
        }
    }

    /// An order was refused.
    pub fn on_reject(&mut self, now: Nanos) -> Option<Consequence> {
        self.add(Breaker::Rejects, 1, i64::from(self.config.rejects_max), now)
    }

    /// So much was paid beyond the price that was decided on.
    pub fn on_slippage(&mut self, cash: Cash, now: Nanos) -> Option<Consequence> {
        self.add(Breaker::Slippage, cash.micro(), self.config.slippage_cash_max.micro(), now)
    }

    /// A basket was filled unequally.
    pub fn on_legged(&mut self, now: Nanos) -> Option<Consequence> {
        self.add(Breaker::Legged, 1, i64::from(self.config.legged_max), now)
    }

    fn add(&mut self, breaker: Breaker, amount: i64, max: i64, now: Nanos) -> Option<Consequence> {
        let window = self.windows.get_mut(breaker as usize)?;
        (window.add(amount, now) > max).then(|| self.trip(breaker, now))
    }

    /// Trips a breaker.
    pub fn trip(&mut self, breaker: Breaker, now: Nanos) -> Consequence {
        if let Some(window) = self.windows.get_mut(breaker as usize) {
            // What tripped it has been paid for: after the pause it counts anew.
            window.clear();
        }
        if let Some(count) = self.trips.get_mut(breaker as usize) {
            *count = count.saturating_add(1);
        }
        let day = now.0 / NANOS_PER_DAY;
        if day != self.day {
            (self.day, self.trips_today) = (day, 0);
        }
        self.trips_today = self.trips_today.saturating_add(1);
        self.open_until = self.open_until.max(now.plus(self.config.pause));
        match breaker.is_final() || self.trips_today > self.config.trips_max {
            true => Consequence::Kill,
            false => Consequence::Pause,
        }
    }

    /// Whether nothing new may be sent now.
    #[inline]
    #[must_use]
    pub fn is_open(&self, now: Nanos) -> bool {
        now < self.open_until
    }

    /// How often a breaker has tripped.
    #[must_use]
    pub fn trips(&self, breaker: Breaker) -> u64 {
        self.trips.get(breaker as usize).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Nanos = Nanos::from_secs(1_000_000);

    fn config() -> BreakerConfig {
        BreakerConfig {
            rejects_max: 3,
            slippage_cash_max: Cash::ONE,
            legged_max: 1,
            window: Nanos::from_secs(16),
            pause: Nanos::from_secs(10),
            trips_max: 2,
        }
    }

    fn at(secs: u64) -> Nanos {
        START.plus(Nanos::from_secs(secs))
    }

    #[test]
    fn one_too_many_within_the_window_pauses() {
        let mut breakers = Breakers::new(config());
        for second in 0..3 {
            assert_eq!(breakers.on_reject(at(second)), None);
        }
        assert!(!breakers.is_open(at(2)));
        assert_eq!(breakers.on_reject(at(3)), Some(Consequence::Pause));
        assert!(breakers.is_open(at(3)) && breakers.is_open(at(12)) && !breakers.is_open(at(13)));
        assert_eq!(breakers.trips(Breaker::Rejects), 1);
        assert_eq!(breakers.on_reject(at(13)), None, "it counts anew");
    }

    #[test]
    fn what_is_long_ago_does_not_count() {
        let mut breakers = Breakers::new(config());
        for second in [0, 1, 2, 18, 19, 20, 40, 41, 42, 100] {
            assert_eq!(breakers.on_reject(at(second)), None, "{second}");
        }
        assert_eq!(breakers.on_legged(at(0)), None);
        assert_eq!(breakers.on_legged(at(3)), Some(Consequence::Pause));
        let part = Cash::from_micro(600_000);
        assert_eq!(breakers.on_slippage(part, at(100)), None);
        assert_eq!(breakers.on_slippage(part, at(101)), Some(Consequence::Pause));
    }

    #[test]
    fn what_no_pause_mends_kills() {
        let mut breakers = Breakers::new(config());
        assert_eq!(breakers.trip(Breaker::Contradiction, at(0)), Consequence::Kill);
        let mut breakers = Breakers::new(config());
        assert_eq!(breakers.trip(Breaker::Legged, at(0)), Consequence::Pause);
        assert_eq!(breakers.trip(Breaker::Rejects, at(20)), Consequence::Pause);
        assert_eq!(breakers.trip(Breaker::Legged, at(40)), Consequence::Kill);
        let mut breakers = Breakers::new(config());
        for day in 0..9 {
            let noon = Nanos(NANOS_PER_DAY / 2 + day * NANOS_PER_DAY);
            assert_eq!(breakers.trip(Breaker::Legged, noon), Consequence::Pause, "day {day}");
        }
    }

    proptest! {
        /// A window's sum lies between those of the last fifteen and the last sixteen parts.
        #[test]
        fn a_window_forgets_what_is_old(gaps in proptest::collection::vec(0_u64..9_000, 1..60)) {
            let mut window = Window::new(Nanos(16_000));
            let (mut now, mut added) = (0_u64, Vec::new());
            for gap in gaps {
                now += gap;
                added.push(now);
                let sum = window.add(1, Nanos(now));
                let since = |age: u64| added.iter().filter(|at| **at + age > now).count();
                let sum = usize::try_from(sum).unwrap();
                prop_assert!(since(15_000) <= sum && sum <= since(16_000), "{sum}");
            }
        }
    }
}
