use super::*;
use crate::eval::basket::BasketKind;
use crate::relation::Source;

/// Dollars in 1e-6 as a unit cost.
fn unit(micro: i64) -> UnitCost {
    micro * 100_000_000
}

fn rate(ppm: u32) -> Rate {
    Rate::from_ppm(ppm).unwrap()
}

fn usd(dollars: i64) -> Cash {
    Cash::from_micro(dollars * 1_000_000)
}

fn bet(cost: i64, loss: i64) -> Bet {
    Bet {
        cost: unit(cost),
        gain: unit(1_000_000 - cost),
        wrong: Rate::ZERO,
        loss: unit(loss),
        tier: Tier::Approved,
        bankroll: usd(1_000),
    }
}

fn contracts(method: &dyn Method, bet: &Bet) -> String {
    method.contracts(bet).to_string()
}

/// A share to four digits.
fn share(nano: i128) -> i128 {
    (nano + 50_000).div_euclid(100_000)
}

#[test]
fn kelly_counts_the_fee() {
    assert_eq!(share(kelly::binary(rate(600_000), unit(532_480))), 1_444);
    assert_eq!(share(kelly::binary(rate(600_000), unit(520_000))), 1_667, "without the fee");
    assert_eq!(kelly::binary(rate(500_000), unit(532_480)), 0, "p below c is no bet");
    assert_eq!(kelly::binary(rate(600_000), 0), 0);
    // NO is the same with 1 − p.
    let no = kelly::binary(rate(400_000), unit(480_000));
    assert_eq!(no, 0);
}

#[test]
fn an_arbitrage_that_may_fail_is_bet_in_part() {
    let of = |ppm: u32| share(kelly::arbitrage(rate(ppm), 20_000_000, 900_000_000));
    assert_eq!((of(5_000), of(10_000)), (8_556, 6_000));
    assert!(of(22_000) < 0);
    assert_eq!(kelly::arbitrage(rate(1), 0, 900_000_000), 0);
}

#[test]
fn exclusive_outcomes_share_one_bankroll() {
    let outcomes = [
        (rate(500_000), unit(400_000)),
        (rate(300_000), unit(310_000)),
        (rate(150_000), unit(100_000)),
    ];
    // By p/c: 1.5, 1.25, 0.97; R = 0.35 / 0.5 = 0.7 after two, and 0.97 > 0.7 takes the third in:
    // R = 0.05 / 0.19.
    let stakes = kelly::exclusive(&outcomes);
    let r = |c: i128| c * 50_000 / 190_000;
    let expected = [500_000 - r(400_000), 300_000 - r(310_000), 150_000 - r(100_000)];
    for (stake, expected) in stakes.iter().zip(expected) {
        assert!((stake / 1_000 - expected).abs() <= 1, "{stakes:?} {expected}");
    }
    assert_eq!(kelly::exclusive(&[(rate(100_000), unit(400_000))]), [0]);
    assert_eq!(kelly::exclusive(&[]), [0_i128; 0]);
}

#[test]
fn one_outcome_alone_is_the_binary_bet() {
    for (p, c) in [(600_000, 532_480), (900_000, 850_000), (200_000, 100_000)] {
        let alone = kelly::exclusive(&[(rate(p), unit(c))])[0];
        // As a share staked: f* of the bankroll buys f*/c contracts.
        assert!((alone - kelly::binary(rate(p), unit(c))).abs() < 10, "{p} {c}");
    }
}

#[test]
fn each_method_takes_what_its_rule_says() {
    let stake = UnitStake { stake: usd(100) };
    assert_eq!(contracts(&stake, &bet(500_000, 500_000)), "200");
    let flat = Flat { contracts: Qty::from_contracts(50).unwrap() };
    assert_eq!(contracts(&flat, &bet(980_000, 980_000)), "50");
    let inverted = InvertedRisk { budget: usd(50) };
    assert_eq!(contracts(&inverted, &bet(980_000, 25_000)), "2000", "an unwound leg");
    assert_eq!(contracts(&inverted, &bet(400_000, 400_000)), "125", "a naked contract");
    let tiers = Tiers { base: usd(400), structure: Rate::ONE, approved: rate(500_000) };
    assert_eq!(contracts(&tiers, &bet(500_000, 0)), "400");
    let kelly = Kelly { part: rate(250_000) };
    let sure = Bet { wrong: rate(5_000), loss: unit(882_000), ..bet(980_000, 0) };
    // g = 2/98, l = 0.9: f* = 1.10556 − 0.245 = 0.86056; a quarter of 1000 $ at 0.98.
    assert_eq!(kelly.contracts(&sure).micro() / 1_000_000, 219);
    let doubtful = Bet { wrong: rate(30_000), ..sure };
    assert_eq!(kelly.contracts(&doubtful), Qty::ZERO);
    for method in [&stake as &dyn Method, &inverted, &tiers, &kelly] {
        assert_eq!(method.contracts(&Bet { cost: 0, loss: 0, ..sure }), Qty::ZERO);
    }
}

#[test]
fn the_cap_of_a_tier_comes_last_and_the_smallest_wins() {
    let mut plan = Plan::tiers_of(usd(400));
    plan.tiers.approved = rate(250_000);
    let capital =
        |plan: &Plan, kind, source| plan.capital(kind, source, unit(1_000_000), unit(20_000));
    assert_eq!(capital(&plan, BasketKind::SingleLong, Source::Structure), usd(400));
    assert_eq!(capital(&plan, BasketKind::CrossVenue, Source::Approved), usd(100));
    for name in [MethodName::Unit, MethodName::InvertedRisk, MethodName::Kelly] {
        plan.methods = [name; BasketKind::ALL.len()];
        assert!(capital(&plan, BasketKind::CrossVenue, Source::Approved) <= usd(100), "{name:?}");
    }
    plan.methods = [MethodName::Flat; BasketKind::ALL.len()];
    let flat = capital(&plan, BasketKind::CrossVenue, Source::Approved);
    assert_eq!(flat, Cash::from_micro(980_000), "one basket at 0.98");
    // A set that is split and sold at 1.02 binds nothing beyond what it brings.
    let short =
        plan.capital(BasketKind::SingleShort, Source::Structure, -unit(1_000_000), unit(20_000));
    assert_eq!(short, usd(400));
}
