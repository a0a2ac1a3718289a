//! The same work over simd-json's tape: buffers and tape are kept, one forward pass, no allocation.

use dutchbook_book::{Price, Side};
use dutchbook_feeds::batch::{Batch, UpdateKind};
use dutchbook_feeds::ids::IdTable;
use simd_json::{Buffers, Node, StaticNode, Tape};

use crate::rivals::{
    UNSTATED, best, kalshi_level, look_up, polymarket_level, push, set_sequence, update,
};

/// Kept between messages. simd-json rewrites its input, so that a copy is part of the work; it is
/// made with the room behind it that spares the parser a copy of its own.
#[derive(Default)]
pub(crate) struct TapeParser {
    copy: Vec<u8>,
    buffers: Buffers,
    tape: Option<Tape<'static>>,
}

/// A walk over the nodes.
struct Nodes<'t, 'a> {
    nodes: &'t [Node<'a>],
    at: usize,
}

impl<'t, 'a> Nodes<'t, 'a> {
    fn next(&mut self) -> Option<&'t Node<'a>> {
        let node = self.nodes.get(self.at);
        self.at += 1;
        node
    }

    fn text(&mut self) -> Option<&'a str> {
        match self.next()? {
            Node::String(text) => Some(text),
            Node::Object { .. } | Node::Array { .. } | Node::Static(_) => None,
        }
    }

    fn number(&mut self) -> Option<u64> {
        match self.next()? {
            Node::Static(StaticNode::U64(number)) => Some(*number),
            Node::Static(StaticNode::I64(number)) => u64::try_from(*number).ok(),
            Node::Static(_) | Node::String(_) | Node::Object { .. } | Node::Array { .. } => None,
        }
    }

    fn object(&mut self) -> Option<usize> {
        match self.next()? {
            Node::Object { len, .. } => Some(*len),
            Node::String(_) | Node::Array { .. } | Node::Static(_) => None,
        }
    }

    fn array(&mut self) -> Option<usize> {
        match self.next()? {
            Node::Array { len, .. } => Some(*len),
            Node::String(_) | Node::Object { .. } | Node::Static(_) => None,
        }
    }

    fn skip(&mut self) {
        let count = match self.nodes.get(self.at) {
            Some(Node::Object { count, .. } | Node::Array { count, .. }) => *count,
            Some(Node::String(_) | Node::Static(_)) | None => 0,
        };
        self.at += count + 1;
    }
}

impl TapeParser {
    fn with(
        &mut self,
        bytes: &[u8],
        read: impl FnOnce(&mut Nodes<'_, '_>) -> Option<()>,
    ) -> Option<()> {
        let needed = bytes.len() + simd_json::INPUT_PADDING;
        if self.copy.len() < needed {
            self.copy.resize(needed, 0);
        }
        self.copy[..bytes.len()].copy_from_slice(bytes);
        self.copy[bytes.len()..needed].fill(0);
        let mut tape = self.tape.take().unwrap_or_else(Tape::null).reset();
        simd_json::fill_tape_padded(
            &mut self.copy[..needed],
            bytes.len(),
            &mut self.buffers,
            &mut tape,
        )
        .ok()?;
        let done = read(&mut Nodes { nodes: &tape.0, at: 0 });
        self.tape = Some(tape.reset());
        done
    }

    pub(crate) fn price_change(
        &mut self,
        bytes: &[u8],
        ids: &IdTable,
        batch: &mut Batch,
    ) -> Option<()> {
        batch.clear();
        self.with(bytes, |nodes| {
            let mut ts_ms = 0;
            for _ in 0..nodes.object()? {
                match nodes.text()? {
                    "price_changes" => changes(nodes, ids, batch)?,
                    "timestamp" => ts_ms = nodes.text()?.parse().ok()?,
                    _ => nodes.skip(),
                }
            }
            let first = batch.levels.first()?.instrument;
            update(batch, UpdateKind::Set, first, ts_ms);
            Some(())
        })
    }

    pub(crate) fn book(&mut self, bytes: &[u8], ids: &IdTable, batch: &mut Batch) -> Option<()> {
        batch.clear();
        self.with(bytes, |nodes| {
            let (mut ts_ms, mut id) = (0, "");
            for _ in 0..nodes.object()? {
                match nodes.text()? {
                    "asset_id" => id = nodes.text()?,
                    "bids" => levels(nodes, (look_up(ids, id), Side::Buy), batch)?,
                    "asks" => levels(nodes, (look_up(ids, id), Side::Sell), batch)?,
                    "timestamp" => ts_ms = nodes.text()?.parse().ok()?,
                    _ => nodes.skip(),
                }
            }
            update(batch, UpdateKind::Snapshot, look_up(ids, id), ts_ms);
            Some(())
        })
    }

    pub(crate) fn kalshi_delta(
        &mut self,
        bytes: &[u8],
        ids: &IdTable,
        batch: &mut Batch,
    ) -> Option<()> {
        batch.clear();
        self.with(bytes, |nodes| {
            let (mut sid, mut seq) = (0, 0);
            for _ in 0..nodes.object()? {
                match nodes.text()? {
                    "sid" => sid = u32::try_from(nodes.number()?).ok()?,
                    "seq" => seq = nodes.number()?,
                    "msg" => delta(nodes, ids, batch)?,
                    _ => nodes.skip(),
                }
            }
            set_sequence(batch, sid, seq);
            Some(())
        })
    }

    pub(crate) fn kalshi_snapshot(
        &mut self,
        bytes: &[u8],
        ids: &IdTable,
        batch: &mut Batch,
    ) -> Option<()> {
        batch.clear();
        self.with(bytes, |nodes| {
            let (mut sid, mut seq) = (0, 0);
            for _ in 0..nodes.object()? {
                match nodes.text()? {
                    "sid" => sid = u32::try_from(nodes.number()?).ok()?,
                    "seq" => seq = nodes.number()?,
                    "msg" => snapshot(nodes, ids, batch)?,
                    _ => nodes.skip(),
                }
            }
            set_sequence(batch, sid, seq);
            Some(())
        })
    }
}

fn changes(nodes: &mut Nodes<'_, '_>, ids: &IdTable, batch: &mut Batch) -> Option<()> {
    for _ in 0..nodes.array()? {
        change(nodes, ids, batch)?;
    }
    Some(())
}

fn change(nodes: &mut Nodes<'_, '_>, ids: &IdTable, batch: &mut Batch) -> Option<()> {
    let (mut id, mut price, mut size, mut side) = ("", "", "", Side::Buy);
    let (mut bid, mut ask) = ("", "");
    for _ in 0..nodes.object()? {
        match nodes.text()? {
            "asset_id" => id = nodes.text()?,
            "price" => price = nodes.text()?,
            "size" => size = nodes.text()?,
            "side" => side = if nodes.text()? == "BUY" { Side::Buy } else { Side::Sell },
            "best_bid" => bid = nodes.text()?,
            "best_ask" => ask = nodes.text()?,
            _ => nodes.skip(),
        }
    }
    let best = (best(bid, Price::ZERO)?, best(ask, Price::ONE)?);
    push(batch, (look_up(ids, id), side), polymarket_level(price, size)?, best);
    Some(())
}

fn levels(
    nodes: &mut Nodes<'_, '_>,
    face: (dutchbook_book::InstrumentId, Side),
    batch: &mut Batch,
) -> Option<()> {
    for _ in 0..nodes.array()? {
        let (mut price, mut size) = ("", "");
        for _ in 0..nodes.object()? {
            match nodes.text()? {
                "price" => price = nodes.text()?,
                "size" => size = nodes.text()?,
                _ => nodes.skip(),
            }
        }
        push(batch, face, polymarket_level(price, size)?, UNSTATED);
    }
    Some(())
}

fn delta(nodes: &mut Nodes<'_, '_>, ids: &IdTable, batch: &mut Batch) -> Option<()> {
    let (mut ticker, mut price, mut count, mut side, mut ts_ms) = ("", "", "", "", 0);
    for _ in 0..nodes.object()? {
        match nodes.text()? {
            "market_ticker" => ticker = nodes.text()?,
            "price_dollars" => price = nodes.text()?,
            "delta_fp" => count = nodes.text()?,
            "side" => side = nodes.text()?,
            "ts_ms" => ts_ms = nodes.number()?,
            _ => nodes.skip(),
        }
    }
    let yes = look_up(ids, ticker);
    let instrument = if side == "yes" { yes } else { yes.complement() };
    push(batch, (instrument, Side::Buy), kalshi_level(price, count)?, UNSTATED);
    update(batch, UpdateKind::Add, instrument, ts_ms);
    Some(())
}

fn snapshot(nodes: &mut Nodes<'_, '_>, ids: &IdTable, batch: &mut Batch) -> Option<()> {
    let mut ticker = "";
    for _ in 0..nodes.object()? {
        let is_yes = match nodes.text()? {
            "market_ticker" => {
                ticker = nodes.text()?;
                continue;
            }
            "yes_dollars_fp" => true,
            "no_dollars_fp" => false,
            _ => {
                nodes.skip();
                continue;
            }
        };
        let yes = look_up(ids, ticker);
        let instrument = if is_yes { yes } else { yes.complement() };
        for _ in 0..nodes.array()? {
            nodes.array()?;
            let level = kalshi_level(nodes.text()?, nodes.text()?)?;
            push(batch, (instrument, Side::Buy), level, UNSTATED);
        }
    }
    update(batch, UpdateKind::Snapshot, look_up(ids, ticker), 0);
    Some(())
}
