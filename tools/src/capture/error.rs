//! Why a capture cannot be read or begun, each in one line that says what to do.

/// What went wrong with a capture as a whole; damage within one is told in its findings instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The folder cannot be read or written.
    #[error(
        "the capture cannot be read or written ({0}): check the path, its permissions and the disk"
    )]
    Io(#[from] std::io::Error),
    /// A folder without a manifest.
    #[error(
        "is no capture (it has no manifest.json): name a folder that --record or import has made"
    )]
    NoManifest,
    /// A manifest that cannot be understood.
    #[error("has a manifest that cannot be read ({0}): it was damaged or made by another version")]
    Manifest(String),
    /// A capture would be mixed with what lies there.
    #[error("the folder {0} is not empty: name a new one for each capture")]
    NotEmpty(String),
    /// A block's bytes are not those that were written.
    #[error("a block is damaged: its checksum disagrees")]
    Checksum,
    /// The capture names what the engine cannot be built of.
    #[error("cannot be replayed: {0}")]
    Setup(String),
    /// There is nothing to replay decisions from.
    #[error("holds no run of the engine and no frames of a known venue: nothing to replay")]
    NoRun,
    /// A message that is not there.
    #[error("has {count} messages: --message takes a number from 1 to that")]
    NoMessage {
        /// How many there are.
        count: u64,
    },
    /// A recording that cannot be imported.
    #[error("{0}")]
    Import(String),
}
