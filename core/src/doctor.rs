//! What a look at the set-up finds: each finding says what it is about, how bad it is, and what to do.
//!
//! `dutchbook check` prints them; a live run refuses to start while one is red.

mod exam;
mod kalshi;
mod machine;
mod polymarket;

pub use exam::{Purpose, examine, has_foreign_roots};

use serde_json::{Value, json};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Good,
    /// It works, but could be better or safer.
    Poor,
    /// Real orders must not be sent so.
    Red,
}

impl Severity {
    /// The severity's name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Poor => "poor",
            Self::Red => "red",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, in one stable word or two: `polymarket.allowance`.
    pub about: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub said: String,
    /// What to do; empty where nothing is to be done.
    pub fix: String,
}

/// Everything that was found, in the order in which it was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// It is as it should be.
    pub fn good(&mut self, about: &'static str, said: impl Into<String>) {
        self.add(about, Severity::Good, said.into(), String::new());
    }

    /// It works, but could be better or safer.
    pub fn poor(&mut self, about: &'static str, said: impl Into<String>, fix: impl Into<String>) {
        self.add(about, Severity::Poor, said.into(), fix.into());
    }

    /// Real orders must not be sent so.
    pub fn red(&mut self, about: &'static str, said: impl Into<String>, fix: impl Into<String>) {
        self.add(about, Severity::Red, said.into(), fix.into());
    }

    fn add(&mut self, about: &'static str, severity: Severity, said: String, fix: String) {
        self.list.push(Finding { about, severity, said, fix });
    }

    /// Whether real orders must not be sent.
    #[must_use]
    pub fn is_red(&self) -> bool {
        self.list.iter().any(|finding| finding.severity == Severity::Red)
    }

    /// Those that are red, one line each.
    #[must_use]
    pub fn red_lines(&self) -> Vec<String> {
        let red = self.list.iter().filter(|finding| finding.severity == Severity::Red);
        red.map(|it| format!("{}: {}; {}", it.about, it.said, it.fix)).collect()
    }

    /// As one object.
    #[must_use]
    pub fn json(&self) -> Value {
        let count = |severity| self.list.iter().filter(|it| it.severity == severity).count();
        let row = |it: &Finding| {
            json!({
                "about": it.about, "severity": it.severity.name(), "said": it.said, "fix": it.fix,
            })
        };
        json!({
            "is_red": self.is_red(),
            "good": count(Severity::Good),
            "poor": count(Severity::Poor),
            "red": count(Severity::Red),
            "findings": self.list.iter().map(row).collect::<Vec<_>>(),
        })
    }

    /// As a page of text: one line each, and its fix below.
    #[must_use]
    pub fn text(&self) -> String {
        let mut page = String::new();
        for it in &self.list {
            page.push_str(&format!("{:<5} {:<26} {}\n", it.severity.name(), it.about, it.said));
            if !it.fix.is_empty() {
                page.push_str(&format!("      {:<26} -> {}\n", "", it.fix));
            }
        }
        let worst = self.list.iter().map(|it| it.severity).max().unwrap_or(Severity::Good);
        page.push_str(match worst {
            Severity::Good => "\nall good\n",
            Severity::Poor => "\nno reason against real orders\n",
            Severity::Red => "\nreal orders are refused until what is red is mended\n",
        });
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_red_finding_is_enough() {
        let mut findings = Findings::default();
        findings.good("config", "read");
        findings.poor("disk", "2 GB free", "make room");
        assert!(!findings.is_red() && findings.text().contains("no reason against"));
        findings.red("clock", "4 s ahead", "run a time service");
        assert!(findings.is_red());
        assert_eq!(findings.red_lines(), ["clock: 4 s ahead; run a time service"]);
        let json = findings.json();
        assert_eq!(
            (&json["is_red"], &json["good"], &json["red"]),
            (&true.into(), &1.into(), &1.into())
        );
        assert_eq!(json["findings"][1]["fix"], "make room");
    }
}
