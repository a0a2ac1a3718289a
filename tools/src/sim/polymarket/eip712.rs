//! The venue's own reading of typed-data signatures. It is written apart from the executor's signer
//! on purpose: a mistake shared by both would pass every test that only asks them to agree.

use alloy_primitives::{Address, B256, U256, address, keccak256};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, Secp256k1, VerifyOnly};

/// The fields of an order that are signed.
pub(super) const ORDER_TYPE: &str = "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)";
const NESTED_TYPE: &str = "TypedDataSign(Order contents,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)";
const DOMAIN_TYPE: &str =
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const LOGIN_DOMAIN_TYPE: &str = "EIP712Domain(string name,string version,uint256 chainId)";
const LOGIN_TYPE: &str = "ClobAuth(address address,string timestamp,uint256 nonce,string message)";
const LOGIN_MESSAGE: &str = "This message attests that I control the given wallet";

/// Which contract settles an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// Generation two, binary markets.
    Normal,
    /// Generation two, markets of a neg-risk event.
    NegRisk,
    /// Generation three: positions of the second protocol.
    Third,
}

impl Exchange {
    /// The exchange of a token: its own form decides first, then the market's flag.
    pub(super) fn of(token: U256, neg_risk: bool) -> Self {
        let gap = token >> 40_usize & ((U256::from(1_u8) << 64_usize) - U256::from(1_u8));
        let module = token.byte(31);
        match (gap.is_zero() && (1..=3).contains(&module), neg_risk) {
            (true, _) => Self::Third,
            (false, true) => Self::NegRisk,
            (false, false) => Self::Normal,
        }
    }

    const fn contract(self, chain: u64) -> Address {
        match (self, chain) {
            (Self::Normal, _) => address!("E111180000d2663C0091e4f400237545B87B996B"),
            (Self::NegRisk, _) => address!("e2222d279d744050d28e00520010520000310F59"),
            (Self::Third, 80_002) => address!("9fE6e61422AdB6F610d8597F9684b16912D50C3D"),
            (Self::Third, _) => address!("e3333700cA9d93003F00f0F71f8515005F6c00Aa"),
        }
    }

    const fn version(self) -> &'static str {
        match self {
            Self::Normal | Self::NegRisk => "2",
            Self::Third => "3",
        }
    }

    /// The domain in which its orders are signed.
    pub(super) fn domain(self, chain: u64) -> B256 {
        let mut words = Words::of(DOMAIN_TYPE);
        words.text("Polymarket CTF Exchange").text(self.version());
        words.number(U256::from(chain)).address(self.contract(chain));
        words.hash()
    }
}

/// The signed fields of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SignedOrder {
    pub(super) salt: U256,
    pub(super) maker: Address,
    pub(super) signer: Address,
    pub(super) token: U256,
    pub(super) maker_amount: U256,
    pub(super) taker_amount: U256,
    /// Zero buys, one sells.
    pub(super) side: u8,
    pub(super) signature_type: u8,
    pub(super) timestamp: U256,
    pub(super) metadata: B256,
    pub(super) builder: B256,
}

/// Words of 32 bytes, as the ABI lays out a struct's head.
struct Words(Vec<u8>);

impl Words {
    fn of(type_string: &str) -> Self {
        Self(keccak256(type_string).to_vec())
    }

    fn word(&mut self, word: B256) -> &mut Self {
        self.0.extend_from_slice(word.as_slice());
        self
    }

    fn number(&mut self, number: U256) -> &mut Self {
        self.word(B256::from(number))
    }

    fn address(&mut self, address: Address) -> &mut Self {
        self.word(address.into_word())
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.word(keccak256(text))
    }

    fn hash(&self) -> B256 {
        keccak256(&self.0)
    }
}

/// What is signed of a struct within a domain.
fn digest(domain: B256, hash: B256) -> B256 {
    let mut bytes = vec![0x19, 0x01];
    bytes.extend_from_slice(domain.as_slice());
    bytes.extend_from_slice(hash.as_slice());
    keccak256(bytes)
}

impl SignedOrder {
    fn struct_hash(&self) -> B256 {
        let mut words = Words::of(ORDER_TYPE);
        words.number(self.salt).address(self.maker).address(self.signer).number(self.token);
        words.number(self.maker_amount).number(self.taker_amount);
        words.number(U256::from(self.side)).number(U256::from(self.signature_type));
        words.number(self.timestamp).word(self.metadata).word(self.builder);
        words.hash()
    }

    /// The order's id: what an owner key signs, and what everyone calls the order by.
    pub(super) fn id(&self, exchange: Exchange, chain: u64) -> B256 {
        digest(exchange.domain(chain), self.struct_hash())
    }

    /// Who signed it. A deposit wallet's signature is nested: the owner signs the order within the
    /// wallet's own domain, and appends what is needed to see that.
    pub(super) fn signed_by(
        &self,
        recover: &Recover,
        signature: &[u8],
        exchange: Exchange,
        chain: u64,
    ) -> Option<Address> {
        if self.signature_type != 3 {
            return recover.signer(self.id(exchange, chain), signature);
        }
        let domain = exchange.domain(chain);
        let hash = self.struct_hash();
        let (inner, appended) = signature.split_at_checked(65)?;
        let mut expected = domain.to_vec();
        expected.extend_from_slice(hash.as_slice());
        expected.extend_from_slice(ORDER_TYPE.as_bytes());
        expected.extend_from_slice(&u16::try_from(ORDER_TYPE.len()).ok()?.to_be_bytes());
        if appended != expected {
            return None;
        }
        let mut words = Words::of(&format!("{NESTED_TYPE}{ORDER_TYPE}"));
        words.word(hash).text("DepositWallet").text("1").number(U256::from(chain));
        words.address(self.signer).word(B256::ZERO);
        recover.signer(digest(domain, words.hash()), inner)
    }
}

/// What is signed to create or derive an API key.
pub(super) fn login_digest(chain: u64, address: Address, timestamp: &str, nonce: U256) -> B256 {
    let mut domain = Words::of(LOGIN_DOMAIN_TYPE);
    domain.text("ClobAuthDomain").text("1").number(U256::from(chain));
    let mut words = Words::of(LOGIN_TYPE);
    words.address(address).text(timestamp).number(nonce).text(LOGIN_MESSAGE);
    digest(domain.hash(), words.hash())
}

/// Finds out who signed.
#[derive(Clone, Debug)]
pub(super) struct Recover(Secp256k1<VerifyOnly>);

impl Recover {
    pub(super) fn new() -> Self {
        Self(Secp256k1::verification_only())
    }

    /// The address whose key signed a digest; `None` when the 65 bytes are no signature. A high s
    /// is refused, as the contracts refuse it.
    pub(super) fn signer(&self, digest: B256, signature: &[u8]) -> Option<Address> {
        let (compact, [v]) = signature.split_at_checked(64)? else { return None };
        let id = match v {
            0 | 27 => 0,
            1 | 28 => 1,
            _ => return None,
        };
        let id = RecoveryId::try_from(id).ok()?;
        let compact: &[u8; 64] = compact.try_into().ok()?;
        let signature = RecoverableSignature::from_compact(compact, id).ok()?;
        let mut low = signature.to_standard();
        low.normalize_s();
        if low != signature.to_standard() {
            return None;
        }
        let key = self.0.recover_ecdsa(Message::from_digest(digest.0), &signature).ok()?;
        address_of(&key)
    }
}

/// The address of a public key.
fn address_of(key: &secp256k1::PublicKey) -> Option<Address> {
    let hash = keccak256(key.serialize_uncompressed().get(1..)?);
    Some(Address::from_slice(hash.as_slice().get(12..)?))
}

/// The address of a private key: the accounts that everyone knows are given by their keys.
pub(super) fn address_of_key(private: [u8; 32]) -> Option<Address> {
    let secret = secp256k1::SecretKey::from_byte_array(private).ok()?;
    address_of(&secret.public_key(&Secp256k1::signing_only()))
}

#[cfg(test)]
#[path = "eip712_tests.rs"]
mod tests;
