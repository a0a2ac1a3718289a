//! Records that outlive the process: into mapped files, from one segment into the next.

use core::time::Duration;
use std::path::PathBuf;

use dutchbook_book::{BookId, Nanos};
use dutchbook_core::journal::folder::{Ending, Folder};
use dutchbook_core::journal::keeper::{JournalConfig, Keeper, Start, begin};
use dutchbook_core::journal::names::Names;
use dutchbook_core::journal::{JournalReader, JournalWriter, Record, journal};
use dutchbook_exec::local_id::Boot;
use harness::alloc::{Calls, armed};

/// Records of a segment, and of one burst: every burst goes on in another segment.
const SEGMENT: usize = 256;
const BURST: u64 = 300;

struct Kept {
    writer: JournalWriter,
    reader: JournalReader,
    keeper: Keeper,
    folder: PathBuf,
}

impl Kept {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("dutchbook-{name}-{}", std::process::id()));
        let config = JournalConfig {
            segment_records: SEGMENT,
            flush: Duration::from_millis(1),
            free_bytes_min: 0,
            archives: true,
        };
        let names = Names::default();
        let start = Start { boot: Boot(1), is_live: true, names: &names, now: Nanos(1) };
        let ending = Ending { segment: 1, ..Ending::default() };
        let opened = begin(Folder::open(&folder).unwrap(), &ending, config, &start).unwrap();
        let (writer, reader) = journal(16, 1_024);
        let writer = writer.kept_in(opened.writer, opened.sequence);
        Self { writer, reader, keeper: opened.keeper, folder }
    }

    fn wait_for_room(&mut self) {
        while !self.writer.has_room(SEGMENT) {
            std::thread::yield_now();
        }
        self.writer.flush();
        self.reader.drain(|_| ());
    }
}

fn burst(writer: &mut JournalWriter) {
    for number in 0..BURST {
        let gap = Record::Gap { book: BookId(1), expected: number, got: 0 };
        assert!(writer.record(Nanos(1), &gap).is_ok());
    }
}

#[test]
fn no_allocation_for_records_that_are_kept() {
    let mut kept = Kept::new("no-alloc-journal");
    let mut sum = Calls::default();
    for _ in 0..8 {
        kept.wait_for_room();
        let calls = armed(|| burst(&mut kept.writer));
        sum.allocations += calls.allocations;
        sum.frees += calls.frees;
    }
    assert_eq!(sum, Calls::default());
    drop(kept.writer);
    kept.keeper.finish().unwrap();
    let ending = Folder::look(&kept.folder).unwrap().read(|_| ()).unwrap();
    assert_eq!((ending.records, ending.lost), (1 + 8 * BURST, 0));
    std::fs::remove_dir_all(&kept.folder).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn no_system_call_for_records_that_are_kept() {
    use super::silent::makes_no_system_call;
    let mut kept = Kept::new("no-call-journal");
    kept.wait_for_room();
    burst(&mut kept.writer);
    kept.wait_for_room();
    let folder = kept.folder.clone();
    makes_no_system_call(Duration::from_secs(5), move || burst(&mut kept.writer));
    drop(std::fs::remove_dir_all(&folder));
}
