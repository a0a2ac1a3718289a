//! What an order offers and asks for, in base units (1e-6), by the venue's rounding rules
//! (polymarket.md section 11.2). Integers only: the venue's own clients lose a cent of size or a
//! tick of price to binary floats.

use dutchbook_book::{Price, Qty, Side};

/// One dollar or one share in base units.
const UNIT: u64 = 1_000_000;
/// Two decimals of a size, in base units.
const SIZE_STEP: u64 = 10_000;
/// Four decimals, in base units: finer taker amounts of a FOK or FAK order are refused whatever
/// the tick.
const ENGINE_STEP: u64 = 100;

/// The ticks that the venue uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    micro: u64,
    price_decimals: u32,
}

impl Tick {
    /// The tick of a size in millionths; `None` where the venue has no such tick.
    #[must_use]
    pub const fn from_micro(micro: u32) -> Option<Self> {
        let (micro, price_decimals) = match micro {
            100_000 => (100_000, 1),
            10_000 => (10_000, 2),
            5_000 => (5_000, 3),
            2_500 => (2_500, 4),
            1_000 => (1_000, 3),
            100 => (100, 4),
            _ => return None,
        };
        Some(Self { micro, price_decimals })
    }

    /// Decimals that an amount may have: those of the price and two of the size.
    const fn amount_decimals(self) -> u32 {
        self.price_decimals.saturating_add(2)
    }

    /// Whether the price is a multiple of the tick, at least one tick from both ends.
    fn has(self, price: Price) -> bool {
        let price = u64::from(price.micro());
        let inside = price >= self.micro && price <= UNIT.saturating_sub(self.micro);
        inside && price.is_multiple_of(self.micro)
    }
}

/// What the maker of an order gives and takes, in base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// Given: dollars for a buy, shares for a sell.
    pub maker: u64,
    /// Taken: shares for a buy, dollars for a sell.
    pub taker: u64,
}

/// Why there are no amounts. Each names what the caller gave wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a multiple of the tick, or not within one tick of 0 and 1.
    #[error("order price: off the tick")]
    OffTick,
    /// Nothing is left after rounding.
    #[error("order amounts: nothing left after rounding down")]
    Nothing,
    /// Rounding would let the order reach the next price.
    #[error("order amounts: too small to keep to the limit price after rounding")]
    PastLimit,
    /// Does not fit.
    #[error("order amounts: too large")]
    TooLarge,
}

/// Amounts of a limit order (GTC, GTD). The size is cut to two decimals; then size times price is
/// exact.
///
/// # Errors
/// When the price is off the tick, or nothing is left.
pub fn limit(tick: Tick, side: Side, price: Price, size: Qty) -> Result<Amounts, AmountError> {
    if !tick.has(price) {
        return Err(AmountError::OffTick);
    }
    let shares = size.micro() - size.micro() % SIZE_STEP;
    let cash = u128::from(shares) * u128::from(price.micro()) / u128::from(UNIT);
    of(side, shares, u64::try_from(cash).map_err(|_| AmountError::TooLarge)?)
}

fn of(side: Side, shares: u64, cash: u64) -> Result<Amounts, AmountError> {
    if shares == 0 || cash == 0 {
        return Err(AmountError::Nothing);
    }
    Ok(match side {
        Side::Buy => Amounts { maker: cash, taker: shares },
        Side::Sell => Amounts { maker: shares, taker: cash },
    })
}

/// Amounts of an order made from what it gives (dollars for a buy, shares for a sell) and its worst
/// price, as the venue's clients compute them: price cut to the tick's decimals, `gives` to two,
/// what is taken to the tick's amount decimals.
///
/// # Errors
/// When nothing is left, or it does not fit.
pub fn market(tick: Tick, side: Side, price: Price, gives: u64) -> Result<Amounts, AmountError> {
    let price_step = 10_u64.pow(6_u32.saturating_sub(tick.price_decimals));
    let price = u64::from(price.micro());
    let price = price - price % price_step;
    let maker = gives - gives % SIZE_STEP;
    if price == 0 || maker == 0 {
        return Err(AmountError::Nothing);
    }
    let decimals = tick.amount_decimals();
    // One more than the decimals that are kept, four times over: up there, then down to those.
    let fine = 10_u128.pow(decimals.saturating_add(4));
    let (product, quotient) = (u128::from(maker) * u128::from(price), u128::from(maker) * fine);
    let taken = match side {
        Side::Buy => quotient.div_ceil(u128::from(price)),
        Side::Sell => (product * fine).div_ceil(u128::from(UNIT) * u128::from(UNIT)),
    };
    let kept = taken / 10_000 * 10_u128.pow(6_u32.saturating_sub(decimals));
    let taker = u64::try_from(kept).map_err(|_| AmountError::TooLarge)?;
    match taker {
        0 => Err(AmountError::Nothing),
        _ => Ok(Amounts { maker, taker }),
    }
}

/// Amounts of a FOK or FAK order as the matching engine takes them: [`market`], and what is taken
/// cut to four decimals. Cutting moves the implied price towards us (we ask for less): refused where
/// that would reach the next price of the finest grid.
///
/// # Errors
/// When the price is off the tick, nothing is left, or the order would reach past its limit.
pub fn immediate(tick: Tick, side: Side, limit: Price, gives: u64) -> Result<Amounts, AmountError> {
    if !tick.has(limit) {
        return Err(AmountError::OffTick);
    }
    let Amounts { maker, taker } = market(tick, side, limit, gives)?;
    let taker = taker - taker % ENGINE_STEP;
    if taker == 0 {
        return Err(AmountError::Nothing);
    }
    let price = u128::from(limit.micro());
    let (given, taken, unit) = (u128::from(maker), u128::from(taker), u128::from(UNIT));
    let keeps = match side {
        // What we pay a share stays below the next price …
        Side::Buy => given * unit < taken * (price + u128::from(ENGINE_STEP)),
        // … and what we get a share above the last one.
        Side::Sell => taken * unit > given * (price - u128::from(ENGINE_STEP)),
    };
    if keeps { Ok(Amounts { maker, taker }) } else { Err(AmountError::PastLimit) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TICKS: [u32; 6] = [100_000, 10_000, 5_000, 2_500, 1_000, 100];

    fn price(micro: u32) -> Price {
        Price::from_micro(micro).unwrap()
    }

    #[test]
    fn what_the_venue_would_refuse_is_refused() {
        let cent = Tick::from_micro(10_000).unwrap();
        let size = Qty::from_contracts(5).unwrap();
        for micro in [0, 5_000, 333_333, 995_000, 1_000_000] {
            assert_eq!(limit(cent, Side::Buy, price(micro), size), Err(AmountError::OffTick));
            assert_eq!(
                immediate(cent, Side::Buy, price(micro), UNIT),
                Err(AmountError::OffTick),
                "{micro}"
            );
        }
        let dust = Qty::from_micro(9_999).unwrap();
        assert_eq!(limit(cent, Side::Sell, price(500_000), dust), Err(AmountError::Nothing));
        assert_eq!(market(cent, Side::Buy, price(9_999), UNIT), Err(AmountError::Nothing));
        assert_eq!(market(cent, Side::Sell, price(500_000), 9_999), Err(AmountError::Nothing));
        assert_eq!(Tick::from_micro(20_000), None);
    }

    #[test]
    fn a_tick_of_a_thousandth_needs_the_engines_four_decimals() {
        let tick = Tick::from_micro(1_000).unwrap();
        let amounts = immediate(tick, Side::Buy, price(985_000), 9_980_000).unwrap();
        assert_eq!(amounts, Amounts { maker: 9_980_000, taker: 10_131_900 });
    }

    proptest! {
        #[test]
        fn an_immediate_order_keeps_to_its_limit(
            tick in 0_usize..6, steps in 1_u32..10_000, gives in 10_000_u64..100_000_000_000, buy: bool,
        ) {
            let tick_micro = TICKS[tick];
            let at = price(tick_micro * (1 + steps % (1_000_000 / tick_micro - 1)));
            let tick = Tick::from_micro(tick_micro).unwrap();
            let side = if buy { Side::Buy } else { Side::Sell };
            let Ok(found) = immediate(tick, side, at, gives) else { return Ok(()) };
            prop_assert!(found.maker <= gives && found.maker % SIZE_STEP == 0);
            prop_assert!(found.taker % ENGINE_STEP == 0);
            let (maker, taker) = (u128::from(found.maker), u128::from(found.taker));
            let (limit, unit) = (u128::from(at.micro()), u128::from(UNIT));
            // The implied price reaches a level at the limit and none beyond it.
            if buy {
                prop_assert!(maker * unit >= taker * limit);
                prop_assert!(maker * unit < taker * (limit + 100));
            } else {
                prop_assert!(taker * unit <= maker * limit);
                prop_assert!(taker * unit > maker * (limit - 100));
            }
        }
    }
}
