//! `kalshi/price_grid.json`: which prices a grid holds.

use dutchbook_book::Grid;
use dutchbook_book::grid::PriceRange;
use dutchbook_book::units::Price;
use dutchbook_feeds::number::{self, Dialect};
use harness::vectors::{self, Expect};
use serde_json::Value;

fn price(value: &Value) -> Price {
    number::price(value.as_str().unwrap().as_bytes(), Dialect::KALSHI_PRICE).unwrap()
}

fn text(price: Option<Price>) -> Value {
    price.map_or(Value::Null, |price| {
        let pips = price.micro() / 100;
        Value::from(format!("{}.{:04}", pips / 10_000, pips % 10_000))
    })
}

#[test]
fn grids() {
    let Some(file) = vectors::load("kalshi", "price_grid") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let case = Expect::new(vectors::text(case, "price_level_structure"), case);
        let ranges: Vec<PriceRange> = case
            .get("price_ranges")
            .unwrap()
            .as_array()
            .unwrap()
            .iter()
            .map(|range| PriceRange {
                start: price(&range["start"]),
                end: price(&range["end"]),
                step: price(&range["step"]),
            })
            .collect();
        let grid = Grid::from_ranges(&ranges).unwrap();
        case.inputs(&["price_level_structure"]);
        case.equals("valid_price_count", grid.valid_price_count());
        case.equals("lowest", text(grid.ceil(Price::ZERO)));
        case.equals("highest", text(grid.floor(Price::ONE)));
        for check in case.get("checks").unwrap().as_array().unwrap() {
            let check = Expect::new(format!("{check}"), check);
            let at = price(check.get("price").unwrap());
            check.equals("valid", grid.is_valid(at));
            check.equals("floor", text(grid.floor(at)));
            check.equals("ceil", text(grid.ceil(at)));
            check.equals("next_above", text(grid.next_above(at)));
            check.equals("next_below", text(grid.next_below(at)));
        }
    }
    vectors::report("kalshi", "price_grid", cases.len());
}
