//! The journal's files: damage, full disks, and processes killed while they write.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::*;
use crate::journal::keeper::{self, JournalConfig, Start};
use crate::journal::live::LiveRecord;
use crate::journal::record::Record;
use crate::journal::{encode, names::Names};
use crate::recovery::script::{SMALL, Scratch, Script};
use dutchbook_book::{BookId, Nanos};
use dutchbook_exec::local_id::Boot;

static NAMES: Names = Names { venues: Vec::new(), events: Vec::new(), books: Vec::new() };

fn start(boot: u64) -> Start<'static> {
    Start { boot: Boot(boot), is_live: true, names: &NAMES, now: Nanos(1) }
}

fn gap(number: u64) -> Record {
    Record::Gap { book: BookId(1), expected: number, got: number * 7 }
}

#[test]
fn damage_in_the_middle_is_counted_and_what_stands_behind_it_is_kept() {
    let scratch = Scratch::new("damage");
    let script = Script::new(3, true, 8);
    script.write(&scratch.0);
    let folder = Folder::look(&scratch.0).unwrap();
    let path = folder.segment_path(folder.segments().unwrap()[0]);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20 * RECORD_BYTES + 40] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let mut sequences = Vec::new();
    let ending = folder
        .read(|item| {
            if let Item::Entry(entry) = item {
                sequences.push(entry.sequence);
            }
        })
        .unwrap();
    assert_eq!((ending.lost, ending.torn), (1, 0));
    assert_eq!(ending.records, script.records.len() as u64 - 1);
    assert!(!sequences.contains(&20) && sequences.contains(&21));
    // Names that are gone or no names at all are said, not guessed.
    let names = names_path(&scratch.0, 1);
    std::fs::write(&names, "{").unwrap();
    assert!(matches!(folder.read(|_| ()), Err(JournalError::Names { .. })));
}

#[test]
fn a_journal_whose_files_are_compressed_says_the_same() {
    let scratch = Scratch::new("archive");
    Script::new(5, true, 40).write(&scratch.0);
    let folder = Folder::look(&scratch.0).unwrap();
    let read = || {
        let mut entries = Vec::new();
        let ending = folder.read(|item| {
            if let Item::Entry(entry) = item {
                entries.push(*entry);
            }
        });
        (ending.unwrap(), entries)
    };
    let before = read();
    let segments = folder.segments().unwrap();
    assert!(segments.len() > 1, "{segments:?}");
    let (mut plain_bytes, mut packed_bytes) = (0, 0);
    for segment in &segments {
        let plain = std::fs::read(folder.segment_path(*segment)).unwrap();
        archive(&scratch.0, *segment).unwrap();
        archive(&scratch.0, *segment).unwrap();
        assert!(!folder.segment_path(*segment).exists());
        packed_bytes += std::fs::metadata(archived_path(&scratch.0, *segment)).unwrap().len();
        plain_bytes += u64::try_from(plain.len()).unwrap();
        assert_eq!(folder.segments().unwrap(), segments, "none is gone");
        assert_eq!(read(), before);
        // A kill between the two files leaves both.
        if *segment == segments[0] {
            std::fs::write(folder.segment_path(*segment), plain).unwrap();
            assert_eq!((folder.segments().unwrap(), read()), (segments.clone(), before.clone()));
        }
    }
    assert!(packed_bytes < plain_bytes, "{packed_bytes} of {plain_bytes}");
    let last = archived_path(&scratch.0, segments[segments.len() - 1]);
    std::fs::write(&last, b"no archive").unwrap();
    let refused = folder.read(|_| {}).unwrap_err().to_string();
    assert!(refused.contains("journal.zst"), "{refused}");
}

#[test]
fn a_journal_has_one_writer_and_another_version_is_refused() {
    let scratch = Scratch::new("one");
    let folder = Folder::open(&scratch.0).unwrap();
    assert!(matches!(Folder::open(&scratch.0), Err(JournalError::Busy(_))));
    assert!(matches!(Folder::look(&scratch.0.join("none")), Err(JournalError::File { .. })));
    let opened =
        keeper::begin(folder, &Ending { segment: 1, ..Ending::default() }, SMALL, &start(1));
    let opened = opened.unwrap();
    assert!(matches!(Folder::open(&scratch.0), Err(JournalError::Busy(_))));
    drop(opened.writer);
    opened.keeper.finish().unwrap();
    let folder = Folder::open(&scratch.0).unwrap();
    let ending = folder.read(|_| ()).unwrap();
    assert_eq!((ending.records, ending.sequence, ending.segment), (1, 1, 2));
    let error = JournalError::Version { path: "x".into(), error: DecodeError::Version(9) };
    assert!(error.to_string().contains("another version"));
}

#[test]
fn without_room_on_the_disk_nothing_begins_and_what_runs_stops_in_time() {
    let scratch = Scratch::new("full");
    let folder = Folder::open(&scratch.0).unwrap();
    let config = JournalConfig { free_bytes_min: u64::MAX, ..SMALL };
    let none = Ending { segment: 1, ..Ending::default() };
    let error = keeper::begin(folder, &none, config, &start(1)).unwrap_err();
    assert!(matches!(error, JournalError::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains("nothing is traded without it"));

    let folder = Folder::open(&scratch.0).unwrap();
    let mut opened = keeper::begin(folder, &none, SMALL, &start(1)).unwrap();
    while !opened.writer.has_room(3 * 64 - 1) {
        std::thread::yield_now();
    }
    // The folder is gone: no further segment can be made.
    std::fs::rename(&scratch.0, scratch.0.with_extension("gone")).unwrap();
    let mut stored = 1;
    while opened.writer.push(&encode(stored, Nanos(1), &gap(stored))).is_ok() {
        stored += 1;
    }
    assert_eq!(stored, 3 * 64, "what was made ahead is used, and then there is no room");
    assert!(!opened.writer.has_room(1));
    let complaint = loop {
        if let Some(complaint) = opened.keeper.complaints().next() {
            break complaint;
        }
        std::thread::yield_now();
    };
    assert!(complaint.contains("cannot be used"), "{complaint}");
    std::fs::rename(scratch.0.with_extension("gone"), &scratch.0).unwrap();
    while opened.writer.push(&encode(stored, Nanos(1), &gap(stored))).is_err() {
        std::thread::yield_now();
    }
    drop(opened.writer);
    opened.keeper.finish().unwrap();
    let ending = Folder::look(&scratch.0).unwrap().read(|_| ()).unwrap();
    assert_eq!((ending.records, ending.lost), (stored + 1, 0));
}

const CHILD_FOLDER: &str = "DUTCHBOOK_TEST_JOURNAL";

/// Not a test by itself: the process that [`a_killed_process_loses_nothing_it_has_told_of`] kills.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Ok(folder) = std::env::var(CHILD_FOLDER) else { return };
    let folder = Folder::open(Path::new(&folder)).unwrap();
    let ending = folder.read(|_| ()).unwrap();
    let opened = keeper::begin(folder, &ending, SMALL, &start(ending.sequence)).unwrap();
    let (mut writer, mut sequence) = (opened.writer, opened.sequence);
    let mut wire = std::io::stdout().lock();
    loop {
        if writer.push(&encode(sequence, Nanos(1), &gap(sequence))).is_ok() {
            // Only what is stored is told.
            wire.write_all(format!("told {sequence}\n").as_bytes()).unwrap();
            wire.flush().unwrap();
            sequence += 1;
        }
    }
}

/// Kills, and the last number that the process told of before.
fn kill_after(folder: &Path, told_max: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "journal::folder::tests::child_that_writes_until_it_is_killed",
        ])
        .env(CHILD_FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut told = 0;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut count = 0;
    for line in lines.by_ref() {
        let number = line.rsplit_once("told ").and_then(|(_, number)| number.parse().ok());
        told = number.unwrap_or(told);
        count += u64::from(number.is_some());
        if count == told_max {
            break;
        }
    }
    child.kill().unwrap();
    // What it has told of between the last look and its end counts too.
    for line in lines {
        told = line.rsplit_once("told ").and_then(|(_, n)| n.parse().ok()).unwrap_or(told);
    }
    child.wait().unwrap();
    told
}

#[test]
fn a_killed_process_loses_nothing_it_has_told_of() {
    let kills = std::env::var("DUTCHBOOK_KILLS").ok().and_then(|text| text.parse().ok());
    let kills: u64 = kills.unwrap_or(12);
    let scratch = Scratch::new("kill");
    let mut seed = 0x5eed_u64;
    println!("seed {seed}, {kills} kills (DUTCHBOOK_KILLS for more)");
    for kill in 1..=kills {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let told = kill_after(&scratch.0, 1 + (seed >> 33) % 400);
        let (mut next, mut boots) = (0, 0);
        let ending = Folder::open(&scratch.0)
            .unwrap()
            .read(|item| {
                let Item::Entry(entry) = item else { return };
                assert_eq!(entry.sequence, next, "kill {kill}");
                if let Record::Live(LiveRecord::Boot { boot, .. }) = entry.record {
                    assert_eq!(boot, Boot(next));
                    boots += 1;
                } else {
                    assert_eq!(entry.record, gap(next), "kill {kill}");
                }
                next += 1;
            })
            .unwrap();
        assert!(ending.sequence > told, "kill {kill}: {told} was told, {} kept", ending.sequence);
        assert_eq!((boots, ending.lost), (kill, 0));
    }
}
