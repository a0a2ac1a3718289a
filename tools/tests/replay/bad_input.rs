//! Packings, folders, and everything that is no recording: one clear line each, the others done.

use std::path::Path;

use super::composed::{Folder, gz, one, quote, run, text, timeless, zst};

fn tape() -> String {
    let mut lines = Vec::new();
    for ts in 0..400_u64 {
        let cents = format!("{}", 40 + ts % 7);
        lines.push(quote(ts, "kalshi", &cents, "58", &format!("{ts}.25")));
        lines.push(quote(ts, "polymarket", "41.5", "43.1", "17"));
    }
    text(&lines)
}

#[test]
fn plain_zst_and_gz_give_the_same_report_whatever_their_names() {
    let folder = Folder::new("packings");
    let tape = tape();
    let plain = timeless(one(&folder.write("a.bin", tape.as_bytes())));
    assert_eq!(timeless(one(&folder.write("b.txt", &zst(tape.as_bytes())))), plain);
    assert_eq!(timeless(one(&folder.write("c.zst", &gz(tape.as_bytes())))), plain);
    // Archives may consist of several frames; lines may end as on Windows or not at all.
    let mut twice = zst(tape.as_bytes());
    twice.extend(zst(b""));
    assert_eq!(timeless(one(&folder.write("d.zst", &twice))), plain);
    let windows = tape.replace('\n', "\r\n");
    let windows = format!("\u{feff}\r\n{}", windows.trim_end());
    assert_eq!(timeless(one(&folder.write("e.jsonl", windows.as_bytes()))), plain);
}

/// Replays a file that must fail; returns its line.
#[track_caller]
fn fails(path: &Path, says: &str) {
    let outcome = run(&[path]);
    assert!(outcome.has_failed());
    assert_eq!(outcome.errors.len(), 1, "{:?}", outcome.errors);
    let line = &outcome.errors[0];
    assert!(line.contains(says) && !line.contains('\n'), "{line:?} does not say {says:?}");
    assert!(line.contains(": "), "{line:?} does not say what to do");
    let object = outcome.json[0].as_object().unwrap();
    assert_eq!(object["file"], path.display().to_string());
    assert!(object["error"].as_str().unwrap().contains(says));
}

#[test]
fn broken_files_give_one_line_each() {
    let folder = Folder::new("broken");
    let tape = tape();
    let (packed, zipped) = (zst(tape.as_bytes()), gz(tape.as_bytes()));
    fails(&folder.path().join("nowhere.jsonl"), "no such file");
    fails(&folder.write("empty.jsonl", b""), "is empty");
    fails(&folder.write("blank.jsonl", b"\n \n\r\n"), "is empty");
    fails(&folder.write("empty.zst", &zst(b"")), "is empty");
    for keep in [5, 9, packed.len() / 2, packed.len() - 1] {
        fails(&folder.write("cut.zst", &packed[..keep]), "ends early");
    }
    for keep in [9, zipped.len() / 2, zipped.len() - 1] {
        fails(&folder.write("cut.gz", &zipped[..keep]), "ends early");
    }
    let mut damaged = packed.clone();
    let middle = damaged.len() / 2;
    for byte in &mut damaged[middle..middle + 8] {
        *byte ^= 0x5A;
    }
    fails(&folder.write("damaged.zst", &damaged), "archive");
    let mut behind = zipped.clone();
    behind.extend_from_slice(b"rubbish");
    fails(&folder.write("behind.gz", &behind), "archive");
    fails(&folder.write("a.bz2", b"BZh91AY&SY"), "bzip2");
    fails(&folder.write("README.md", b"# Recordings\n\nSome."), "unknown format");
    fails(&folder.write("table.csv", b"ts,bid,ask\n1,2,3\n"), "unknown format");
    fails(&folder.write("other.jsonl", br#"{"bucket":1,"gap":2}"#), "keys bucket, gap");
    fails(&folder.write("binary", &[0x80, 0xFF, 0, 1, 2, b'\n']), "binary");
    fails(&folder.write("words.jsonl", b"PONG\nPONG\n"), "unknown format");
    let markets = br#"{"condition_id":"0x1","outcomes":[],"tick_size":0.01}"#;
    fails(&folder.write("x.markets.jsonl", markets), "beside a recording");
    fails(&folder.write("short.jsonl", &tape.as_bytes()[..tape.len() - 40]), "line 800");
    let bad = tape.replacen("\"ask\": 43.1", "\"ask\": 143.1", 1);
    fails(&folder.write("bad.jsonl", bad.as_bytes()), "line 2");
    let fine = tape.replacen("\"ask\": 43.1", "\"ask\": 43.10000000000001", 1);
    fails(&folder.write("fine.jsonl", fine.as_bytes()), "line 2");
}

#[test]
fn a_cut_anywhere_never_panics() {
    let folder = Folder::new("anywhere");
    let tape =
        text(&[quote(1, "kalshi", "47", "49", "50"), quote(1, "polymarket", "47.5", "48.5", "80")]);
    for keep in 0..tape.len() {
        let outcome = run(&[&folder.write("cut.jsonl", &tape.as_bytes()[..keep])]);
        assert_eq!(outcome.json.len(), 1);
    }
}

#[test]
fn a_folder_stands_for_its_recordings_and_failures_stop_nothing() {
    let folder = Folder::new("folder");
    let tape = tape();
    folder.write("b.jsonl", tape.as_bytes());
    folder.write("a.jsonl.zst", &zst(tape.as_bytes()));
    folder.write("README.md", b"# Data");
    folder.write("notes.txt", b"1' | goal");
    folder.write("b.markets.jsonl", br#"{"condition_id":"0x1","outcomes":[],"tick_size":0.01}"#);
    folder.write("c.parquet", b"PAR1\x00\x01\xFF");
    folder.write("d.bz2", b"BZh91AY&SY");
    folder.write("e.jsonl.zst", &zst(tape.as_bytes())[..40]);
    std::fs::create_dir_all(folder.path().join("z")).unwrap();
    folder.write("z/a.jsonl", tape.as_bytes());
    let missing = folder.path().join("missing");
    let again = folder.path().join("b.jsonl");
    let outcome = run(&[&missing, folder.path(), &again]);
    let files: Vec<&str> = outcome.json.iter().map(|one| one["file"].as_str().unwrap()).collect();
    let expected = ["missing", "a.jsonl.zst", "b.jsonl", "e.jsonl.zst", "z/a.jsonl", "b.jsonl"];
    let expected = expected.map(|name| folder.path().join(name).display().to_string());
    assert_eq!(files, expected);
    assert_eq!(outcome.errors.len(), 2, "{:?}", outcome.errors);
    assert_eq!(outcome.text.matches("pair-tape").count(), 4);

    let bare = Folder::new("bare");
    bare.write("README.md", b"# Nothing");
    fails(bare.path(), "holds no recording");
}

/// A small generator, so that a failure can be repeated from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let high = usize::try_from(self.0 >> 33).unwrap();
        high % bound
    }
}

/// Bytes that mean something in JSON.
const SYNTAX: &[u8] = b"0129.-\"{}[],:eE\n";

#[test]
fn changed_bytes_never_panic() {
    let folder = Folder::new("mutated");
    let recordings = super::frames::recordings().into_iter().chain([tape().into_bytes()]);
    let seed = 0x5EED;
    let mut random = Random(seed);
    for (index, recording) in recordings.enumerate() {
        for round in 0..150 {
            let mut bytes = recording.clone();
            for _ in 0..=random.below(6) {
                let at = random.below(bytes.len());
                let other = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
                    1 => bytes[at] = SYNTAX[random.below(SYNTAX.len())],
                    2 => bytes.truncate(at.max(1)),
                    _ => {
                        let piece = bytes[at..(at + 40).min(bytes.len())].to_vec();
                        bytes.splice(other..other, piece);
                    }
                }
            }
            println!("seed {seed} recording {index} round {round}");
            let outcome = run(&[&folder.write("mutated.jsonl", &bytes)]);
            assert_eq!(outcome.json.len(), 1);
        }
    }
}
