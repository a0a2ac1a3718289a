//! Made-up listings of two venues with known answers, as many as a test wants.
//!
//! Each topic has its own wording on each venue, as the real ones have; names are built of
//! syllables, so that there are as many as there are markets. Every seed gives the same lists.

use dutchbook_tools::matching::Market;

/// Two lists, and the place in the second list of each market of the first that is also there.
#[derive(Debug)]
pub struct Listings {
    /// The larger venue.
    pub first: Vec<Market>,
    /// The smaller one.
    pub second: Vec<Market>,
    /// By place in the first list.
    pub truth: Vec<Option<usize>>,
}

const SYLLABLES: [&str; 24] = [
    "ba", "ke", "lo", "mi", "nu", "ra", "so", "te", "vi", "zu", "dan", "fel", "gor", "hal", "jen",
    "kir", "lun", "mar", "nor", "pel", "ros", "sil", "tor", "wen",
];

/// splitmix64: one step of a seed to a number.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn pick<'a>(seed: u64, from: &[&'a str]) -> &'a str {
    let count = u64::try_from(from.len()).unwrap_or(1).max(1);
    let at = usize::try_from(mixed(seed) % count).unwrap_or(0);
    from.get(at).copied().unwrap_or_default()
}

/// A name of two words.
fn name(seed: u64) -> String {
    let word = |seed: u64| {
        let text: String =
            (0..3).map(|part| pick(seed.wrapping_mul(7) + part, &SYLLABLES)).collect();
        let mut letters = text.chars();
        letters
            .next()
            .map_or(String::new(), |first| first.to_uppercase().chain(letters).collect::<String>())
    };
    format!("{} {}", word(seed), word(seed ^ 0xABCD_EF01))
}

/// One question in the words of either venue.
fn question(seed: u64) -> [String; 2] {
    let who = name(seed);
    let place = pick(seed + 1, &["Ohio", "Texas", "Nevada", "Georgia", "Maine", "Utah", "Iowa"]);
    let month = pick(seed + 2, &["January", "March", "May", "July", "September", "November"]);
    let number = mixed(seed + 3) % 900 + 100;
    match mixed(seed + 4) % 5 {
        0 => [
            format!("Will {who} be the Republican nominee for Governor in {place}?"),
            format!("{who} to be the {place} Republican gubernatorial nominee in 2026?"),
        ],
        1 => [
            format!("Will {who} release a new album before {month} 1, 2027?"),
            format!("New {who} album released before {month} 2027?"),
        ],
        2 => [
            format!("Will {who} stock close above ${number} on {month} 14, 2026?"),
            format!("{who} stock closes above ${number} on {month} 14?"),
        ],
        3 => [
            format!("Will {who} have at least {number} cases in 2026?"),
            format!("{number} or more {who} cases in 2026?"),
        ],
        _ => [
            format!("Will {who} win the 2026 {place} Open Championship?"),
            format!("{who} to win the {place} Open in 2026?"),
        ],
    }
}

/// `first_count` markets, of which `second_count` / 2 are also in the second list, which has as many
/// again of its own.
#[must_use]
pub fn listings(first_count: usize, second_count: usize, seed: u64) -> Listings {
    let at =
        |place: usize| seed.wrapping_add(u64::try_from(place).unwrap_or(0).wrapping_mul(1_009));
    let market = |title: String| Market { title, close: None };
    let mut listings = Listings { first: Vec::new(), second: Vec::new(), truth: Vec::new() };
    let Listings { first, second, truth } = &mut listings;
    let stride = (first_count.saturating_mul(2) / second_count.max(1)).max(1);
    for place in 0..first_count {
        let [here, there] = question(at(place));
        first.push(market(here));
        let is_shared = place.is_multiple_of(stride) && second.len() < second_count;
        truth.push(is_shared.then_some(second.len()));
        if is_shared {
            second.push(market(there));
        }
    }
    while second.len() < second_count {
        let [_, there] = question(at(first_count.saturating_add(second.len())));
        second.push(market(there));
    }
    listings
}
