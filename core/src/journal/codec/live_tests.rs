//! Every record of orders on venues that there can be.

use super::{exact, price, qty, side};
use crate::journal::live::{
    AccountRecord, BasketRecord, BasketStep, FillStep, LiveFill, LiveRecord, NativeText, Origin,
    Placed,
};
use dutchbook_book::{BookId, Cash, InstrumentId, Nanos, QtyChange, VenueId};
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::order::fills::{FillNews, Settlement, TradeKey};
use dutchbook_exec::order::live::{End, Evidence};
use dutchbook_exec::{OrderId, TradeId};
use proptest::prelude::*;
use proptest::sample::select;

fn news() -> impl Strategy<Value = FillNews> {
    let settlement = select(vec![
        Settlement::Provisional,
        Settlement::Mined,
        Settlement::Confirmed,
        Settlement::Failed,
    ]);
    (any::<u128>(), price(), qty(), exact(), settlement).prop_map(
        |(trade, price, qty, fee, settlement)| FillNews {
            trade: TradeKey(trade),
            price,
            qty,
            fee,
            settlement,
        },
    )
}

fn evidence() -> impl Strategy<Value = Evidence> {
    let end = select(vec![End::Cancelled, End::Expired, End::Filled]);
    prop_oneof![
        select(vec![
            Evidence::Journalled,
            Evidence::Refused,
            Evidence::NoAnswer,
            Evidence::Acknowledged,
            Evidence::Resting,
            Evidence::Traded,
            Evidence::CancelFoundNothing,
        ]),
        any::<u64>().prop_map(|at| Evidence::Sent(Nanos(at))),
        any::<u64>().prop_map(|at| Evidence::NotFound(Nanos(at))),
        qty().prop_map(Evidence::Filled),
        news().prop_map(Evidence::Fill),
        (end, proptest::option::of(qty())).prop_map(|(end, total)| Evidence::Ended(end, total)),
    ]
}

fn placed() -> impl Strategy<Value = LiveRecord> {
    let hash = proptest::option::of(any::<[u8; 32]>());
    let budget = proptest::option::of(any::<i64>().prop_map(Cash::from_micro));
    (any::<u64>(), any::<u32>(), hash, price(), qty(), budget).prop_map(
        |(order, venue, hash, limit, qty, budget)| {
            let (order, venue) = (OrderId(order), VenueId(venue));
            LiveRecord::Placed(Placed { order, venue, hash, limit, qty, budget })
        },
    )
}

fn fill() -> impl Strategy<Value = LiveRecord> {
    let step = select(FillStep::ALL.to_vec());
    (any::<u64>(), any::<u32>(), side(), step, news(), qty()).prop_map(
        |(order, instrument, side, step, news, delivered)| {
            let (order, instrument) = (OrderId(order), InstrumentId(instrument));
            LiveRecord::Fill(LiveFill { order, instrument, side, step, news, delivered })
        },
    )
}

fn basket() -> impl Strategy<Value = LiveRecord> {
    let step = select(BasketStep::ALL.to_vec());
    let ids = (any::<u64>(), any::<u64>(), any::<u16>(), any::<u32>());
    (0..3, ids, any::<i64>(), any::<u32>(), qty(), step).prop_map(
        |(which, (trade, decision, count, instrument), payoff, ratio_micro, lot, step)| {
            let trade = TradeId(trade);
            LiveRecord::Basket(match which {
                0 => BasketRecord::Open { trade, decision, payoff, leg_count: count },
                1 => BasketRecord::Leg {
                    trade,
                    leg_index: count,
                    instrument: InstrumentId(instrument),
                    ratio_micro,
                    lot,
                },
                _ => BasketRecord::Step { trade, step },
            })
        },
    )
}

fn account() -> impl Strategy<Value = LiveRecord> {
    let origin = select(Origin::ALL.to_vec());
    let ids = (any::<u32>(), any::<u32>(), any::<u32>());
    (0..4, ids, exact(), any::<i64>(), qty(), origin).prop_map(
        |(which, (id, compared, different), cash, change, qty, origin)| {
            let venue = VenueId(id);
            LiveRecord::Account(match which {
                0 => AccountRecord::Transfer { venue, cash, origin },
                1 => AccountRecord::Moved {
                    instrument: InstrumentId(id),
                    qty: QtyChange::from_micro(change),
                    cost: cash,
                    origin,
                },
                2 => AccountRecord::Merged { book: BookId(id), qty },
                _ => AccountRecord::Reconciled { venue, cash, compared, different },
            })
        },
    )
}

pub(super) fn live() -> impl Strategy<Value = LiveRecord> {
    prop_oneof![
        (any::<u64>(), any::<bool>())
            .prop_map(|(boot, is_live)| LiveRecord::Boot { boot: Boot(boot), is_live }),
        placed(),
        (any::<u64>(), any::<u64>(), any::<bool>()).prop_map(|(order, request, is_cancel)| {
            LiveRecord::Sent { order: OrderId(order), request, is_cancel }
        }),
        (any::<u64>(), "[!-~]{0,64}").prop_map(|(order, text)| LiveRecord::Named {
            order: OrderId(order),
            id: NativeText::of(&text).unwrap(),
        }),
        (any::<u64>(), evidence())
            .prop_map(|(order, evidence)| LiveRecord::Evidence { order: OrderId(order), evidence }),
        fill(),
        basket(),
        account(),
    ]
}
