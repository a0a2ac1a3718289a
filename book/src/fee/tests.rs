use super::*;

fn price(pips: u32) -> Price {
    Price::from_pips(pips).unwrap()
}

fn ppm(ppm: u32) -> Rate {
    Rate::from_ppm(ppm).unwrap()
}

#[test]
fn unit_costs_are_those_of_the_reference_table() {
    let fee = FeeSchedule::polymarket(ppm(50_000), 1);
    assert_eq!(fee.unit_cost(price(4400)), 45_232_000_000_000);
    assert_eq!(fee.unit_cost(price(5200)), 53_248_000_000_000);
    assert_eq!(fee.unit_proceeds(price(4400)), 42_768_000_000_000);
    assert_eq!(FeeSchedule::NONE.unit_cost(price(10_000)), UNIT_PAYOUT);
}

#[test]
fn a_dear_rate_takes_the_wide_path_to_the_same_number() {
    for nano in [1, 70_000_000, 73_786_976, 73_786_977, 4_000_000_000] {
        let rate = Rate::from_nano(nano);
        let fee = FeeSchedule::quadratic(rate, 0);
        let exact = RawFee::quadratic(rate, 1, price(5000), Qty::ONE).unwrap();
        assert_eq!(fee.unit_fee(Side::Buy, price(5000)), exact.unit_ceil().unwrap());
    }
}

#[test]
fn contracts_taken_as_fee_raise_the_unit_cost() {
    let fee = FeeSchedule::quadratic(ppm(20_000), 0).in_contracts();
    let mut order = fee.order();
    let fill = order.fill(Side::Buy, price(5200), Qty::from_contracts(150).unwrap()).unwrap();
    assert_eq!((fill.delivered.to_string(), fill.fee), ("148.56".to_owned(), Exact::ZERO));
    assert_eq!(fee.unit_cost(price(5200)), 52_504_038_772_214);
    let flat = FeeSchedule::proportional(ppm(20_000), 0).in_contracts();
    assert_eq!(flat.unit_cost(price(4900)), UNIT_PAYOUT / 2);
}

#[test]
fn the_printed_cent_table_and_the_cent_aligned_order() {
    use super::kalshi::{FeeType, Member, Rule, schedule};
    let of = |rule| schedule(FeeType::Quadratic, Rate::ONE, rule).unwrap();
    let total = |rule, count| {
        let mut order = of(rule).order();
        order.fill(Side::Buy, price(5000), Qty::from_contracts(count).unwrap()).unwrap();
        order.close().unwrap().fee.to_string()
    };
    assert_eq!((total(Rule::Cent, 100), total(Rule::Cent, 1)), ("1.75".into(), "0.02".into()));
    assert_eq!(total(Rule::CenticentOrder, 1), "0.02");
    assert_eq!(total(Rule::CenticentPlain, 1), "0.0175");
    assert_eq!(total(Rule::Current(Member::NonDirect), 1), "0.02");

    let mut order = of(Rule::CenticentOrder).order();
    order.fill(Side::Buy, price(3100), Qty::from_contracts(70).unwrap()).unwrap();
    order.fill(Side::Buy, price(3400), Qty::from_contracts(30).unwrap()).unwrap();
    let total = order.close().unwrap();
    assert_eq!((total.fee.to_string(), total.cash.to_string()), ("1.52".into(), "-33.42".into()));
    assert_eq!(order.fill(Side::Sell, price(3100), Qty::ONE), None);
}

#[test]
fn sells_only_winnings_and_fixed() {
    let sells = FeeSchedule::sell_notional(ppm(1_400), ppm(800));
    assert_eq!(sells.unit_cost(price(5000)), UNIT_PAYOUT / 2);
    assert_eq!(sells.unit_proceeds(price(5000)), 49_930_000_000_000);
    let wins = FeeSchedule::winnings(ppm(50_000));
    assert_eq!(wins.unit_cost(price(4000)), 43_000_000_000_000);
    assert_eq!(wins.commission(price(4000), Qty::ONE).unwrap().to_string(), "0.03");
    let gas = FeeSchedule::fixed(Cash::from_micro(20_000));
    let mut order = gas.order();
    assert_eq!(order.close().unwrap().fee, Exact::ZERO);
    order.fill(Side::Sell, price(4000), Qty::ONE).unwrap();
    assert_eq!(order.close().unwrap().cash.to_string(), "0.38");
}

#[test]
fn an_exponent_of_two_is_exact() {
    let fee = FeeSchedule::polymarket(ppm(250_000), 2);
    let raw = fee.raw(Role::Taker, Side::Buy, price(5000), Qty::from_contracts(100).unwrap());
    assert_eq!(raw.unwrap().to_string(), "1.5625");
    assert_eq!(fee.unit_fee(Side::Buy, price(5000)), 1_562_500_000_000);
}

#[test]
fn a_fee_below_one_unit_is_waived_only_where_the_schedule_says_so() {
    let mut fee = FeeSchedule::polymarket_rounded(ppm(40_000), 1, Rounding::HalfUp);
    let charge = |fee: FeeSchedule| {
        let mut order = fee.order();
        order.fill(Side::Buy, price(100), Qty::from_centi(2).unwrap()).unwrap().fee.to_string()
    };
    assert_eq!(charge(fee), "0.00001");
    fee.rounding.waive_below_unit = true;
    assert_eq!(charge(fee), "0");
    assert_eq!(charge(FeeSchedule::polymarket(ppm(40_000), 1)), "0.00001");
}

#[test]
fn a_formula_reads_as_it_is_charged() {
    let rate = Rate::from_ppm(35_000).unwrap();
    let shown = |law: FeeLaw| law.to_string();
    assert_eq!(shown(FeeLaw::None), "no fee");
    let quadratic = |exponent| FeeLaw::Quadratic { taker: rate, maker: Rate::ZERO, exponent };
    assert_eq!(shown(quadratic(1)), "fee 0.035 q p(1-p)");
    assert_eq!(shown(quadratic(2)), "fee 0.035 q (p(1-p))^2");
    assert_eq!(shown(FeeLaw::Winnings { rate }), "fee 0.035 of the profit of what wins");
}
