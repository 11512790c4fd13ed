//! Checkpoints as signed notes: the text forms of C2SP `signed-note` and `tlog-checkpoint`, with Ed25519.

use crate::merkle::Hash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The signature type of plain Ed25519 in the signed-note format.
const ED25519: u8 = 1;
/// Longer notes are refused; room for a few hundred cosignatures.
const MAX_NOTE_BYTES: usize = 64 * 1024;
/// What a signature line begins with: an em dash and a space.
const SIGNATURE_MARK: &str = "\u{2014} ";

/// Why a note was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is not a signed note.
    #[error("the text is not a signed checkpoint: {0}")]
    Malformed(&'static str),
    /// It is a public key that cannot be read.
    #[error("the text is not a public key of the form `name+hash+base64`: {0}")]
    Key(&'static str),
    /// No signature line belongs to the key.
    #[error("the checkpoint carries no signature of {0}")]
    Unsigned(String),
    /// The signature does not fit the text.
    #[error("the checkpoint's signature of {0} does not fit its text")]
    Forged(String),
}

/// A size and a root: what one signature vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: `stayhand/<log id>`.
    pub origin: String,
    /// The number of records.
    pub size: u64,
    /// The root of the Merkle tree over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed: three lines.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root))
    }

    /// Reads the text of a checkpoint. Further lines are extensions, signed but not interpreted.
    fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.lines();
        let mut line =
            |missing| lines.next().filter(|line| !line.is_empty()).ok_or(NoteError::Malformed(missing));
        let origin = line("the origin is missing")?.to_owned();
        let digits = line("the size is missing")?;
        let size: u64 = digits.parse().map_err(|_| NoteError::Malformed("the size is not a number"))?;
        if size.to_string() != digits {
            return Err(NoteError::Malformed("the size is not a plain decimal number"));
        }
        let root = decode_hash(line("the root is missing")?)
            .ok_or(NoteError::Malformed("the root is not 32 bytes of base64"))?;
        Ok(Self { origin, size, root })
    }

    /// Reads a note without looking at its signatures. Trust nothing of it before [`PublicKey::open`].
    pub fn parse_unverified(note: &str) -> Result<Self, NoteError> {
        Self::parse(split(note)?.0)
    }
}

/// Standard base64 of exactly 32 bytes.
pub(crate) fn decode_hash(text: &str) -> Option<Hash> {
    BASE64.decode(text).ok()?.try_into().ok()
}

/// The signed text (with its last newline) and the signature lines.
fn split(note: &str) -> Result<(&str, &str), NoteError> {
    if note.len() > MAX_NOTE_BYTES {
        return Err(NoteError::Malformed("it is too long"));
    }
    if note.chars().any(|c| c.is_control() && c != '\n') {
        return Err(NoteError::Malformed("it contains control characters"));
    }
    let blank =
        note.rfind("\n\n").ok_or(NoteError::Malformed("there is no blank line before the signatures"))?;
    let (text, rest) = note.split_at(blank + 1);
    let lines = rest.strip_prefix('\n').unwrap_or(rest);
    let complete = lines.ends_with('\n') && lines.lines().all(|line| line.starts_with(SIGNATURE_MARK));
    if complete { Ok((text, lines)) } else { Err(NoteError::Malformed("a signature line is malformed")) }
}

/// A log's public key with its name; written `name+hash+base64`, the verifier key of the note format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: VerifyingKey,
}

impl PublicKey {
    /// The key's name, which is also the log's origin: `stayhand/<log id>`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key).
    pub fn id(&self) -> [u8; 4] {
        let mut hasher = Sha256::new();
        hasher.update(self.name.as_bytes());
        hasher.update([b'\n', ED25519]);
        hasher.update(self.key.as_bytes());
        let [a, b, c, d, ..]: [u8; 32] = hasher.finalize().into();
        [a, b, c, d]
    }

    /// Checks the signature of a note and reads its checkpoint.
    ///
    /// Signatures of other keys (cosignatures of witnesses) are ignored.
    pub fn open(&self, note: &str) -> Result<Checkpoint, NoteError> {
        let (text, lines) = split(note)?;
        let mut found = false;
        for line in lines.lines() {
            let Some(signature) = self.signature_in(line)? else { continue };
            found = true;
            self.key
                .verify_strict(text.as_bytes(), &signature)
                .map_err(|_| NoteError::Forged(self.name.clone()))?;
        }
        if found { Checkpoint::parse(text) } else { Err(NoteError::Unsigned(self.name.clone())) }
    }

    /// The signature of a line, if the line is this key's.
    fn signature_in(&self, line: &str) -> Result<Option<Signature>, NoteError> {
        let malformed = NoteError::Malformed("a signature line is malformed");
        let line = line.strip_prefix(SIGNATURE_MARK).ok_or(malformed.clone())?;
        let (name, encoded) = line.split_once(' ').ok_or(malformed.clone())?;
        let bytes = BASE64.decode(encoded).map_err(|_| malformed.clone())?;
        let (id, signature) = bytes.split_first_chunk::<4>().ok_or(malformed)?;
        if name != self.name || *id != self.id() {
            return Ok(None);
        }
        Signature::from_slice(signature).map(Some).map_err(|_| NoteError::Forged(self.name.clone()))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![ED25519];
        bytes.extend(self.key.as_bytes());
        let id = u32::from_be_bytes(self.id());
        write!(f, "{}+{id:08x}+{}", self.name, BASE64.encode(bytes))
    }
}

impl std::str::FromStr for PublicKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(hash), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key("a part is missing"));
        };
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(NoteError::Key("the name is empty or contains a space"));
        }
        let bytes = BASE64.decode(encoded).map_err(|_| NoteError::Key("the key is not base64"))?;
        let Some((&ED25519, key)) = bytes.split_first() else {
            return Err(NoteError::Key("it is not an Ed25519 key"));
        };
        let key = <&[u8; 32]>::try_from(key).map_err(|_| NoteError::Key("the key is not 32 bytes"))?;
        let key =
            VerifyingKey::from_bytes(key).map_err(|_| NoteError::Key("it is not a point of the curve"))?;
        let public = Self { name: name.to_owned(), key };
        let fits = u32::from_str_radix(hash, 16).is_ok_and(|id| id.to_be_bytes() == public.id());
        if fits { Ok(public) } else { Err(NoteError::Key("the hash does not fit the key")) }
    }
}

/// A log's signing key. Its `Debug` form shows the public half only.
pub(crate) struct Signer {
    key: SigningKey,
    public: PublicKey,
}

impl Signer {
    /// The signer of a seed. The log's id, and so its origin, is derived from the public key: whoever
    /// replaces the key cannot keep the name.
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let digest: [u8; 32] = Sha256::digest(key.verifying_key().as_bytes()).into();
        let id = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
        let public = PublicKey { name: format!("stayhand/{id}"), key: key.verifying_key() };
        Self { key, public }
    }

    pub(crate) const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key for digests that the log stores: whoever has the signing key has it, nobody else.
    pub(crate) fn digest_key(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(b"stayhand-digest-key-v1");
        hasher.update(self.key.as_bytes());
        hasher.finalize().into()
    }

    /// The signed note of a checkpoint of this log.
    pub(crate) fn sign(&self, size: u64, root: Hash) -> String {
        let text = Checkpoint { origin: self.public.name.clone(), size, root }.text();
        let mut bytes = self.public.id().to_vec();
        bytes.extend(self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n{SIGNATURE_MARK}{} {}\n", self.public.name, BASE64.encode(bytes))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::Frontier;

    fn signer() -> Signer {
        Signer::new(&[7; 32])
    }

    #[test]
    fn a_note_opens_with_its_key_only() {
        let note = signer().sign(3, [9; 32]);
        let checkpoint = signer().public().open(&note).unwrap();
        assert_eq!((checkpoint.size, checkpoint.root), (3, [9; 32]));
        assert_eq!(checkpoint, Checkpoint::parse_unverified(&note).unwrap());
        let stranger = Signer::new(&[8; 32]);
        assert!(matches!(stranger.public().open(&note), Err(NoteError::Unsigned(_))));
    }

    #[test]
    fn changed_notes_are_refused() {
        let note = signer().sign(3, [9; 32]);
        let forged = |from: &str, to: &str| signer().public().open(&note.replacen(from, to, 1));
        assert!(forged("", "").is_ok());
        assert!(matches!(forged("\n3\n", "\n4\n"), Err(NoteError::Forged(_))));
        assert!(matches!(forged("\n3\n", "\n3\nextension\n"), Err(NoteError::Forged(_))));
        assert!(matches!(forged("\n\n", "\n"), Err(NoteError::Malformed(_))));
        assert!(matches!(forged("\n3\n", "\n3\r\n"), Err(NoteError::Malformed(_))));
        assert!(matches!(forged(SIGNATURE_MARK, "- "), Err(NoteError::Malformed(_))));
        assert!(matches!(signer().public().open(""), Err(NoteError::Malformed(_))));
    }

    #[test]
    fn sizes_are_plain_numbers() {
        for (size, ok) in
            [("0", true), ("10", true), ("01", false), ("+1", false), ("-1", false), ("x", false)]
        {
            let text = format!("log\n{size}\n{}\n", BASE64.encode([0; 32]));
            assert_eq!(Checkpoint::parse(&text).is_ok(), ok, "{size}");
        }
    }

    #[test]
    fn cosignatures_of_others_are_ignored() {
        let note = signer().sign(1, [1; 32]) + SIGNATURE_MARK + "witness.example/w AAAAAAAA\n";
        assert!(signer().public().open(&note).is_ok());
    }

    #[test]
    fn the_page_shows_a_real_checkpoint() {
        let page = include_str!("../../../docs/FORMAT.md");
        let signer = Signer::new(&[0; 32]);
        let note = signer.sign(0, Frontier::default().root());
        assert!(page.contains(&format!("```\n{note}```")), "{note}");
        assert!(page.contains(&format!("`{}`", signer.public())), "{}", signer.public());
    }

    #[test]
    fn public_keys_round_trip() {
        let text = signer().public().to_string();
        assert_eq!(text.parse::<PublicKey>().as_ref(), Ok(signer().public()));
        let other = Signer::new(&[8; 32]).public().to_string();
        let (own, other) = (text.splitn(3, '+'), other.splitn(3, '+'));
        let swapped = own.take(2).chain(other.skip(2)).collect::<Vec<_>>().join("+");
        assert_eq!(swapped.parse::<PublicKey>(), Err(NoteError::Key("the hash does not fit the key")));
        assert!("name".parse::<PublicKey>().is_err());
    }
}
