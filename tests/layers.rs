//! The shape of the house, as a test: which package may use which, what lies at the top level, and
//! words that no source may hold.
//!
//! A new dependency of a library is a decision: it is added to the table here with its manifest.

#![expect(clippy::print_stdout, reason = "a check that cannot run says so")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use toml::{Table, Value};

/// What one package may depend on.
struct Layer {
    folder: &'static str,
    /// Packages of ours, without the `dutchbook-` prefix.
    ours: &'static [&'static str],
    /// Foreign crates that ship with it; `None` is any.
    crates: Option<&'static [&'static str]>,
    /// Foreign crates beside those, in its tests only.
    crates_in_tests: &'static [&'static str],
}

/// The market nouns use nothing; feeds and exec use them, know neither each other nor sockets;
/// core knows all three; tools know core; proofs and benches know everything.
const LAYERS: [Layer; 7] = [
    Layer {
        folder: "book",
        ours: &[],
        crates: Some(&["crossbeam", "loom"]),
        crates_in_tests: &["proptest", "serde_json"],
    },
    Layer {
        folder: "feeds",
        ours: &["book"],
        crates: Some(&["alloy-primitives", "sha1", "simd-json"]),
        crates_in_tests: &["alloy-sol-types", "proptest", "serde_json", "zstd"],
    },
    Layer {
        folder: "exec",
        ours: &["book"],
        crates: Some(&[
            "alloy-primitives",
            "aws-lc-rs",
            "base64",
            "hmac",
            "k256",
            "scrypt",
            "secp256k1",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "zeroize",
        ]),
        crates_in_tests: &["alloy-sol-types", "proptest"],
    },
    Layer {
        folder: "core",
        ours: &["book", "feeds", "exec"],
        crates: Some(&[
            "alloy-primitives",
            "arrayvec",
            "base64",
            "core_affinity",
            "crossbeam",
            "futures-util",
            "getrandom",
            "hdrhistogram",
            "http-body-util",
            "httparse",
            "hyper",
            "hyper-util",
            "libc",
            "memmap2",
            "microlp",
            "quanta",
            "rusqlite",
            "rust_decimal",
            "rustls",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "tokio",
            "tokio-rustls",
            "tokio-tungstenite",
            "toml",
            "webpki-roots",
            "zeroize",
            "zstd",
        ]),
        crates_in_tests: &["proptest"],
    },
    Layer {
        folder: "tools",
        ours: &["book", "feeds", "exec", "core"],
        crates: Some(&[
            "alloy-primitives",
            "aws-lc-rs",
            "base64",
            "clap",
            "crc32fast",
            "ctrlc",
            "flate2",
            "futures-util",
            "hdrhistogram",
            "hmac",
            "http-body-util",
            "hyper",
            "hyper-util",
            "mimalloc",
            "ratatui",
            "rcgen",
            "rust_decimal",
            "rustls",
            "secp256k1",
            "serde",
            "serde_json",
            "sha1",
            "sha2",
            "signal-hook",
            "thiserror",
            "tokio",
            "tokio-rustls",
            "tokio-tungstenite",
            "toml",
            "zeroize",
            "zstd",
        ]),
        crates_in_tests: &["proptest"],
    },
    Layer {
        folder: "tests",
        ours: &["book", "feeds", "exec", "core", "tools"],
        crates: None,
        crates_in_tests: &[],
    },
    Layer {
        folder: "benches",
        ours: &["book", "feeds", "exec", "core", "tools", "tests"],
        crates: None,
        crates_in_tests: &[],
    },
];

/// Libraries without I/O, clocks and threads: bytes and `now` come in, effects go out.
const QUIET_FOLDERS: [&str; 3] = ["book/src/", "feeds/src/", "exec/src/"];

/// What those libraries do not name outside their tests.
const QUIET_WORDS: [&str; 7] =
    ["std::net", "std::fs", "std::thread", "std::process", "std::env", "SystemTime", "Instant::"];

/// Written in two halves, so that this file does not hold them.
const BANNED_WORDS: [&str; 11] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("crates", ".io/"),
    concat!("index.crates", ".io"),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("#[al", "low("),
    concat!("#![al", "low("),
    concat!("#[ig", "nore"),
    concat!("dbg", "!("),
];

/// Bags, not ideas.
const BANNED_MODULES: [&str; 5] = ["utils", "util", "common", "helpers", "misc"];

/// What may lie at the top level, beside dotfiles.
const TOP_LEVEL: [&str; 15] = [
    "Cargo.toml",
    "Cargo.lock",
    "core",
    "feeds",
    "book",
    "exec",
    "benches",
    "tools",
    "tests",
    "README.md",
    "ARCHITECTURE.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "docs",
    "deploy",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn manifest(path: &str) -> Result<Table, String> {
    let path = root().join(path).join("Cargo.toml");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    text.parse().map_err(|e| format!("{}: {e}", path.display()))
}

/// A dependency as a manifest states it.
struct Edge {
    name: String,
    only_in_tests: bool,
    from_workspace: bool,
}

/// Every dependency of a manifest: plain, for tests, for build scripts and for targets.
fn edges(manifest: &Table) -> Vec<Edge> {
    let tables = ["dependencies", "build-dependencies", "dev-dependencies"];
    let mut places = vec![manifest];
    if let Some(targets) = manifest.get("target").and_then(Value::as_table) {
        places.extend(targets.values().filter_map(Value::as_table));
    }
    let mut edges = Vec::new();
    for (place, table) in places.iter().flat_map(|place| tables.map(|table| (place, table))) {
        for (name, spec) in place.get(table).and_then(Value::as_table).into_iter().flatten() {
            edges.push(Edge {
                name: name.clone(),
                only_in_tests: table == "dev-dependencies",
                from_workspace: spec.get("workspace").and_then(Value::as_bool) == Some(true),
            });
        }
    }
    edges
}

/// What is wrong with a package's dependencies, one line each.
fn complaints(layer: &Layer, manifest: &Table) -> Vec<String> {
    let folder = layer.folder;
    let judge = |edge: &Edge| {
        let name = edge.name.as_str();
        if !edge.from_workspace {
            return Some(format!("{folder}: {name} does not take its version from the workspace"));
        }
        if let Some(ours) = name.strip_prefix("dutchbook-") {
            let is_allowed = layer.ours.contains(&ours);
            return (!is_allowed).then(|| format!("{folder} must not know {ours}"));
        }
        let in_tests = edge.only_in_tests && layer.crates_in_tests.contains(&name);
        let is_allowed = in_tests || layer.crates.is_none_or(|crates| crates.contains(&name));
        (!is_allowed).then(|| format!("{folder} must not use {name}"))
    };
    edges(manifest).iter().filter_map(judge).collect()
}

/// Files under version control, or `None` where this is no checkout.
fn tracked_files() -> Option<Vec<String>> {
    let listing = Command::new("git").arg("-C").arg(root()).args(["ls-files", "-z"]).output();
    let listing = listing.ok().filter(|listing| listing.status.success())?;
    let names = String::from_utf8_lossy(&listing.stdout);
    Some(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Tracked files, or a line that says why there is nothing to check.
fn tracked_files_or_skip(check: &str) -> Vec<String> {
    tracked_files().unwrap_or_else(|| {
        println!("skipped: {check}: git checkout absent");
        Vec::new()
    })
}

/// Banned words in one source, as `path:line: word`.
fn banned_in(path: &str, text: &str) -> Vec<String> {
    let is_quiet = QUIET_FOLDERS.iter().any(|folder| path.starts_with(folder))
        && !Path::new(path).file_stem().is_some_and(|s| s.to_string_lossy().ends_with("tests"));
    let tests_start = text.lines().position(|line| line.trim_start() == "#[cfg(test)]");
    let mut hits = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let is_shipped = is_quiet && tests_start.is_none_or(|start| index < start);
        let quiet_words = QUIET_WORDS.iter().filter(|_| is_shipped);
        for word in BANNED_WORDS.iter().chain(quiet_words).filter(|word| line.contains(**word)) {
            hits.push(format!("{path}:{}: {word}", index + 1));
        }
    }
    hits
}

fn is_source(path: &str) -> bool {
    let is_kind = [".rs", ".toml", ".md", ".sh", ".yml"].iter().any(|kind| path.ends_with(kind));
    is_kind || path.starts_with(".ci/")
}

#[test]
fn every_edge_points_at_what_changes_least() {
    for layer in &LAYERS {
        let manifest = manifest(layer.folder).unwrap();
        let name = manifest["package"]["name"].as_str().unwrap();
        assert_eq!(name, format!("dutchbook-{}", layer.folder));
        assert_eq!(complaints(layer, &manifest), [""; 0]);
    }
}

#[test]
fn every_member_has_its_layer() {
    let workspace = manifest("").unwrap();
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let members: BTreeSet<_> = members.iter().filter_map(Value::as_str).collect();
    assert_eq!(members, LAYERS.iter().map(|layer| layer.folder).collect());
}

#[test]
fn a_wrong_edge_is_found() {
    let check = |folder: &str, text: &str| {
        let layer = LAYERS.iter().find(|layer| layer.folder == folder).unwrap();
        complaints(layer, &text.parse().unwrap())
    };
    let text = "[dependencies]\ndutchbook-book.workspace = true\ndutchbook-exec.workspace = true";
    assert_eq!(check("feeds", text), ["feeds must not know exec"]);
    let text = "[dev-dependencies]\ndutchbook-feeds.workspace = true\nproptest.workspace = true";
    assert_eq!(check("book", text), ["book must not know feeds"]);
    let text = "[target.'cfg(unix)'.dependencies]\ntokio.workspace = true";
    assert_eq!(check("exec", text), ["exec must not use tokio"]);
    let text = "[dependencies]\nproptest.workspace = true";
    assert_eq!(check("core", text), ["core must not use proptest"]);
    let text = "[build-dependencies]\nsimd-json = \"1\"";
    let complaint = "feeds: simd-json does not take its version from the workspace";
    assert_eq!(check("feeds", text), [complaint]);
    let text = "[dependencies]\ndutchbook-tools.workspace = true\ntokio.workspace = true";
    assert_eq!(check("core", text), ["core must not know tools"]);
    assert_eq!(check("benches", text), [""; 0]);
}

#[test]
fn the_top_level_stays_as_agreed() {
    let files = tracked_files_or_skip("top level");
    let names = files.iter().filter_map(|file| file.split('/').next());
    let extra: BTreeSet<_> =
        names.filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(name)).collect();
    assert_eq!(extra, BTreeSet::new());
}

#[test]
fn no_source_holds_a_banned_word() {
    let mut hits = Vec::new();
    for path in tracked_files_or_skip("banned words").iter().filter(|path| is_source(path)) {
        // A file may be tracked and just now removed.
        let Ok(text) = std::fs::read_to_string(root().join(path)) else { continue };
        hits.extend(banned_in(path, &text));
    }
    assert_eq!(hits, [""; 0]);
}

#[test]
fn the_venues_own_clients_are_pinned_without_addresses() {
    let clients = root().join("tests/clients");
    let lock = std::fs::read_to_string(clients.join("typescript/package-lock.json")).unwrap();
    assert!(!lock.contains("\"resolved\""), "write the lock with omit-lockfile-registry-resolved");
    for which in ["polymarket", "kalshi"] {
        let path = clients.join(format!("python/requirements-{which}.txt"));
        let text = std::fs::read_to_string(path).unwrap();
        let loose: Vec<_> = text.lines().filter(|line| line.split("==").count() != 2).collect();
        assert_eq!(loose, [""; 0], "{which}");
    }
}

#[test]
fn no_module_is_a_bag() {
    let files = tracked_files_or_skip("module names");
    let is_bag = |file: &&String| {
        let stem = file.strip_suffix(".rs").unwrap_or(file);
        file.ends_with(".rs") && stem.split('/').any(|part| BANNED_MODULES.contains(&part))
    };
    assert_eq!(files.iter().filter(is_bag).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_banned_word_is_found() {
    let word = BANNED_WORDS[0];
    assert_eq!(
        banned_in("core/src/a.rs", &format!("ok\n\"{word}x\"")),
        [format!("core/src/a.rs:2: {word}")]
    );
    let text = "use std::net::TcpStream;\n#[cfg(test)]\nuse std::fs;";
    assert_eq!(banned_in("feeds/src/a.rs", text), ["feeds/src/a.rs:1: std::net"]);
    assert_eq!(banned_in("core/src/a.rs", text), [""; 0]);
    assert_eq!(banned_in("exec/src/paper_tests.rs", text), [""; 0]);
}
