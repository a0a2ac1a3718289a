//! The demo's report: one object for machines, one page for people.

use std::collections::BTreeMap;

use dutchbook_book::{Book, BookId, Cash, Exact};
use dutchbook_core::audit::{self, Auditor};
use dutchbook_core::compiler::{self, Counts};
use dutchbook_core::desk::DeskCounts;
use dutchbook_core::engine::Engine;
use dutchbook_core::gateway::Watch;
use dutchbook_core::journal::Decisions;
use dutchbook_core::journal::checker::Findings;
use dutchbook_core::news::run::Heard;
use dutchbook_core::position::Portfolio;
use dutchbook_core::statement::Place;
use dutchbook_core::telemetry::LatencySummary;
use dutchbook_core::tile::stages::Stage;
use dutchbook_exec::order::live::LiveOrder;
use dutchbook_exec::sign::digest_signer::SignCounts;
use dutchbook_feeds::counters::Counters;
use serde_json::{Value, json};

use super::check::VenuesEnd;
use super::lives::{Summaries, Traces, summaries_json, summaries_text};
use super::outcomes::OutcomeRow;
use super::view::{dollars, duration};
use crate::capture::writer::CaptureEnd;
use crate::relations::{Relations, compiled_json, compiled_text};

/// What a demo leaves behind.
#[derive(Debug)]
pub struct DemoReport {
    /// Seed of the run.
    pub seed: u64,
    /// How long it lasted, in seconds.
    pub seconds: u64,
    /// Tiles and wait strategy, in words.
    pub topology: String,
    /// Counters by venue name.
    pub feeds: Vec<(&'static str, Counters)>,
    /// Books that received a snapshot.
    pub books: u64,
    /// What the checker of the decision records found.
    pub findings: Findings,
    /// Every evaluation of a positive sum: how many, and their digest.
    pub decisions: Decisions,
    /// How the capture went, where the run was recorded.
    pub capture: Option<CaptureEnd>,
    /// Lives of opportunities by kind and venues.
    pub kinds: Summaries,
    /// The courses of the best lives.
    pub traces: Traces,
    /// Outcomes that came under way, and what was traded on them.
    pub outcomes: Vec<OutcomeRow>,
    /// What other sources than the venues have said, where one was heard.
    pub news: Option<Heard>,
    /// Fills.
    pub fills: u64,
    /// Trades whose legs were filled unequally.
    pub legged: u64,
    /// Of these, trades completed afterwards.
    pub completed: u64,
    /// Of these, trades unwound.
    pub unwound: u64,
    /// Opportunities that risk refused to trade, evaluations counted.
    pub vetoes: u64,
    /// The same by the gate's reason.
    pub vetoes_by_reason: Vec<(&'static str, u64)>,
    /// Cash, and every open position at its worst.
    pub net_profit: Cash,
    /// What of it stands on a venue's final word that another venue has not paid on yet.
    pub unpaid_winners: Cash,
    /// Fees paid.
    pub fees: Cash,
    /// Receipt of a payload to its published book.
    pub to_book: LatencySummary,
    /// Receipt of a payload to the end of the evaluation that it caused.
    pub to_decision: LatencySummary,
    /// The stages that payloads passed through, one payload in sixteen.
    pub stages: Vec<(Stage, LatencySummary)>,
    /// Every book as the engine had it at the end.
    pub held: Vec<(BookId, Book)>,
    /// What became of the orders, where they were real ones.
    pub orders: Option<OrdersEnd>,
    /// What the engine's books hold at the end.
    pub portfolio: Portfolio,
    /// Markets where the accounts may have something.
    pub places: Vec<Place>,
    /// What the venues say of the run, where they can be asked.
    pub venues: Option<VenuesEnd>,
    /// What the venues' own lists and books said beside the streams; `None` where nobody read them.
    pub audit: Option<AuditEnd>,
    /// By what was traded, and what became of the approved relations.
    pub relations: Relations,
    /// What the compiler has done, where one ran.
    pub compiled: Option<Counts>,
    /// Why connections were lost, and what else a person should know.
    pub trouble: Vec<String>,
    /// Tiles that the system did not let have the core that is configured for them.
    pub pins_refused: usize,
}

/// What reading the venues' lists and books beside the streams came to.
#[derive(Clone, Debug)]
pub struct AuditEnd {
    /// What was counted, by name.
    pub counts: Vec<(&'static str, u64)>,
    /// Books that were compared with the venue's own at the end, over REST.
    pub books_compared: usize,
    /// Markets whose books differed until the end.
    pub books_different: Vec<String>,
}

impl AuditEnd {
    /// Stops the thread that reads them, after its last comparison; what else it leaves behind, too.
    ///
    /// # Errors
    /// When the thread had no runtime, or panicked.
    pub fn of(auditor: Auditor) -> std::io::Result<(Self, audit::Ended)> {
        let counts = auditor.counts().list().to_vec();
        let mut ended = auditor.stop()?;
        let books_different = std::mem::take(&mut ended.books_different);
        Ok((Self { counts, books_compared: ended.books_compared, books_different }, ended))
    }

    /// Whether every book was the venue's own.
    #[must_use]
    pub const fn is_equal(&self) -> bool {
        self.books_compared > 0 && self.books_different.is_empty()
    }

    /// For machines.
    #[must_use]
    pub fn json(&self) -> Value {
        let counts = self.counts.iter().map(|(name, count)| ((*name).to_owned(), json!(count)));
        Value::Object(counts.collect())
    }

    fn text(&self) -> String {
        let counts = self.counts.iter().filter(|(_, count)| *count > 0);
        let counts: Vec<String> = counts.map(|(name, count)| format!("{name} {count}")).collect();
        format!(
            "second opinion over REST: {}; {} books compared at the end, {} different\n",
            counts.join(", "),
            self.books_compared,
            self.books_different.len()
        )
    }
}

/// What became of real orders.
#[derive(Clone, Debug)]
pub struct OrdersEnd {
    /// What the desk has counted.
    pub desk: DeskCounts,
    /// How Polymarket's orders were signed.
    pub signed: SignCounts,
    /// Receipt of a payload to the bytes of the orders that it caused.
    pub to_order: Option<LatencySummary>,
    /// What the gateway has counted.
    pub gateway: Watch,
    /// Orders that nobody could say anything of, at the end.
    pub unknowns: u64,
    /// The sum of the absolute differences between our books and the venues' own, a contract counted
    /// as a dollar; `None` where they were not compared.
    pub difference: Option<Exact>,
    /// Where they differ.
    pub places: Vec<String>,
    /// Orders that were not over and settled at the end, in words.
    pub unsettled: Vec<String>,
}

impl OrdersEnd {
    /// What became of an engine's orders; `None` where it traded on paper.
    #[must_use]
    pub fn of(
        engine: &Engine,
        to_order: Option<LatencySummary>,
        gateway: Option<Watch>,
    ) -> Option<Self> {
        let (desk, gateway) = (engine.desk()?, gateway?);
        Some(Self {
            desk: desk.counts(),
            signed: desk.sign_counts(),
            to_order,
            gateway,
            unknowns: u64::try_from(desk.unknown_count()).unwrap_or(u64::MAX),
            difference: None,
            places: Vec::new(),
            unsettled: desk.unsettled().map(unsettled).collect(),
        })
    }
}

/// An order that is not over, in words.
fn unsettled(order: &LiveOrder) -> String {
    let (id, intent) = (order.id().0, order.intent());
    let (state, need) = (order.state(), order.need());
    let (filled, asked) = (order.filled(), intent.qty);
    format!(
        "order {id} is not over: {state:?}, {filled} of {asked} contracts known as traded, needs \
         {need:?}, {:?}",
        order.contradictions()
    )
}

fn latency_json(summary: &LatencySummary) -> Value {
    json!({
        "p50": summary.p50,
        "p90": summary.p90,
        "p99": summary.p99,
        "p999": summary.p999,
        "max": summary.max,
        "count": summary.count,
        "shed": summary.shed,
    })
}

impl DemoReport {
    /// Takes what other sources than the venues have said, and what of it was not understood.
    pub fn hear(&mut self, heard: Heard) {
        self.trouble.extend(heard.trouble.iter().cloned());
        self.news = Some(heard);
    }

    /// Takes what became of the relations beside the engine, and what went wrong there.
    pub fn compiled_by(&mut self, relations: Relations, ended: compiler::run::Ended) {
        self.trouble.extend(ended.trouble);
        self.relations = Relations { register: ended.register, ..relations };
        self.compiled = Some(ended.counts);
    }

    fn sum(&self, of: impl Fn(&Counters) -> u64) -> u64 {
        self.feeds.iter().map(|(_, counters)| of(counters)).fold(0, u64::saturating_add)
    }

    /// Opportunities begun.
    #[must_use]
    pub fn opportunities(&self) -> u64 {
        self.kinds.iter().map(|(.., summary)| summary.born).fold(0, u64::saturating_add)
    }

    /// Everything that is not as it should be, in words.
    fn notes(&self) -> Vec<String> {
        let venues = self.venues.iter().flat_map(|venues| &venues.unequal);
        let unequal = venues.map(|line| format!("unlike the venue's own: {line}"));
        let orders = self.orders.iter();
        let places = orders.flat_map(|orders| orders.places.iter().chain(&orders.unsettled));
        unequal.chain(places.cloned()).chain(self.trouble.iter().cloned()).collect()
    }

    /// The report as one object; money as decimal strings.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut by_kind: BTreeMap<&str, u64> = BTreeMap::new();
        for (kind, _, summary) in &self.kinds {
            *by_kind.entry(kind.name()).or_default() += summary.born;
        }
        let stages: serde_json::Map<String, Value> = self
            .stages
            .iter()
            .map(|(stage, summary)| (stage.name().to_owned(), latency_json(summary)))
            .collect();
        let mut report = json!({
            "seed": self.seed,
            "seconds": self.seconds,
            "messages": self.sum(|counters| counters.messages),
            "books": self.books,
            "sequence_gaps": self.sum(|counters| counters.gaps),
            "crossed": self.sum(|counters| counters.crossed),
            "resyncs": self.sum(|counters| counters.revived),
            "faults": self.venues.as_ref().map(VenuesEnd::faults_json),
            "books_equal_venue": self.venues.as_ref().map(VenuesEnd::books_equal),
            "decode_errors": self.sum(|counters| counters.decode_errors),
            "decisions": self.decisions.count,
            "decisions_digest": self.decisions.digest,
            "decisions_sent": self.findings.decisions,
            "crossed_decisions": self.findings.crossed_decisions,
            "stale_decisions": self.findings.stale_decisions,
            "mixed_decisions": self.findings.mixed_decisions,
            "opportunities": self.opportunities(),
            "opportunities_by_kind": by_kind,
            "lives": summaries_json(&self.kinds),
            "lives_best": self.traces.json(),
            "news": self.news.as_ref().map(|heard| counts_json(&heard.counts)),
            "resolutions": self.outcomes.iter().map(OutcomeRow::json).collect::<Vec<_>>(),
            "vetoes": self.vetoes,
            "vetoes_by_reason": self.vetoes_by_reason.iter().copied().collect::<BTreeMap<_, _>>(),
            "fills": self.fills,
            "legged": self.legged,
            "completed": self.completed,
            "unwound": self.unwound,
            "pins_refused": self.pins_refused,
            "notes": self.notes(),
            "fees": self.fees.to_string(),
            "net_profit": self.net_profit.to_string(),
            "unpaid_winners": self.unpaid_winners.to_string(),
            "latency_ns": {
                "payload_to_book": latency_json(&self.to_book),
                "payload_to_decision": latency_json(&self.to_decision),
                "stages": stages,
            },
        });
        if let (Some(capture), Some(object)) = (&self.capture, report.as_object_mut()) {
            object.insert("capture".to_owned(), capture.json());
        }
        if let Some(audit) = &self.audit {
            report["audit"] = audit.json();
            report["books_compared"] = json!(audit.books_compared);
            report["books_different"] = json!(audit.books_different);
        }
        report["relations"] = self.relations.json();
        if let Some(counts) = &self.compiled {
            report["compiler"] = compiled_json(counts);
        }
        self.add_orders(&mut report);
        report
    }

    /// Adds what became of real orders.
    fn add_orders(&self, report: &mut Value) {
        report["execution"] = json!(if self.orders.is_some() { "orders" } else { "paper" });
        let Some(orders) = &self.orders else { return };
        let DeskCounts { sent, requests, rejects, unknowns_resolved, reversals, .. } = orders.desk;
        report["orders"] = json!(sent);
        report["order_requests"] = json!(requests);
        report["rejects"] = json!(rejects);
        report["unknowns"] = json!(orders.unknowns);
        report["unknowns_resolved"] = json!(unknowns_resolved);
        report["reversals"] = json!(reversals);
        report["baskets"] = json!(self.findings.decisions);
        let gateway = &orders.gateway;
        report["gateway"] = json!({
            "replied": gateway.replied(),
            "lost": gateway.lost(),
            "not_sent": gateway.not_sent(),
            "connects": gateway.connects(),
            "user_messages": gateway.messages(),
            "channel_losses": gateway.channel_losses(),
        });
        report["ledger_difference"] = json!(orders.difference.map(|sum| sum.to_string()));
        if let Some(to_order) = &orders.to_order {
            report["latency_ns"]["payload_to_order_bytes"] = latency_json(to_order);
        }
    }

    fn write_orders(&self, page: &mut String) {
        let Some(orders) = &self.orders else { return };
        let DeskCounts { sent, requests, rejects, unknowns, unknowns_resolved, .. } = orders.desk;
        page.push_str(&format!(
            "{sent} orders in {requests} requests, {rejects} rejected; {unknowns} unknown for a while, \
             {unknowns_resolved} of them resolved; {} signed with a nonce made ahead, {} without\n",
            orders.signed.prepared,
            orders.signed.fallback.saturating_add(orders.signed.deterministic),
        ));
        match orders.difference {
            Some(Exact::ZERO) => page.push_str(
                "our books equal both venues' own: cash and every position, difference $0\n",
            ),
            Some(sum) => {
                page.push_str(&format!("our books DIFFER from the venues' own by ${sum}\n"));
            }
            None => {}
        }
    }

    /// The report as a page of text.
    #[must_use]
    pub fn text(&self) -> String {
        let title = format!(
            "dutchbook demo: seed {}, {} s, {}\n\n",
            self.seed, self.seconds, self.topology
        );
        title + &self.body()
    }

    /// The page below its title.
    #[must_use]
    pub fn body(&self) -> String {
        let mut page = String::new();
        self.write_feeds(&mut page);
        self.write_opportunities(&mut page);
        if let Some(heard) = &self.news {
            page.push_str(&news_text(heard));
        }
        for outcome in &self.outcomes {
            page.push_str(&outcome.text());
        }
        if !self.outcomes.is_empty() {
            page.push('\n');
        }
        self.write_latencies(&mut page);
        self.write_orders(&mut page);
        let shed = self.to_book.shed.saturating_add(self.to_decision.shed);
        if shed > 0 {
            page.push_str(&format!("note: {shed} latencies were shed, the figures lack them\n"));
        }
        if let Some(capture) = &self.capture {
            page.push_str(&format!("{}\n", capture.text()));
        }
        if let Some(venues) = &self.venues {
            write_venues(venues, self.sum(|counters| counters.revived), &mut page);
        }
        if let Some(audit) = &self.audit {
            page.push_str(&audit.text());
        }
        page.push_str(&self.relations.text());
        page.push_str(&self.compiled.as_ref().map_or_else(String::new, compiled_text));
        for line in self.notes() {
            page.push_str(&format!("note: {line}\n"));
        }
        page
    }

    fn write_feeds(&self, page: &mut String) {
        page.push_str("feed         messages  snapshots  updates   gaps  crossed  fast path\n");
        for (name, counters) in &self.feeds {
            let decoded = counters.fast_hits + counters.general_hits;
            let fast = counters.fast_hits.saturating_mul(100).checked_div(decoded).unwrap_or(0);
            page.push_str(&format!(
                "{name:<12} {:>8}  {:>9}  {:>7}  {:>5}  {:>7}  {fast:>8} %\n",
                counters.messages,
                counters.snapshots,
                counters.updates,
                counters.gaps,
                counters.crossed,
            ));
        }
        page.push('\n');
    }

    fn write_opportunities(&self, page: &mut String) {
        page.push_str(&summaries_text(&self.kinds));
        page.push_str(&format!(
            "\n{} opportunities, {} decisions, {} sent ({} on a crossed book), {} {}fills, {} vetoes\n\
             {} trades filled unequally: {} completed, {} unwound\n\
             net profit {} after {} of fees, every open position at its worst; {} of winners unpaid\n\n",
            self.opportunities(),
            self.decisions.count,
            self.findings.decisions,
            self.findings.crossed_decisions,
            self.fills,
            if self.orders.is_some() { "" } else { "paper " },
            self.vetoes,
            self.legged,
            self.completed,
            self.unwound,
            dollars(self.net_profit),
            dollars(self.fees),
            dollars(self.unpaid_winners),
        ));
        if !self.vetoes_by_reason.is_empty() {
            let mut reasons = self.vetoes_by_reason.clone();
            reasons.sort_by_key(|(_, count)| core::cmp::Reverse(*count));
            let reasons: Vec<_> =
                reasons.iter().map(|(name, count)| format!("{count} {name}")).collect();
            page.push_str(&format!("refused by the gate: {}\n\n", reasons.join(", ")));
        }
    }

    fn write_latencies(&self, page: &mut String) {
        page.push_str(
            "latency from receipt       p50       p90       p99     p99.9       max    count\n",
        );
        let totals =
            [("payload to book", &self.to_book), ("payload to decision", &self.to_decision)];
        let stages = self.stages.iter().map(|(stage, summary)| (stage.title(), summary));
        let to_order = self.orders.as_ref().and_then(|orders| orders.to_order.as_ref());
        let to_order = to_order.map(|summary| ("payload to order", summary));
        for (name, summary) in totals.into_iter().chain(to_order).chain(stages) {
            page.push_str(&format!(
                "{name:<20} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}\n",
                duration(summary.p50),
                duration(summary.p90),
                duration(summary.p99),
                duration(summary.p999),
                duration(summary.max),
                summary.count,
            ));
        }
    }
}

fn write_venues(venues: &VenuesEnd, resyncs: u64, page: &mut String) {
    let struck: Vec<String> = venues
        .faults
        .named()
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {}", name.replace('_', " ")))
        .collect();
    if !struck.is_empty() {
        page.push_str(&format!("faults: {}; {resyncs} books made live again\n", struck.join(", ")));
    }
    let compared = venues.compared;
    if venues.books_equal() {
        page.push_str(&format!("all {compared} books equal the venues' own, level by level\n"));
    }
}

/// Counts by their names.
fn counts_json(counts: &[(&'static str, u64)]) -> Value {
    counts.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect()
}

/// What was heard of other sources, in a line.
fn news_text(heard: &Heard) -> String {
    let mut text = "news:".to_owned();
    for (name, count) in &heard.counts {
        text.push_str(&format!(" {} {count}", name.replace('_', " ")));
    }
    text.push('\n');
    text
}
