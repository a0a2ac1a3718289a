//! Order groups: a fuse for a market maker. Too many contracts matched within 15 s, and all orders
//! of the group are cancelled and new ones refused until it is reset.

use std::collections::{BTreeMap, VecDeque};

use dutchbook_book::{Nanos, Qty};
use serde_json::{Value, json};

use super::super::floor::Floor;
use super::super::matching::OwnerId;
use super::super::text::{Count2, uuid};
use super::fills::tell;
use super::orders::Order;
use super::private;
use super::query::Body;
use super::refusal::Refusal;
use super::venue::Venue;

/// How long a match counts.
const WINDOW: Nanos = Nanos::from_secs(15);
/// The largest limit, in contracts.
const LIMIT_MAX: u64 = 1_000_000;
/// Groups of one member.
const GROUPS_MAX: usize = 10_000;

/// One group.
#[derive(Clone, Debug)]
pub(super) struct Group {
    limit: Option<Qty>,
    pub(super) is_triggered: bool,
    matched: VecDeque<(Nanos, Qty)>,
}

impl Group {
    /// Whether what was matched lately reaches the limit.
    fn is_blown(&mut self, now: Nanos) -> bool {
        while self.matched.front().is_some_and(|(at, _)| now.since(*at) >= WINDOW) {
            self.matched.pop_front();
        }
        let add = |sum: Qty, (_, qty): &(Nanos, Qty)| sum.checked_add(*qty).unwrap_or(Qty::MAX);
        let sum = self.matched.iter().fold(Qty::ZERO, add);
        self.limit.is_some_and(|limit| sum >= limit)
    }

    fn limit(&self) -> Option<String> {
        self.limit.map(|limit| Count2(limit).to_string())
    }
}

/// The groups of all members.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    list: BTreeMap<(OwnerId, String), Group>,
    count: u64,
}

/// What a group's limit is set to.
pub(super) fn limit_of(body: &Body) -> Result<Option<Qty>, Refusal> {
    let refused = || Refusal::bad_request("contracts_limit must be between 1 and 1000000");
    let text = body.text("contracts_limit_fp")?;
    let fixed = text.map(|text| super::number::count(text).ok_or_else(refused)).transpose()?;
    let whole = body.int("contracts_limit")?;
    let whole = whole
        .map(|count| u64::try_from(count).ok().and_then(Qty::from_contracts).ok_or_else(refused));
    let limit = fixed.or(whole.transpose()?);
    let max = Qty::from_contracts(LIMIT_MAX).unwrap_or(Qty::MAX);
    match limit {
        Some(limit) if limit < Qty::ONE || limit > max => Err(refused()),
        other => Ok(other),
    }
}

impl Groups {
    /// Makes a group and returns its id.
    pub(super) fn create(
        &mut self,
        owner: OwnerId,
        limit: Option<Qty>,
        seed: u64,
    ) -> Result<String, Refusal> {
        if self.of(owner).count() >= GROUPS_MAX {
            return Err(Refusal::too_many("order_group_limit_exceeded"));
        }
        self.count += 1;
        let id = uuid(seed ^ self.count);
        let group = Group { limit, is_triggered: false, matched: VecDeque::new() };
        self.list.insert((owner, id.clone()), group);
        Ok(id)
    }

    fn of(&self, owner: OwnerId) -> impl Iterator<Item = (&str, &Group)> {
        let range = (owner, String::new())..;
        let from = self.list.range(range).take_while(move |((other, _), _)| *other == owner);
        from.map(|((_, id), group)| (id.as_str(), group))
    }

    /// A member's group.
    pub(super) fn get_mut(&mut self, owner: OwnerId, id: &str) -> Result<&mut Group, Refusal> {
        self.list.get_mut(&(owner, id.to_owned())).ok_or_else(Refusal::not_found)
    }

    /// A group is gone.
    pub(super) fn remove(&mut self, owner: OwnerId, id: &str) -> Result<(), Refusal> {
        let gone = self.list.remove(&(owner, id.to_owned()));
        gone.map(drop).ok_or_else(Refusal::not_found)
    }

    /// Counts a match; true when it blows the fuse.
    pub(super) fn matched(&mut self, owner: OwnerId, id: &str, qty: Qty, now: Nanos) -> bool {
        let Ok(group) = self.get_mut(owner, id) else { return false };
        group.matched.push_back((now, qty));
        let blows = !group.is_triggered && group.is_blown(now);
        group.is_triggered |= blows;
        blows
    }

    /// Sets the limit; true when that blows the fuse.
    pub(super) fn set_limit(
        &mut self,
        owner: OwnerId,
        id: &str,
        limit: Option<Qty>,
        now: Nanos,
    ) -> Result<bool, Refusal> {
        let group = self.get_mut(owner, id)?;
        group.limit = limit;
        let blows = !group.is_triggered && group.is_blown(now);
        group.is_triggered |= blows;
        Ok(blows)
    }

    /// Orders are taken again, and nothing has been matched.
    pub(super) fn reset(&mut self, owner: OwnerId, id: &str) -> Result<(), Refusal> {
        let group = self.get_mut(owner, id)?;
        group.is_triggered = false;
        group.matched.clear();
        Ok(())
    }

    /// `GET /portfolio/order_groups`.
    pub(super) fn list(&self, owner: OwnerId) -> Value {
        let each = self.of(owner).map(|(id, group)| {
            let mut value = json!({
                "exchange_index": 0,
                "id": id,
                "is_auto_cancel_enabled": true,
            });
            if let (Some(map), Some(limit)) = (value.as_object_mut(), group.limit()) {
                map.insert("contracts_limit_fp".to_owned(), limit.into());
            }
            value
        });
        json!({ "order_groups": each.collect::<Vec<_>>() })
    }

    /// `GET /portfolio/order_groups/{id}`, with the orders that rest in it.
    pub(super) fn show(
        &mut self,
        owner: OwnerId,
        id: &str,
        orders: &[String],
    ) -> Result<Value, Refusal> {
        let group = self.get_mut(owner, id)?;
        let mut value = json!({
            "exchange_index": 0,
            "is_auto_cancel_enabled": true,
            "orders": orders,
        });
        if let (Some(map), Some(limit)) = (value.as_object_mut(), group.limit()) {
            map.insert("contracts_limit_fp".to_owned(), limit.into());
        }
        Ok(value)
    }
}

impl Venue {
    /// `POST /portfolio/order_groups/create`.
    pub(super) fn create_group(
        &mut self,
        floor: &mut Floor<'_>,
        owner: OwnerId,
        limit: Option<Qty>,
    ) -> Result<Value, Refusal> {
        let id = self.groups.create(owner, limit, self.seed)?;
        tell(floor, &private::group(owner, &id, "created", limit, floor.now()));
        Ok(json!({ "exchange_index": 0, "order_group_id": id, "subaccount": 0 }))
    }

    /// `PUT /portfolio/order_groups/{id}/trigger`.
    pub(super) fn trigger_group(
        &mut self,
        floor: &mut Floor<'_>,
        owner: OwnerId,
        id: &str,
    ) -> Result<(), Refusal> {
        self.groups.get_mut(owner, id)?.is_triggered = true;
        self.blow(floor, owner, id);
        Ok(())
    }

    /// `PUT /portfolio/order_groups/{id}/reset`.
    pub(super) fn reset_group(
        &mut self,
        floor: &mut Floor<'_>,
        owner: OwnerId,
        id: &str,
    ) -> Result<(), Refusal> {
        self.groups.reset(owner, id)?;
        tell(floor, &private::group(owner, id, "reset", None, floor.now()));
        Ok(())
    }

    /// `PUT /portfolio/order_groups/{id}/limit`.
    pub(super) fn limit_group(
        &mut self,
        floor: &mut Floor<'_>,
        owner: OwnerId,
        id: &str,
        limit: Option<Qty>,
    ) -> Result<(), Refusal> {
        let blows = self.groups.set_limit(owner, id, limit, floor.now())?;
        tell(floor, &private::group(owner, id, "limit_updated", limit, floor.now()));
        if blows {
            self.blow(floor, owner, id);
        }
        Ok(())
    }

    /// `DELETE /portfolio/order_groups/{id}`: its orders go with it.
    pub(super) fn delete_group(
        &mut self,
        floor: &mut Floor<'_>,
        owner: OwnerId,
        id: &str,
    ) -> Result<(), Refusal> {
        self.groups.remove(owner, id)?;
        self.cancel_group(floor, owner, id);
        tell(floor, &private::group(owner, id, "deleted", None, floor.now()));
        Ok(())
    }

    /// A fuse has blown: everything in the group is cancelled.
    pub(super) fn blow(&mut self, floor: &mut Floor<'_>, owner: OwnerId, id: &str) {
        self.cancel_group(floor, owner, id);
        tell(floor, &private::group(owner, id, "triggered", None, floor.now()));
    }

    fn cancel_group(&mut self, floor: &mut Floor<'_>, owner: OwnerId, id: &str) {
        let is_in = |order: &Order| order.owner == owner && order.group.as_deref() == Some(id);
        for number in self.orders.resting_where(is_in) {
            self.take_out(floor, number, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuse_blows_at_the_limit_within_the_window() {
        let mut groups = Groups::default();
        let (owner, five) = (OwnerId(1), Qty::from_contracts(5));
        let id = groups.create(owner, five, 9).unwrap();
        let at = Nanos::from_secs;
        let three = Qty::from_contracts(3).unwrap();
        assert!(!groups.matched(owner, &id, three, at(100)));
        assert!(!groups.matched(owner, &id, three, at(115)), "the first has been forgotten");
        assert!(groups.matched(owner, &id, three, at(129)));
        assert!(!groups.matched(owner, &id, three, at(129)), "it blows once");
        groups.reset(owner, &id).unwrap();
        assert!(!groups.matched(owner, &id, three, at(130)));
        assert_eq!(groups.set_limit(owner, &id, Qty::from_contracts(2), at(131)), Ok(true));
        assert!(groups.get_mut(OwnerId(2), &id).is_err());
    }

    #[test]
    fn limits_are_whole_or_fixed_and_bounded() {
        let limit = |text: &str| {
            limit_of(&Body::read("CreateOrderGroupRequest", text.as_bytes(), true).unwrap())
        };
        assert_eq!(limit(r#"{"contracts_limit":500}"#), Ok(Qty::from_contracts(500)));
        assert_eq!(limit(r#"{"contracts_limit_fp":"2.50"}"#), Ok(Qty::from_centi(250)));
        assert_eq!(limit(""), Ok(None));
        for bad in [r#"{"contracts_limit":0}"#, r#"{"contracts_limit":1000001}"#] {
            assert!(limit(bad).is_err());
        }
        assert!(limit(r#"{"contracts_limit":"5"}"#).is_err());
    }
}
