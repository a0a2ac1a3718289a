//! The canary of schema drift: what venues send that our documents do not know.
//!
//! Venues add fields and message types without a word; an added field is harmless until it means
//! something. Names are counted, frames of an unknown type are kept as they came, both bounded: a
//! venue that makes names up cannot fill our memory.

use std::collections::{BTreeMap, VecDeque};

use dutchbook_book::InstrumentId;
use dutchbook_book::catalog::VenueKind;

use super::Json;
use crate::ids::IdTable;
use crate::kind::MessageKind;

/// Different names that are counted by name; further ones count together.
pub const NAMES_MAX: usize = 64;
/// Longest part of a name that is kept.
const NAME_BYTES_MAX: usize = 64;
/// Frames that are kept, the newest.
pub const FRAMES_MAX: usize = 8;
/// Longest part of a frame that is kept.
pub const FRAME_BYTES_MAX: usize = 4096;
/// How deep objects and arrays are looked into; levels of books lie deeper and are checked elsewhere.
const DEPTH_MAX: u32 = 3;

/// Members that Polymarket's documents and recordings know, ascending.
const POLYMARKET: [&str; 81] = [
    "active",
    "asset_id",
    "assets_ids",
    "associate_trades",
    "asks",
    "best_ask",
    "best_bid",
    "bids",
    "bucket_index",
    "buys",
    "changes",
    "clob_token_ids",
    "condition_id",
    "created_at",
    "description",
    "event_message",
    "event_type",
    "expiration",
    "fee_rate_bps",
    "fee_schedule",
    "fees_enabled",
    "game_start_time",
    "group_item_title",
    "hash",
    "id",
    "last_trade_price",
    "last_update",
    "line",
    "maker_address",
    "maker_orders",
    "market",
    "match_time",
    "matched_amount",
    "matchtime",
    "min_order_size",
    "neg_risk",
    "new_tick_size",
    "old_tick_size",
    "order_id",
    "order_owner",
    "order_price_min_tick_size",
    "order_type",
    "original_size",
    "outcome",
    "outcome_index",
    "outcomes",
    "owner",
    "price",
    "price_changes",
    "question",
    "sells",
    "side",
    "size",
    "size_matched",
    "slug",
    "sports_market_type",
    "spread",
    "status",
    "tags",
    "taker_base_fee",
    "taker_order_id",
    "tick_size",
    "ticker",
    "timestamp",
    "title",
    "trade_owner",
    "trader_side",
    "transaction_hash",
    "transactions_hashes",
    "type",
    "winning_asset_id",
    "winning_outcome",
    "exponent",
    "rate",
    "takerOnly",
    "taker_only",
    "rebateRate",
    "rebate_rate",
    "fee_amount",
    "icon",
    "image",
];

/// Members that Kalshi's documents and recordings know.
const KALSHI: [&str; 104] = [
    "action",
    "additional_metadata",
    "book_side",
    "can_close_early",
    "cap_strike",
    "channel",
    "client_order_id",
    "close_ts",
    "code",
    "collateral_return_type",
    "contracts_limit_fp",
    "count",
    "count_fp",
    "created_time",
    "created_ts_ms",
    "custom_strike",
    "delta",
    "delta_fp",
    "determination_ts",
    "dollar_open_interest",
    "dollar_volume",
    "early_close_condition",
    "event_ticker",
    "event_type",
    "exchange_index",
    "expected_expiration_ts",
    "expiration_ts_ms",
    "fee_cost",
    "fee_multiplier_override",
    "fee_type_override",
    "fees_paid_dollars",
    "fill_count_fp",
    "floor_strike",
    "functional_strike",
    "id",
    "initial_count_fp",
    "is_block_trade",
    "is_taker",
    "is_yes",
    "last_trade_size_fp",
    "last_update_reason",
    "last_updated_ts_ms",
    "maker_fees_dollars",
    "maker_fill_cost_dollars",
    "market_id",
    "market_ticker",
    "market_tickers",
    "msg",
    "name",
    "no",
    "no_dollars",
    "no_dollars_fp",
    "no_price",
    "no_price_dollars",
    "no_sub_title",
    "open_interest",
    "open_interest_fp",
    "open_ts",
    "order_group_id",
    "order_id",
    "outcome_side",
    "position_cost_dollars",
    "position_fee_cost_dollars",
    "position_fp",
    "post_position_fp",
    "price",
    "price_dollars",
    "price_level_structure",
    "price_ranges",
    "purchased_side",
    "realized_pnl_dollars",
    "remaining_count_fp",
    "result",
    "rules_primary",
    "rules_secondary",
    "self_trade_prevention_type",
    "sending_ts_ms",
    "seq",
    "series_ticker",
    "settled_ts",
    "settlement_value",
    "sid",
    "side",
    "strike_type",
    "subaccount",
    "subaccount_number",
    "subtitle",
    "taker_book_side",
    "taker_fees_dollars",
    "taker_fill_cost_dollars",
    "taker_outcome_side",
    "taker_side",
    "ticker",
    "time",
    "title",
    "trade_id",
    "ts",
    "ts_ms",
    "type",
    "user_id",
    "volume",
    "volume_fp",
    "yes_sub_title",
    "start",
];

/// Kalshi's further members, of prices and ranges.
const KALSHI_PRICES: [&str; 14] = [
    "end",
    "no_ask_dollars",
    "no_bid_dollars",
    "step",
    "yes",
    "yes_ask",
    "yes_ask_dollars",
    "yes_ask_size_fp",
    "yes_bid",
    "yes_bid_dollars",
    "yes_bid_size_fp",
    "yes_dollars",
    "yes_dollars_fp",
    "yes_price_dollars",
];

/// What was met that no document knows.
#[derive(Clone, Debug, Default)]
pub struct Drift {
    fields: BTreeMap<String, u64>,
    further_fields: u64,
    frames: VecDeque<Box<[u8]>>,
    unknown_frames: u64,
    /// Instruments that the last payload's unknown messages name.
    touched: Vec<InstrumentId>,
    has_unknown: bool,
}

impl Drift {
    /// Unknown members by name, with how often they came.
    pub fn fields(&self) -> impl Iterator<Item = (&str, u64)> {
        self.fields.iter().map(|(name, count)| (name.as_str(), *count))
    }

    /// Unknown members beyond those that are counted by name.
    #[must_use]
    pub const fn further_fields(&self) -> u64 {
        self.further_fields
    }

    /// The newest frames of an unknown type or shape, oldest first, cut.
    pub fn frames(&self) -> impl Iterator<Item = &[u8]> {
        self.frames.iter().map(|frame| &**frame)
    }

    /// How many of them came.
    #[must_use]
    pub const fn unknown_frames(&self) -> u64 {
        self.unknown_frames
    }

    /// Instruments that the last payload's unknown messages name.
    pub(crate) fn touched(&self) -> &[InstrumentId] {
        &self.touched
    }

    /// Whether the last payload held a message of an unknown type.
    pub(crate) const fn has_unknown(&self) -> bool {
        self.has_unknown
    }

    /// Another payload begins.
    pub(super) fn begin(&mut self) {
        self.touched.clear();
        self.has_unknown = false;
    }

    /// Looks at the messages of a payload that could be read.
    pub(super) fn inspect(
        &mut self,
        kind: VenueKind,
        root: Json<'_>,
        ids: &IdTable,
        kinds: &[MessageKind],
    ) {
        match root.elements() {
            None => self.inspect_one(kind, root, ids, kinds.first()),
            Some(elements) => {
                for (message, of) in elements.zip(kinds) {
                    self.inspect_one(kind, message, ids, Some(of));
                }
            }
        }
    }

    fn inspect_one(
        &mut self,
        kind: VenueKind,
        message: Json<'_>,
        ids: &IdTable,
        of: Option<&MessageKind>,
    ) {
        if of == Some(&MessageKind::Foreign) {
            return;
        }
        if of != Some(&MessageKind::Unknown) {
            self.count_names(kind, message, DEPTH_MAX);
            return;
        }
        self.has_unknown = true;
        let body = message.get("msg").unwrap_or(message);
        for key in ["asset_id", "market_ticker", "ticker"] {
            let native = body.get(key).and_then(Json::text);
            self.touched.extend(native.and_then(|native| ids.get(native.as_bytes())));
        }
    }

    /// Keeps a frame that holds an unknown type, or that could not be read.
    pub(crate) fn keep(&mut self, payload: &[u8]) {
        self.unknown_frames = self.unknown_frames.saturating_add(1);
        if self.frames.len() >= FRAMES_MAX {
            self.frames.pop_front();
        }
        let kept = payload.get(..FRAME_BYTES_MAX).unwrap_or(payload);
        self.frames.push_back(kept.into());
    }

    fn count_names(&mut self, kind: VenueKind, value: Json<'_>, depth: u32) {
        if depth == 0 {
            return;
        }
        for (name, member) in value.members() {
            if !is_known(kind, name) {
                self.count(name);
            }
            // Elements of one list are alike.
            let inner = member.elements().and_then(|mut list| list.next()).unwrap_or(member);
            if inner.is_object() {
                self.count_names(kind, inner, depth - 1);
            }
        }
    }

    fn count(&mut self, name: &str) {
        let end = name.floor_char_boundary(NAME_BYTES_MAX);
        let name = name.get(..end).unwrap_or_default();
        if let Some(count) = self.fields.get_mut(name) {
            *count = count.saturating_add(1);
        } else if self.fields.len() < NAMES_MAX {
            self.fields.insert(name.to_owned(), 1);
        } else {
            self.further_fields = self.further_fields.saturating_add(1);
        }
    }
}

fn is_known(kind: VenueKind, name: &str) -> bool {
    match kind {
        VenueKind::Polymarket => POLYMARKET.contains(&name),
        VenueKind::Kalshi => KALSHI.contains(&name) || KALSHI_PRICES.contains(&name),
    }
}
