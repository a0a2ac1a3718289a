//! Where a secret is read from, and who else could have read it.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use dutchbook_exec::sign::ecdsa::{KeyError, PrivateKey};
use dutchbook_exec::sign::keystore::{self, KeystoreError};
use zeroize::Zeroizing;

/// Longest secret: a key file is a few thousand bytes.
const BYTES_MAX: u64 = 64 * 1024;

/// Why a secret was not read. No variant repeats any of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("secret file {path}: {error}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file cannot be written.
    #[error("secret file {path}: {error}")]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Others may read or write the file.
    #[error("secret file {path}: mode {mode:o} lets others in, run chmod 600 on it")]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file belongs to somebody else.
    #[error("secret file {path}: it must belong to the user who runs this")]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// No plain file, too long, or no text.
    #[error("secret file {path}: expected a text file of at most 64 KiB")]
    NotText {
        /// Which.
        path: PathBuf,
    },
    /// The environment does not have it.
    #[error("environment variable {0}: expected a secret, it is not set")]
    NotSet(String),
    /// It is no private key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It is no keystore that opens.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// A keystore needs a passphrase, and none is configured.
    #[error("keystore: a passphrase is needed, name its file or environment variable")]
    NoPassphrase,
}

/// Where a secret lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In a file that only its owner can read.
    File(PathBuf),
    /// In an environment variable.
    Environment(String),
}

impl SecretSource {
    /// Reads the secret, without the white space around it.
    ///
    /// # Errors
    /// When it is not there, or others could have read it.
    pub fn read(&self) -> Result<Zeroizing<String>, SecretError> {
        let text = match self {
            Self::File(path) => read_file(path)?,
            Self::Environment(name) => {
                let text = std::env::var(name).map_err(|_| SecretError::NotSet(name.clone()))?;
                Zeroizing::new(text)
            }
        };
        Ok(Zeroizing::new(text.trim().to_owned()))
    }
}

fn read_file(path: &PathBuf) -> Result<Zeroizing<String>, SecretError> {
    let unreadable = |error| SecretError::Unreadable { path: path.clone(), error };
    let file = File::open(path).map_err(unreadable)?;
    // Of the open file, not of the path: it may be another one by now.
    let metadata = file.metadata().map_err(unreadable)?;
    let mode = metadata.mode() & 0o777;
    if !metadata.is_file() || metadata.len() > BYTES_MAX {
        return Err(SecretError::NotText { path: path.clone() });
    }
    if mode & 0o077 != 0 {
        return Err(SecretError::Exposed { path: path.clone(), mode });
    }
    // SAFETY: reads a number of the process.
    if metadata.uid() != unsafe { libc::geteuid() } {
        return Err(SecretError::Foreign { path: path.clone() });
    }
    let room = usize::try_from(metadata.len()).unwrap_or(0).saturating_add(1);
    let mut text = Zeroizing::new(String::with_capacity(room));
    file.take(BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|_| SecretError::NotText { path: path.clone() })?;
    Ok(text)
}

/// Writes a secret into a new file that only its owner can read.
///
/// # Errors
/// When there is a file already, or it cannot be written: nothing half-written is left then.
pub fn write_new(path: &Path, text: &str) -> Result<(), SecretError> {
    let unwritable = |error| SecretError::Unwritable { path: path.to_owned(), error };
    let mut options = File::options();
    let mut file =
        options.write(true).create_new(true).mode(0o600).open(path).map_err(unwritable)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // What is left of it is of no use; that it cannot be removed adds nothing.
        let _removed = std::fs::remove_file(path);
        unwritable(error)
    })
}

/// The private key that a source holds: 64 hexadecimal digits, or an encrypted keystore file that
/// `passphrase` opens.
///
/// # Errors
/// When it holds neither, or cannot be read.
pub fn wallet_key(
    source: &SecretSource,
    passphrase: Option<&SecretSource>,
) -> Result<PrivateKey, SecretError> {
    let text = source.read()?;
    if !text.starts_with('{') {
        return Ok(PrivateKey::from_hex(&text)?);
    }
    let passphrase = passphrase.ok_or(SecretError::NoPassphrase)?.read()?;
    Ok(keystore::decrypt(&text, &passphrase)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_is_read_only_where_nobody_else_could() {
        let folder = std::env::temp_dir().join(format!("dutchbook-secret-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("key");
        let source = SecretSource::File(path.clone());
        assert!(matches!(source.read(), Err(SecretError::Unreadable { .. })));
        let digits = "01".repeat(32);
        fs::write(&path, format!("0x{digits}\n")).unwrap();
        for mode in [0o644, 0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = source.read().unwrap_err();
            assert!(matches!(error, SecretError::Exposed { mode: found, .. } if found == mode));
            assert!(!error.to_string().contains(&digits), "{error}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(source.read().unwrap().as_str(), format!("0x{digits}"));
        assert!(wallet_key(&source, None).is_ok());
        fs::write(&path, "{}").unwrap();
        assert!(matches!(wallet_key(&source, None), Err(SecretError::NoPassphrase)));
        fs::write(&path, b"\xff\xfe").unwrap();
        assert!(matches!(source.read(), Err(SecretError::NotText { .. })));
        let source = SecretSource::File(folder.clone());
        assert!(matches!(source.read(), Err(SecretError::NotText { .. })));
        let fresh = folder.join("fresh");
        write_new(&fresh, "hush").unwrap();
        assert_eq!(SecretSource::File(fresh.clone()).read().unwrap().as_str(), "hush");
        assert!(matches!(write_new(&fresh, "other"), Err(SecretError::Unwritable { .. })));
        let source = SecretSource::Environment("DUTCHBOOK_NO_SUCH_SECRET".to_owned());
        assert!(matches!(source.read(), Err(SecretError::NotSet(_))));
        fs::remove_dir_all(folder).unwrap();
    }
}
