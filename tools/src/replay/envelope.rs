//! What a recorder wrote around a venue's frame: the payload, its source, and when it was received.

use std::borrow::Cow;

use dutchbook_book::Nanos;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::text;

/// The source name of Polymarket's market channel and REST books in session recordings.
const POLYMARKET_SOURCE: &str = "polymarket_clob";

/// One recorded line, unwrapped.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The venue's text, or that of a foreign source.
    pub payload: Cow<'a, str>,
    /// When the recorder received it; `None` where it did not say.
    pub ts_recv: Option<Nanos>,
    /// A source that is none of our venues: counted under its name and not decoded.
    pub foreign: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Utf8Line<'a> {
    #[serde(borrow)]
    received_at: Cow<'a, str>,
    #[serde(borrow)]
    payload_utf8: Cow<'a, str>,
}

#[derive(Deserialize)]
struct SessionLine<'a> {
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    recv_wall_ts: &'a RawValue,
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// A line that is the frame itself.
///
/// # Errors
/// When it is not UTF-8.
pub fn bare(line: &[u8]) -> Result<Frame<'_>, String> {
    let payload = core::str::from_utf8(line).map_err(|error| error.to_string())?;
    Ok(Frame { payload: Cow::Borrowed(payload), ts_recv: None, foreign: None })
}

/// A line of the shape `{receivedAt, payloadUtf8}`.
///
/// # Errors
/// When it has another shape or no readable time.
pub fn utf8(line: &[u8]) -> Result<Frame<'_>, String> {
    let read: Utf8Line<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let ts_recv = text::moment(&read.received_at)
        .ok_or_else(|| format!("receivedAt {} is no time", read.received_at))?;
    Ok(Frame { payload: read.payload_utf8, ts_recv: Some(ts_recv), foreign: None })
}

/// A line of the shape `{run_id, source, recv_wall_ts, …, payload}`.
///
/// # Errors
/// When it has another shape or no readable time.
pub fn session(line: &[u8]) -> Result<Frame<'_>, String> {
    let read: SessionLine<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let ts_recv = text::scalar(read.recv_wall_ts)
        .and_then(text::millis)
        .ok_or_else(|| format!("recv_wall_ts {} is no time", read.recv_wall_ts))?;
    let ts_recv = Some(ts_recv);
    let foreign = (read.source != POLYMARKET_SOURCE).then(|| read.source.into_owned());
    // The payload is the frame's text as a JSON string; a recorder that wrote it as a value is fine.
    let payload = if read.payload.get().starts_with('"') {
        let text: String =
            serde_json::from_str(read.payload.get()).map_err(|error| error.to_string())?;
        Cow::Owned(text)
    } else {
        Cow::Borrowed(read.payload.get())
    };
    Ok(Frame { payload, ts_recv, foreign })
}
