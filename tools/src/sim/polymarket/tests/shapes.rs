//! The keys of answers and their order, as recorded from the venue.

use super::client::{best, body};
use super::{Client, Ticket, start, venues};
use crate::sim::door::HttpRequest;
use crate::sim::{Pace, SimVenues};
use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookId, Face, Side};

const FED: BookId = BookId(0);

/// A CLOB market, as in a recorded page of `/markets`.
const CLOB_MARKET: &str = "enable_order_book active closed archived accepting_orders accepting_order_timestamp minimum_order_size minimum_tick_size condition_id question_id question description market_slug end_date_iso game_start_time seconds_delay fpmm maker_base_fee taker_base_fee notifications_enabled neg_risk neg_risk_market_id neg_risk_request_id icon image rewards is_50_50_outcome tokens tags";
/// A Gamma market: the recorded keys in their order; a market has some of them.
const GAMMA_MARKET: &str = "id question conditionId slug resolutionSource endDate liquidity startDate image icon description outcomes outcomePrices volume active closed marketMakerAddress createdAt updatedAt closedTime new featured submitted_by archived resolvedBy restricted groupItemTitle groupItemThreshold questionID umaEndDate enableOrderBook orderPriceMinTickSize orderMinSize umaResolutionStatus volumeNum liquidityNum endDateIso startDateIso hasReviewedDates volume24hr volume1wk volume1mo volume1yr clobTokenIds umaBond umaReward volume24hrClob volume1wkClob volume1moClob volume1yrClob volumeClob liquidityClob customLiveness makerBaseFee takerBaseFee acceptingOrders negRisk negRiskMarketID negRiskRequestID events ready funded acceptingOrdersTimestamp cyom competitive pagerDutyNotificationEnabled approved rewardsMinSize rewardsMaxSpread spread oneDayPriceChange lastTradePrice bestBid bestAsk automaticallyActive clearBookOnStart seriesColor showGmpSeries showGmpOutcome manualActivation negRiskOther umaResolutionStatuses pendingDeployment deploying deployingTimestamp rfqEnabled eventStartTime holdingRewardsEnabled feesEnabled requiresTranslation makerRebatesFeeShareBps feeType feeSchedule version";
const GAMMA_EVENT: &str = "id ticker slug title description resolutionSource startDate creationDate endDate image icon active closed archived new featured restricted liquidity volume openInterest sortBy createdAt updatedAt competitive volume24hr volume1wk volume1mo volume1yr enableOrderBook liquidityClob negRisk negRiskMarketID commentCount markets series tags cyom showAllOutcomes showMarketImages enableNegRisk automaticallyActive gmpChartMode negRiskAugmented cumulativeMarkets pendingDeployment deploying requiresTranslation";
/// A recorded answer to an order, with the ids of its trades.
const PLACED: &str =
    "errorMsg orderID takingAmount makingAmount status transactionsHashes tradeIDs success";
/// A recorded order.
const ORDER: &str = "id status owner maker_address market asset_id side original_size size_matched price outcome expiration order_type associate_trades created_at";
const TRADE: &str = "id taker_order_id market asset_id side size fee_rate_bps price status match_time last_update outcome bucket_index owner maker_address transaction_hash trader_side maker_orders";
const BOOK: &str =
    "market asset_id timestamp hash bids asks min_order_size tick_size neg_risk last_trade_price";

/// The keys of the first object in a text, in their order.
fn keys(text: &str) -> Vec<&str> {
    let (mut found, mut depth, mut from, mut in_string, mut skip) =
        (Vec::new(), 0, 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if skip => skip = false,
            '\\' if in_string => skip = true,
            '"' if in_string => {
                in_string = false;
                if depth == 1 && text[at + 1..].starts_with(':') {
                    found.push(&text[from..at]);
                }
            }
            '"' => {
                in_string = true;
                from = at + 1;
            }
            '{' | '[' if !in_string => depth += 1,
            '}' | ']' if !in_string => depth -= 1,
            _ => {}
        }
    }
    found
}

fn raw(venues: &mut SimVenues, path: &str, query: &str) -> String {
    let request = HttpRequest { method: "GET", path, query, headers: &[], body: b"" };
    let reply = venues.on_request(VenueKind::Polymarket, &request, start());
    assert_eq!(reply.status, 200, "{path}");
    assert_eq!(reply.headers, [("content-type", "application/json".to_owned())]);
    String::from_utf8(reply.body).unwrap()
}

fn is_subsequence(part: &[&str], whole: &str) -> bool {
    let mut whole = whole.split(' ');
    part.iter().all(|key| whole.any(|other| other == *key))
}

#[test]
fn public_answers_have_the_recorded_keys_in_order() {
    let mut venues = venues(Pace::None);
    let markets = venues.polymarket().facts.markets.clone();
    for facts in &markets {
        let text = raw(&mut venues, &format!("/markets/{}", facts.condition), "");
        assert_eq!(keys(&text).join(" "), CLOB_MARKET);
        let book = raw(&mut venues, "/book", &format!("token_id={}", facts.token(Face::No)));
        assert_eq!(keys(&book).join(" "), BOOK);
        let text = raw(&mut venues, &format!("/markets/{}", facts.number), "");
        let found = keys(&text);
        assert!(is_subsequence(&found, GAMMA_MARKET), "{found:?}");
        assert!(found.len() > 60);
    }
    let events = venues.polymarket().facts.events.clone();
    for facts in &events {
        let text = raw(&mut venues, &format!("/events/{}", facts.number), "");
        let found = keys(&text);
        assert!(is_subsequence(&found, GAMMA_EVENT), "{found:?}");
    }
    let page = raw(&mut venues, "/markets", "next_cursor=MA%3D%3D");
    assert_eq!(keys(&page), ["data", "next_cursor", "limit", "count"]);
}

#[test]
fn private_answers_have_the_recorded_keys_in_order() {
    let mut venues = venues(Pace::None);
    let mut client = Client::new(&mut venues, 0);
    let pips = u64::from(best(&venues, FED, Face::Yes, Side::Sell).price.micro()) / 100;
    let ticket = Ticket::limit(FED, Side::Buy, pips, 500, "GTC");
    let envelope = client.envelope(&venues, &ticket).to_string();
    let reply = client.ask(&mut venues, "POST", "/order", "", &envelope);
    let text = String::from_utf8(reply.body.clone()).unwrap();
    assert!(text.ends_with("}\n"));
    assert_eq!(keys(&text).join(" "), PLACED);
    let id = body(&reply)["orderID"].as_str().unwrap().to_owned();
    let order = client.ask(&mut venues, "GET", &format!("/data/order/{id}"), "", "").body;
    assert_eq!(keys(std::str::from_utf8(&order).unwrap()).join(" "), ORDER);
    let trades = client.ask(&mut venues, "GET", "/data/trades", "", "").body;
    let trades = String::from_utf8(trades).unwrap();
    let first = trades.split_once('[').unwrap().1;
    assert_eq!(keys(first)[..18].join(" "), TRADE);
}
