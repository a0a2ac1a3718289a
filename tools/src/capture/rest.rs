//! The REST replies of a recording: one JSON object a line, compressed, beside the lanes.
//!
//! `{"t_ns":…,"host":…,"path":…,"status":…,"body":…}`, the body as it came. A body that is no text is
//! left out and said to be so.

use core::time::Duration;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;

use dutchbook_core::http::Heard;
use serde_json::json;

use super::error::CaptureError;

/// Its name in a capture's folder.
pub const REST_FILE: &str = "rest.jsonl.zst";
/// How well it is compressed.
const LEVEL: i32 = 3;

/// Between two looks for replies.
const LOOK: Duration = Duration::from_millis(50);

/// Writes replies as they come, in a thread of its own, until nobody can send one any more.
#[derive(Debug)]
pub struct RestWriter(JoinHandle<Result<RestEnd, CaptureError>>);

/// What became of the replies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestEnd {
    /// Replies that were written.
    pub kept: u64,
    /// Replies that found no room: the file may have so many bytes of bodies.
    pub left_out: u64,
}

impl RestWriter {
    /// Begins the file in a capture's folder; bodies of at most `bytes_max` in all go into it.
    ///
    /// # Errors
    /// When it cannot be made, or the system refuses a thread.
    pub fn begin(
        folder: &Path,
        replies: Receiver<Heard>,
        bytes_max: u64,
    ) -> Result<Self, CaptureError> {
        let out = zstd::Encoder::new(File::create(folder.join(REST_FILE))?, LEVEL)?;
        let writing = Writing { out, end: RestEnd::default(), room: bytes_max };
        let body = move || writing.run(&replies);
        Ok(Self(std::thread::Builder::new().name("rest".to_owned()).spawn(body)?))
    }

    /// Waits for the last reply, and ends the file. Whoever sends them has to be gone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> Result<RestEnd, CaptureError> {
        let panicked = |_| std::io::Error::other("the writer of REST replies panicked");
        self.0.join().map_err(panicked)?
    }
}

/// The thread's own.
struct Writing {
    out: zstd::Encoder<'static, File>,
    end: RestEnd,
    /// Bytes of bodies that may still come.
    room: u64,
}

impl Writing {
    fn run(mut self, replies: &Receiver<Heard>) -> Result<RestEnd, CaptureError> {
        let mut is_written = false;
        loop {
            match replies.recv_timeout(LOOK) {
                Ok(heard) => {
                    self.write(&heard)?;
                    is_written = true;
                }
                Err(RecvTimeoutError::Timeout) if is_written => {
                    // What was heard is on disk, whatever becomes of us.
                    self.out.flush()?;
                    is_written = false;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.out.finish()?;
        Ok(self.end)
    }

    fn write(&mut self, heard: &Heard) -> Result<(), CaptureError> {
        let bytes = u64::try_from(heard.body.len()).unwrap_or(u64::MAX);
        let Some(room) = self.room.checked_sub(bytes) else {
            self.end.left_out += 1;
            return Ok(());
        };
        self.room = room;
        let line = json!({
            "t_ns": heard.at.0, "host": heard.host, "path": heard.path,
            "status": heard.status, "body": std::str::from_utf8(&heard.body).ok(),
        });
        self.out.write_all(format!("{line}\n").as_bytes())?;
        self.end.kept += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::Nanos;

    #[test]
    fn replies_are_kept_in_order_until_their_room_is_used_up() {
        let folder = std::env::temp_dir().join(format!("dutchbook-rest-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (sender, replies) = std::sync::mpsc::channel();
        let writer = RestWriter::begin(&folder, replies, 10).unwrap();
        for (at, body) in [(1, "four"), (2, "too long a body"), (3, "six...")] {
            let (host, path) = ("h".to_owned(), "/p".to_owned());
            let body = body.as_bytes().to_vec().into();
            sender.send(Heard { at: Nanos(at), host, path, status: 200, body }).unwrap();
        }
        drop(sender);
        assert_eq!(writer.finish().unwrap(), RestEnd { kept: 2, left_out: 1 });
        let file = File::open(folder.join(REST_FILE)).unwrap();
        let text = std::io::read_to_string(zstd::Decoder::new(file).unwrap()).unwrap();
        let bodies: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!([&bodies[0]["body"], &bodies[1]["body"]], ["four", "six..."]);
    }
}
