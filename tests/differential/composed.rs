//! Messages of every shape that the fast path takes: recorded orders of keys and both separators,
//! and orders that only the walk knows. Ids and values are made up.

/// Those of Polymarket that are as recorded, in either separator style: taken where they lie.
pub(crate) const POLYMARKET_IN_PLACE: usize = 3;

pub(crate) const POLYMARKET: [&str; 7] = [
    concat!(
        r#"{"market":"0x2aaeb40ad2a1ad262d75d5c52bff1a9f801fb72e65774343729fe103ee9fa308", "#,
        r#""price_changes":[{"asset_id":"40113202025193181740822500498877260546965498642740503547096491847887927548587", "#,
        r#""price":"0.46", "size":"918.34", "side":"BUY", "hash":"c8dc1ac179ac0e493132cfed6b68438c2d20cf1b", "#,
        r#""best_bid":"0.5", "best_ask":"1"}, "#,
        r#"{"asset_id":"5872685110589312144197641504478555079462058286483987297312737035120054867881", "#,
        r#""price":".54", "size":"0", "side":"SELL", "hash":"", "best_bid":"0", "best_ask":""}], "#,
        r#""timestamp":"1790766981628", "event_type":"price_change"}"#
    ),
    concat!(
        r#"{"market":"0x5f65","price_changes":[{"asset_id":"71","price":"0.125","size":"219.217767","#,
        r#""side":"BUY","hash":"56621a121a47ed9333273e21c83b660cff37ae50","best_bid":"0.5","#,
        r#""best_ask":"0.51"}],"timestamp":"1757908892351","event_type":"price_change"}"#
    ),
    concat!(
        r#"{"event_type": "price_change", "timestamp": "1703875201000", "market": "0x1", "#,
        "\n",
        r#""price_changes": [{"side": "sell", "asset_id": "71", "size": "150.0", "price": "0.51"}]}"#
    ),
    concat!(
        r#"[{"market":"0x2aae","asset_id":"58726851105893121441976415044785550794620582864839872973127370351200548678811","#,
        r#""timestamp":"1790766966313","hash":"e3410359d7","bids":[{"price":"0.01","size":"92790"},"#,
        r#"{"price":"0.5","size":"15.02"}],"asks":[{"price":"0.99","size":"1"}],"tick_size":"0.01","#,
        r#""event_type":"book","last_trade_price":""},"#,
        r#"{"market":"0x2aae","asset_id":"71","timestamp":"1790766966313","hash":"","bids":[],"asks":[],"#,
        r#""tick_size":"0.001","event_type":"book","last_trade_price":"0.5"}]"#,
        "\n"
    ),
    concat!(
        r#"{"market":"0x2aae", "asset_id":"71", "bids":[{"price":"0.01", "size":"93900.09"}, "#,
        r#"{"price":"0.02", "size":"16635"}], "asks":[{"price":"0.51", "size":"326.43"}], "#,
        r#""hash":"4bfbd336509ec5fa87b2bfe5da8ae34fb570b324", "timestamp":"1790767298635", "#,
        r#""event_type":"book"}"#
    ),
    concat!(
        r#"{"asks":[{"price":"0.99","size":"37776"}],"asset_id":"71","bids":[{"size":"7","price":"0.3"},"#,
        r#"{"price":"0.4","size":"7"}],"event_type":"book","market":"0x1","neg_risk":false,"#,
        r#""min_order_size":"5","timestamp":"1790767298635"}"#
    ),
    concat!(
        r#" {"event_type" : "book", "asset_id" : "71", "market" : "0x1", "bids" : [ { "price" : ".48", "#,
        r#""size" : "30" } ], "asks" : [ ], "timestamp" : "123456789000", "hash" : "0x0" } "#
    ),
];

pub(crate) const KALSHI: [&str; 6] = [
    concat!(
        r#"{"type":"orderbook_delta","sid":1,"seq":2894,"msg":{"market_ticker":"KXWTACHALLENGERMATCH-26JUN11JIMLEP-LEP","#,
        r#""market_id":"f5ed38e2-0991-4c8f-817e-08c4fd9cbfdb","price_dollars":"0.4700","delta_fp":"-3.00","#,
        r#""side":"yes","ts":"2026-06-11T06:31:29.957081Z","ts_ms":1781159489957}}"#
    ),
    concat!(
        r#"{"type":"orderbook_delta","sid":2,"seq":3,"sending_ts_ms":1669149841234,"msg":{"market_ticker":"FED-23DEC-T3.00","#,
        r#""market_id":"","price_dollars":"0.960","delta_fp":"54.00","side":"no","ts":"","ts_ms":1669149841000}}"#
    ),
    concat!(
        r#"{"type":"orderbook_snapshot","sid":1,"seq":2,"msg":{"market_ticker":"KXNEXTTEAMNBA-26LJAM-MIA","#,
        r#""market_id":"492cb255-91da-4c91-bc9e-f83d090cc6dd","yes_dollars_fp":[["0.0100","1406474.86"],["0.16","1.00"]],"#,
        r#""no_dollars_fp":[["0.7300","55555.20"],["0.8300","25271.7"]]}}"#
    ),
    r#"{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":{"market_ticker":"FED-23DEC-T3.00","market_id":""}}"#,
    concat!(
        r#"{"msg": {"side": "no", "price_dollars": "0.5600", "market_ticker": "FED", "ts_ms": 1781159387427, "#,
        r#""delta_fp": "-12.50"}, "seq": 4, "sid": 2, "type": "orderbook_delta"}"#
    ),
    concat!(
        r#"{"sid": 2, "type": "orderbook_snapshot", "seq": 9, "msg": {"no_dollars_fp": [ ["0.5400", "20.00"], "#,
        r#"[ "0.5600" , "146.00" ]], "yes_dollars_fp": [], "market_ticker": "FED"}}"#
    ),
];
