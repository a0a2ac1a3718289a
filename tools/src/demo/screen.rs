//! The live screen of the demo.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dutchbook_book::{BookStatus, Cash, Level};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Gauge, Paragraph, Row, Table};
use ratatui::{DefaultTerminal, Frame};

use super::view::{LiveView, dollars, duration, life};
use dutchbook_core::telemetry::LatencySummary;

/// The terminal in its full-screen state; leaving it restores the shell.
#[derive(Debug)]
pub struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    /// Takes over the terminal.
    ///
    /// # Errors
    /// When standard output is no terminal that can be drawn on.
    pub fn open() -> io::Result<Self> {
        Ok(Self { terminal: ratatui::try_init()? })
    }

    /// Draws one moment.
    ///
    /// # Errors
    /// When the terminal has gone away.
    pub fn draw(&mut self, view: &LiveView) -> io::Result<()> {
        self.terminal.draw(|frame| draw(frame, view)).map(|_frame| ())
    }

    /// Sets `leave` when a person wants to: q, Escape or Ctrl-C. The keys are read on a thread of
    /// their own that nobody waits for: reading from a terminal that has been closed may never
    /// return, and the demo must end all the same.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn watch_keys(&self, leave: Arc<AtomicBool>) -> io::Result<()> {
        let body = move || {
            while let Ok(event) = event::read() {
                if is_leaving(&event) {
                    // Relaxed: a flag that stands alone.
                    leave.store(true, Ordering::Relaxed);
                }
            }
        };
        std::thread::Builder::new().name("keys".to_owned()).spawn(body).map(drop)
    }
}

fn is_leaving(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let control_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    let leave = matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) || control_c;
    leave && key.kind == KeyEventKind::Press
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

fn draw(frame: &mut Frame<'_>, view: &LiveView) {
    let [head, middle, foot] =
        Layout::vertical([Constraint::Length(4), Constraint::Min(8), Constraint::Length(6)])
            .areas(frame.area());
    let share = if is_narrow(frame.area()) { 38 } else { 44 };
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(share), Constraint::Fill(1)]).areas(middle);
    let [lives, fills] =
        Layout::vertical([Constraint::Percentage(62), Constraint::Percentage(38)]).areas(right);
    draw_head(frame, head, view);
    draw_markets(frame, left, view);
    draw_lives(frame, lives, view);
    draw_fills(frame, fills, view);
    draw_foot(frame, foot, view);
}

/// Below this many columns the tables leave out what can be missed, so that names stay readable.
const NARROW: u16 = 140;

const fn is_narrow(screen: Rect) -> bool {
    screen.width < NARROW
}

fn titled(title: impl Into<std::borrow::Cow<'static, str>>) -> Block<'static> {
    Block::bordered().title(Span::styled(title, bold()))
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, view: &LiveView) {
    let block = titled(" dutchbook demo: paper trading on two simulated venues, q leaves ");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let [figures, bar] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(inner);
    let live = view.markets.iter().filter(|row| row.status == BookStatus::Live).count();
    let profit = dollars(view.net_profit);
    let colour = if view.net_profit < Cash::ZERO { Color::Red } else { Color::Green };
    let line = Line::from(vec![
        Span::raw(format!(
            " {} messages  {}/s  {live}/{} books live  {} gaps  {} opportunities  {} fills  net ",
            view.messages,
            view.messages_per_second,
            view.markets.len(),
            view.sequence_gaps,
            view.opportunities,
            view.fill_count,
        )),
        Span::styled(profit, Style::new().fg(colour).add_modifier(Modifier::BOLD)),
    ]);
    frame.render_widget(Paragraph::new(line), figures);
    let percent = view.elapsed_s.saturating_mul(100).checked_div(view.seconds).unwrap_or(100);
    let gauge = Gauge::default()
        .gauge_style(Style::new().fg(Color::Blue))
        .percent(u16::try_from(percent.min(100)).unwrap_or(100))
        .label(format!(
            "{} of {} s, seed {}, {}",
            view.elapsed_s, view.seconds, view.seed, view.topology
        ));
    frame.render_widget(gauge, bar);
}

fn quote(level: Option<Level>) -> String {
    level.map_or_else(|| "-".to_owned(), |level| cents(&level.price.to_string()))
}

/// A price with two decimals at least, so that a column of them can be compared.
fn cents(price: &str) -> String {
    let (whole, decimals) = price.split_once('.').unwrap_or((price, ""));
    format!("{whole}.{decimals:0<2}")
}

fn draw_markets(frame: &mut Frame<'_>, area: Rect, view: &LiveView) {
    let rows = view.markets.iter().map(|row| {
        let style = match row.status {
            BookStatus::Live => Style::new(),
            BookStatus::Crossed | BookStatus::AwaitingSnapshot => Style::new().fg(Color::Yellow),
            BookStatus::Gapped | BookStatus::Stale => Style::new().fg(Color::Red),
            BookStatus::Halted | BookStatus::Closed => Style::new().fg(Color::DarkGray),
        };
        let venue = row.venue.get(..1).unwrap_or("?").to_uppercase();
        let cells = [venue, row.name.clone(), quote(row.top.bid), quote(row.top.ask)];
        Row::new(cells.map(Cell::from)).style(style)
    });
    let shown = view.markets.len().min(usize::from(area.height.saturating_sub(3)));
    let title = if shown < view.markets.len() {
        format!(" markets, {shown} of {} ", view.markets.len())
    } else {
        " markets ".to_owned()
    };
    let market = if area.width < NARROW / 3 { "market" } else { "market (P Polymarket, K Kalshi)" };
    let widths =
        [Constraint::Length(1), Constraint::Fill(1), Constraint::Length(6), Constraint::Length(6)];
    let table = Table::new(rows, widths)
        .header(Row::new(["V", market, "bid", "ask"]).style(bold()))
        .block(titled(title));
    frame.render_widget(table, area);
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

/// Why an opportunity is no more, in a word.
fn end_of(cause: Option<&'static str>) -> &'static str {
    match cause {
        None => "alive",
        Some("traded_by_us") => "traded",
        Some("price_moved") => "moved",
        Some("size_taken") => "taken",
        Some("book_doubtful") => "doubtful",
        Some("end_of_run") => "run over",
        Some(other) => other,
    }
}

fn draw_lives(frame: &mut Frame<'_>, area: Rect, view: &LiveView) {
    let rows = view.recent.iter().map(|row| {
        let style = match row.cause {
            None => Style::new().fg(Color::Green),
            Some(_) => Style::new(),
        };
        Row::new([
            row.kind.to_owned(),
            row.name.clone(),
            row.size.clone(),
            dollars(row.net_edge),
            life(row.life_ms),
            end_of(row.cause).to_owned(),
        ])
        .style(style)
    });
    let widths = [
        Constraint::Length(13),
        Constraint::Fill(1),
        Constraint::Length(8),
        Constraint::Length(9),
        Constraint::Length(7),
        Constraint::Length(8),
    ];
    let table = Table::new(rows, widths)
        .header(Row::new(["kind", "what", "size", "net", "life", "end"]).style(bold()))
        .block(titled(" opportunities, newest first "));
    frame.render_widget(table, area);
}

fn draw_fills(frame: &mut Frame<'_>, area: Rect, view: &LiveView) {
    let is_narrow = area.width < NARROW / 2;
    let rows = view.fills.iter().map(|row| {
        let terms = row.terms.split_once(", fee").filter(|_| is_narrow);
        let terms = terms.map_or(row.terms.as_str(), |(terms, _fee)| terms);
        Row::new([row.venue, row.action.as_str(), row.name.as_str(), terms])
    });
    let widths = [
        Constraint::Length(10),
        Constraint::Length(8),
        Constraint::Fill(1),
        Constraint::Length(if is_narrow { 18 } else { 32 }),
    ];
    frame.render_widget(Table::new(rows, widths).block(titled(" fills, newest first ")), area);
}

fn draw_foot(frame: &mut Frame<'_>, area: Rect, view: &LiveView) {
    let row = |name: &'static str, summary: &LatencySummary| {
        Row::new([
            name.to_owned(),
            duration(summary.p50),
            duration(summary.p90),
            duration(summary.p99),
            duration(summary.p999),
            duration(summary.max),
            summary.count.to_string(),
        ])
    };
    let rows =
        [row("payload to book", &view.to_book), row("payload to decision", &view.to_decision)];
    let widths = [Constraint::Length(20), Constraint::Length(10), Constraint::Length(10)]
        .into_iter()
        .chain([Constraint::Length(10); 4]);
    let table = Table::new(rows, widths)
        .header(Row::new(["latency", "p50", "p90", "p99", "p99.9", "max", "count"]).style(bold()))
        .block(titled(" from the receipt of a payload, every payload counted "));
    frame.render_widget(table, area);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::view::{FillRow, OpportunityRow};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn drawn(width: u16, height: u16) -> String {
        let life = OpportunityRow {
            id: 1,
            kind: "multi_convert",
            name: "Lions win the cup +1".to_owned(),
            size: "30457.64".to_owned(),
            net_edge: Cash::from_micro(571_940_000),
            life_ms: 4_971,
            cause: Some("traded_by_us"),
        };
        let fill = FillRow {
            venue: "polymarket",
            name: "Lions win the cup".to_owned(),
            action: "buy YES".to_owned(),
            terms: "413.04 at 0.703, fee 4.31196".to_owned(),
        };
        let view = LiveView {
            topology: "one tile, yield".to_owned(),
            seconds: 30,
            recent: vec![life],
            fills: vec![fill],
            ..LiveView::default()
        };
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, &view)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn what_matters_is_readable_at_every_common_size() {
        for (width, height) in [(100, 30), (120, 40), (160, 50), (200, 60)] {
            let screen = drawn(width, height);
            let needed = [
                "multi_convert",
                "Lions win",
                "30457.64",
                "+$571.94",
                "4971 ms",
                "traded",
                "polymarket",
                "buy YES",
                "413.04 at 0.703",
                "yield",
            ];
            for needed in needed {
                assert!(screen.contains(needed), "{needed} at {width}x{height}:\n{screen}");
            }
        }
    }

    #[test]
    fn a_tiny_terminal_is_drawn_on_without_harm() {
        for (width, height) in [(1, 1), (20, 5), (60, 15)] {
            assert!(!drawn(width, height).is_empty());
        }
    }

    #[test]
    fn prices_have_two_decimals_at_least() {
        assert_eq!([cents("0.6"), cents("1"), cents("0.1115")], ["0.60", "1.00", "0.1115"]);
    }
}
