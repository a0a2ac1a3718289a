//! Orders of the second and third exchange: hashed, signed and written from a template that holds
//! everything that one token's orders share.
//!
//! The hash of an order is its id at the venue: it is known, and kept, before anything is sent.

use alloy_primitives::{Address, B256, U256, hex, keccak256};
use dutchbook_book::Side;

use super::amounts::Amounts;
use super::exchange::{Chain, Exchange};
use crate::sign::ecdsa::Signature;
use crate::sign::eip712::{Words, digest};
use crate::wire::WireBuf;

/// The order's type as it is hashed.
pub const ORDER_TYPE: &str = "Order(uint256 salt,address maker,address signer,uint256 tokenId,\
    uint256 makerAmount,uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,\
    bytes32 metadata,bytes32 builder)";

/// The nested form (ERC-7739) that a deposit wallet checks; the order's type follows it.
const NESTED_TYPE: &str = "TypedDataSign(Order contents,string name,string version,\
    uint256 chainId,address verifyingContract,bytes32 salt)";

/// Largest salt: it travels as a JSON number.
pub const SALT_MAX: u64 = (1 << 53) - 1;

/// Places of the members in an order's struct.
const SALT: usize = 1;
const MAKER_AMOUNT: usize = 5;
const TAKER_AMOUNT: usize = 6;
const SIDE: usize = 7;
const TIMESTAMP: usize = 9;

/// How the venue checks the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletKind {
    /// The key's own account: only for those on the venue's list.
    Eoa,
    /// A proxy, of accounts made with an e-mail address.
    Proxy,
    /// A Safe, of accounts made with a browser wallet.
    Safe,
    /// A deposit wallet: every account since May 2026.
    Deposit,
}

impl WalletKind {
    /// The number of the kind.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Eoa => 0,
            Self::Proxy => 1,
            Self::Safe => 2,
            Self::Deposit => 3,
        }
    }
}

/// Whose orders they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// How signatures are checked.
    pub kind: WalletKind,
    /// Where the money lies.
    pub maker: Address,
    /// Who signs, as the order says it: the key's account, or the deposit wallet itself.
    pub signer: Address,
    /// Who gets credit for the order's volume; zero for nobody.
    pub builder: B256,
    /// Free for us; zero.
    pub metadata: B256,
}

impl Account {
    /// The account of a key (`owner`) whose money lies in `wallet`.
    #[must_use]
    pub fn new(kind: WalletKind, owner: Address, wallet: Address) -> Self {
        let (maker, signer) = match kind {
            WalletKind::Eoa => (owner, owner),
            WalletKind::Proxy | WalletKind::Safe => (wallet, owner),
            WalletKind::Deposit => (wallet, wallet),
        };
        Self { kind, maker, signer, builder: B256::ZERO, metadata: B256::ZERO }
    }
}

/// What differs from one order of a token to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Makes the order's hash its own; at most [`SALT_MAX`].
    pub salt: u64,
    /// Buy or sell.
    pub side: Side,
    /// What is given and taken.
    pub amounts: Amounts,
    /// Milliseconds since 1970.
    pub timestamp_ms: u64,
}

/// The hashes of one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderHashes {
    /// Of the struct alone.
    pub contents: B256,
    /// Below its domain: the order's id at the venue.
    pub order: B256,
    /// What the key signs: the same, or the nested form for a deposit wallet.
    pub signed: B256,
}

/// An order that only needs to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedOrder {
    /// What it says.
    pub terms: Terms,
    /// Its hashes.
    pub hashes: OrderHashes,
    /// The key's signature of `hashes.signed`.
    pub signature: Signature,
}

/// How long an order lives. Not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderType {
    /// Until it is cancelled.
    Gtc,
    /// Until a second since 1970; the venue ends it a minute early.
    Gtd(u64),
    /// All of it now, or nothing.
    Fok,
    /// What there is now.
    Fak,
}

impl OrderType {
    const fn text(self) -> &'static [u8] {
        match self {
            Self::Gtc => b"GTC",
            Self::Gtd(_) => b"GTD",
            Self::Fok => b"FOK",
            Self::Fak => b"FAK",
        }
    }
}

/// What is said about an order around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The API key.
    pub owner: &'a str,
    /// How long the order lives.
    pub order_type: OrderType,
    /// Refused rather than matched at once.
    pub is_post_only: bool,
    /// The venue's `deferExec`.
    pub is_deferred: bool,
}

/// Everything that the orders of one account for one token share.
#[derive(Clone, Debug)]
pub struct OrderTemplate {
    words: Words<12>,
    domain: B256,
    nested: Option<Words<7>>,
    kind: WalletKind,
    /// JSON between the salt and the maker amount.
    before_amounts: Box<[u8]>,
    /// JSON between the timestamp and the signature.
    before_signature: Box<[u8]>,
    /// Hexadecimal digits behind a deposit wallet's signature and struct hash.
    after_contents: Box<[u8]>,
}

impl OrderTemplate {
    /// The template of an account's orders for a token.
    #[must_use]
    pub fn new(account: &Account, chain: Chain, exchange: Exchange, token: U256) -> Self {
        let mut words = Words::of(keccak256(ORDER_TYPE));
        words.set_address(2, account.maker);
        words.set_address(3, account.signer);
        words.set_u256(4, token);
        words.set_u64(8, u64::from(account.kind.code()));
        words.set(10, account.metadata);
        words.set(11, account.builder);
        let before_amounts = format!(
            r#","maker":"{}","signer":"{}","tokenId":"{token}","makerAmount":""#,
            account.maker, account.signer
        );
        let before_signature = format!(
            r#"","metadata":"{}","builder":"{}","signature":"0x"#,
            account.metadata, account.builder
        );
        let nested =
            (account.kind == WalletKind::Deposit).then(|| nested_words(chain, account.maker));
        Self {
            words,
            domain: exchange.domain_separator(chain),
            nested,
            kind: account.kind,
            before_amounts: before_amounts.into_bytes().into(),
            before_signature: before_signature.into_bytes().into(),
            after_contents: format!("{}00ba", hex::encode(ORDER_TYPE)).into_bytes().into(),
        }
    }

    /// The separator of the domain that the orders are hashed below.
    #[must_use]
    pub const fn domain_separator(&self) -> B256 {
        self.domain
    }

    /// Hashes an order.
    #[inline]
    #[must_use]
    pub fn hash(&self, terms: &Terms) -> OrderHashes {
        let mut words = self.words;
        words.set_u64(SALT, terms.salt);
        words.set_u64(MAKER_AMOUNT, terms.amounts.maker);
        words.set_u64(TAKER_AMOUNT, terms.amounts.taker);
        words.set_u64(SIDE, side_code(terms.side));
        words.set_u64(TIMESTAMP, terms.timestamp_ms);
        let contents = words.hash();
        let order = digest(&self.domain, &contents);
        let signed = match &self.nested {
            None => order,
            Some(nested) => {
                let mut nested = *nested;
                nested.set(1, contents);
                digest(&self.domain, &nested.hash())
            }
        };
        OrderHashes { contents, order, signed }
    }

    /// Hashes an order and has `sign` sign what the key signs.
    #[inline]
    #[must_use]
    pub fn sign(&self, terms: &Terms, sign: impl FnOnce(&B256) -> Signature) -> SignedOrder {
        let hashes = self.hash(terms);
        SignedOrder { terms: *terms, hashes, signature: sign(&hashes.signed) }
    }

    /// Writes an order with its envelope, as `POST /order` takes it.
    pub fn write(&self, order: &SignedOrder, envelope: &Envelope<'_>, out: &mut WireBuf) {
        let expiration = match envelope.order_type {
            OrderType::Gtd(unix_s) => unix_s,
            OrderType::Gtc | OrderType::Fok | OrderType::Fak => 0,
        };
        out.push(b"{\"order\":{\"salt\":");
        out.push_u64(order.terms.salt);
        out.push(&self.before_amounts);
        out.push_u64(order.terms.amounts.maker);
        out.push(b"\",\"takerAmount\":\"");
        out.push_u64(order.terms.amounts.taker);
        out.push(match order.terms.side {
            Side::Buy => b"\",\"side\":\"BUY\",\"expiration\":\"",
            Side::Sell => b"\",\"side\":\"SELL\",\"expiration\":\"",
        });
        out.push_u64(expiration);
        out.push(b"\",\"signatureType\":");
        out.push_u64(u64::from(self.kind.code()));
        out.push(b",\"timestamp\":\"");
        out.push_u64(order.terms.timestamp_ms);
        out.push(&self.before_signature);
        self.write_signature(order, out);
        write_envelope(envelope, out);
    }

    /// Writes the hexadecimal digits of the signature as the venue wants it: the key's 65 bytes, for
    /// a deposit wallet with domain, struct hash and type behind them (317 bytes in all).
    pub fn write_signature(&self, order: &SignedOrder, out: &mut WireBuf) {
        out.push_hex(&order.signature.0);
        if self.nested.is_some() {
            out.push_hex(self.domain.as_slice());
            out.push_hex(order.hashes.contents.as_slice());
            out.push(&self.after_contents);
        }
    }
}

/// Closes the order and says what is said around it. Shared with the first exchange's orders.
pub(super) fn write_envelope(envelope: &Envelope<'_>, out: &mut WireBuf) {
    const FLAGS: [&[u8]; 2] = [b"false", b"true"];
    out.push(b"\"},\"owner\":\"");
    out.push(envelope.owner.as_bytes());
    out.push(b"\",\"orderType\":\"");
    out.push(envelope.order_type.text());
    out.push(b"\",\"deferExec\":");
    out.push(FLAGS[usize::from(envelope.is_deferred)]);
    out.push(b",\"postOnly\":");
    out.push(FLAGS[usize::from(envelope.is_post_only)]);
    out.push(b"}");
}

/// A side as the contracts number it.
#[inline]
pub(super) const fn side_code(side: Side) -> u64 {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

/// What a deposit wallet's owner signs, less the hash of the order.
fn nested_words(chain: Chain, wallet: Address) -> Words<7> {
    let mut words = Words::of(keccak256([NESTED_TYPE, ORDER_TYPE].concat()));
    words.set(2, keccak256("DepositWallet"));
    words.set(3, keccak256("1"));
    words.set_u64(4, chain.id());
    words.set_address(5, wallet);
    words
}
