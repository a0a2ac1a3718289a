//! A small seeded generator: the same seed gives the same run on every machine.

/// xoshiro256** seeded through splitmix64.
#[derive(Clone, Debug)]
pub struct Rng {
    state: [u64; 4],
}

/// One step of splitmix64: also a good mixer of seeds.
#[must_use]
pub const fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    /// A generator for one purpose: streams of different `purpose` are independent.
    #[must_use]
    pub const fn new(seed: u64, purpose: u64) -> Self {
        let a = mix(seed ^ mix(purpose));
        let b = mix(a);
        let c = mix(b);
        let d = mix(c);
        // The all-zero state would stay there; splitmix64 never yields four zeros in a row.
        Self { state: [a, b, c, d] }
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = b << 17;
        let c = c ^ a;
        let d = d ^ b;
        self.state = [a ^ d, b ^ c, c ^ shifted, d.rotate_left(45)];
        result
    }

    /// A number in `0..bound`; zero when the bound is zero. The bias is below 2⁻³² for small bounds.
    pub const fn below(&mut self, bound: u64) -> u64 {
        match self.next_u64().checked_rem(bound) {
            Some(value) => value,
            None => 0,
        }
    }

    /// A number in `low..=high`; `low` when the range is empty.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low.saturating_add(self.below(high.saturating_sub(low).saturating_add(1)))
    }

    /// True with a chance of `ppm` in a million.
    pub const fn chance_ppm(&mut self, ppm: u32) -> bool {
        self.below(1_000_000) < ppm as u64
    }

    /// True or false, evenly.
    pub const fn coin(&mut self) -> bool {
        self.next_u64() & 1 == 1
    }

    /// A bell-shaped number around zero with a standard deviation of about `deviation`.
    ///
    /// The sum of four uniform numbers: bounded at about 3.5 deviations, integers only.
    pub fn bell(&mut self, deviation: u32) -> i64 {
        // Four uniforms on 0..=2·s have deviation s·1.1547 together; 866/1000 undoes that.
        let span = u64::from(deviation).saturating_mul(2);
        let mut sum: i64 = 0;
        for _ in 0..4 {
            sum += i64::try_from(self.between(0, span)).unwrap_or(0);
        }
        (sum - 4 * i64::from(deviation)) * 866 / 1_000
    }

    /// A waiting time around `mean` nanoseconds, between a tenth and about three times of it.
    ///
    /// Half of a uniform and half of a product of two: skewed as arrivals are, without logarithms.
    pub const fn wait(&mut self, mean: u64) -> u64 {
        let product = self.below(2_000).saturating_mul(self.below(2_000)) / 1_000;
        let permille = (product + self.below(2_000)) / 2 + 100;
        mean.saturating_mul(permille) / 1_100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_repeat_and_purposes_differ() {
        let (mut a, mut b, mut c) = (Rng::new(7, 1), Rng::new(7, 1), Rng::new(7, 2));
        let first: Vec<u64> = (0..8).map(|_| a.next_u64()).collect();
        assert_eq!(first, (0..8).map(|_| b.next_u64()).collect::<Vec<_>>());
        assert_ne!(first, (0..8).map(|_| c.next_u64()).collect::<Vec<_>>());
    }

    #[test]
    fn bell_and_wait_have_the_stated_means() {
        let mut rng = Rng::new(1, 1);
        let sum: i64 = (0..10_000).map(|_| rng.bell(1_000)).sum();
        let square: i64 = (0..10_000).map(|_| rng.bell(1_000).pow(2)).sum();
        let wait: u64 = (0..10_000).map(|_| rng.wait(1_000_000)).sum();
        assert!(sum.abs() / 10_000 < 40, "{sum}");
        assert!((900_000..1_100_000).contains(&(square / 10_000)), "{square}");
        assert!((900_000..1_100_000).contains(&(wait / 10_000)), "{wait}");
    }
}
