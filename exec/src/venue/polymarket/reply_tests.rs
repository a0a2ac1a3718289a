use super::*;

const ACCEPTED: &str = r#"{"success":true,"errorMsg":"","orderID":"0x1","status":"live",
    "makingAmount":"","takingAmount":"","transactionsHashes":[],"tradeIDs":[]}"#;

fn certainty(outcome: &PostOutcome) -> Option<Certainty> {
    match outcome {
        PostOutcome::Accepted(_) => None,
        PostOutcome::Refused(refusal) => Some(refusal.certainty),
    }
}

#[test]
fn an_order_is_accepted_only_by_a_plain_yes() {
    let yes = Posted {
        order_id: "0x1".into(),
        status: PostStatus::Live,
        making_micro: None,
        taking_micro: None,
        trades: Vec::new(),
    };
    assert_eq!(posted(200, ACCEPTED.as_bytes()), PostOutcome::Accepted(yes));
    for (from, to, expected) in [
        ("\"live\"", "\"MATCHED\"", None),
        ("\"live\"", "\"delayed\"", None),
        ("\"errorMsg\":\"\"", "\"errorMsg\":null", None),
        ("\"errorMsg\":\"\"", "\"error_msg\":\"\"", None),
        ("\"errorMsg\":\"\"", "\"errorMsg\":\"order crosses book\"", Some(Certainty::Unknown)),
        ("true", "false", Some(Certainty::Rejected)),
        ("\"0x1\"", "\"\"", Some(Certainty::Unknown)),
        ("\"live\"", "\"surprise\"", Some(Certainty::Unknown)),
        ("{", "", Some(Certainty::Unknown)),
    ] {
        let body = ACCEPTED.replacen(from, to, 1);
        assert_eq!(certainty(&posted(200, body.as_bytes())), expected, "{to}");
    }
    for (status, expected) in [
        (400, Certainty::Rejected),
        (425, Certainty::Rejected),
        (429, Certainty::Rejected),
        (408, Certainty::Unknown),
        (500, Certainty::Unknown),
        (502, Certainty::Unknown),
        (301, Certainty::Unknown),
    ] {
        let outcome = posted(status, br#"{"error":"could not insert order"}"#);
        assert_eq!(certainty(&outcome), Some(expected), "{status}");
    }
}

#[test]
fn a_batch_has_one_outcome_for_each_order_or_says_nothing_of_any() {
    let throttled =
        r#"{"success":false,"status":"delayed","errorMsg":"Rate limit exceeded for tokenId: 1"}"#;
    let body = format!("[{ACCEPTED},{throttled},7]");
    let outcomes: Vec<_> = posted_batch(200, body.as_bytes(), 3).iter().map(certainty).collect();
    assert_eq!(outcomes, [None, Some(Certainty::Rejected), Some(Certainty::Unknown)]);
    for body in [format!("[{ACCEPTED}]"), String::new(), ACCEPTED.to_owned()] {
        let outcomes = posted_batch(200, body.as_bytes(), 2);
        assert!(outcomes.iter().all(|leg| certainty(leg) == Some(Certainty::Unknown)), "{body}");
        assert_eq!(outcomes.len(), 2);
    }
    let outcomes = posted_batch(400, b"", 2);
    assert_eq!(outcomes.iter().filter_map(certainty).collect::<Vec<_>>(), [Certainty::Rejected; 2]);
}

#[test]
fn a_cancel_tells_what_it_did_not_cancel() {
    let body = br#"{"canceled":["0x1"],"not_canceled":{"0x2":"already canceled or matched"}}"#;
    let reply = cancelled(body).unwrap();
    assert_eq!(reply.cancelled, ["0x1".into()]);
    assert_eq!(&*reply.not_cancelled["0x2"], "already canceled or matched");
    assert_eq!(cancelled(br#"{"canceled":[]}"#), Some(CancelReply::default()));
    assert!(cancelled(br#"{"canceled":[],"notCanceled":{"0x3":"x"}}"#).is_some());
    assert_eq!(cancelled(b"{}"), None);
}

#[test]
fn records_of_orders_are_read_in_every_spelling() {
    let body = |status: &str| {
        format!(
            r#"{{"id":"0x9","status":"{status}","owner":"k","maker_address":"0x0","market":"0x0",
            "asset_id":"7","side":"BUY","original_size":"100.0000","size_matched":"25.0000",
            "price":"0.5000","associate_trades":["t"],"outcome":"Yes","created_at":1703875200,
            "expiration":"0","order_type":"GTC"}}"#
        )
    };
    for (word, status) in [
        ("LIVE", Status::Live),
        ("ORDER_STATUS_LIVE", Status::Live),
        ("matched", Status::Matched),
        ("CANCELED", Status::Ended),
        ("CANCELED_MARKET_RESOLVED", Status::Ended),
        ("INVALID", Status::Ended),
        ("SOMETHING", Status::Other),
    ] {
        let view = order(body(word).as_bytes()).unwrap();
        assert_eq!((view.status, view.matched), (status, Qty::from_contracts(25).unwrap()));
    }
    let list = format!(r#"{{"data":[{}],"next_cursor":"LTE="}}"#, body("LIVE"));
    let found = orders(list.as_bytes()).unwrap();
    assert_eq!((found.items.len(), found.cursor), (1, None));
    assert_eq!(order(body("LIVE").replace("0.5000", "1.5").as_bytes()), None);
}

#[test]
fn a_trade_is_the_part_of_each_of_its_orders() {
    let body = r#"{"data":[{"id":"uuid","taker_order_id":"0xaa","market":"0x","asset_id":"1",
        "side":"BUY","size":"25.0000","fee_rate_bps":"0","price":"0.5000","status":"STATUS",
        "match_time":"1703875200","trader_side":"MAKER","maker_orders":[{"order_id":"0xbb",
        "owner":"o","matched_amount":"20.0000","price":"0.4900","asset_id":"2","side":"SELL"}]}],
        "next_cursor":"MQ=="}"#;
    for (word, settlement) in [
        ("MATCHED", Settlement::Provisional),
        ("RETRYING", Settlement::Provisional),
        ("MATCHED_NOT_BROADCASTED", Settlement::Provisional),
        ("TRADE_STATUS_MINED", Settlement::Mined),
        ("CONFIRMED", Settlement::Confirmed),
        ("FAILED", Settlement::Failed),
    ] {
        let found = trades(body.replace("STATUS", word).as_bytes()).unwrap();
        let [taker, maker] = found.items.as_slice() else { panic!("{:?}", found.items) };
        assert_eq!((&*taker.order_id, taker.price.micro()), ("0xaa", 500_000));
        assert_eq!((&*maker.order_id, maker.price.micro()), ("0xbb", 490_000));
        assert_eq!((taker.is_taker, maker.is_taker), (true, false));
        assert_eq!((maker.qty.micro(), maker.settlement), (20_000_000, settlement));
        assert_eq!(found.cursor.as_deref(), Some("MQ=="));
    }
}

#[test]
fn cash_is_whole_millionths_in_a_text_or_unknown() {
    let told = br#"{"balance":"1250000","allowances":{}}"#;
    assert_eq!(balance(told), Some(Cash::from_micro(1_250_000)));
    for body in ["{}", r#"{"balance":"1.5"}"#, r#"{"balance":""}"#, r#"{"balance":7}"#, "oops"] {
        assert_eq!(balance(body.as_bytes()), None, "{body}");
    }
}
