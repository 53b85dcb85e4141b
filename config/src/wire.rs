//! The wire between the halves: message types and their binary form. The socket itself is opened elsewhere.
//!
//! ```text
//!   gateway                          controller-sync (listens)
//!     ── preface ──────────────────▶   both sides send the preface first and check the other's
//!     ◀────────────────── preface ──
//!     ◀── Begin · Upsert… · Commit{1, full} ──   the whole state on connect
//!     ── Ack{1} ───────────────────▶
//!     ◀── Upsert · Remove · Commit{2} ──         then differences
//!     ── Ack{2} ───────────────────▶
//! ```
//!
//! Frames are length-delimited (a 32-bit big-endian length, at most [`MAX_FRAME_BYTES`]) and hold one postcard
//! message each. The preface is *not* framed and never changes its form, so that two releases can always tell each
//! other that they do not fit.

use crate::{Key, Resource};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Raised with every change of a type that travels.
pub const PROTOCOL_VERSION: u16 = 4;

/// The largest frame either side accepts, in bytes: a Secret's certificate and key (1 MiB at most) with room.
pub const MAX_FRAME_BYTES: usize = 4 * 1024 * 1024;

/// The length of the [`Preface`] in bytes.
pub const PREFACE_BYTES: usize = 32;

const MAGIC: &[u8; 8] = b"INGORA\r\n";

/// The first [`PREFACE_BYTES`] bytes in either direction: magic, protocol version, release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preface {
    /// The sender's [`PROTOCOL_VERSION`].
    pub protocol: u16,
    /// The sender's release, at most 22 bytes of ASCII.
    pub release: String,
}

impl Preface {
    /// What this build sends.
    pub fn ours() -> Self {
        Self { protocol: PROTOCOL_VERSION, release: env!("CARGO_PKG_VERSION").to_owned() }
    }

    /// The bytes to send.
    pub fn encode(&self) -> [u8; PREFACE_BYTES] {
        let mut bytes = [0; PREFACE_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&self.protocol.to_be_bytes());
        let release = self.release.as_bytes();
        let length = release.len().min(PREFACE_BYTES - 10);
        bytes[10..10 + length].copy_from_slice(&release[..length]);
        bytes
    }

    /// Reads a peer's preface and checks that it fits ours.
    ///
    /// # Errors
    /// When the peer is not Ingora or speaks another protocol version.
    pub fn check(bytes: &[u8; PREFACE_BYTES]) -> Result<Self, PrefaceError> {
        if &bytes[..8] != MAGIC {
            return Err(PrefaceError::NotIngora);
        }
        let protocol = u16::from_be_bytes([bytes[8], bytes[9]]);
        let release = String::from_utf8_lossy(&bytes[10..])
            .trim_end_matches('\0')
            .chars()
            .filter(|c| c.is_ascii_graphic())
            .collect();
        if protocol != PROTOCOL_VERSION {
            return Err(PrefaceError::Version { theirs: protocol, release });
        }
        Ok(Self { protocol, release })
    }
}

/// The other side of the socket does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefaceError {
    /// Something else listens or connects there.
    #[error("the other side of the socket is not Ingora; check that --socket names the same path for both")]
    NotIngora,
    /// Two releases that do not fit.
    #[error(
        "the other side speaks protocol {theirs} (release {release}), this side speaks {PROTOCOL_VERSION} (release {}); run both from the same image",
        env!("CARGO_PKG_VERSION")
    )]
    Version {
        /// Their protocol version.
        theirs: u16,
        /// Their release.
        release: String,
    },
}

/// What controller-sync sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromSync {
    /// A full state follows; whatever is not in it by its [`FromSync::Commit`] is gone.
    Begin,
    /// A resource is new or changed.
    Upsert(Box<Resource>),
    /// A resource is gone.
    Remove(Key),
    /// Everything since the last commit takes effect now, at once.
    Commit {
        /// Counts up within one connection's life and beyond; starts anew with a new process.
        revision: u64,
    },
}

/// What the gateway sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromGateway {
    /// The revision is what requests are answered from now.
    Ack {
        /// The revision of the [`FromSync::Commit`].
        revision: u64,
        /// What the gateway could not use of it, one sentence each; it serves the rest.
        refused: Vec<String>,
    },
}

/// A message does not encode, decode, or fit into a frame.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Not a message of this protocol version, or an invalid value in it.
    #[error("a message on the socket cannot be read: {0}")]
    Malformed(#[from] postcard::Error),
    /// Larger than [`MAX_FRAME_BYTES`].
    #[error("a message of {0} bytes does not fit into a frame of {MAX_FRAME_BYTES} bytes")]
    TooLarge(usize),
}

/// The payload of one frame.
///
/// # Errors
/// When the message is larger than a frame may be.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, CodecError> {
    let bytes = postcard::to_stdvec(message)?;
    if bytes.len() > MAX_FRAME_BYTES { Err(CodecError::TooLarge(bytes.len())) } else { Ok(bytes) }
}

/// Reads the payload of one frame.
///
/// # Errors
/// When it is not a valid message.
pub fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, CodecError> {
    if payload.len() > MAX_FRAME_BYTES {
        return Err(CodecError::TooLarge(payload.len()));
    }
    Ok(postcard::from_bytes(payload)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::*;

    #[test]
    fn a_message_survives_the_wire() {
        let route = Route::new(
            RouteKey {
                host: Host::parse("*.example.com").unwrap(),
                path: PathMatch { kind: PathKind::Prefix, value: PathValue::new("/a").unwrap() },
            },
            NamespacedName::new("shop", "web"),
            Backend::NotFound,
        );
        let message = FromSync::Upsert(Box::new(Resource::Route(route)));
        assert_eq!(decode::<FromSync>(&encode(&message).unwrap()).unwrap(), message);
    }

    #[test]
    fn an_invalid_value_on_the_wire_is_refused() {
        #[derive(Serialize)]
        struct Loose {
            host: LooseHost,
            certificate: Option<()>,
        }
        #[derive(Serialize)]
        enum LooseHost {
            Exact(String),
        }
        let bytes = encode(&Loose { host: LooseHost::Exact("a b".into()), certificate: None }).unwrap();
        assert!(decode::<VirtualHost>(&bytes).is_err(), "a host with a space must not decode");
    }

    #[test]
    fn another_protocol_version_is_refused_with_a_sentence() {
        let preface = Preface { protocol: 99, release: "9.9.9".into() };
        let error = Preface::check(&preface.encode()).unwrap_err();
        assert!(error.to_string().contains("protocol 99 (release 9.9.9)"), "{error}");
        assert_eq!(Preface::check(&[0; PREFACE_BYTES]), Err(PrefaceError::NotIngora));
        assert_eq!(Preface::check(&Preface::ours().encode()), Ok(Preface::ours()));
    }
}
