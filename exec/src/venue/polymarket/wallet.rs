//! Addresses of the wallets that a key owns, without asking the chain.
//!
//! All are CREATE2 addresses of Polymarket's factories on Polygon; bytecode shapes and
//! implementations as the venue's own client 0.14.0 has them.

use alloy_primitives::{Address, B256, address, b256, hex, keccak256};

const PROXY_FACTORY: Address = address!("aB45c5A4B0c941a2F231C04C3f49182e1A254052");
const PROXY_IMPLEMENTATION: Address = address!("44e999d5c2F66Ef0861317f9A4805AC2e90aEB4f");
const SAFE_FACTORY: Address = address!("aacFeEa03eb1561C4e67d661e40682Bd20E3541b");
const SAFE_INIT_CODE: B256 =
    b256!("2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf");
const DEPOSIT_FACTORY: Address = address!("00000000000Fb5C9ADea0298D729A0CB3823Cc07");
const DEPOSIT_IMPLEMENTATION: Address = address!("58CA52ebe0DadfdF531Cde7062e76746de4Db1eB");
const DEPOSIT_BEACON: Address = address!("7A18EDfe055488A3128f01F563e5B479D92ffc3a");

/// The wallets of one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wallets {
    /// Of accounts made with an e-mail address.
    pub proxy: Address,
    /// Of accounts made with a browser wallet.
    pub safe: Address,
    /// Deposit wallet in its older form.
    pub deposit_uups: Address,
    /// Deposit wallet in its present form.
    pub deposit_beacon: Address,
}

impl Wallets {
    /// The wallets of an owner.
    #[must_use]
    pub fn of(owner: Address) -> Self {
        let args = deposit_args(owner);
        let deposit = |code: B256| DEPOSIT_FACTORY.create2(keccak256(args), code);
        Self {
            proxy: PROXY_FACTORY.create2(keccak256(owner), proxy_code()),
            safe: SAFE_FACTORY.create2(keccak256(owner.into_word()), SAFE_INIT_CODE),
            deposit_uups: deposit(uups_code(&args)),
            deposit_beacon: deposit(beacon_code(&args)),
        }
    }
}

/// A clone of the proxy's implementation, as its factory builds it.
fn proxy_code() -> B256 {
    let mut code = Vec::with_capacity(160);
    code.extend(hex!("3d3d606380380380913d393d73"));
    code.extend(PROXY_FACTORY);
    code.extend(hex!("5af4602a57600080fd5b602d8060366000396000f3363d3d373d3d3d363d73"));
    code.extend(PROXY_IMPLEMENTATION);
    code.extend(hex!("5af43d82803e903d91602b57fd5bf352e831dd"));
    code.extend(B256::with_last_byte(0x20));
    code.extend(B256::ZERO);
    keccak256(code)
}

/// What a deposit wallet is made with: its factory and its owner, a word each.
fn deposit_args(owner: Address) -> [u8; 64] {
    let mut args = [0; 64];
    args[..32].copy_from_slice(DEPOSIT_FACTORY.into_word().as_slice());
    args[32..].copy_from_slice(owner.into_word().as_slice());
    args
}

/// An upgradable proxy (ERC-1967) with immutable arguments; 0x40 is their length.
fn uups_code(args: &[u8; 64]) -> B256 {
    let mut code = Vec::with_capacity(192);
    code.extend(hex!("61007d3d8160233d3973"));
    code.extend(DEPOSIT_IMPLEMENTATION);
    code.extend(hex!("60095155f3363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076"));
    code.extend(hex!("cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3"));
    code.extend(args);
    keccak256(code)
}

/// The same behind a beacon.
fn beacon_code(args: &[u8; 64]) -> B256 {
    let mut code = Vec::with_capacity(192);
    code.extend(hex!("6100923d8160233d3973"));
    code.extend(DEPOSIT_BEACON);
    code.extend(hex!("60195155f3363d3d373d3d363d602036600436635c60da"));
    code.extend(hex!("1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c"));
    code.extend(hex!("b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"));
    code.extend(args);
    keccak256(code)
}
