//! The REST replies of a recording: one JSON object a line, compressed, beside the lanes.
//!
//! `{"t_ns":…,"host":…,"path":…,"status":…,"body":…}`, the body as it came. A body that is no text is
//! left out and said to be so.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::Receiver;

use dutchbook_core::http::Heard;
use serde_json::json;

use super::error::CaptureError;

/// Its name in a capture's folder.
pub const REST_FILE: &str = "rest.jsonl.zst";
/// How well it is compressed.
const LEVEL: i32 = 3;

/// Writes replies as they come.
#[expect(missing_debug_implementations, reason = "the encoder has none")]
pub struct RestWriter {
    out: zstd::Encoder<'static, File>,
    replies: Receiver<Heard>,
    /// Replies written.
    pub count: u64,
}

impl RestWriter {
    /// Begins the file in a capture's folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn begin(folder: &Path, replies: Receiver<Heard>) -> Result<Self, CaptureError> {
        let out = zstd::Encoder::new(File::create(folder.join(REST_FILE))?, LEVEL)?;
        Ok(Self { out, replies, count: 0 })
    }

    /// Writes what has come meanwhile.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn pump(&mut self) -> Result<(), CaptureError> {
        let before = self.count;
        while let Ok(heard) = self.replies.try_recv() {
            let line = json!({
                "t_ns": heard.at.0, "host": heard.host, "path": heard.path,
                "status": heard.status, "body": std::str::from_utf8(&heard.body).ok(),
            });
            self.out.write_all(format!("{line}\n").as_bytes())?;
            self.count += 1;
        }
        if self.count > before {
            // What was heard is on disk, whatever becomes of us.
            self.out.flush()?;
        }
        Ok(())
    }

    /// Ends the file; how many replies it holds.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<u64, CaptureError> {
        self.pump()?;
        self.out.finish()?;
        Ok(self.count)
    }
}
