//! The exchange contracts, and which of them trades a token. Addresses: polymarket.md section 12.1.

use alloy_primitives::{Address, B256, U256, address};

use super::ids::is_protocol_v2;
use crate::sign::eip712::domain_separator;

/// The name in every exchange's domain.
pub(super) const NAME: &str = "Polymarket CTF Exchange";

/// The chains that have the venue's contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// The real one.
    Polygon,
    /// Its test net.
    Amoy,
}

impl Chain {
    /// The chain of a number.
    #[must_use]
    pub const fn from_id(id: u64) -> Option<Self> {
        match id {
            137 => Some(Self::Polygon),
            80002 => Some(Self::Amoy),
            _ => None,
        }
    }

    /// Its number.
    #[must_use]
    pub const fn id(self) -> u64 {
        match self {
            Self::Polygon => 137,
            Self::Amoy => 80002,
        }
    }
}

/// An exchange contract: what an order is signed for. The wrong one is the usual reason of an
/// `invalid signature`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// The usual one.
    V2,
    /// For conditions of a neg-risk event.
    V2NegRisk,
    /// For position ids of the protocol's second version, neg-risk or not.
    V3,
}

impl Exchange {
    /// The one that trades a token now.
    #[must_use]
    pub fn of(token: U256, is_neg_risk: bool) -> Self {
        match (is_protocol_v2(token), is_neg_risk) {
            (true, _) => Self::V3,
            (false, true) => Self::V2NegRisk,
            (false, false) => Self::V2,
        }
    }

    /// The version in its domain.
    const fn version(self) -> &'static str {
        match self {
            Self::V2 | Self::V2NegRisk => "2",
            Self::V3 => "3",
        }
    }

    /// Where it lies.
    #[must_use]
    pub const fn contract(self, chain: Chain) -> Address {
        match (self, chain) {
            (Self::V2, _) => address!("E111180000d2663C0091e4f400237545B87B996B"),
            (Self::V2NegRisk, _) => address!("e2222d279d744050d28e00520010520000310F59"),
            (Self::V3, Chain::Polygon) => address!("e3333700cA9d93003F00f0F71f8515005F6c00Aa"),
            (Self::V3, Chain::Amoy) => address!("9fE6e61422AdB6F610d8597F9684b16912D50C3D"),
        }
    }

    /// The separator of its domain. Computed here every time: keep it.
    #[must_use]
    pub fn domain_separator(self, chain: Chain) -> B256 {
        domain_separator(NAME, self.version(), chain.id(), Some(self.contract(chain)))
    }
}
