//! The smart wallets that belong to an owner key: their addresses follow from it.

use alloy_primitives::{Address, B256, address, b256, hex, keccak256};

const PROXY_FACTORY: Address = address!("aB45c5A4B0c941a2F231C04C3f49182e1A254052");
const PROXY_CODE: B256 = b256!("d21df8dc65880a8606f09fe0ce3df9b8869287ab0b058be05aa9e8af6330a00b");
const SAFE_FACTORY: Address = address!("aacFeEa03eb1561C4e67d661e40682Bd20E3541b");
const SAFE_CODE: B256 = b256!("2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf");
const DEPOSIT_FACTORY: Address = address!("00000000000Fb5C9ADea0298D729A0CB3823Cc07");
const DEPOSIT_BEACON: Address = address!("7A18EDfe055488A3128f01F563e5B479D92ffc3a");
const DEPOSIT_LOGIC: Address = address!("58ca52ebe0dadfdf531cde7062e76746de4db1eb");
/// The code of a proxy that asks a beacon where its logic is, behind the beacon's address.
const BEACON_TAIL: [u8; 87] = hex!(
    "60195155f3363d3d373d3d363d602036600436635c60da1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"
);
/// The code of a proxy that stores where its logic is, behind the logic's address.
const STORED_TAIL: [u8; 66] = hex!(
    "60095155f3363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3"
);

/// The maker addresses with which a key may trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WalletKind {
    /// The key's own address.
    Own,
    /// Accounts made with an e-mail address.
    Proxy,
    /// Accounts made with a browser wallet.
    Safe,
    /// Accounts made since May 2026.
    Deposit,
}

impl WalletKind {
    /// The kind that a signature type names.
    pub(super) const fn of_type(signature_type: u8) -> Option<Self> {
        match signature_type {
            0 => Some(Self::Own),
            1 => Some(Self::Proxy),
            2 => Some(Self::Safe),
            3 => Some(Self::Deposit),
            _ => None,
        }
    }

    /// The address of an owner's wallet of this kind.
    pub(super) fn address(self, owner: Address) -> Address {
        match self {
            Self::Own => owner,
            Self::Proxy => PROXY_FACTORY.create2(keccak256(owner), PROXY_CODE),
            Self::Safe => SAFE_FACTORY.create2(keccak256(owner.into_word()), SAFE_CODE),
            Self::Deposit => deposit(owner, [0x00, 0x52], DEPOSIT_BEACON, &BEACON_TAIL),
        }
    }
}

/// The older form of a deposit wallet; accounts that were made with it go on.
pub(super) fn older_deposit(owner: Address) -> Address {
    deposit(owner, [0x00, 0x3d], DEPOSIT_LOGIC, &STORED_TAIL)
}

/// A deposit wallet: a proxy that carries factory and owner behind its code.
fn deposit(owner: Address, size: [u8; 2], target: Address, tail: &[u8]) -> Address {
    let mut args = DEPOSIT_FACTORY.into_word().to_vec();
    args.extend_from_slice(owner.into_word().as_slice());
    // The code that is left behind is so much longer as the arguments are.
    let size = u16::from_be_bytes(size).saturating_add(64).to_be_bytes();
    let mut code = vec![0x61];
    code.extend_from_slice(&size);
    code.extend_from_slice(&hex!("3d8160233d3973"));
    code.extend_from_slice(target.as_slice());
    code.extend_from_slice(tail);
    code.extend_from_slice(&args);
    DEPOSIT_FACTORY.create2(keccak256(&args), keccak256(&code))
}
