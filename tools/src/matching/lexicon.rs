//! What words mean in the titles of prediction markets, whatever the pair: which say nothing, which
//! say the same, and the names by which venues call leagues and places.
//!
//! Nothing here names a market. A word that is not listed is taken at its full weight.

use std::collections::BTreeMap;

/// How much the absence of a word on the other side means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Nothing.
    Light,
    /// Little, unless the other side says something else of the same kind.
    Soft(SoftKind),
    /// Another question.
    Strong,
    /// Another question; part of a name, and so perhaps written in another way.
    Name,
}

/// Kinds within which two different soft words exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SoftKind {
    /// A league or its organiser.
    League,
    /// What the winner gets.
    Prize,
    /// The country that is meant where none is named.
    Country,
    /// What the result is called.
    Result,
    /// What a quotation is called.
    Quote,
}

/// Grammar and what every title says.
const LIGHT: &[&str] = &[
    "will",
    "the",
    "a",
    "an",
    "be",
    "is",
    "are",
    "was",
    "been",
    "of",
    "in",
    "at",
    "on",
    "to",
    "for",
    "by",
    "and",
    "or",
    "with",
    "from",
    "as",
    "it",
    "its",
    "that",
    "this",
    "there",
    "any",
    "do",
    "does",
    "did",
    "has",
    "have",
    "had",
    "would",
    "get",
    "gets",
    "become",
    "becomes",
    "party",
    "race",
    "seat",
    "person",
    "candidate",
    "next-election",
    "men",
    "mens",
    "team",
    "esports",
    "gaming",
    "club",
    "fc",
    "cf",
    "afc",
    "new",
    "official",
    "officially",
    "outright",
    "during",
    "within",
    "market",
    "into",
    "than",
    "then",
    "per",
    "regular",
    "season",
    "general",
];

/// Words that mean the same; the first is what they are read as.
const SAME: &[&[&str]] = &[
    &["win", "wins", "won", "winner", "winning", "victory", "control", "controls", "take", "takes"],
    &[
        "reach",
        "reaches",
        "qualify",
        "qualifies",
        "advance",
        "advances",
        "make",
        "makes",
        "hit",
        "hits",
        "touch",
    ],
    &["nominee", "nomination", "nominate", "nominated", "nominates"],
    &["leave", "leaves", "depart", "departs", "exit", "exits", "leaving"],
    &["release", "releases", "released", "drop", "drops", "launch", "launches"],
    &["arrest", "arrested", "arrests"],
    &["elect", "elected", "elects"],
    &["fire", "fired", "oust", "ousted", "removed"],
    &["announce", "announces", "announced"],
    &["confirm", "confirms", "confirmed"],
    &["engage", "engaged", "engagement"],
    &["resign", "resigns", "resigned", "resignation"],
    &["governor", "governorship", "gubernatorial", "governors", "gov"],
    &["president", "presidential", "presidency"],
    &["senate", "senator", "senatorial"],
    &["mayor", "mayoral", "mayorship", "mayoralty"],
    &["election", "elections"],
    &["republican", "republicans", "gop"],
    &["democratic", "democrat", "democrats", "dem", "dems"],
    &["conservative", "conservatives", "tory", "tories"],
    &["champion", "champions", "championship", "title"],
    &["playoff", "playoffs"],
    &["final", "finals"],
    &["case", "cases"],
    &["above", "over"],
    &["below", "under"],
    &["beat", "beats", "defeat", "defeats"],
    &["rise", "rises", "increase", "increases", "raise", "hike", "hikes"],
    &["fall", "falls", "decrease", "decreases", "cut", "cuts", "lower", "reduce"],
    &["up", "higher"],
    &["down"],
    &["bitcoin", "btc"],
    &["ethereum", "eth", "ether"],
    &["solana", "sol"],
    &["dogecoin", "doge"],
    &["ripple", "xrp"],
    &["fed", "fomc"],
    &["price", "prices"],
    &["steal", "steals"],
    &["drivers", "driver"],
    &["constructors", "constructor"],
    &["bps", "bp"],
    &["temperature", "temp"],
    &["mom", "monthly"],
    &["yoy", "annual", "annually"],
    &["not", "never", "fail", "fails", "isnt", "wont", "doesnt"],
    // Countries and those of them.
    &["us", "usa", "america", "american"],
    &["uk", "britain", "british"],
    &["brazil", "brazilian"],
    &["france", "french"],
    &["germany", "german"],
    &["bulgaria", "bulgarian"],
    &["canada", "canadian"],
    &["mexico", "mexican"],
    &["russia", "russian"],
    &["ukraine", "ukrainian"],
    &["china", "chinese"],
    &["japan", "japanese"],
    &["india", "indian"],
    &["israel", "israeli"],
    &["iran", "iranian"],
    &["italy", "italian"],
    &["spain", "spanish"],
    &["portugal", "portuguese"],
    &["poland", "polish"],
    &["romania", "romanian"],
    &["hungary", "hungarian"],
    &["czechia", "czech"],
    &["slovakia", "slovak"],
    &["slovenia", "slovenian"],
    &["serbia", "serbian"],
    &["croatia", "croatian"],
    &["greece", "greek"],
    &["turkey", "turkish", "turkiye"],
    &["netherlands", "dutch"],
    &["belgium", "belgian"],
    &["sweden", "swedish"],
    &["norway", "norwegian"],
    &["denmark", "danish"],
    &["finland", "finnish"],
    &["ireland", "irish"],
    &["scotland", "scottish"],
    &["argentina", "argentine", "argentinian"],
    &["chile", "chilean"],
    &["colombia", "colombian"],
    &["peru", "peruvian"],
    &["venezuela", "venezuelan"],
    &["bolivia", "bolivian"],
    &["australia", "australian"],
    &["korea", "korean"],
    &["taiwan", "taiwanese"],
    &["philippines", "philippine"],
    &["egypt", "egyptian"],
    &["syria", "syrian"],
    &["lebanon", "lebanese"],
    &["qatar", "qatari"],
    &["estonia", "estonian"],
    &["latvia", "latvian"],
    &["lithuania", "lithuanian"],
    &["armenia", "armenian"],
    &["moldova", "moldovan"],
    &["switzerland", "swiss"],
    &["austria", "austrian"],
];

/// Words in a row that are one; what they are read as.
const PHRASES: &[(&[&str], &str)] = &[
    (&["united", "states"], "us"),
    (&["united", "kingdom"], "uk"),
    (&["d", "c"], "dc"),
    (&["washington", "dc"], "dc"),
    (&["federal", "reserve"], "fed"),
    (&["month", "over", "month"], "mom"),
    (&["year", "over", "year"], "yoy"),
    (&["lt", "gov"], "ltgovernor"),
    (&["lt", "governor"], "ltgovernor"),
    (&["lieutenant", "governor"], "ltgovernor"),
    (&["attorney", "general"], "attorneygeneral"),
    (&["secretary", "of", "state"], "secretaryofstate"),
    (&["house", "of", "representatives"], "house"),
    (&["prime", "minister"], "primeminister"),
    (&["vice", "president"], "vicepresident"),
    (&["pro", "baseball"], "mlb"),
    (&["major", "league", "baseball"], "mlb"),
    (&["pro", "football"], "nfl"),
    (&["pro", "basketball"], "nba"),
    (&["pro", "hockey"], "nhl"),
    (&["national", "league"], "nl"),
    (&["american", "league"], "al"),
    (&["stolen", "bases"], "steal"),
    (&["home", "runs"], "homerun"),
    (&["formula", "one"], "f1"),
    (&["interest", "rate"], "rate"),
    (&["interest", "rates"], "rate"),
    (&["most", "valuable", "player"], "mvp"),
    (&["new", "york"], "newyork"),
    (&["new", "jersey"], "newjersey"),
    (&["new", "hampshire"], "newhampshire"),
    (&["new", "mexico"], "newmexico"),
    (&["new", "zealand"], "newzealand"),
    (&["new", "orleans"], "neworleans"),
    (&["new", "england"], "newengland"),
    (&["north", "carolina"], "northcarolina"),
    (&["south", "carolina"], "southcarolina"),
    (&["north", "dakota"], "northdakota"),
    (&["south", "dakota"], "southdakota"),
    (&["west", "virginia"], "westvirginia"),
    (&["rhode", "island"], "rhodeisland"),
    (&["south", "korea"], "southkorea"),
    (&["south", "korean"], "southkorea"),
    (&["north", "korea"], "northkorea"),
    (&["south", "africa"], "southafrica"),
    (&["south", "african"], "southafrica"),
    (&["saudi", "arabia"], "saudiarabia"),
    (&["world", "cup"], "worldcup"),
    (&["super", "bowl"], "superbowl"),
];

/// Words that one side may leave out.
const SOFT: &[(SoftKind, &[&str])] = &[
    (SoftKind::League, &["mlb", "nfl", "nba", "nhl", "fifa", "uefa", "ufc", "atp", "wta", "ncaa"]),
    (SoftKind::Prize, &["award", "series", "champion", "major", "trophy", "prize", "cup"]),
    (SoftKind::Country, &["us"]),
    (SoftKind::Result, &["result", "results", "outcome"]),
    (SoftKind::Quote, &["price", "range", "rang", "value", "level"]),
];

/// The lexicon, ready for look-ups.
#[derive(Debug)]
pub(super) struct Lexicon {
    same: BTreeMap<&'static str, &'static str>,
    phrases: BTreeMap<&'static str, Vec<(&'static [&'static str], &'static str)>>,
    classes: BTreeMap<&'static str, Class>,
}

impl Lexicon {
    pub(super) fn new() -> Self {
        let mut same = BTreeMap::new();
        for group in SAME {
            let Some(&first) = group.first() else { continue };
            same.extend(group.iter().map(|&word| (word, first)));
        }
        let mut phrases: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for &(words, meaning) in PHRASES {
            let Some(&first) = words.first() else { continue };
            phrases.entry(first).or_default().push((words, meaning));
        }
        let mut classes: BTreeMap<&str, Class> =
            LIGHT.iter().map(|&word| (word, Class::Light)).collect();
        for &(kind, words) in SOFT {
            classes.extend(words.iter().map(|&word| (word, Class::Soft(kind))));
        }
        Self { same, phrases, classes }
    }

    /// What a single word is read as.
    pub(super) fn meaning(&self, word: &str) -> Option<&'static str> {
        self.same.get(word).copied()
    }

    /// A phrase that starts here: its length and what it is read as.
    pub(super) fn phrase<'a>(
        &self,
        first: &str,
        at: impl Fn(usize) -> Option<&'a str>,
    ) -> Option<(usize, &'static str)> {
        let fits = |words: &[&str]| {
            words.iter().enumerate().skip(1).all(|(index, word)| at(index) == Some(*word))
        };
        let found = self.phrases.get(first)?.iter().filter(|(words, _)| fits(words));
        found.max_by_key(|(words, _)| words.len()).map(|(words, meaning)| (words.len(), *meaning))
    }

    /// How much a word weighs; `None` where the lexicon does not know it.
    pub(super) fn class(&self, word: &str) -> Option<Class> {
        self.classes.get(word).copied()
    }
}

/// The month that a word names.
pub(super) fn month(word: &str) -> Option<u8> {
    Some(match word {
        "january" | "jan" => 1,
        "february" | "feb" => 2,
        "march" | "mar" => 3,
        "april" | "apr" => 4,
        "may" => 5,
        "june" | "jun" => 6,
        "july" | "jul" => 7,
        "august" | "aug" => 8,
        "september" | "sep" | "sept" => 9,
        "october" | "oct" => 10,
        "november" | "nov" => 11,
        "december" | "dec" => 12,
        _ => return None,
    })
}

/// The rank that a word names.
pub(super) fn rank(word: &str) -> Option<u32> {
    Some(match word {
        "first" => 1,
        "second" => 2,
        "third" => 3,
        "fourth" => 4,
        "fifth" => 5,
        _ => return None,
    })
}
