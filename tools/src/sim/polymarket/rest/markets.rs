//! Markets as the order book lists them.

use dutchbook_book::{Face, Nanos};

use super::super::super::door::{HttpReply, HttpRequest};
use super::super::super::floor::Floor;
use super::super::super::text::put;
use super::super::super::world::Market;
use super::super::facts::{FACES, MarketFacts, outcome, tick_of};
use super::super::venue::Venue;
use super::prices::middle;
use super::{Query, array, error, ok, page, page_body, quoted};

/// Markets per page.
const PAGE: usize = 500;

impl Venue {
    /// Everything that is listed, by the order book's service or by the discovery service: they
    /// share a host, and a `next_cursor` or a condition id tells which one is asked.
    pub(super) fn serve_discovery(
        &self,
        floor: &Floor<'_>,
        request: &HttpRequest<'_>,
        query: &Query,
        path: &str,
    ) -> Option<HttpReply> {
        if request.method != "GET" {
            return None;
        }
        let rest = |prefix: &str| path.strip_prefix(prefix).filter(|id| !id.contains('/'));
        match path {
            "/markets" if query.has("next_cursor") => return Some(self.list(floor, query, false)),
            "/sampling-markets" => return Some(self.list(floor, query, false)),
            "/simplified-markets" | "/sampling-simplified-markets" => {
                return Some(self.list(floor, query, true));
            }
            "/rebates/current" | "/rewards/markets/current" => {
                return Some(page_body(Vec::new(), super::LAST_PAGE, PAGE));
            }
            _ => {}
        }
        if let Some(id) = rest("/markets/").filter(|id| id.starts_with("0x")) {
            let found = self.facts.by_condition(id).zip_market(floor);
            let one = found.map(|(facts, market)| self.clob_market(facts, market, floor.now()));
            return Some(one.map_or_else(|| error(404, "market not found"), ok));
        }
        if let Some(id) = rest("/clob-markets/") {
            let found = self.facts.by_condition(id).zip_market(floor);
            let one = found.map(|(facts, market)| self.parameters(facts, market, floor.now()));
            return Some(one.map_or_else(|| error(404, "market not found"), ok));
        }
        if let Some(token) = rest("/markets-by-token/") {
            let found = self.facts.token(token);
            return Some(found.map_or_else(
                || error(404, "market not found"),
                |(facts, _)| {
                    ok(format!(
                        r#"{{"condition_id":"{}","primary_token_id":"{}","secondary_token_id":"{}"}}"#,
                        facts.condition,
                        facts.token(Face::Yes),
                        facts.token(Face::No)
                    ))
                },
            ));
        }
        if rest("/rewards/markets/").is_some() {
            return Some(page_body(Vec::new(), super::LAST_PAGE, PAGE));
        }
        if rest("/fees/builder-fees/").is_some() {
            let none = r#"{"builder_maker_fee_rate_bps":0,"builder_taker_fee_rate_bps":0}"#;
            return Some(ok(none.to_owned()));
        }
        self.serve_gamma(floor, query, path)
    }

    fn list(&self, floor: &Floor<'_>, query: &Query, simplified: bool) -> HttpReply {
        let all: Vec<String> = self
            .facts
            .markets
            .iter()
            .filter_map(|facts| {
                let market = floor.market(facts.book)?;
                Some(if simplified {
                    self.simplified(facts, market)
                } else {
                    self.clob_market(facts, market, floor.now())
                })
            })
            .collect();
        match page(all, query.get("next_cursor"), PAGE) {
            Some((items, next)) => page_body(items, &next, PAGE),
            None => error(400, "Invalid next_cursor"),
        }
    }

    /// The tokens of a market with what they stand at.
    fn tokens(&self, facts: &MarketFacts, market: &Market) -> String {
        let winner = self.winners.get(&facts.book).copied();
        array(FACES.map(|face| {
            let price = match winner {
                Some(won) if won == face => "1".to_owned(),
                Some(_) => "0".to_owned(),
                None => middle(market.book.top().face(face)).to_string(),
            };
            format!(
                r#"{{"token_id":"{}","outcome":"{}","price":{price},"winner":{}}}"#,
                facts.token(face),
                outcome(face),
                winner == Some(face)
            )
        }))
    }

    fn simplified(&self, facts: &MarketFacts, market: &Market) -> String {
        format!(
            r#"{{"condition_id":"{}","rewards":{{"rates":null,"min_size":0,"max_spread":0}},"tokens":{},"active":true,"closed":{},"archived":false,"accepting_orders":{}}}"#,
            facts.condition,
            self.tokens(facts, market),
            !market.is_open,
            market.is_open
        )
    }

    fn clob_market(&self, facts: &MarketFacts, market: &Market, now: Nanos) -> String {
        let dates = self.dates(now);
        let event = self.facts.event_of(facts);
        let neg_risk_id = event.map_or("", |event| event.neg_risk_id.as_str());
        let mut text = String::with_capacity(1_600);
        put!(
            text,
            r#"{{"enable_order_book":{},"active":true,"closed":{},"archived":false,"accepting_orders":{},"accepting_order_timestamp":"{}","minimum_order_size":{},"minimum_tick_size":{},"condition_id":"{}","question_id":"{}","question":{},"description":{},"market_slug":"{}","end_date_iso":"{}","game_start_time":null,"seconds_delay":{},"fpmm":"","maker_base_fee":0,"taker_base_fee":0,"notifications_enabled":true,"neg_risk":{},"neg_risk_market_id":"{neg_risk_id}","neg_risk_request_id":"{}","icon":"","image":"","rewards":{{"rates":null,"min_size":0,"max_spread":0}},"is_50_50_outcome":false,"tokens":"#,
            market.is_open,
            !market.is_open,
            market.is_open,
            dates.opened(),
            facts.min_qty,
            tick_of(market.grid.step()),
            facts.condition,
            facts.question_id,
            quoted(&facts.question),
            quoted(&facts.description()),
            facts.slug,
            dates.end(),
            self.delay_secs(),
            facts.neg_risk,
            if facts.neg_risk { facts.question_id.as_str() } else { "" }
        );
        text.push_str(&self.tokens(facts, market));
        text.push_str(r#","tags":["All"]}"#);
        text
    }

    /// How long orders that take are held, in whole seconds.
    const fn delay_secs(&self) -> u64 {
        self.troubles.taker_delay.0.div_ceil(1_000_000_000)
    }

    /// What trading a market needs, in short keys.
    fn parameters(&self, facts: &MarketFacts, market: &Market, now: Nanos) -> String {
        let tokens = array(
            FACES.map(|face| format!(r#"{{"t":"{}","o":"{}"}}"#, facts.token(face), outcome(face))),
        );
        let mut text = format!(
            r#"{{"c":"{}","t":{tokens},"mos":{},"mts":{},"mbf":0,"tbf":0,"r":{{"mi":0,"ma":0}},"ao":{},"aot":"{}","sd":{},"itode":false,"cbos":false,"rfqe":false"#,
            facts.condition,
            facts.min_qty,
            tick_of(market.grid.step()),
            market.is_open,
            self.dates(now).opened(),
            self.delay_secs()
        );
        if facts.neg_risk {
            text.push_str(r#","nr":true"#);
        }
        if let Some((rate, exponent)) = facts.fee_rate() {
            put!(text, r#","fd":{{"r":{rate},"e":{exponent},"to":true}}"#);
        }
        text.push('}');
        text
    }
}

/// A listed market together with its state.
trait ZipMarket<'a> {
    fn zip_market(self, floor: &'a Floor<'_>) -> Option<(&'a MarketFacts, &'a Market)>;
}

impl<'a> ZipMarket<'a> for Option<&'a MarketFacts> {
    fn zip_market(self, floor: &'a Floor<'_>) -> Option<(&'a MarketFacts, &'a Market)> {
        let facts = self?;
        Some((facts, floor.market(facts.book)?))
    }
}
