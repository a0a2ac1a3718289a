//! Kalshi's fixed-point texts: every case.

#![expect(clippy::unwrap_used, reason = "a proof fails by panicking")]

use dutchbook_book::{InstrumentId, catalog::VenueKind};
use dutchbook_feeds::batch::Batch;
use dutchbook_feeds::fast::KalshiDecoder;
use dutchbook_feeds::general::GeneralDecoder;
use dutchbook_feeds::ids::IdTable;
use dutchbook_feeds::number::{self, Dialect};
use dutchbook_feeds::payload::PayloadBuf;
use harness::vectors::{self, Expect, text};

#[test]
fn kalshi_fixed_point() {
    let Some(file) = vectors::load("kalshi", "fixed_point") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let wire = text(case, "text");
        let expect = Expect::new(format!("{wire:?}"), case);
        expect.inputs(&["text", "unit", "scale"]);
        let (dialect, decimals) = match text(case, "unit") {
            "price" => (Dialect::KALSHI_PRICE, 4),
            "count" => (Dialect::KALSHI_COUNT, 2),
            "money" => (Dialect::KALSHI_MONEY, 6),
            other => panic!("{wire:?}: unit {other}"),
        };
        assert_eq!(case["scale"], decimals, "{wire:?}");
        let micro = number::micro(wire.as_bytes(), dialect);
        let per_unit = 10_i64.pow(6 - decimals);
        assert!(micro.is_none_or(|micro| micro % per_unit == 0), "{wire:?}");
        expect.equals("value", micro.map(|micro| micro / per_unit));
        expect.equals("ok", micro.is_some());
    }
    let bodies = vectors::list(&file, "body_cases");
    for case in bodies {
        let wire = text(case, "wire");
        let expect = Expect::new(wire, case);
        expect.inputs(&["wire"]);
        expect.equals("ok", body(wire));
    }
    vectors::report("kalshi", "fixed_point", cases.len() + bodies.len());
}

/// What a body with one price is: a price, absent, or refused. Both decoders must say so, too, when
/// the price stands in a delta, where absent is refused.
fn body(wire: &str) -> serde_json::Value {
    let message: serde_json::Value = serde_json::from_str(wire).unwrap();
    let delta = format!(
        "{{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":1,\"msg\":{{\"market_ticker\":\"A\",\
         \"market_id\":\"\",{},\"delta_fp\":\"1.00\",\"side\":\"yes\",\"ts\":\"\",\"ts_ms\":1}}}}",
        &wire[1..wire.len() - 1]
    );
    let mut ids = IdTable::default();
    ids.insert(b"A", InstrumentId(0)).unwrap();
    let (mut buf, mut batch) = (PayloadBuf::default(), Batch::default());
    buf.fill(delta.as_bytes());
    let is_fast = KalshiDecoder::detect(false).decode(buf.payload(), &ids, &mut batch);
    let mut general = GeneralDecoder::new(VenueKind::Kalshi, false);
    let is_general = general.decode(delta.as_bytes(), &ids, &mut batch, |_| {}).is_ok();
    assert_eq!(is_fast, is_general, "{delta}");
    match message["price_dollars"].as_str() {
        Some("") => {
            assert!(!is_fast);
            assert_eq!(number::optional(b"", Dialect::KALSHI_PRICE, number::price), Some(None));
            "absent".into()
        }
        Some(price) => {
            let is_price = number::price(price.as_bytes(), Dialect::KALSHI_PRICE).is_some();
            assert_eq!(is_fast, is_price);
            is_price.into()
        }
        None => is_fast.into(),
    }
}
