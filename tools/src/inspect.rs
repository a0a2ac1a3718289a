//! `dutchbook inspect PATH`: what a capture holds, and any single message of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use dutchbook_core::capture::lane::{Head, Kind};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::capture::error::CaptureError;
use crate::capture::manifest::LaneText;
use crate::capture::reader::{Capture, LaneCursor, Loss, Next};

/// Options of inspect.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  dutchbook inspect captures/today\n  dutchbook inspect captures/today --message 1000\n\n\
                        Messages are numbered from 1 in the order of their receipt, over all connections."
)]
pub struct InspectArgs {
    /// The folder of a capture.
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// Prints this message and nothing else.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub message: Option<u64>,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// One connection of a lane.
#[derive(Debug, Default)]
struct ConnectionCounts {
    payloads: u64,
    bytes: u64,
    first_ns: u64,
    last_ns: u64,
    silence_ns_max: u64,
    connects: u64,
    disconnects: u64,
    sent: u64,
    /// Numbers that were passed over: payloads that no record holds.
    sequence_holes: u64,
    sequence: u64,
    kinds: BTreeMap<String, u64>,
}

impl ConnectionCounts {
    fn take(&mut self, head: &Head, body: &[u8]) {
        match head.kind {
            Kind::Connected => self.connects += 1,
            Kind::Disconnected => self.disconnects += 1,
            Kind::Sent => self.sent += 1,
            Kind::Payload => self.payload(head, body),
            Kind::Hole
            | Kind::Tick
            | Kind::Heard
            | Kind::Finished
            | Kind::Steered
            | Kind::Top
            | Kind::Dirty
            | Kind::Control
            | Kind::Evaluated
            | Kind::Polled
            | Kind::Closed
            | Kind::SawTop
            | Kind::SawDepth
            | Kind::JournalFull
            | Kind::Told
            | Kind::Killed
            | Kind::Winding
            | Kind::Programmed
            | Kind::Explained
            | Kind::Decided => {}
        }
    }

    fn payload(&mut self, head: &Head, body: &[u8]) {
        if self.payloads == 0 {
            self.first_ns = head.at;
        } else {
            let silence = head.at.saturating_sub(self.last_ns);
            self.silence_ns_max = self.silence_ns_max.max(silence);
        }
        self.payloads += 1;
        self.bytes = self.bytes.saturating_add(u64::try_from(body.len()).unwrap_or(u64::MAX));
        self.last_ns = self.last_ns.max(head.at);
        let passed = head.number.saturating_sub(self.sequence).saturating_sub(1);
        self.sequence_holes = self.sequence_holes.saturating_add(passed);
        self.sequence = head.number;
        each_kind(body, |kind| match self.kinds.get_mut(kind) {
            Some(count) => *count += 1,
            None => drop(self.kinds.insert(kind.to_owned(), 1)),
        });
    }

    fn json(&self) -> Value {
        json!({
            "payloads": self.payloads,
            "bytes": self.bytes,
            "first_ns": self.first_ns,
            "last_ns": self.last_ns,
            "payloads_per_second": per_second(self.payloads, self.last_ns.saturating_sub(self.first_ns)),
            "silence_ns_max": self.silence_ns_max,
            "connects": self.connects,
            "disconnects": self.disconnects,
            "sent": self.sent,
            "sequence_holes": self.sequence_holes,
            "messages_by_kind": self.kinds,
        })
    }
}

/// What a message says of its own kind.
#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(borrow)]
    event_type: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
}

/// Tells the kind of every message in a payload.
fn each_kind(payload: &[u8], mut tell: impl FnMut(&str)) {
    let name = |peek: &Peek<'_>| {
        let raw = peek.event_type.or(peek.kind).map(|raw| raw.get().trim_matches('"').to_owned());
        raw.unwrap_or_else(|| "without a kind".to_owned())
    };
    match payload.trim_ascii_start().first() {
        Some(b'[') => match serde_json::from_slice::<Vec<Peek<'_>>>(payload) {
            Ok(list) => list.iter().for_each(|peek| tell(&name(peek))),
            Err(_) => tell("unreadable"),
        },
        Some(b'{') => match serde_json::from_slice::<Peek<'_>>(payload) {
            Ok(peek) => tell(&name(&peek)),
            Err(_) => tell("unreadable"),
        },
        Some(_) => tell("text"),
        None => tell("empty"),
    }
}

fn per_second(count: u64, span_ns: u64) -> u64 {
    let scaled = u128::from(count).saturating_mul(1_000_000_000);
    u64::try_from(scaled.checked_div(u128::from(span_ns)).unwrap_or(0)).unwrap_or(u64::MAX)
}

/// One lane.
#[derive(Debug)]
struct LaneCounts {
    name: String,
    raw_bytes: u64,
    stored_bytes: u64,
    kinds: BTreeMap<&'static str, u64>,
    connections: Vec<(String, ConnectionCounts)>,
}

impl LaneCounts {
    fn new(capture: &Capture, lane: usize, text: &LaneText) -> Self {
        let (raw_bytes, stored_bytes) = capture.lane_bytes(lane);
        let names: Vec<String> = match text {
            LaneText::Engine => Vec::new(),
            LaneText::Feed { connections } => {
                connections.iter().map(|one| format!("{} {}", one.venue, one.url)).collect()
            }
            LaneText::Frames { file, sources, .. } => {
                sources.iter().map(|source| format!("{file} {source}")).collect()
            }
        };
        let connection = |name| (name, ConnectionCounts::default());
        let connections = names.into_iter().map(connection).collect();
        Self { name: text.name(), raw_bytes, stored_bytes, kinds: BTreeMap::new(), connections }
    }

    fn json(&self) -> Value {
        let connection = |(name, counts): &(String, ConnectionCounts)| {
            let mut object = Map::new();
            object.insert("connection".to_owned(), json!(name));
            if let Value::Object(counts) = counts.json() {
                object.extend(counts);
            }
            Value::Object(object)
        };
        json!({
            "lane": self.name,
            "raw_bytes": self.raw_bytes,
            "stored_bytes": self.stored_bytes,
            "records_by_kind": self.kinds,
            "connections": self.connections.iter().map(connection).collect::<Vec<_>>(),
        })
    }

    fn write_text(&self, out: &mut String) -> core::fmt::Result {
        let Self { name, raw_bytes, stored_bytes, .. } = self;
        writeln!(out, "  lane             {name}: {raw_bytes} bytes, {stored_bytes} stored")?;
        for (kind, count) in &self.kinds {
            writeln!(out, "    {count:>9}  {kind}")?;
        }
        for (name, counts) in &self.connections {
            let rate = per_second(counts.payloads, counts.last_ns.saturating_sub(counts.first_ns));
            writeln!(out, "    connection     {name}")?;
            writeln!(
                out,
                "      {} payloads ({rate}/s), {} bytes, longest silence {} ms, {} holes",
                counts.payloads,
                counts.bytes,
                counts.silence_ns_max / 1_000_000,
                counts.sequence_holes
            )?;
            writeln!(
                out,
                "      {} times connected, {} lost, {} commands sent",
                counts.connects, counts.disconnects, counts.sent
            )?;
            for (kind, count) in &counts.kinds {
                writeln!(out, "      {count:>9}  {kind}")?;
            }
        }
        Ok(())
    }
}

/// What inspect says: one object, or a page.
#[derive(Debug)]
pub struct Inspected {
    /// For machines.
    pub json: Value,
    /// For people.
    pub text: String,
}

/// Looks into a capture.
///
/// # Errors
/// When it is no capture, or has no such message.
pub fn run(args: &InspectArgs) -> Result<Inspected, CaptureError> {
    let capture = Capture::open(&args.path)?;
    match args.message {
        Some(number) => message(&capture, number),
        None => overview(&args.path, &capture),
    }
}

fn overview(path: &Path, capture: &Capture) -> Result<Inspected, CaptureError> {
    let mut losses = capture.losses.clone();
    let mut lanes = Vec::new();
    for (lane, text) in capture.manifest.lanes.iter().enumerate() {
        let mut counts = LaneCounts::new(capture, lane, text);
        count(&mut capture.lane(lane), &mut counts, &mut losses)?;
        lanes.push(counts);
    }
    let connections = || lanes.iter().flat_map(|lane| &lane.connections).map(|(_, counts)| counts);
    let active = || connections().filter(|counts| counts.payloads > 0);
    let messages = connections().map(|counts| counts.payloads).fold(0, u64::saturating_add);
    let first = active().map(|counts| counts.first_ns).min().unwrap_or(0);
    let last = active().map(|counts| counts.last_ns).max().unwrap_or(0);
    let losses: Vec<String> = losses.iter().map(ToString::to_string).collect();
    let span_ns = last.saturating_sub(first);
    let manifest = &capture.manifest;
    let json = json!({
        "path": path.display().to_string(),
        "source": manifest.source,
        "program": manifest.program,
        "started_ns": manifest.started_ns,
        "complete": losses.is_empty(),
        "losses": losses,
        "stored_bytes": capture.stored_bytes,
        "messages": messages,
        "first_ns": first,
        "last_ns": last,
        "messages_per_second": per_second(messages, span_ns),
        "decisions": capture.last_word.as_ref().map(|word| word.decisions),
        "decisions_digest": capture.last_word.as_ref().and_then(|word| word.decisions_digest.clone()),
        "lanes": lanes.iter().map(LaneCounts::json).collect::<Vec<_>>(),
    });
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _infallible = (|| -> core::fmt::Result {
        writeln!(text, "{}", path.display())?;
        writeln!(text, "  source           {}, by version {}", manifest.source, manifest.program)?;
        writeln!(text, "  stored           {} bytes", capture.stored_bytes)?;
        let rate = per_second(messages, span_ns);
        let span_ms = span_ns / 1_000_000;
        writeln!(text, "  messages         {messages} in {span_ms} ms ({rate}/s)")?;
        for loss in &losses {
            writeln!(text, "  missing          {loss}")?;
        }
        lanes.iter().try_for_each(|lane| lane.write_text(&mut text))
    })();
    Ok(Inspected { json, text })
}

fn count(
    cursor: &mut LaneCursor<'_>,
    counts: &mut LaneCounts,
    losses: &mut Vec<Loss>,
) -> Result<(), CaptureError> {
    loop {
        match cursor.advance()? {
            Next::Record(head) => {
                *counts.kinds.entry(head.kind.name()).or_default() += 1;
                let connection = counts.connections.get_mut(usize::from(head.connection));
                if let Some((_, connection)) = connection {
                    connection.take(&head, cursor.body());
                }
            }
            Next::Lost(loss) => {
                if !losses.contains(&loss) {
                    losses.push(loss);
                }
            }
            Next::End => return Ok(()),
        }
    }
}

/// A lane with its next payload in front.
struct Front<'a> {
    lane: usize,
    cursor: LaneCursor<'a>,
    head: Option<Head>,
}

impl Front<'_> {
    fn advance(&mut self) -> Result<(), CaptureError> {
        loop {
            match self.cursor.advance()? {
                Next::Record(head) if head.kind == Kind::Payload => {
                    self.head = Some(head);
                    return Ok(());
                }
                Next::Record(_) | Next::Lost(_) => {}
                Next::End => {
                    self.head = None;
                    return Ok(());
                }
            }
        }
    }
}

/// One message in the order of receipt.
fn message(capture: &Capture, number: u64) -> Result<Inspected, CaptureError> {
    let mut fronts = Vec::new();
    for (lane, text) in capture.manifest.lanes.iter().enumerate() {
        if !matches!(text, LaneText::Engine) {
            let mut front = Front { lane, cursor: capture.lane(lane), head: None };
            front.advance()?;
            fronts.push(front);
        }
    }
    let mut count = 0;
    loop {
        let open = fronts.iter_mut().filter(|front| front.head.is_some());
        let Some(first) = open.min_by_key(|front| front.head.map(|head| head.at)) else {
            return Err(CaptureError::NoMessage { count });
        };
        count += 1;
        if count == number
            && let Some(head) = first.head
        {
            return Ok(shown(capture, first.lane, &head, first.cursor.body(), number));
        }
        first.advance()?;
    }
}

fn shown(capture: &Capture, lane: usize, head: &Head, body: &[u8], number: u64) -> Inspected {
    let text = capture.manifest.lanes.get(lane);
    let name = text.map(LaneText::name).unwrap_or_default();
    let lossy = String::from_utf8_lossy(body);
    let payload: Option<Value> = serde_json::from_slice(body).ok();
    let pretty = payload.as_ref().and_then(|value| serde_json::to_string_pretty(value).ok());
    let json = json!({
        "message": number,
        "lane": name,
        "connection": head.connection,
        "sequence": head.number,
        "received_ns": head.at,
        "bytes": body.len(),
        "payload": payload,
        "text": lossy,
    });
    let text = format!(
        "message {number}: {name}, connection {}, sequence {}, received at {} ns, {} bytes\n{}\n",
        head.connection,
        head.number,
        head.at,
        body.len(),
        pretty.unwrap_or_else(|| lossy.into_owned())
    );
    Inspected { json, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_name_their_messages() {
        let kinds = |payload: &str| {
            let mut all = Vec::new();
            each_kind(payload.as_bytes(), |kind| all.push(kind.to_owned()));
            all
        };
        assert_eq!(kinds(r#"[{"event_type":"book"},{"event_type":"book"}]"#), ["book", "book"]);
        assert_eq!(kinds(r#"{"type":"orderbook_delta","sid":1}"#), ["orderbook_delta"]);
        assert_eq!(kinds("PONG"), ["text"]);
        assert_eq!(kinds(r#"{"asset_id":"1"}"#), ["without a kind"]);
        assert_eq!(kinds("{"), ["unreadable"]);
        assert_eq!(kinds(" "), ["empty"]);
    }

    #[test]
    fn rates_are_whole_numbers() {
        assert_eq!(per_second(10, 2_000_000_000), 5);
        assert_eq!(per_second(10, 0), 0);
    }
}
