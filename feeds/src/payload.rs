//! A payload with room behind it, so that scanners may read past the end without a bounds check.

/// Readable zero bytes behind every payload.
pub const PADDING: usize = 128;

/// An owned payload buffer, re-used from message to message.
#[derive(Clone, Debug, Default)]
pub struct PayloadBuf {
    bytes: Vec<u8>,
    len: usize,
}

impl PayloadBuf {
    /// A buffer that takes payloads of up to `capacity` bytes without allocating.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { bytes: vec![0; capacity.saturating_add(PADDING)], len: 0 }
    }

    /// Replaces the content. Allocates only when the payload is larger than any before.
    pub fn fill(&mut self, payload: &[u8]) -> Payload<'_> {
        let needed = payload.len().saturating_add(PADDING);
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
        let (content, rest) = self.bytes.split_at_mut(payload.len());
        content.copy_from_slice(payload);
        if let Some(padding) = rest.get_mut(..PADDING) {
            padding.fill(0);
        }
        self.len = payload.len();
        self.payload()
    }

    /// The content, with its padding.
    #[must_use]
    pub fn payload(&self) -> Payload<'_> {
        Payload {
            padded: self.bytes.get(..self.len + PADDING).unwrap_or(&[0; PADDING]),
            len: self.len,
        }
    }
}

/// A borrowed payload, most often followed by [`PADDING`] readable zero bytes.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    padded: &'a [u8],
    len: usize,
}

impl<'a> Payload<'a> {
    /// Bytes where they lie, with nothing readable behind them: what ends close to their end cannot be
    /// read in windows there.
    #[must_use]
    pub(crate) const fn bare(bytes: &'a [u8]) -> Self {
        Self { padded: bytes, len: bytes.len() }
    }

    /// The content.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.padded.get(..self.len).unwrap_or(&[])
    }

    /// The content and its zero padding, where it has one.
    #[must_use]
    pub const fn padded(self) -> &'a [u8] {
        self.padded
    }

    /// Length of the content in bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        self.len
    }

    /// Whether the content is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }
}
