//! Typed data as Ethereum hashes it: 32-byte words under a type hash, below a domain.
//!
//! Type hashes and domain separators never change in a run: they are computed once and kept by
//! whoever hashes with them.

use alloy_primitives::{Address, B256, U256, keccak256};

/// The members of one struct, each a word; the first is the hash of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words<const N: usize>([[u8; 32]; N]);

impl<const N: usize> Words<N> {
    /// Zeros under a type hash.
    #[must_use]
    pub fn of(type_hash: B256) -> Self {
        let mut words = Self([[0; 32]; N]);
        words.set(0, type_hash);
        words
    }

    /// Sets a whole word.
    ///
    /// # Panics
    /// When there is no such word: the layout is ours.
    #[inline]
    pub const fn set(&mut self, index: usize, word: B256) {
        self.0[index] = word.0;
    }

    /// Sets a number.
    ///
    /// # Panics
    /// As [`Words::set`].
    #[inline]
    pub fn set_u64(&mut self, index: usize, number: u64) {
        self.0[index][..24].fill(0);
        self.0[index][24..].copy_from_slice(&number.to_be_bytes());
    }

    /// Sets an account.
    ///
    /// # Panics
    /// As [`Words::set`].
    pub fn set_address(&mut self, index: usize, address: Address) {
        self.set(index, address.into_word());
    }

    /// Sets a large number.
    ///
    /// # Panics
    /// As [`Words::set`].
    pub const fn set_u256(&mut self, index: usize, number: U256) {
        self.set(index, B256::new(number.to_be_bytes()));
    }

    /// The hash of the struct.
    #[inline]
    #[must_use]
    pub fn hash(&self) -> B256 {
        keccak256(self.0.as_flattened())
    }
}

/// The separator of a domain; `contract` where the domain names one.
#[must_use]
pub fn domain_separator(
    name: &str,
    version: &str,
    chain_id: u64,
    contract: Option<Address>,
) -> B256 {
    const WITH_CONTRACT: &str =
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
    const WITHOUT: &str = "EIP712Domain(string name,string version,uint256 chainId)";
    let (name, version) = (keccak256(name), keccak256(version));
    match contract {
        Some(contract) => {
            let mut words = Words::<5>::of(keccak256(WITH_CONTRACT));
            words.set(1, name);
            words.set(2, version);
            words.set_u64(3, chain_id);
            words.set_address(4, contract);
            words.hash()
        }
        None => {
            let mut words = Words::<4>::of(keccak256(WITHOUT));
            words.set(1, name);
            words.set(2, version);
            words.set_u64(3, chain_id);
            words.hash()
        }
    }
}

/// What is signed: the struct's hash below its domain.
#[inline]
#[must_use]
pub fn digest(domain_separator: &B256, struct_hash: &B256) -> B256 {
    let mut bytes = [0_u8; 66];
    bytes[..2].copy_from_slice(&[0x19, 0x01]);
    bytes[2..34].copy_from_slice(&domain_separator.0);
    bytes[34..].copy_from_slice(&struct_hash.0);
    keccak256(bytes)
}
