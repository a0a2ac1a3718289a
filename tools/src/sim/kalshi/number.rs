//! Kalshi's numbers as text: fixed-point dollars and counts, both ways, never through a float.

use dutchbook_book::{Cash, Exact, Price, Qty, QtyChange};

/// Money with six decimals: fees and costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dollars6(pub(super) Cash);

impl core::fmt::Display for Dollars6 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let sign = if self.0.micro() < 0 { "-" } else { "" };
        let micro = self.0.micro().unsigned_abs();
        write!(f, "{sign}{}.{:06}", micro / 1_000_000, micro % 1_000_000)
    }
}

/// Money with four decimals, rounded down: balances.
#[derive(Clone, Copy, Debug)]
pub(super) struct Balance4(pub(super) Cash);

impl core::fmt::Display for Balance4 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let pips = self.0.micro().div_euclid(100);
        let sign = if pips < 0 { "-" } else { "" };
        let pips = pips.unsigned_abs();
        write!(f, "{sign}{}.{:04}", pips / 10_000, pips % 10_000)
    }
}

/// Money with four decimals, up to six where they are needed: averages, costs in frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dollars(pub(super) Cash);

impl Dollars {
    /// `total` per contract, to the nearest millionth of a dollar; `None` for no contracts.
    pub(super) fn average(total: Exact, qty: Qty) -> Option<Self> {
        let qty = i128::from(qty.micro());
        let micro = total.pico().checked_mul(2)?.checked_add(qty)?.checked_div_euclid(qty * 2)?;
        Some(Self(Cash::from_micro(i64::try_from(micro).ok()?)))
    }
}

impl core::fmt::Display for Dollars {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let text = Dollars6(self.0).to_string();
        let short = text.strip_suffix('0').unwrap_or(&text);
        let shorter = short.strip_suffix('0').filter(|_| short.len() < text.len());
        f.write_str(shorter.unwrap_or(short))
    }
}

/// A position: two decimals and a sign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed2(pub(super) QtyChange);

impl core::fmt::Display for Signed2 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", super::super::text::Change2(self.0))
    }
}

/// Digits with at most `decimals` behind a point, as an integer of that scale. No sign, no exponent,
/// no spaces; `None` for everything else.
pub(super) fn fixed(text: &str, decimals: usize) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = whole.len() + part.len() <= 18 && part.len() <= decimals;
    if !fits || whole.len() + part.len() == 0 || !is_digits(whole) || !is_digits(part) {
        return None;
    }
    let mut digits = String::with_capacity(24);
    digits.push_str(whole);
    digits.push_str(part);
    digits.extend(core::iter::repeat_n('0', decimals - part.len()));
    digits.parse().ok()
}

/// A price in dollars with at most four decimals.
pub(super) fn price(text: &str) -> Option<Price> {
    let pips = u32::try_from(fixed(text, 4)?).ok()?;
    Price::from_pips(pips)
}

/// A count with at most two decimals.
pub(super) fn count(text: &str) -> Option<Qty> {
    Qty::from_centi(fixed(text, 2)?)
}

/// An amount of dollars with at most six decimals.
pub(super) fn dollars(text: &str) -> Option<Cash> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let micro = i64::try_from(fixed(digits, 6)?).ok()?;
    Some(Cash::from_micro(sign * micro))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_prints_as_recorded() {
        let cash = Cash::from_micro;
        assert_eq!(Dollars6(cash(17_500)).to_string(), "0.017500");
        assert_eq!(Dollars6(cash(-2_500_000)).to_string(), "-2.500000");
        assert_eq!(Balance4(cash(98_018_600)).to_string(), "98.0186");
        assert_eq!(Balance4(cash(-1)).to_string(), "-0.0001");
        let average = |micro| Dollars(cash(micro)).to_string();
        assert_eq!([average(17_500), average(520_000)], ["0.0175", "0.5200"]);
        assert_eq!([average(17_567), average(17_560)], ["0.017567", "0.01756"]);
    }

    #[test]
    fn an_average_is_rounded_to_the_nearest() {
        let three = Qty::from_contracts(3).unwrap();
        let of =
            |micro| Dollars::average(Cash::from_micro(micro).exact(), three).unwrap().0.micro();
        assert_eq!([of(1), of(2), of(3)], [0, 1, 1]);
        assert!(Dollars::average(Exact::ZERO, Qty::ZERO).is_none());
    }

    #[test]
    fn only_plain_decimals_are_read() {
        assert_eq!(fixed("0.5600", 4), Some(5_600));
        assert_eq!(fixed("10", 2), Some(1_000));
        assert_eq!(fixed(".5", 4), Some(5_000));
        for bad in ["", ".", "-1", "1e2", " 1", "0.123", "1.2.3", "1,5", "9999999999999999999"] {
            assert_eq!(fixed(bad, 2), None, "{bad}");
        }
        assert_eq!(price("1.0001"), None);
        assert_eq!(dollars("-0.5"), Some(Cash::from_micro(-500_000)));
    }
}
