//! Ids of conditions and tokens, derived: a listing whose tokens do not follow from its condition
//! is swapped or corrupted, and is refused before anything is signed for it.

use alloy_primitives::{Address, B256, U256, address, keccak256, uint};

/// Collateral in the token ids of ordinary conditions: USDC.e, still so since the move to pUSD.
pub const USDC_E: Address = address!("2791Bca1f2de4661ED88A30C99A7a9449Aa84174");
/// Collateral in the token ids of neg-risk conditions.
pub const NEG_RISK_COLLATERAL: Address = address!("3A3BD7bb9528E159577F7C2e685CC81A765002E2");

/// The order of alt_bn128's field.
const P: U256 =
    uint!(21888242871839275222246405745257275088696311157297823662689037894645226208583_U256);
/// (P + 1) / 4: a number to this power is its square root, where it has one.
const SQRT_POWER: U256 =
    uint!(5472060717959818805561601436314318772174077789324455915672259473661306552146_U256);
/// Of the curve y² = x³ + 3.
const B: U256 = uint!(3_U256);

/// The condition of a question that an oracle answers with one of `outcomes`.
#[must_use]
pub fn condition_id(oracle: Address, question: B256, outcomes: u64) -> B256 {
    let mut bytes = [0_u8; 84];
    bytes[..20].copy_from_slice(oracle.as_slice());
    bytes[20..52].copy_from_slice(question.as_slice());
    bytes[52..].copy_from_slice(&U256::from(outcomes).to_be_bytes::<32>());
    keccak256(bytes)
}

/// The collection of an index set (1 is the first outcome, 2 the second): a point of alt_bn128,
/// hashed to and compressed.
#[must_use]
pub fn collection_id(condition: B256, index_set: u64) -> B256 {
    let mut bytes = [0_u8; 64];
    bytes[..32].copy_from_slice(condition.as_slice());
    bytes[32..].copy_from_slice(&U256::from(index_set).to_be_bytes::<32>());
    let hash = U256::from_be_bytes(keccak256(bytes).0);
    let is_odd = hash.bit(255);
    let mut x = hash;
    // Every second x lies on the curve: the loop ends after a few steps.
    let y = loop {
        x = x.add_mod(U256::ONE, P);
        let square = x.mul_mod(x, P).mul_mod(x, P).add_mod(B, P);
        let root = square.pow_mod(SQRT_POWER, P);
        if root.mul_mod(root, P) == square {
            break root;
        }
    };
    let y = if y.bit(0) == is_odd { y } else { P.wrapping_sub(y) };
    let mut id = x;
    id.set_bit(254, y.bit(0));
    B256::new(id.to_be_bytes())
}

/// The token of a collection.
#[must_use]
pub fn token_id(collateral: Address, collection: B256) -> U256 {
    let mut bytes = [0_u8; 52];
    bytes[..20].copy_from_slice(collateral.as_slice());
    bytes[20..].copy_from_slice(collection.as_slice());
    U256::from_be_bytes(keccak256(bytes).0)
}

/// Both tokens of a condition, first outcome first.
#[must_use]
pub fn token_ids(condition: B256, is_neg_risk: bool) -> [U256; 2] {
    let collateral = if is_neg_risk { NEG_RISK_COLLATERAL } else { USDC_E };
    [1, 2].map(|index_set| token_id(collateral, collection_id(condition, index_set)))
}

/// Bits that are zero in every position id of the protocol's second version.
const PROTOCOL_V2_ZEROS: U256 = uint!(0xFFFF_FFFF_FFFF_FFFF_0000000000_U256);

/// Whether an asset id has the shape of a position id of the protocol's second version. Small
/// numbers have it, too: see [`Position::of`].
#[must_use]
pub fn has_protocol_v2_shape(id: U256) -> bool {
    (id & PROTOCOL_V2_ZEROS).is_zero()
}

/// Whether a token trades on the third exchange.
#[must_use]
pub fn is_protocol_v2(id: U256) -> bool {
    has_protocol_v2_shape(id) && matches!(id.byte(31), 1..=3)
}

/// What a position id of the protocol's second version says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Its first 31 bytes.
    pub condition: [u8; 31],
    /// 0 or 1.
    pub outcome: u8,
}

impl Position {
    /// Reads a position id; `None` where it is none.
    #[must_use]
    pub fn of(id: U256) -> Option<Self> {
        let bytes: [u8; 32] = id.to_be_bytes();
        let [condition @ .., outcome] = bytes;
        (is_protocol_v2(id) && outcome <= 1).then_some(Self { condition, outcome })
    }
}
