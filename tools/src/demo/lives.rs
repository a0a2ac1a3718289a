//! The lives of opportunities as a report tells them: all together by kind and venues, and the best
//! ones each with its size and net edge over time, read off the journal.

use std::collections::BTreeMap;

use dutchbook_book::Cash;
use dutchbook_core::eval::basket::BasketKind;
use dutchbook_core::journal::Record;
use dutchbook_core::opportunity::{Cause, KindSummary, OpportunityLife, Venues};
use serde_json::{Map, Value, json};

use super::view::{dollars, life};

/// Lives whose course is kept; the least worth gives way.
const TRACES_MAX: usize = 64;
/// Points of one course.
const POINTS_MAX: usize = 32;
/// Courses that a report shows.
const SHOWN_MAX: usize = 10;

/// Lives by kind and venues.
pub type Summaries = Vec<(BasketKind, Venues, KindSummary)>;

/// One life as it went.
#[derive(Clone, Debug)]
struct Trace {
    last: OpportunityLife,
    /// Milliseconds since its birth, size, net edge.
    points: Vec<(u64, String, Cash)>,
}

/// The courses of the best lives so far.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    by_id: BTreeMap<u64, Trace>,
}

impl Traces {
    /// Takes one record of the journal.
    pub fn take(&mut self, record: &Record) {
        let Record::Life { life, .. } = record else { return };
        let is_open = life.cause == Cause::EndOfRun;
        let trace = self
            .by_id
            .entry(life.id.0)
            .or_insert_with(|| Trace { last: *life, points: Vec::new() });
        trace.last = *life;
        if is_open && trace.points.len() < POINTS_MAX {
            let ms = life.died_ns.since(life.born_ns).millis();
            trace.points.push((ms, life.size.to_string(), life.net_edge));
        }
        if self.by_id.len() > TRACES_MAX {
            let worth = |trace: &Trace| trace.last.best_net_edge;
            let least = self.by_id.iter().min_by_key(|(_, trace)| worth(trace)).map(|(id, _)| *id);
            if let Some(least) = least {
                self.by_id.remove(&least);
            }
        }
    }

    /// The best lives, best first.
    fn best(&self) -> Vec<&Trace> {
        let mut best: Vec<&Trace> = self.by_id.values().collect();
        best.sort_by_key(|trace| core::cmp::Reverse(trace.last.best_net_edge));
        best.truncate(SHOWN_MAX);
        best
    }

    /// The best lives for machines.
    #[must_use]
    pub fn json(&self) -> Value {
        let one = |trace: &Trace| {
            let OpportunityLife { id, kind, venues, best_size, best_net_edge, .. } = trace.last;
            let points = trace.points.iter();
            json!({
                "id": id.0,
                "kind": kind.name(),
                "venues": venues.name(),
                "lived_ms": trace.last.span().millis(),
                "updates": trace.last.updates,
                "traded": trace.last.is_traded,
                "cause": trace.last.cause.name(),
                "best_size": best_size.to_string(),
                "best_net": best_net_edge.to_string(),
                "course": points
                    .map(|(ms, size, net)| json!({"ms": ms, "size": size, "net": net.to_string()}))
                    .collect::<Vec<_>>(),
            })
        };
        self.best().into_iter().map(one).collect()
    }
}

/// Lives by kind and venues, for machines.
#[must_use]
pub fn summaries_json(summaries: &Summaries) -> Value {
    let one = |(kind, venues, summary): &(BasketKind, Venues, KindSummary)| {
        let died: Map<String, Value> = Cause::ALL
            .into_iter()
            .zip(summary.died)
            .filter(|(_, count)| *count > 0)
            .map(|(cause, count)| (cause.name().to_owned(), json!(count)))
            .collect();
        json!({
            "kind": kind.name(),
            "venues": venues.name(),
            "born": summary.born,
            "died": died,
            "updates": summary.updates,
            "mean_ms": summary.span_ns_mean() / 1_000_000,
            "longest_ms": summary.span_ns_max / 1_000_000,
            "best_net_sum": summary.best_net_edge_sum.to_string(),
            "best_net": summary.best_net_edge_max.to_string(),
        })
    };
    summaries.iter().map(one).collect()
}

/// Lives by kind and venues, for a person: a row each, with what ended them.
#[must_use]
pub fn summaries_text(summaries: &Summaries) -> String {
    let mut page = String::from(
        "opportunities   on                  count  mean life  longest   best net  ended by\n",
    );
    for (kind, venues, summary) in summaries {
        let ends: Vec<String> = Cause::ALL
            .into_iter()
            .zip(summary.died)
            .filter(|(_, count)| *count > 0)
            .map(|(cause, count)| format!("{count} {}", cause.name().replace('_', " ")))
            .collect();
        page.push_str(&format!(
            "{:<14} {:<19} {:>6}  {:>9}  {:>7}  {:>9}  {}\n",
            kind.name(),
            venues.name(),
            summary.born,
            life(summary.span_ns_mean() / 1_000_000),
            life(summary.span_ns_max / 1_000_000),
            dollars(summary.best_net_edge_max.cash_floor().unwrap_or_default()),
            ends.join(", "),
        ));
    }
    page
}
