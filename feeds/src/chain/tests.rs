use super::*;
use alloy_sol_types::private::{Address, Bytes, FixedBytes, I256, U256};
use alloy_sol_types::{SolEvent, sol};

sol! {
    event ConditionResolution(bytes32 indexed conditionId, address indexed oracle, bytes32 indexed questionId, uint256 outcomeSlotCount, uint256[] payoutNumerators);
    event QuestionResolved(bytes32 indexed questionID, int256 indexed settledPrice, uint256[] payouts);
    event QuestionManuallyResolved(bytes32 indexed questionID, uint256[] payouts);
    event OutcomeReported(bytes32 indexed marketId, bytes32 indexed questionId, bool outcome);
    event QuestionReset(bytes32 indexed questionID);
    event QuestionFlagged(bytes32 indexed questionID);
    event ProposePrice(address indexed requester, address indexed proposer, bytes32 identifier, uint256 timestamp, bytes ancillaryData, int256 proposedPrice, uint256 expirationTimestamp, address currency);
    event DisputePrice(address indexed requester, address indexed proposer, address indexed disputer, bytes32 identifier, uint256 timestamp, bytes ancillaryData, int256 proposedPrice);
    event Settle(address indexed requester, address indexed proposer, address indexed disputer, bytes32 identifier, uint256 timestamp, bytes ancillaryData, int256 price, uint256 payout);
}

const ADAPTER: [u8; 20] = [0x65; 20];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn decode(from: [u8; 20], log: &impl SolEvent) -> Result<Option<ChainLog>, ChainError> {
    let data = log.encode_log_data();
    let topics: Vec<String> = data.topics().iter().map(|topic| hex(topic.as_slice())).collect();
    ChainDecoder::default().decode(&hex(&from), &topics, &hex(&data.data))
}

fn word(byte: u8) -> FixedBytes<32> {
    FixedBytes([byte; 32])
}

fn pair(yes: u64, no: u64) -> Vec<U256> {
    vec![U256::from(yes), U256::from(no)]
}

fn half() -> I256 {
    I256::try_from(ONE / 2).unwrap()
}

fn resolution(payouts: Vec<U256>) -> ConditionResolution {
    ConditionResolution {
        conditionId: word(7),
        oracle: Address::from(ADAPTER),
        questionId: word(9),
        outcomeSlotCount: U256::from(payouts.len()),
        payoutNumerators: payouts,
    }
}

#[test]
fn payouts_are_those_of_the_reference_encoding() {
    for (payouts, event) in [
        (pair(1, 0), Payout::Yes),
        (pair(0, 1), Payout::No),
        (pair(1, 1), Payout::Split),
        (pair(1_000_000, 0), Payout::Yes),
    ] {
        let log = decode(CONDITIONAL_TOKENS, &resolution(payouts)).unwrap().unwrap();
        let event = Event::Paid(event);
        assert_eq!(log, ChainLog { condition: [7; 32], question: [9; 32], asked: None, event });
    }
    for payouts in [pair(0, 0), pair(1, 2), vec![], vec![U256::from(1)], vec![U256::ZERO; 3]] {
        let refused = decode(CONDITIONAL_TOKENS, &resolution(payouts));
        assert_eq!(refused, Err(ChainError::Payout));
    }
    let refused = decode([1; 20], &resolution(pair(1, 0)));
    assert_eq!(refused, Err(ChainError::Stranger), "anybody may write a log of that shape");
}

#[test]
fn answers_of_the_adapter_are_of_the_condition_that_it_asked_for() {
    let condition = condition_of(&ADAPTER, &[3; 32]);
    let resolved = |price: I256, payouts| {
        let log = QuestionResolved { questionID: word(3), settledPrice: price, payouts };
        decode(ADAPTER, &log)
    };
    let log = resolved(half(), pair(1, 1)).unwrap().unwrap();
    let event = Event::Answered(Payout::Split);
    assert_eq!(log, ChainLog { condition, question: [3; 32], asked: None, event });
    assert_eq!(resolved(half(), pair(1, 0)), Err(ChainError::Payout), "it contradicts itself");
    assert_eq!(resolved(I256::MIN, pair(1, 0)), Err(ChainError::Payout));
    let by_hand = QuestionManuallyResolved { questionID: word(3), payouts: pair(0, 1) };
    let log = decode(ADAPTER, &by_hand).unwrap().unwrap();
    assert_eq!((log.condition, log.event), (condition, Event::Answered(Payout::No)));
    let reported = OutcomeReported { marketId: word(1), questionId: word(3), outcome: true };
    let log = decode(ADAPTER, &reported).unwrap().unwrap();
    assert_eq!((log.condition, log.event), (condition, Event::Answered(Payout::Yes)));
    let reset = decode(ADAPTER, &QuestionReset { questionID: word(3) }).unwrap().unwrap();
    assert_eq!((reset.condition, reset.event), (condition, Event::Reset));
    let flagged = decode(ADAPTER, &QuestionFlagged { questionID: word(3) }).unwrap().unwrap();
    assert_eq!((flagged.condition, flagged.event), (condition, Event::Doubted));
}

#[test]
fn requests_are_known_by_their_ancillary_data() {
    let text = b"q: title: Will it rain? res_data: p1: 0, p2: 1,initializer:91430cad2d39";
    let question = keccak256(text).0;
    let condition = condition_of(&ADAPTER, &question);
    let (requester, other) = (Address::from(ADAPTER), Address::from([2; 20]));
    let ancillary = Bytes::from(text.to_vec());
    let proposed = ProposePrice {
        requester,
        proposer: other,
        identifier: word(4),
        timestamp: U256::from(5),
        ancillaryData: ancillary.clone(),
        proposedPrice: I256::try_from(ONE).unwrap(),
        expirationTimestamp: U256::from(1_795_356_000_u64),
        currency: other,
    };
    let event = Event::Proposed { payout: Payout::Yes, until: 1_795_356_000 };
    let asked = Some(5);
    let [first, managed] = OPTIMISTIC_ORACLES;
    let log = decode(managed, &proposed).unwrap().unwrap();
    assert_eq!(log, ChainLog { condition, question, asked, event });
    for stranger in [ADAPTER, [8; 20], CONDITIONAL_TOKENS] {
        assert_eq!(decode(stranger, &proposed), Err(ChainError::Stranger));
    }
    let early = ProposePrice { proposedPrice: I256::MIN, ..proposed };
    let log = decode(first, &early).unwrap().unwrap();
    assert_eq!(log, ChainLog { condition, question, asked, event: Event::Doubted });
    let disputed = DisputePrice {
        requester,
        proposer: other,
        disputer: other,
        identifier: word(4),
        timestamp: U256::from(5),
        ancillaryData: ancillary.clone(),
        proposedPrice: I256::ZERO,
    };
    let log = decode(first, &disputed).unwrap().unwrap();
    assert_eq!(log, ChainLog { condition, question, asked, event: Event::Doubted });
    let settled = Settle {
        requester,
        proposer: other,
        disputer: other,
        identifier: word(4),
        timestamp: U256::from(5),
        ancillaryData: ancillary,
        price: half(),
        payout: U256::from(9),
    };
    let log = decode(first, &settled).unwrap().unwrap();
    let event = Event::Settled(Payout::Split);
    assert_eq!(log, ChainLog { condition, question, asked, event });
    let early = Settle { price: I256::MIN, ..settled };
    let log = decode(first, &early).unwrap().unwrap();
    assert_eq!(log, ChainLog { condition, question, asked, event: Event::Reset });
}

#[test]
fn what_is_cut_or_changed_is_refused_and_what_is_none_of_them_is_passed_over() {
    let data = resolution(pair(1, 0)).encode_log_data();
    let topics: Vec<String> = data.topics().iter().map(|topic| hex(topic.as_slice())).collect();
    let (from, text) = (hex(&CONDITIONAL_TOKENS), hex(&data.data));
    let mut decoder = ChainDecoder::default();
    assert!(decoder.decode(&from, &topics, &text).unwrap().is_some());
    for length in 0..text.len() {
        let cut = text.get(..length).unwrap();
        assert!(decoder.decode(&from, &topics, cut).is_err(), "{length}");
    }
    assert_eq!(decoder.decode(&from, &topics[..3], &text), Err(ChainError::Shape));
    assert_eq!(decoder.decode(&from[..41], &topics, &text), Err(ChainError::Hex));
    let transfer = hex(&keccak256(b"Transfer(address,address,uint256)").0);
    assert_eq!(decoder.decode(&from, &[transfer], "0x"), Ok(None));
    assert_eq!(decoder.decode::<String>(&from, &[], "0x"), Ok(None));
    assert_eq!(
        decoder.decode(&from, &topics, &format!("0x{}", "00".repeat(DATA_MAX + 1))),
        Err(ChainError::TooLong)
    );
}

fn vectors(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn oracle_logs() -> serde_json::Value {
    vectors(include_str!("../../../tests/vectors/polymarket/oracle_logs.json"))
}

#[test]
fn the_events_that_are_read_are_those_of_the_published_interfaces() {
    let onchain = vectors(include_str!("../../../tests/vectors/polymarket/onchain.json"));
    let (from, mut decoder, mut known) = (hex(&ADAPTER), ChainDecoder::default(), 0);
    let contracts = onchain["event_topics"].as_object().unwrap();
    let oracle = &oracle_logs()["event_topics"];
    for events in contracts.values().chain([oracle]) {
        for (signature, topic) in events.as_object().unwrap() {
            let is_read = EVENTS.iter().any(|(_, read)| read == signature);
            // Alone, the topic of an event that is read lacks its words.
            let wanted = if is_read { Err(ChainError::Shape) } else { Ok(None) };
            let decoded = decoder.decode(&from, &[topic.as_str().unwrap()], "0x");
            assert_eq!(decoded, wanted, "{signature}");
            known += usize::from(is_read);
        }
    }
    assert_eq!(known, EVENTS.len());
}

#[test]
fn logs_as_they_stand_on_the_chain_are_read() {
    let vectors = oracle_logs();
    let word = |value: &serde_json::Value| {
        let mut word = [0; 32];
        fill(value.as_str().unwrap(), &mut word).unwrap();
        word
    };
    for known in vectors["conditions"].as_array().unwrap() {
        let mut oracle = [0; 20];
        fill(known["oracle"].as_str().unwrap(), &mut oracle).unwrap();
        let condition = condition_of(&oracle, &word(&known["question"]));
        assert_eq!(condition, word(&known["condition"]), "{}", known["transaction"]);
    }
    let read = |name: &str| {
        let log = &vectors["logs"][name];
        let topics: Vec<&str> =
            log["topics"].as_array().unwrap().iter().map(|topic| topic.as_str().unwrap()).collect();
        let (from, data) = (log["address"].as_str().unwrap(), log["data"].as_str().unwrap());
        ChainDecoder::default().decode(from, &topics, data).unwrap().unwrap()
    };
    let paid = read("ConditionResolution");
    let known = &vectors["conditions"][1];
    assert_eq!(
        (paid.condition, paid.question),
        (word(&known["condition"]), word(&known["question"]))
    );
    assert_eq!((paid.asked, paid.event), (None, Event::Paid(Payout::Yes)));
    let proposed = read("ProposePrice");
    let event = Event::Proposed { payout: Payout::No, until: 0x6a97_8df2 };
    assert_eq!((proposed.asked, proposed.event), (Some(0x6939_e7e6), event));
    let adapter = hex!("2f5e3684cb1f318ec51b00edba38d79ac2c0aa9d");
    assert_eq!(proposed.condition, condition_of(&adapter, &proposed.question));
}
