//! From TOML text to one table: the defaults, and on top of them what a file says. What does not fit
//! is named with its line in that file.

use serde::Deserialize as _;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::{ConfigError, DEFAULT_TOML, Raw};

/// The defaults with the keys of `text` in their places.
pub(super) fn merged(text: &str) -> Result<Table, ConfigError> {
    let mut all = defaults()?;
    let own: Table = toml::from_str(text).map_err(|error| syntax_error(&error, text))?;
    merge(&mut all, own);
    Ok(all)
}

/// A whole table as its sections; where that fails, the first key of `text` that is to blame.
pub(super) fn typed(all: Table, text: &str) -> Result<Raw, ConfigError> {
    Raw::deserialize(Value::Table(all)).map_err(|error| {
        let said = first_fault(text).unwrap_or_else(|| one_line(&error.to_string()));
        ConfigError::Parse(said)
    })
}

fn defaults() -> Result<Table, ConfigError> {
    let refused = |error: toml::de::Error| ConfigError::Parse(one_line(&error.to_string()));
    toml::from_str(DEFAULT_TOML).map_err(refused)
}

/// Tables are merged key by key; everything else is replaced.
fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count().saturating_add(1)
}

/// What is no TOML, with its line instead of a drawing of it.
fn syntax_error(error: &toml::de::Error, text: &str) -> ConfigError {
    let line = line_of(text, error.span().map_or(0, |span| span.start));
    let said = one_line(error.message());
    ConfigError::Parse(format!("line {line} is no TOML: {said}"))
}

/// One key of a file: where it stands, its path, and the value that it gives.
struct Given {
    at: usize,
    path: Vec<String>,
    value: Value,
}

/// The first key of a file that the defaults do not stand with, and why.
fn first_fault(text: &str) -> Option<String> {
    let spans = DeTable::parse(text).ok()?;
    let own: Table = toml::from_str(text).ok()?;
    let known: Table = toml::from_str(DEFAULT_TOML).ok()?;
    let mut given = Vec::new();
    collect(spans.get_ref(), &own, &known, &mut Vec::new(), &mut given);
    given.sort_by_key(|given| given.at);
    given.into_iter().find_map(|given| {
        let mut all = known.clone();
        merge(&mut all, wrapped(&given.path, given.value)?);
        let error = Raw::deserialize(Value::Table(all)).err()?;
        let (line, path) = (line_of(text, given.at), given.path.join("."));
        Some(format!("line {line}: {path}: {}", one_line(error.message())))
    })
}

/// The keys of a table, down to those whose values are no tables of the defaults.
fn collect(
    spans: &DeTable<'_>,
    own: &Table,
    known: &Table,
    path: &mut Vec<String>,
    given: &mut Vec<Given>,
) {
    for (key, value) in spans {
        let name = key.get_ref().as_ref();
        let Some(mine) = own.get(name) else { continue };
        path.push(name.to_owned());
        match (table_of(value), mine, known.get(name)) {
            (Some(spans), Value::Table(own), Some(Value::Table(known))) => {
                collect(spans, own, known, path, given);
            }
            _ => {
                let at = key.span().start;
                given.push(Given { at, path: path.clone(), value: mine.clone() });
            }
        }
        path.pop();
    }
}

fn table_of<'a, 'i>(value: &'a Spanned<DeValue<'i>>) -> Option<&'a DeTable<'i>> {
    value.get_ref().as_table()
}

/// A table that holds one value under this path.
fn wrapped(path: &[String], value: Value) -> Option<Table> {
    let inner = path.iter().rev().fold(value, |inner, key| {
        let mut table = Table::new();
        table.insert(key.clone(), inner);
        Value::Table(table)
    });
    if let Value::Table(table) = inner { Some(table) } else { None }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn said(text: &str) -> String {
        Config::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_broken_line_is_named_in_one_line() {
        let error = said("[tiles]\nlayout = \"split\"\ngarbage\n");
        assert!(error.starts_with("configuration: line 3 is no TOML: "), "{error}");
        assert_eq!(error.lines().count(), 1);
    }

    #[test]
    fn a_wrong_type_or_name_is_named_with_its_line() {
        for (text, says) in [
            ("[paper]\n\nlatency_us = \"7\"\n", "line 3: paper.latency_us: invalid type"),
            ("[paper]\ncash_usd = 3\n", "line 2: paper.cash_usd: invalid type"),
            ("# first\n[tiles]\ncores = [0, \"x\"]\n", "line 3: tiles.cores: "),
            ("[paper]\nlatency_us = 7\n\n[paper_]\nx = 1\n", "line 4: paper_: unknown field"),
            ("[paper]\nlatency_ms = 7\n", "line 2: paper.latency_ms: unknown field"),
            ("paper = 3\n", "line 1: paper: invalid type"),
            ("[live.kalshi]\nkey_id = 4\n", "line 2: live.kalshi.key_id: invalid type"),
            ("[sizing]\nby_kind = { a = 1 }\n", "line 2: sizing.by_kind.a: "),
            ("tiles.layout = \"no\"\n", "line 1: tiles.layout: unknown variant"),
            ("[risk]\n[feed]\nrefresh_ms = true\nstale_ms_max = 0.5\n", "line 3: feed.refresh_ms"),
        ] {
            let error = said(text);
            assert!(error.contains(says), "{text:?}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }
}
