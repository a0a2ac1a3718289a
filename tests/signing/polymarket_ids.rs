//! Polymarket: ids of conditions, tokens and positions; wallets of an owner.

use alloy_primitives::{Address, B256, U256, hex};
use dutchbook_exec::venue::polymarket::ids::{
    NEG_RISK_COLLATERAL, Position, USDC_E, collection_id, condition_id, has_protocol_v2_shape,
    token_ids,
};
use dutchbook_exec::venue::polymarket::wallet::Wallets;
use harness::vectors::{self, Expect};
use serde_json::json;

use super::polymarket::signer;
use super::text;

#[test]
fn tokens_follow_from_their_condition() {
    let Some(file) = vectors::load("polymarket", "token_ids") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let expect = Expect::new(text(case, "question"), &case["expected"]);
        let condition: B256 = text(case, "condition_id").parse().unwrap();
        let is_neg_risk = case["neg_risk"].as_bool().unwrap();
        let collateral: Address = text(case, "collateral_in_position_id").parse().unwrap();
        assert_eq!(collateral, if is_neg_risk { NEG_RISK_COLLATERAL } else { USDC_E });
        if case.get("oracle").is_some() {
            let oracle = text(case, "oracle").parse().unwrap();
            let question = text(case, "question_id").parse().unwrap();
            let outcomes = case["outcome_slot_count"].as_u64().unwrap();
            assert_eq!(condition_id(oracle, question, outcomes), condition);
        }
        let collections = [1, 2].map(|set| collection_id(condition, set).to_string());
        expect.equals("collection_ids", json!(collections));
        let tokens = token_ids(condition, is_neg_risk).map(|token| token.to_string());
        expect.equals("token_ids", json!(tokens));
    }
    vectors::report("polymarket", "token_ids", cases.len());
}

#[test]
fn positions_of_the_protocols_second_version() {
    let Some(file) = vectors::load("polymarket", "position_ids_v3") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let expect = Expect::new(case.to_string(), case);
        expect.inputs(&["position_id"]);
        let id: U256 = text(case, "position_id").parse().unwrap();
        expect.equals("is_protocol_v2", has_protocol_v2_shape(id));
        let position = Position::of(id);
        expect.equals("decode_error", position.is_none());
        if let Some(position) = position {
            let condition = hex::encode_prefixed(position.condition);
            expect.equals("condition_id", condition);
            expect.equals("outcome_index", position.outcome);
            assert!(case.get("decode_error").is_none());
        }
    }
    vectors::report("polymarket", "position_ids_v3", cases.len());
}

#[test]
fn wallets_follow_from_their_owner() {
    let Some(file) = vectors::load("polymarket", "wallet_derivation") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let owner = signer(case).address();
        assert_eq!(owner.to_string(), text(case, "owner_address"));
        let expect = Expect::new(text(case, "owner_address"), &case["expected"]);
        let wallets = Wallets::of(owner);
        expect.equals("proxy", wallets.proxy.to_string());
        expect.equals("safe", wallets.safe.to_string());
        expect.equals("deposit_uups", wallets.deposit_uups.to_string());
        expect.equals("deposit_beacon", wallets.deposit_beacon.to_string());
    }
    vectors::report("polymarket", "wallet_derivation", cases.len());
}
