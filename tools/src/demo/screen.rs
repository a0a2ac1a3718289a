//! The live screen of the demo.

use core::time::Duration;
use std::io;

use dutchbook_book::{BookStatus, Level};
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

    /// Waits up to `span` for a key; returns whether the person wants to leave.
    ///
    /// # Errors
    /// When the terminal has gone away.
    pub fn wants_to_leave(&mut self, span: Duration) -> io::Result<bool> {
        if !event::poll(span)? {
            return Ok(false);
        }
        let Event::Key(key) = event::read()? else { return Ok(false) };
        let control_c =
            key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        let leave = matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) || control_c;
        Ok(leave && key.kind == KeyEventKind::Press)
    }
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
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(44), Constraint::Percentage(56)]).areas(middle);
    let [lives, fills] =
        Layout::vertical([Constraint::Percentage(62), Constraint::Percentage(38)]).areas(right);
    draw_head(frame, head, view);
    draw_markets(frame, left, view);
    draw_lives(frame, lives, view);
    draw_fills(frame, fills, view);
    draw_foot(frame, foot, view);
}

fn titled(title: &'static str) -> Block<'static> {
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
        Span::styled(profit, Style::new().fg(Color::Green).add_modifier(Modifier::BOLD)),
        Span::raw(format!("  {}", view.topology)),
    ]);
    frame.render_widget(Paragraph::new(line), figures);
    let percent = view.elapsed_s.saturating_mul(100).checked_div(view.seconds).unwrap_or(100);
    let gauge = Gauge::default()
        .gauge_style(Style::new().fg(Color::Blue))
        .percent(u16::try_from(percent.min(100)).unwrap_or(100))
        .label(format!("{} of {} s, seed {}", view.elapsed_s, view.seconds, view.seed));
    frame.render_widget(gauge, bar);
}

fn quote(level: Option<Level>) -> String {
    level.map_or_else(|| "-".to_owned(), |level| level.price.to_string())
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
    let widths =
        [Constraint::Length(1), Constraint::Fill(1), Constraint::Length(7), Constraint::Length(7)];
    let table = Table::new(rows, widths)
        .header(Row::new(["V", "market (P Polymarket, K Kalshi)", "bid", "ask"]).style(bold()))
        .block(titled(" markets "));
    frame.render_widget(table, area);
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
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
            row.cause.unwrap_or("alive").to_owned(),
        ])
        .style(style)
    });
    let widths = [
        Constraint::Length(13),
        Constraint::Fill(1),
        Constraint::Length(9),
        Constraint::Length(9),
        Constraint::Length(8),
        Constraint::Length(14),
    ];
    let table = Table::new(rows, widths)
        .header(Row::new(["kind", "what", "size", "net", "life", "end"]).style(bold()))
        .block(titled(" opportunities, newest first "));
    frame.render_widget(table, area);
}

fn draw_fills(frame: &mut Frame<'_>, area: Rect, view: &LiveView) {
    let rows = view.fills.iter().map(|row| {
        Row::new([row.venue.to_owned(), row.action.clone(), row.name.clone(), row.terms.clone()])
    });
    let widths = [
        Constraint::Length(10),
        Constraint::Length(9),
        Constraint::Fill(1),
        Constraint::Length(30),
    ];
    frame
        .render_widget(Table::new(rows, widths).block(titled(" paper fills, newest first ")), area);
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
