//! What a run leaves behind, as an object and as a page.

use dutchbook_book::catalog::Catalog;
use dutchbook_core::audit;
use dutchbook_core::risk::guard::GuardEnd;
use dutchbook_core::topology::Stream;
use serde_json::{Value, json};

use crate::demo::report::{AuditEnd, DemoReport};

/// What a run leaves behind: the demo's report, and what the second opinion found.
#[derive(Debug)]
pub struct RunReport {
    pub(super) report: DemoReport,
    pub(super) audit: audit::Ended,
    pub(super) sockets: Vec<Value>,
    pub(super) guard: GuardEnd,
}

/// What each socket carries.
pub(super) fn sockets(streams: &[Stream], catalog: &Catalog) -> Vec<Value> {
    let row = |stream: &Stream| {
        let first = stream.books.first().and_then(|book| catalog.listing(*book));
        let mut row = json!({
            "venue": stream.kind.name(),
            "books": stream.books.len(),
            "first": first.map(|listing| listing.native_market.clone()),
        });
        if let Some(race) = &stream.endpoint.race {
            let lanes = race.table.lanes(race.sockets).into_iter().map(|lane| {
                let [mean, max] = lane.late_ns;
                json!({
                    "connects": lane.connects, "first": lane.first, "late": lane.late,
                    "late_ns_mean": mean, "late_ns_max": max,
                })
            });
            row["race"] = lanes.collect();
        }
        row
    };
    streams.iter().map(row).collect()
}

impl RunReport {
    /// Whether the kill switch has ended the run.
    #[must_use]
    pub const fn is_killed(&self) -> bool {
        self.guard.cause.is_some()
    }

    fn killed(&self) -> Value {
        match self.guard.cause {
            None => Value::Null,
            Some(cause) => json!({
                "cause": cause.name(),
                "causes": self.guard.causes.iter().map(|cause| cause.name()).collect::<Vec<_>>(),
                "said": self.guard.said,
                "venues": self.guard.swept,
            }),
        }
    }

    /// The report as one object: the demo's, and what the second opinion found.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut value = self.report.json();
        if let Value::Object(object) = &mut value {
            object.shift_remove("seed");
            let feeds = self.report.feeds.iter().zip(&self.sockets);
            let sockets: Vec<Value> = feeds
                .map(|((_, counters), socket)| {
                    let mut socket = socket.clone();
                    for (name, count) in [
                        ("messages", counters.messages),
                        ("snapshots", counters.snapshots),
                        ("connects", counters.connects),
                        ("gaps", counters.gaps),
                        ("resyncs", counters.resyncs),
                        ("stale", counters.stale),
                        ("frozen", counters.frozen),
                    ] {
                        socket[name] = json!(count);
                    }
                    socket
                })
                .collect();
            object.insert("sockets".to_owned(), Value::Array(sockets));
            let is_equal = self.report.audit.as_ref().is_some_and(AuditEnd::is_equal);
            object.insert("books_equal_venue".to_owned(), json!(is_equal));
            object.insert("markets_refused".to_owned(), json!(self.audit.refused));
            object.insert("trouble".to_owned(), json!(self.report.trouble));
            object.insert("killed".to_owned(), self.killed());
            let http = self.audit.http;
            object.insert(
                "http".to_owned(),
                json!({
                    "requests": http.requests, "retries": http.retries, "connects": http.connects,
                    "failures": http.failures, "bytes": http.bytes,
                }),
            );
        }
        value
    }

    /// The report as a page of text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut page =
            format!("dutchbook run: {} s, {}\n\n", self.report.seconds, self.report.topology);
        page.push_str(&self.report.body());
        if let Some(cause) = self.guard.cause {
            page.push_str(&format!("the kill switch was pulled by {}\n", cause.name()));
            for then in self.guard.causes.iter().filter(|then| **then != cause) {
                page.push_str(&format!("then by {}\n", then.name()));
            }
            for line in &self.guard.said {
                page.push_str(&format!("  {line}\n"));
            }
            for swept in &self.guard.swept {
                page.push_str(&format!("{}\n", swept.line()));
            }
            page.push_str("it holds until `dutchbook clear --by NAME`\n");
        }
        page
    }
}
