//! Series, events and markets as REST shows them.

use dutchbook_book::{BookId, Grid, Level, Nanos, Price, Qty};
use serde_json::{Value, json};

use super::super::text::{Count2, Dollars4, Rfc3339};
use super::super::world;
use super::changes::multiplier;
use super::ledger::Ledger;
use super::listed::{Event, Life, Listed, Market, Series, Strike};
use super::query::{Query, page};
use super::refusal::Refusal;

/// What a read of public data looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<'a> {
    pub(super) listed: &'a Listed,
    pub(super) ledger: &'a Ledger,
    /// The books, of both venues.
    pub(super) markets: &'a [world::Market],
}

/// The words of the filter `status`.
const STATUSES: [&str; 5] = ["unopened", "open", "paused", "closed", "settled"];

/// The label of a grid, of which `price_ranges` is the law.
pub(super) fn structure(grid: &Grid) -> &'static str {
    let steps: Vec<u32> = grid.ranges().iter().map(|range| range.step.micro()).collect();
    match steps.as_slice() {
        [10_000] => "linear_cent",
        [1_000] => "deci_cent",
        [1_000, 10_000, 1_000] => "tapered_deci_cent",
        [100] => "center_centi_edge_centi",
        [100, 1_000, 100] => "center_deci_edge_centi",
        _ => "",
    }
}

/// The ranges of a grid.
pub(super) fn ranges(grid: &Grid) -> Vec<Value> {
    let each = grid.ranges().iter().map(|range| {
        json!({
            "end": Dollars4(range.end).to_string(),
            "start": Dollars4(range.start).to_string(),
            "step": Dollars4(range.step).to_string(),
        })
    });
    each.collect()
}

/// A JSON number of a plain decimal, without a trailing `.0`.
pub(super) fn number(text: &str) -> Value {
    serde_json::from_str(text.trim_end_matches(".0")).unwrap_or(Value::Null)
}

fn put(value: &mut Value, key: &str, what: impl Into<Value>) {
    if let Some(map) = value.as_object_mut() {
        map.insert(key.to_owned(), what.into());
    }
}

fn time(at: Nanos) -> String {
    Rfc3339(Nanos::from_secs(at.0 / 1_000_000_000)).to_string()
}

impl Look<'_> {
    fn quotes(&self, book: BookId) -> (Level, Level, Price, Qty) {
        let market = self.markets.get(book.index());
        let top = market.map(|market| market.book.top()).unwrap_or_default();
        let none = |price| Level { price, qty: Qty::ZERO };
        let volume = market.map_or(0, |market| market.volume_centi);
        (
            top.bid.unwrap_or(none(Price::ZERO)),
            top.ask.unwrap_or(none(Price::ONE)),
            market.and_then(|market| market.last_trade).unwrap_or(Price::ZERO),
            Qty::from_centi(volume).unwrap_or(Qty::MAX),
        )
    }

    /// A market in full.
    pub(super) fn market(&self, market: &Market) -> Value {
        let (bid, ask, last, volume) = self.quotes(market.book);
        let dollars = |price: Price| Dollars4(price).to_string();
        let count = |qty: Qty| Count2(qty).to_string();
        let mut value = json!({
            "can_close_early": true,
            "close_time": time(market.closes),
            "created_time": Rfc3339(market.opens).to_string(),
            "early_close_condition": "This market will close and expire after the outcome is known.",
            "event_ticker": market.event,
            "exchange_index": 0,
            "expected_expiration_time": time(market.expires()),
            "expiration_time": time(market.expires_latest()),
            "expiration_value": "",
            "last_price_dollars": dollars(last),
            "latest_expiration_time": time(market.expires_latest()),
            "market_type": "binary",
            "no_ask_dollars": dollars(bid.price.complement()),
            "no_bid_dollars": dollars(ask.price.complement()),
            "no_sub_title": market.title,
            "notional_value_dollars": "1.0000",
            "open_interest_fp": count(self.ledger.open_interest(market.book)),
            "open_time": time(market.opens),
            "previous_price_dollars": "0.0000",
            "previous_yes_ask_dollars": "0.0000",
            "previous_yes_bid_dollars": "0.0000",
            "result": "",
            "rules_primary": market.rules(),
            "rules_secondary": "",
            "settlement_bounds_type": "default",
            "settlement_timer_seconds": 3,
            "status": market.life.status(),
            "ticker": market.ticker,
            "title": format!("{}?", market.title),
            "updated_time": Rfc3339(market.updated).to_string(),
            "volume_24h_fp": count(volume),
            "volume_fp": count(volume),
            "yes_ask_dollars": dollars(ask.price),
            "yes_ask_size_fp": count(ask.qty),
            "yes_bid_dollars": dollars(bid.price),
            "yes_bid_size_fp": count(bid.qty),
            "yes_sub_title": market.title,
        });
        match &market.strike {
            Strike::Greater(strike) => {
                put(&mut value, "strike_type", "greater");
                put(&mut value, "floor_strike", number(strike));
            }
            Strike::Custom(name) => {
                put(&mut value, "strike_type", "custom");
                put(&mut value, "custom_strike", json!({ "Outcome": name }));
            }
        }
        self.put_state(market, &mut value);
        value
    }

    /// The grid, and what is known of the result.
    fn put_state(&self, market: &Market, value: &mut Value) {
        if let Some(grid) = self.markets.get(market.book.index()).map(|market| market.grid) {
            put(value, "price_level_structure", structure(&grid));
            put(value, "price_ranges", ranges(&grid));
        }
        let Some(yes) = market.life.result() else { return };
        let (result, payout) = if yes { ("yes", Price::ONE) } else { ("no", Price::ZERO) };
        put(value, "result", result);
        put(value, "expiration_value", result);
        put(value, "settlement_value_dollars", Dollars4(payout).to_string());
        if let Life::Finalized { at, .. } = market.life {
            put(value, "settlement_ts", Rfc3339(at).to_string());
        }
    }

    fn markets_of(&self, event: &Event) -> Vec<Value> {
        let markets = event.books.iter().filter_map(|book| self.listed.get(*book));
        markets.map(|market| self.market(market)).collect()
    }

    /// An event, with its markets inside where `nested`.
    fn event(&self, event: &Event, nested: bool) -> Value {
        let mut value = json!({
            "category": CATEGORY,
            "collateral_return_type": if event.is_exclusive { "MECNET" } else { "" },
            "event_ticker": event.ticker,
            "exchange_index": 0,
            "last_updated_ts": Rfc3339(self.listed.since).to_string(),
            "mutually_exclusive": event.is_exclusive,
            "series_ticker": event.series,
            "settlement_sources": sources(),
            "strike_period": "",
            "sub_title": event.title,
            "title": event.title,
        });
        if let Some(nano) = event.fee_override {
            put(&mut value, "fee_type_override", "quadratic");
            put(&mut value, "fee_multiplier_override", multiplier(nano));
        }
        if nested {
            put(&mut value, "markets", self.markets_of(event));
        }
        value
    }

    /// `GET /events/fee_changes`.
    pub(super) fn get_fee_changes(&self) -> Value {
        let changes = self.listed.overrides.iter().map(|change| {
            let nano = change.multiplier_nano;
            json!({
                "event_ticker": change.event,
                "fee_type_override": nano.map(|_| "quadratic"),
                "fee_multiplier_override": nano.map(multiplier),
                "scheduled_ts": Rfc3339(change.at).to_string(),
            })
        });
        json!({ "cursor": "", "event_fee_changes": changes.collect::<Vec<_>>() })
    }

    fn series(&self, series: &Series, with_volume: bool) -> Value {
        let mut value = json!({
            "additional_prohibitions": [],
            "categories": [CATEGORY],
            "category": CATEGORY,
            "contract_terms_url": "https://kalshi.example/terms.pdf",
            "contract_url": "https://kalshi.example/contract.pdf",
            "exchange_index": 0,
            "fee_multiplier": multiplier(series.fee_multiplier),
            "fee_type": series.fee_type,
            "frequency": "custom",
            "last_updated_ts": Rfc3339(self.listed.since).to_string(),
            "settlement_sources": sources(),
            "tags": [],
            "ticker": series.ticker,
            "title": series.title,
        });
        if with_volume {
            let of = |market: &&Market| market.series == series.ticker;
            let each = self.listed.markets().filter(of).map(|market| self.quotes(market.book).3);
            let sum = each.fold(Qty::ZERO, |sum, qty| sum.checked_add(qty).unwrap_or(sum));
            put(&mut value, "volume_fp", Count2(sum).to_string());
        }
        value
    }

    /// `GET /series`.
    pub(super) fn get_series_list(&self, query: &Query) -> Value {
        let with_volume = query.flag("include_volume");
        let is_ours = query.text("category").is_none_or(|category| category == CATEGORY)
            && query.text("tags").is_none();
        let all = self.listed.series.iter().filter(|_| is_ours);
        json!({ "series": all.map(|one| self.series(one, with_volume)).collect::<Vec<_>>() })
    }

    /// `GET /series/{ticker}`.
    pub(super) fn get_series(&self, ticker: &str, query: &Query) -> Result<Value, Refusal> {
        let found = self.listed.series.iter().find(|series| series.ticker == ticker);
        let series = found.ok_or_else(Refusal::not_found)?;
        Ok(json!({ "series": self.series(series, query.flag("include_volume")) }))
    }

    /// `GET /events`.
    pub(super) fn get_events(&self, query: &Query) -> Result<Value, Refusal> {
        let limit = query.limit(200, 200)?;
        let nested = query.flag("with_nested_markets");
        let status = query.word("status", &STATUSES)?;
        let (series, tickers) = (query.text("series_ticker"), query.list("tickers"));
        let min_close = query.secs("min_close_ts")?.map(Nanos::from_secs);
        let has_market = |event: &Event, holds: &dyn Fn(&Market) -> bool| {
            event.books.iter().filter_map(|book| self.listed.get(*book)).any(holds)
        };
        let fits = |event: &&Event| {
            series.is_none_or(|series| series == event.series)
                && tickers.as_ref().is_none_or(|list| list.contains(&event.ticker.as_str()))
                && status.is_none_or(|word| has_market(event, &|m| m.life.filter() == word))
                && min_close.is_none_or(|at| has_market(event, &|m| m.closes >= at))
        };
        let after = query.cursor();
        let events = (0_u64..).zip(&self.listed.events);
        let rest = events
            .filter(|(number, event)| after.is_none_or(|after| *number > after) && fits(event));
        let page = page(rest.map(|(number, event)| (number, self.event(event, nested))), limit);
        let mut value = json!({ "cursor": page.cursor, "events": page.entries });
        if query.flag("with_milestones") {
            put(&mut value, "milestones", json!([]));
        }
        Ok(value)
    }

    /// `GET /events/{ticker}`.
    pub(super) fn get_event(&self, ticker: &str, query: &Query) -> Result<Value, Refusal> {
        let event = self.listed.event(ticker).ok_or_else(Refusal::not_found)?;
        let nested = query.flag("with_nested_markets");
        // The markets beside the event are there either way: clients insist on them.
        Ok(json!({ "event": self.event(event, nested), "markets": self.markets_of(event) }))
    }

    /// `GET /events/{ticker}/metadata`.
    pub(super) fn get_event_metadata(&self, ticker: &str) -> Result<Value, Refusal> {
        let event = self.listed.event(ticker).ok_or_else(Refusal::not_found)?;
        let details = event.books.iter().map(|book| {
            json!({ "color_code": "", "image_url": "", "market_ticker": self.listed.ticker(*book) })
        });
        let details: Vec<Value> = details.collect();
        Ok(json!({
            "image_url": "",
            "market_details": details,
            "settlement_sources": sources(),
        }))
    }

    /// `GET /markets`.
    pub(super) fn get_markets(&self, query: &Query) -> Result<Value, Refusal> {
        let limit = query.limit(100, 1_000)?;
        let status = query.word("status", &STATUSES)?;
        let only_combos = query.word("mve_filter", &["only", "exclude"])? == Some("only");
        let (tickers, events) = (query.list("tickers"), query.list("event_ticker"));
        let series = query.text("series_ticker");
        let within = Times::of(query)?;
        let fits = |market: &&Market| {
            let names = |list: &Option<Vec<&str>>, name: &str| {
                list.as_ref().is_none_or(|list| list.contains(&name))
            };
            !only_combos
                && status.is_none_or(|word| market.life.filter() == word)
                && names(&tickers, &market.ticker)
                && names(&events, &market.event)
                && series.is_none_or(|series| series == market.series)
                && within.hold(market)
        };
        let after = query.cursor();
        let numbered = self.listed.markets().map(|market| (u64::from(market.book.0), market));
        let rest = numbered
            .filter(|(number, market)| after.is_none_or(|after| *number > after) && fits(market));
        let page = page(rest.map(|(number, market)| (number, self.market(market))), limit);
        Ok(json!({ "cursor": page.cursor, "markets": page.entries }))
    }

    /// `GET /markets/{ticker}`.
    pub(super) fn get_market(&self, ticker: &str) -> Result<Value, Refusal> {
        let market = self.listed.of_ticker(ticker).ok_or_else(Refusal::not_found)?;
        Ok(json!({ "market": self.market(market) }))
    }
}

/// The only category of the simulated venue.
const CATEGORY: &str = "World";

fn sources() -> Value {
    json!([{ "name": "The simulated truth", "url": "https://kalshi.example/source" }])
}

/// The filters of `/markets` by moments.
#[derive(Debug)]
struct Times {
    created: [Option<u64>; 2],
    updated: [Option<u64>; 2],
    closes: [Option<u64>; 2],
    settled: [Option<u64>; 2],
}

impl Times {
    fn of(query: &Query) -> Result<Self, Refusal> {
        Ok(Self {
            created: [query.secs("min_created_ts")?, query.secs("max_created_ts")?],
            updated: [query.secs("min_updated_ts")?, query.secs("max_updated_ts")?],
            closes: [query.secs("min_close_ts")?, query.secs("max_close_ts")?],
            settled: [query.secs("min_settled_ts")?, query.secs("max_settled_ts")?],
        })
    }

    fn hold(&self, market: &Market) -> bool {
        let settled = match market.life {
            Life::Finalized { at, .. } => Some(at),
            Life::Active | Life::Determined { .. } => None,
        };
        let inside = |[min, max]: [Option<u64>; 2], at: Option<Nanos>| {
            let secs = at.map(|at| at.0 / 1_000_000_000);
            min.is_none_or(|min| secs.is_some_and(|secs| secs >= min))
                && max.is_none_or(|max| secs.is_some_and(|secs| secs <= max))
        };
        inside(self.created, Some(market.opens))
            && inside(self.updated, Some(market.updated))
            && inside(self.closes, Some(market.closes))
            && inside(self.settled, settled)
    }
}
