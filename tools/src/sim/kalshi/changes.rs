//! What Kalshi changes while it runs: markets that it lists, fees that it overrides.

use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::fee::kalshi::{FeeType, Rule, schedule};
use dutchbook_book::{BookId, Nanos, Rate};
use serde_json::json;

use super::super::floor::Floor;
use super::discovery::structure;
use super::fills::tell;
use super::frames::Said;
use super::listed::{FeeOverride, Market, Strike};
use super::session::Channel;
use super::venue::Venue;

/// Overrides that are remembered.
const OVERRIDES_MAX: usize = 1_000;

fn said(kind: &'static str, body: String) -> Said {
    Said {
        channel: Channel::Lifecycle,
        kind,
        book: None,
        to: None,
        body,
        body_yes_price: String::new(),
        own: None,
    }
}

const fn secs(at: Nanos) -> u64 {
    at.0 / 1_000_000_000
}

impl Venue {
    /// Lists a market: its event where that is new, the market itself, and that it trades.
    pub(super) fn list(&mut self, floor: &mut Floor<'_>, book: BookId) {
        let (now, scenario) = (floor.now(), floor.scenario());
        let Some(listing) = scenario.catalog.listing(book) else { return };
        let known = self.listed.events.len();
        self.listed.add_late(scenario, listing, now);
        let grid = floor.market(book).map_or(listing.grid, |market| market.grid);
        let Some(market) = self.listed.get(book) else { return };
        let mut frames = Vec::new();
        if let Some(event) = self.listed.events.get(known) {
            let kind = if event.is_exclusive { "MECNET" } else { "" };
            let body = json!({
                "event_ticker": event.ticker, "exchange_index": 0, "title": event.title,
                "subtitle": event.title, "collateral_return_type": kind,
                "series_ticker": event.series,
            });
            frames.push(said("event_lifecycle", body.to_string()));
        }
        frames.push(said("market_lifecycle_v2", created(market, structure(&grid))));
        let activated = json!({"event_type": "activated", "market_ticker": market.ticker});
        frames.push(said("market_lifecycle_v2", activated.to_string()));
        for frame in frames {
            tell(floor, &frame);
        }
    }

    /// Charges the event of a market otherwise.
    pub(super) fn refee(
        &mut self,
        floor: &mut Floor<'_>,
        book: BookId,
        multiplier_nano: Option<u32>,
    ) {
        let Some(ticker) = self.listed.get(book).map(|market| market.event.clone()) else { return };
        let Some(event) = self.listed.events.iter_mut().find(|event| event.ticker == ticker) else {
            return;
        };
        event.fee_override = multiplier_nano;
        let books = event.books.clone();
        let series = self.listed.series.iter().find(|series| series.ticker == event.series);
        let own = series.map_or(0, |series| series.fee_multiplier);
        let fee = fee_of(multiplier_nano.unwrap_or(own));
        for book in books {
            if let Some(market) = self.listed.get_mut(book) {
                market.fee = fee;
            }
        }
        let at = floor.now();
        if self.listed.overrides.len() < OVERRIDES_MAX {
            self.listed.overrides.push(FeeOverride { event: ticker.clone(), multiplier_nano, at });
        }
        let (kind, multiplier) = match multiplier_nano {
            Some(nano) => (json!("quadratic"), multiplier(nano)),
            None => (json!(null), json!(null)),
        };
        let body = json!({
            "event_ticker": ticker,
            "fee_type_override": kind,
            "fee_multiplier_override": multiplier,
        });
        tell(floor, &said("event_fee_update", body.to_string()));
    }
}

/// The frame of a market that is new.
fn created(market: &Market, structure: &str) -> String {
    let mut more = json!({
        "name": market.title, "title": format!("{}?", market.title),
        "yes_sub_title": market.title, "no_sub_title": market.title,
        "rules_primary": market.rules(), "rules_secondary": "", "can_close_early": true,
        "event_ticker": market.event, "expected_expiration_ts": secs(market.expires()),
    });
    if let (Strike::Greater(strike), Some(map)) = (&market.strike, more.as_object_mut()) {
        map.insert("strike_type".to_owned(), json!("greater"));
        map.insert("floor_strike".to_owned(), super::discovery::number(strike));
    }
    json!({
        "event_type": "created", "market_ticker": market.ticker, "exchange_index": 0,
        "open_ts": secs(market.opens), "close_ts": secs(market.closes),
        "price_level_structure": structure, "additional_metadata": more,
    })
    .to_string()
}

/// A multiplier as the venue prints it.
pub(super) fn multiplier(nano: u32) -> serde_json::Value {
    let text = format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000);
    super::discovery::number(text.trim_end_matches('0').trim_end_matches('.'))
}

/// The schedule of a multiplier, for direct members.
fn fee_of(multiplier_nano: u32) -> FeeSchedule {
    let rule = Rule::Current(dutchbook_book::fee::kalshi::Member::Direct);
    schedule(FeeType::Quadratic, Rate::from_nano(multiplier_nano), rule)
        .unwrap_or(FeeSchedule::NONE)
}
