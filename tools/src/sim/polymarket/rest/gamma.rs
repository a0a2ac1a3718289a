//! The discovery service: events and their markets, with everything that is told of them.

use dutchbook_book::{Cash, Exact, Face, Level, Nanos, Qty, Side};

use super::super::super::door::HttpReply;
use super::super::super::floor::Floor;
use super::super::super::text::{Rfc3339, put};
use super::super::super::world::Market;
use super::super::facts::{CATEGORIES, Category, EventFacts, FACES, MarketFacts, outcome, tick_of};
use super::super::venue::Venue;
use super::prices::middle;
use super::{Query, array, error, ok, page, quoted};

/// The most entries of one answer.
const LIMIT_MAX: usize = 100;
/// Entries of an answer when the request does not say.
const LIMIT: usize = 20;
/// The contract that reports the results of plain markets, and the one of neg-risk markets.
const RESOLVER: &str = "0x65070BE91477460D8A7AeEb94ef92fe056C2f2A7";
const NEG_RISK_RESOLVER: &str = "0x2F5e3684cb1F318ec51b00Edba38d79Ac2c0aA9d";

/// Contracts traded, as money is printed.
fn volume(market: &Market) -> Qty {
    Qty::from_centi(market.volume_centi).unwrap_or(Qty::MAX)
}

/// What rests in a book, at its prices.
fn liquidity(market: &Market) -> Cash {
    let mut total = Exact::ZERO;
    for side in [Side::Buy, Side::Sell] {
        for Level { price, qty } in market.book.levels(side) {
            let price = if side == Side::Buy { price } else { price.complement() };
            total = total.checked_add(Exact::product(price, qty)).unwrap_or(total);
        }
    }
    total.cash_floor().unwrap_or(Cash::MAX)
}

/// A list of texts as JSON within a JSON string.
fn nested(items: [&str; 2]) -> String {
    let [first, second] = items.map(quoted);
    quoted(&format!("[{first}, {second}]"))
}

impl Venue {
    pub(super) fn serve_gamma(
        &self,
        floor: &Floor<'_>,
        query: &Query,
        path: &str,
    ) -> Option<HttpReply> {
        let rest = |prefix: &str| path.strip_prefix(prefix).filter(|id| !id.contains('/'));
        match path {
            "/markets" => return Some(self.offset_page(query, self.found_markets(floor, query))),
            "/events" => return Some(self.offset_page(query, self.found_events(floor, query))),
            "/markets/keyset" => {
                return Some(keyset_page(query, self.found_markets(floor, query), "markets"));
            }
            "/events/keyset" => {
                return Some(keyset_page(query, self.found_events(floor, query), "events"));
            }
            "/tags" => return Some(ok(array(CATEGORIES.iter().map(|one| self.tag(floor, one))))),
            "/series" => {
                return Some(ok(array(CATEGORIES.iter().map(|one| self.series(floor, one)))));
            }
            "/sports" => return Some(ok("[]".to_owned())),
            _ => {}
        }
        let market = |matches: &dyn Fn(&MarketFacts) -> bool| {
            let facts = self.facts.markets.iter().find(|facts| matches(facts))?;
            self.gamma_market(floor, facts, true)
        };
        let event = |matches: &dyn Fn(&EventFacts) -> bool| {
            let facts = self.facts.events.iter().find(|facts| matches(facts))?;
            Some(self.gamma_event(floor, facts, true))
        };
        let found = if let Some(slug) = rest("/markets/slug/") {
            market(&|facts| facts.slug == slug)
        } else if let Some(slug) = rest("/events/slug/") {
            event(&|facts| facts.slug == slug)
        } else if let Some(id) = rest("/markets/") {
            market(&|facts| facts.number == id)
        } else if let Some(id) = rest("/events/") {
            event(&|facts| facts.number == id)
        } else {
            return None;
        };
        let missing = || {
            super::HttpReply::json(
                404,
                "{\"type\":\"not found error\",\"error\":\"id not found\"}\n",
            )
        };
        Some(found.map_or_else(missing, ok))
    }

    /// Markets that a query names, all without a name.
    fn found_markets(&self, floor: &Floor<'_>, query: &Query) -> Vec<String> {
        let named = |name: &str, value: &str| {
            let mut wanted = query.all(name).peekable();
            wanted.peek().is_none() || wanted.any(|entry| entry == value)
        };
        let found = self.facts.markets.iter().filter(|facts| {
            let is_open = floor.market(facts.book).is_some_and(|market| market.is_open);
            let token = query.all("clob_token_ids").any(|id| facts.tokens.iter().any(|t| t == id));
            named("id", &facts.number)
                && named("slug", &facts.slug)
                && named("condition_ids", &facts.condition)
                && (token || !query.has("clob_token_ids"))
                && matches_state(query, is_open)
        });
        found.filter_map(|facts| self.gamma_market(floor, facts, true)).collect()
    }

    fn found_events(&self, floor: &Floor<'_>, query: &Query) -> Vec<String> {
        let named = |name: &str, value: &str| {
            let mut wanted = query.all(name).peekable();
            wanted.peek().is_none() || wanted.any(|entry| entry == value)
        };
        let found = self.facts.events.iter().filter(|facts| {
            named("id", &facts.number)
                && named("slug", &facts.slug)
                && matches_state(query, is_any_open(floor, facts))
        });
        found.map(|facts| self.gamma_event(floor, facts, true)).collect()
    }

    fn offset_page(&self, query: &Query, all: Vec<String>) -> HttpReply {
        let (Some(limit), Some(offset)) = (count(query, "limit"), count(query, "offset")) else {
            return error(422, "invalid limit or offset");
        };
        let limit = limit.unwrap_or(LIMIT).min(self.facts.markets.len().max(LIMIT_MAX));
        ok(array(all.into_iter().skip(offset.unwrap_or(0)).take(limit)))
    }

    /// One market, with its event around it or without.
    fn gamma_market(
        &self,
        floor: &Floor<'_>,
        facts: &MarketFacts,
        with_event: bool,
    ) -> Option<String> {
        let market = floor.market(facts.book)?;
        let event = self.facts.event_of(facts)?;
        let mut text = String::with_capacity(4_096);
        self.put_names(&mut text, floor.now(), facts, market, event);
        self.put_state(&mut text, floor.now(), facts, market);
        put_trading(&mut text, facts, market, event);
        if with_event {
            put!(text, r#","events":[{}]"#, self.gamma_event(floor, event, false));
        }
        self.put_tail(&mut text, floor.now(), facts, market);
        text.push('}');
        Some(text)
    }

    fn put_names(
        &self,
        out: &mut String,
        now: Nanos,
        facts: &MarketFacts,
        market: &Market,
        event: &EventFacts,
    ) {
        let dates = self.dates(now);
        let winner = self.winners.get(&facts.book);
        let prices = FACES.map(|face| match winner {
            Some(won) if *won == face => "1".to_owned(),
            Some(_) => "0".to_owned(),
            None => middle(market.book.top().face(face)).to_string(),
        });
        put!(
            *out,
            r#"{{"id":"{}","question":{},"conditionId":"{}","slug":"{}","resolutionSource":"","endDate":"{}","liquidity":"{}","startDate":"{}","image":"","icon":"","description":{},"outcomes":{},"outcomePrices":{}"#,
            facts.number,
            quoted(&facts.question),
            facts.condition,
            facts.slug,
            dates.end(),
            liquidity(market),
            dates.opened(),
            quoted(&facts.description()),
            nested(FACES.map(outcome)),
            nested([&prices[0], &prices[1]])
        );
        put!(*out, r#","volume":"{}","active":true,"closed":{}"#, volume(market), !market.is_open);
        put!(*out, r#","marketMakerAddress":"","createdAt":"{}""#, dates.opened());
        put!(*out, r#","updatedAt":"{}""#, Rfc3339(now));
        if winner.is_some() {
            put!(*out, r#","closedTime":"{}""#, dates.end());
        }
        let resolver = if facts.neg_risk { NEG_RISK_RESOLVER } else { RESOLVER };
        put!(
            *out,
            r#","new":false,"featured":false,"archived":false,"resolvedBy":"{resolver}","restricted":true,"groupItemTitle":{},"groupItemThreshold":"{}","questionID":"{}""#,
            quoted(if event.markets.len() > 1 { &facts.question } else { "" }),
            event.markets.iter().position(|book| *book == facts.book).unwrap_or(0),
            facts.question_id
        );
    }

    fn put_state(&self, out: &mut String, now: Nanos, facts: &MarketFacts, market: &Market) {
        let dates = self.dates(now);
        let volume = volume(market);
        put!(
            *out,
            r#","enableOrderBook":true,"orderPriceMinTickSize":{},"orderMinSize":{}"#,
            tick_of(market.grid.step()),
            facts.min_qty
        );
        if self.winners.contains_key(&facts.book) {
            out.push_str(r#","umaResolutionStatus":"resolved""#);
        }
        put!(
            *out,
            r#","volumeNum":{volume},"liquidityNum":{},"endDateIso":"{}","startDateIso":"{}","hasReviewedDates":true,"volume24hr":{volume},"volume1wk":{volume},"volume1mo":{volume},"volume1yr":{volume},"clobTokenIds":{},"umaBond":"500","umaReward":"5","volume24hrClob":{volume},"volumeClob":{volume},"liquidityClob":{},"customLiveness":0,"makerBaseFee":1000,"takerBaseFee":1000,"acceptingOrders":{},"negRisk":{}"#,
            liquidity(market),
            dates.end_day(),
            dates.opened_day(),
            nested([facts.token(Face::Yes), facts.token(Face::No)]),
            liquidity(market),
            market.is_open,
            facts.neg_risk
        );
    }

    fn put_tail(&self, out: &mut String, now: Nanos, facts: &MarketFacts, market: &Market) {
        let top = market.book.top();
        put!(
            *out,
            r#","ready":false,"funded":false,"acceptingOrdersTimestamp":"{}","cyom":false,"pagerDutyNotificationEnabled":false,"approved":true,"rewardsMinSize":0,"rewardsMaxSpread":0"#,
            self.dates(now).opened()
        );
        if let (Some(bid), Some(ask)) = (top.bid, top.ask) {
            let spread = ask.price.micro().saturating_sub(bid.price.micro());
            put!(*out, r#","spread":{}"#, tick_of(spread));
        }
        if let Some((price, _)) = self.last_trade(facts.book, Face::Yes) {
            put!(*out, r#","lastTradePrice":{price}"#);
        }
        if let Some(bid) = top.bid {
            put!(*out, r#","bestBid":{}"#, bid.price);
        }
        if let Some(ask) = top.ask {
            put!(*out, r#","bestAsk":{}"#, ask.price);
        }
        out.push_str(r#","automaticallyActive":true,"clearBookOnStart":false,"showGmpSeries":false,"showGmpOutcome":false,"manualActivation":false,"negRiskOther":false,"umaResolutionStatuses":"[]","pendingDeployment":false,"deploying":false,"rfqEnabled":false,"holdingRewardsEnabled":false"#);
        match facts.fee_rate() {
            Some((rate, exponent)) => {
                let (kind, rebate) = facts.fee_kind();
                put!(
                    *out,
                    r#","feesEnabled":true,"requiresTranslation":false,"feeType":"{kind}","feeSchedule":{{"exponent":{exponent},"rate":{rate},"takerOnly":true,"rebateRate":{rebate}}}"#
                );
            }
            None => {
                out.push_str(r#","feesEnabled":false,"requiresTranslation":false,"feeType":null"#);
            }
        }
        out.push_str(r#","version":"v1""#);
    }

    fn tag(&self, floor: &Floor<'_>, category: &Category) -> String {
        let dates = self.dates(floor.now());
        format!(
            r#"{{"id":"{}","label":"{}","slug":"{}","forceShow":false,"createdAt":"{}","updatedAt":"{}","requiresTranslation":false}}"#,
            category.tag,
            category.label,
            category.slug,
            dates.opened(),
            dates.opened()
        )
    }

    fn series(&self, floor: &Floor<'_>, category: &Category) -> String {
        let dates = self.dates(floor.now());
        let Category { series, label, slug, recurrence, .. } = category;
        format!(
            r#"{{"id":"{series}","ticker":"{slug}","slug":"{slug}","title":"{label}","seriesType":"single","recurrence":"{recurrence}","image":"","icon":"","active":true,"closed":false,"archived":false,"featured":false,"restricted":true,"createdAt":"{}","updatedAt":"{}","commentCount":0,"requiresTranslation":false}}"#,
            dates.opened(),
            dates.opened()
        )
    }

    /// One event, with its markets or without.
    fn gamma_event(&self, floor: &Floor<'_>, event: &EventFacts, with_markets: bool) -> String {
        let dates = self.dates(floor.now());
        let open = is_any_open(floor, event);
        let states = event.markets.iter().filter_map(|book| floor.market(*book));
        let traded: u64 = states.map(|market| market.volume_centi).sum();
        let traded = Qty::from_centi(traded).unwrap_or(Qty::MAX);
        let mut text = String::with_capacity(4_096);
        put!(
            text,
            r#"{{"id":"{}","ticker":"{}","slug":"{}","title":{},"description":{},"resolutionSource":"","startDate":"{}","creationDate":"{}","endDate":"{}","image":"","icon":"","active":true,"closed":{},"archived":false,"new":false,"featured":false,"restricted":true,"volume":{traded},"openInterest":0,"createdAt":"{}","updatedAt":"{}","volume24hr":{traded},"enableOrderBook":true,"negRisk":{}"#,
            event.number,
            event.slug,
            event.slug,
            quoted(&event.title),
            quoted(&format!("{}.", event.title)),
            dates.opened(),
            dates.opened(),
            dates.end(),
            !open,
            dates.opened(),
            Rfc3339(floor.now()),
            event.neg_risk
        );
        if event.neg_risk {
            put!(text, r#","negRiskMarketID":"{}""#, event.neg_risk_id);
        }
        text.push_str(r#","commentCount":0"#);
        let category = event.markets.first().and_then(|book| self.facts.market(*book));
        let category = category.map(MarketFacts::category);
        if with_markets {
            let markets = event
                .markets
                .iter()
                .filter_map(|book| self.gamma_market(floor, self.facts.market(*book)?, false));
            put!(text, r#","markets":{}"#, array(markets));
        }
        // Questions that come again every day belong to a series, others to none.
        if let Some(category) = category.filter(|one| one.recurrence == "daily") {
            put!(text, r#","series":{}"#, array([self.series(floor, category)]));
        }
        put!(text, r#","tags":{}"#, array(category.iter().map(|one| self.tag(floor, one))));
        put!(
            text,
            r#","cyom":false,"showAllOutcomes":true,"showMarketImages":true,"enableNegRisk":{},"automaticallyActive":true,"negRiskAugmented":{},"pendingDeployment":false,"deploying":false,"requiresTranslation":false}}"#,
            event.neg_risk,
            event.augmented
        );
        text
    }
}

/// What trading needs to know of the event.
fn put_trading(out: &mut String, facts: &MarketFacts, _market: &Market, event: &EventFacts) {
    if facts.neg_risk {
        put!(
            *out,
            r#","negRiskMarketID":"{}","negRiskRequestID":"{}""#,
            event.neg_risk_id,
            facts.question_id
        );
    }
}

fn is_any_open(floor: &Floor<'_>, event: &EventFacts) -> bool {
    event.markets.iter().any(|book| floor.market(*book).is_some_and(|market| market.is_open))
}

/// Whether something open or closed is wanted: closed things only when they are asked for.
fn matches_state(query: &Query, is_open: bool) -> bool {
    query.flag("closed").is_none_or(|closed| closed != is_open)
        && query.flag("active") != Some(false)
        && query.flag("archived") != Some(true)
}

/// A number of a query: absent, or bad.
fn count(query: &Query, name: &str) -> Option<Option<usize>> {
    match query.get(name) {
        None => Some(None),
        Some(text) => text.parse().ok().map(Some),
    }
}

/// A page by cursor.
fn keyset_page(query: &Query, all: Vec<String>, name: &str) -> HttpReply {
    let Some(limit) = count(query, "limit") else { return error(422, "invalid limit") };
    let limit = limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
    let cursor = query.get("next_cursor").or_else(|| query.get("after_cursor"));
    match page(all, cursor, limit) {
        Some((items, next)) if next == super::LAST_PAGE => {
            ok(format!(r#"{{"{name}":{}}}"#, array(items)))
        }
        Some((items, next)) => {
            ok(format!(r#"{{"{name}":{},"next_cursor":"{next}"}}"#, array(items)))
        }
        None => error(422, "invalid cursor"),
    }
}
