//! Orders of the first exchange, retired in April 2026: signed only to check history.

use alloy_primitives::{Address, B256, U256, address, hex, keccak256};
use dutchbook_book::Side;

use super::amounts::Amounts;
use super::exchange::{Chain, NAME};
use super::order::{Envelope, WalletKind, side_code, write_envelope};
use crate::sign::ecdsa::Signature;
use crate::sign::eip712::{Words, digest, domain_separator};
use crate::wire::WireBuf;

/// The order's type as it is hashed.
const ORDER_TYPE: &str = "Order(uint256 salt,address maker,address signer,address taker,\
    uint256 tokenId,uint256 makerAmount,uint256 takerAmount,uint256 expiration,uint256 nonce,\
    uint256 feeRateBps,uint8 side,uint8 signatureType)";

/// An order as the first exchange knew it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderV1 {
    /// Makes the hash its own.
    pub salt: u64,
    /// Where the money lies.
    pub maker: Address,
    /// Who signs.
    pub signer: Address,
    /// Who may take it; zero for anybody.
    pub taker: Address,
    /// What is traded.
    pub token: U256,
    /// What is given and taken.
    pub amounts: Amounts,
    /// Second since 1970 when it ends; zero for never.
    pub expiration: u64,
    /// Of the maker's on-chain cancellation.
    pub nonce: u64,
    /// Fee that the maker agrees to.
    pub fee_rate_bps: u64,
    /// Buy or sell.
    pub side: Side,
    /// How the signature is checked.
    pub kind: WalletKind,
}

/// The separator of the first exchange's domain.
#[must_use]
pub fn domain_v1(chain: Chain, is_neg_risk: bool) -> B256 {
    let contract = match (is_neg_risk, chain) {
        (true, _) => address!("C5d563A36AE78145C45a50134d48A1215220f80a"),
        (false, Chain::Polygon) => address!("4bFb41d5B3570DeFd03C39a9A4D8dE6Bd8B8982E"),
        (false, Chain::Amoy) => address!("dFE02Eb6733538f8Ea35D585af8DE5958AD99E40"),
    };
    domain_separator(NAME, "1", chain.id(), Some(contract))
}

impl OrderV1 {
    /// The hash of the struct alone.
    #[must_use]
    pub fn contents(&self) -> B256 {
        let mut words = Words::<13>::of(keccak256(ORDER_TYPE));
        words.set_u64(1, self.salt);
        words.set_address(2, self.maker);
        words.set_address(3, self.signer);
        words.set_address(4, self.taker);
        words.set_u256(5, self.token);
        words.set_u64(6, self.amounts.maker);
        words.set_u64(7, self.amounts.taker);
        words.set_u64(8, self.expiration);
        words.set_u64(9, self.nonce);
        words.set_u64(10, self.fee_rate_bps);
        words.set_u64(11, side_code(self.side));
        words.set_u64(12, u64::from(self.kind.code()));
        words.hash()
    }

    /// The order's id, which is what is signed.
    #[must_use]
    pub fn hash(&self, domain: &B256) -> B256 {
        digest(domain, &self.contents())
    }

    /// Writes the order with its envelope.
    pub fn write(&self, signature: &Signature, envelope: &Envelope<'_>, out: &mut WireBuf) {
        let side = match self.side {
            Side::Buy => "BUY",
            Side::Sell => "SELL",
        };
        let order = format!(
            r#"{{"order":{{"salt":{},"maker":"{}","signer":"{}","taker":"{:#x}","tokenId":"{}","makerAmount":"{}","takerAmount":"{}","side":"{side}","expiration":"{}","nonce":"{}","feeRateBps":"{}","signatureType":{},"signature":"{}"#,
            self.salt,
            self.maker,
            self.signer,
            self.taker,
            self.token,
            self.amounts.maker,
            self.amounts.taker,
            self.expiration,
            self.nonce,
            self.fee_rate_bps,
            self.kind.code(),
            hex::encode_prefixed(signature.0),
        );
        out.push(order.as_bytes());
        write_envelope(envelope, out);
    }
}
