//! What sources say of outcomes, weighed: who may strike states out, who only raises a doubt, and what
//! happens when two of them differ.
//!
//! Every word comes as a [`Statement`] with its source and two times. A [`Docket`] keeps the words of
//! one market and rules on them: an outcome is final only by a source that pays or is read by whoever
//! pays; the last word of the source that the rules name comes before it and may be read otherwise; a
//! proposal or a first result is provisional and strikes nothing; a dispute, a reset or a contradiction closes
//! the market to trades on its outcome until a final word of a better source, or a person, clears it.
//! Nothing here trades: [`crate::engine::resolve`] asks for the [`Ruling`] and its findings.

use dutchbook_book::{Face, Nanos, Price};

use crate::eval::resolution::{Finding, Precondition, Preconditions};

/// Who speaks, in rising order of what it takes to overrule them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Source {
    /// A score of a running or finished game.
    Score = 0,
    /// A reference price.
    Reference = 1,
    /// The optimistic oracle: proposals, disputes, settlements.
    Oracle = 2,
    /// A release that a person or a watcher entered, of the source that the rules name.
    Release = 3,
    /// The venue: Kalshi's lifecycle, Polymarket's `market_resolved`, the lists of either.
    Venue = 4,
    /// The chain: the payout that was reported for the condition.
    Chain = 5,
}

impl Source {
    /// Every source, in the order of their codes.
    pub const ALL: [Self; 6] =
        [Self::Score, Self::Reference, Self::Oracle, Self::Release, Self::Venue, Self::Chain];

    /// The source of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The source's name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Reference => "reference_price",
            Self::Oracle => "oracle",
            Self::Release => "release",
            Self::Venue => "venue",
            Self::Chain => "chain",
        }
    }

    /// The source of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }

    /// How far its last word can be trusted at most. What pays is decided by the venue, its oracle and
    /// the chain; a score, a price or a release is final only in that the rules name it.
    #[must_use]
    pub const fn trust(self) -> Trust {
        match self {
            Self::Score | Self::Reference | Self::Release => Trust::Named,
            Self::Oracle | Self::Venue | Self::Chain => Trust::Final,
        }
    }
}

/// How far a word is trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Nobody has said anything that counts.
    #[default]
    None,
    /// Worth knowing; it decides nothing.
    Hint,
    /// It may still be disputed, amended or reset.
    Provisional,
    /// The source that the rules name has published for good; whoever pays has not spoken yet, and may
    /// read the rules otherwise.
    Named,
    /// Nothing will be said any more: the money moves.
    Final,
}

impl Trust {
    /// Every level, in the order of their codes.
    pub const ALL: [Self; 5] =
        [Self::None, Self::Hint, Self::Provisional, Self::Named, Self::Final];

    /// The level of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// How a market ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This face pays one.
    Pays(Face),
    /// Both faces pay a half: void, or a tie.
    Split,
}

impl Verdict {
    const fn code(self) -> u8 {
        match self {
            Self::Pays(face) => face as u8,
            Self::Split => 2,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Pays(Face::Yes)),
            1 => Some(Self::Pays(Face::No)),
            2 => Some(Self::Split),
            _ => None,
        }
    }

    /// What each YES pays.
    #[must_use]
    pub fn payoff(self) -> Price {
        match self {
            Self::Pays(Face::Yes) => Price::ONE,
            Self::Pays(Face::No) => Price::ZERO,
            Self::Split => Price::from_micro(Price::ONE.micro() / 2).unwrap_or(Price::ZERO),
        }
    }
}

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// Somebody proposes an outcome; it stands unless disputed.
    Proposed(Verdict),
    /// The proposal is disputed, or the market is flagged or paused.
    Disputed,
    /// The question is asked anew: what was proposed is void.
    Reset,
    /// An outcome, which may still be changed.
    Decided(Verdict),
    /// The last word.
    Final(Verdict),
    /// The last word, on what was decided before.
    Settled,
}

impl Says {
    /// What is said and of which verdict, as codes.
    #[must_use]
    pub const fn codes(self) -> [u8; 2] {
        match self {
            Self::Proposed(verdict) => [0, verdict.code()],
            Self::Disputed => [1, 0],
            Self::Reset => [2, 0],
            Self::Decided(verdict) => [3, verdict.code()],
            Self::Final(verdict) => [4, verdict.code()],
            Self::Settled => [5, 0],
        }
    }

    /// What these codes say.
    #[must_use]
    pub fn from_codes([kind, verdict]: [u8; 2]) -> Option<Self> {
        let verdict = Verdict::from_code(verdict);
        Some(match kind {
            0 => Self::Proposed(verdict?),
            1 => Self::Disputed,
            2 => Self::Reset,
            3 => Self::Decided(verdict?),
            4 => Self::Final(verdict?),
            5 => Self::Settled,
            _ => return None,
        })
    }
}

/// One word of one source on one market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Who says it.
    pub source: Source,
    /// What.
    pub says: Says,
    /// How far whoever passed it on trusts it; never above what its source may have.
    pub trust: Trust,
    /// When, by the source's own clock; zero where it has none.
    pub at: Nanos,
    /// When we heard it.
    pub heard: Nanos,
}

/// Why a statement is not taken. A contradiction closes the market all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Two sources give the last word, and it is not the same.
    Contradicts {
        /// Whose word stood.
        earlier: Source,
        /// Whose word differs.
        later: Source,
    },
    /// A source takes back its own last word.
    ContradictsItself(Source),
    /// The source has said something newer already.
    Older(Source),
    /// A settlement of something that nobody has decided.
    NothingToSettle(Source),
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Contradicts { earlier, later } => write!(
                f,
                "{} contradicts the last word of {}: closed until a person looks",
                later.name(),
                earlier.name()
            ),
            Self::ContradictsItself(source) => {
                write!(
                    f,
                    "{} takes back its own last word: closed until a person looks",
                    source.name()
                )
            }
            Self::Older(source) => write!(f, "{} has said something newer already", source.name()),
            Self::NothingToSettle(source) => {
                write!(f, "{} settles what nobody has decided", source.name())
            }
        }
    }
}

/// What a docket comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    /// The outcome, where there is one.
    pub verdict: Option<Verdict>,
    /// How far it is trusted.
    pub trust: Trust,
    /// Who gave it.
    pub source: Option<Source>,
    /// When we first heard it.
    pub published: Nanos,
    /// Whether it is disputed, or sources contradict each other.
    pub is_contested: bool,
    /// Whether the oracle's open proposal says the same.
    pub is_proposed: bool,
}

/// The words on one market.
#[derive(Clone, Copy, Debug, Default)]
pub struct Docket {
    ruling: Ruling,
    /// When each source spoke last, by its own clock.
    spoken: [Nanos; Source::ALL.len()],
    /// What each source has decided: what its settlement is of.
    decided: [Option<Verdict>; Source::ALL.len()],
    /// What the oracle proposes, undisputed.
    proposed: Option<Verdict>,
    is_disputed: bool,
    is_contradicted: bool,
    /// When the dispute was opened or cleared.
    dispute_at: Nanos,
}

impl Docket {
    /// What the words come to.
    #[must_use]
    pub fn ruling(&self) -> Ruling {
        let mut ruling = self.ruling;
        ruling.is_contested = self.is_disputed || self.is_contradicted;
        ruling.is_proposed = ruling.verdict.is_some() && ruling.verdict == self.proposed;
        ruling
    }

    /// Takes a word. The ruling afterwards is [`Docket::ruling`], whether it was taken or refused.
    ///
    /// # Errors
    /// When it contradicts what is final, is older than what its source has said, or settles nothing.
    pub fn take(&mut self, statement: &Statement) -> Result<Ruling, Refused> {
        let Statement { source, says, trust, at, heard } = *statement;
        if let Some(spoken) = self.spoken.get_mut(source as usize) {
            if at > Nanos::ZERO && at < *spoken {
                return Err(Refused::Older(source));
            }
            *spoken = (*spoken).max(at);
        }
        let trust = trust.min(source.trust());
        match says {
            Says::Disputed => self.doubt(heard),
            Says::Reset => self.reset(source, heard)?,
            Says::Proposed(verdict) => {
                self.proposed = Some(verdict);
                self.provisional(source, verdict, trust, heard)?;
            }
            Says::Decided(verdict) => {
                self.decide(source, verdict);
                self.provisional(source, verdict, trust, heard)?;
            }
            Says::Final(verdict) => {
                self.decide(source, verdict);
                self.last_word(source, verdict, trust, heard)?;
            }
            Says::Settled => match self.decided.get(source as usize).copied().flatten() {
                Some(verdict) => self.last_word(source, verdict, trust, heard)?,
                None => return Err(Refused::NothingToSettle(source)),
            },
        }
        Ok(self.ruling())
    }

    fn decide(&mut self, source: Source, verdict: Verdict) {
        if let Some(slot) = self.decided.get_mut(source as usize) {
            *slot = Some(verdict);
        }
    }

    /// What is final cannot be disputed any more: the word is late.
    fn doubt(&mut self, heard: Nanos) {
        self.proposed = None;
        if self.ruling.trust < Trust::Final {
            self.is_disputed = true;
            self.dispute_at = heard;
        }
    }

    /// The question is asked anew. A last word that its own source takes back is a contradiction.
    fn reset(&mut self, source: Source, heard: Nanos) -> Result<(), Refused> {
        if self.ruling.trust == Trust::Final && self.ruling.source == Some(source) {
            return Err(self.contradicted(source, heard));
        }
        self.doubt(heard);
        // What the named source has published stays said; what was only proposed is void.
        if self.ruling.trust < Trust::Named {
            self.ruling = Ruling::default();
        }
        Ok(())
    }

    fn contradicted(&mut self, later: Source, heard: Nanos) -> Refused {
        self.is_contradicted = true;
        self.dispute_at = heard;
        match self.ruling.source {
            Some(earlier) if earlier != later => Refused::Contradicts { earlier, later },
            Some(_) | None => Refused::ContradictsItself(later),
        }
    }

    fn provisional(
        &mut self,
        source: Source,
        verdict: Verdict,
        trust: Trust,
        heard: Nanos,
    ) -> Result<(), Refused> {
        let trust = trust.min(Trust::Provisional);
        let known = self.ruling;
        if known.verdict == Some(verdict) {
            // The same again: who is trusted more gives it.
            if trust > known.trust {
                (self.ruling.trust, self.ruling.source) = (trust, Some(source));
            }
            return Ok(());
        }
        if known.trust >= Trust::Named {
            // A hint against a last word is no contradiction, only a doubtful hint.
            return if trust == Trust::Hint {
                Ok(())
            } else {
                Err(self.contradicted(source, heard))
            };
        }
        // A source may amend what it has not made final; a better one overrules.
        let is_own = known.source == Some(source) || known.verdict.is_none();
        if is_own || trust > known.trust {
            self.ruling.verdict = Some(verdict);
            (self.ruling.trust, self.ruling.source) = (trust, Some(source));
            self.ruling.published = heard;
            return Ok(());
        }
        if trust == Trust::Provisional {
            return Err(self.contradicted(source, heard));
        }
        Ok(())
    }

    fn last_word(
        &mut self,
        source: Source,
        verdict: Verdict,
        trust: Trust,
        heard: Nanos,
    ) -> Result<(), Refused> {
        if trust < Trust::Named {
            return self.provisional(source, verdict, trust, heard);
        }
        let known = self.ruling;
        let refused = (known.trust >= Trust::Named && known.verdict != Some(verdict))
            .then(|| self.contradicted(source, heard));
        if trust > known.trust {
            // A dispute ends with the word of whoever pays; a contradiction of last words does not.
            self.is_disputed &= trust < Trust::Final;
            if known.verdict != Some(verdict) || known.source.is_none() {
                self.ruling.published = heard;
            }
            self.ruling.verdict = Some(verdict);
            (self.ruling.trust, self.ruling.source) = (trust, Some(source));
            self.dispute_at = heard;
        }
        refused.map_or(Ok(()), Err)
    }

    /// Enters what the docket knows of the preconditions of a trade on the outcome. Whether the market
    /// still accepts orders, its books know better.
    pub fn enter(&self, known: &mut Preconditions, now: Nanos) {
        let ruling = self.ruling();
        let source = ruling.source.map_or(u32::MAX, |source| u32::from(source as u8));
        let is_final = ruling.trust >= Trust::Named;
        let mut enter = |which, holds, at| known.set(which, Finding { holds, at, source });
        enter(Precondition::Published, is_final, ruling.published);
        // Whoever speaks a last word has seen the end of the window, or the rules make it irrevocable.
        enter(Precondition::WindowClosed, is_final, ruling.published);
        enter(Precondition::NoDispute, !ruling.is_contested, now);
        // A split pays what the rules say of voids, which is not what a winner pays.
        let is_plain = matches!(ruling.verdict, Some(Verdict::Pays(_)));
        enter(Precondition::RulesMatch, is_plain, now);
    }
}

#[cfg(test)]
mod tests;
