//! dutchbook beside published clients, in one run.
//!
//! Every row feeds all its candidates the same bytes in the same batches, asserts before and behind
//! the timing that they hold equal books (found equal baskets, made equal signatures), and gives the
//! median of paired rounds. `--json` prints the rows as one array; without it come tables to read,
//! with our other ways to sign and percentiles of single orders.

mod books;
mod clients;
mod decision;
mod orders;
mod report;
mod rounds;
mod stream;

use rounds::Row;
use stream::kalshi::KalshiStream;

/// For all candidates alike; ours allocates nothing on these ways.
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "\
Times dutchbook beside the clients that others publish, on the same bytes in one run.

Usage: dutchbook-peers [--json] [ROW...]

  --json  the rows as a JSON array: name, ours_ns, peers, ratio_to_best_peer
  ROW     only these rows, as in: dutchbook-peers kalshi_delta order_signed";

type Make = fn(&'static str) -> Row;

const ROWS: [(&str, Make); 11] = [
    ("polymarket_book_1", |name| books::book(name, 1)),
    ("polymarket_book_16", |name| books::book(name, 16)),
    ("polymarket_book_64", |name| books::book(name, 64)),
    ("polymarket_price_change_1", books::one_change),
    ("polymarket_price_change_2", |name| books::changes(name, 1)),
    ("polymarket_price_change_4", |name| books::changes(name, 2)),
    ("kalshi_snapshot", |name| books::kalshi(name, 32, KalshiStream::snapshot)),
    ("kalshi_delta", |name| books::kalshi(name, 256, KalshiStream::delta)),
    ("top_of_book_read", books::top_of_book),
    ("order_signed", orders::row),
    ("payload_to_decision", decision::row),
];

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{HELP}");
        return std::process::ExitCode::SUCCESS;
    }
    let is_json = arguments.iter().any(|argument| argument == "--json");
    let wanted: Vec<&String> = arguments.iter().filter(|argument| *argument != "--json").collect();
    if let Some(unknown) = wanted.iter().find(|name| !ROWS.iter().any(|row| row.0 == name.as_str()))
    {
        eprintln!("no row is called {unknown}; --help tells how to call this");
        return std::process::ExitCode::from(2);
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|row| *row == name);
    let rows = ROWS.iter().filter(|(name, _)| is_wanted(name)).map(|(name, make)| {
        if !is_json {
            eprintln!("{name} ...");
        }
        make(name)
    });
    let rows: Vec<Row> = rows.collect();
    if is_json {
        println!("{}", report::json(&rows));
        return std::process::ExitCode::SUCCESS;
    }
    report::print(&rows);
    if is_wanted("order_signed") {
        report::print(&orders::more_rows());
        report::print_percentiles(&orders::percentiles());
    }
    std::process::ExitCode::SUCCESS
}
