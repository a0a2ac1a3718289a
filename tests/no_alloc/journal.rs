//! Records that outlive the process: into mapped files, from one segment into the next.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

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
    let mut kept = Kept::new("no-call-journal");
    kept.wait_for_room();
    burst(&mut kept.writer);
    kept.wait_for_room();
    let state = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&state);
    let folder = kept.folder.clone();
    // Never joined: it ends without telling the runtime.
    std::thread::spawn(move || {
        if !super::forbid_system_calls() {
            state.store(2, Ordering::Release);
            return;
        }
        burst(&mut kept.writer);
        state.store(1, Ordering::Release);
        super::exit_thread();
    });
    for _ in 0..500 {
        if seen.load(Ordering::Acquire) != 0 {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    match seen.load(Ordering::Acquire) {
        2 => println!("skipped: the kernel refuses seccomp filters"),
        end => assert_eq!(end, 1, "the thread was ended by a system call"),
    }
    drop(std::fs::remove_dir_all(&folder));
}
