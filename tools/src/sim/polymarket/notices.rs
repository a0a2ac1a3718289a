//! What the venue's web site would show in its bell: fills and cancellations.

use std::collections::{BTreeMap, VecDeque};

use alloy_primitives::Address;
use dutchbook_book::Nanos;

use super::super::text::put;

/// How many notices one wallet keeps; the oldest go.
const KEPT_MAX: usize = 200;

/// What a notice is about, by the venue's own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoticeKind {
    /// An order was cancelled.
    Cancelled,
    /// An order was filled, in part at least.
    Filled,
}

impl NoticeKind {
    const fn number(self) -> u8 {
        match self {
            Self::Cancelled => 1,
            Self::Filled => 2,
        }
    }
}

#[derive(Clone, Debug)]
struct Notice {
    id: u64,
    kind: NoticeKind,
    payload: String,
    at: Nanos,
}

/// All notices, by the wallet whose keys read them.
#[derive(Clone, Debug, Default)]
pub(super) struct Notices {
    by_holder: BTreeMap<Address, VecDeque<Notice>>,
    count: u64,
}

impl Notices {
    /// Keeps one more; `payload` is a JSON object.
    pub(super) fn add(&mut self, holder: Address, kind: NoticeKind, payload: String, at: Nanos) {
        self.count += 1;
        let list = self.by_holder.entry(holder).or_default();
        list.push_back(Notice { id: self.count, kind, payload, at });
        if list.len() > KEPT_MAX {
            list.pop_front();
        }
    }

    /// Forgets those of a wallet that are named.
    pub(super) fn forget(&mut self, holder: Address, ids: &[u64]) {
        if let Some(list) = self.by_holder.get_mut(&holder) {
            list.retain(|notice| !ids.contains(&notice.id));
        }
    }

    /// Those of a wallet, oldest first, as a JSON array.
    pub(super) fn text(&self, holder: Address, api_key: &str) -> String {
        let mut text = String::from("[");
        for (index, notice) in self.by_holder.get(&holder).into_iter().flatten().enumerate() {
            let between = if index == 0 { "" } else { "," };
            put!(
                text,
                r#"{between}{{"id":{},"type":{},"owner":"{api_key}","payload":{},"timestamp":{}}}"#,
                notice.id,
                notice.kind.number(),
                notice.payload,
                notice.at.0 / 1_000_000_000
            );
        }
        text.push(']');
        text
    }
}
