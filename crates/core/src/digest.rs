//! SHA-256 digests, the names of requests and policies.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::LazyLock;

/// A SHA-256 digest (32 bytes), written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of `parts`, each preceded by its length, so that two different
    /// lists never share their bytes.
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// The digest of an output, standard output and errors, that holds nothing.
    pub fn of_nothing() -> Self {
        static NOTHING: LazyLock<Digest> = LazyLock::new(|| Digest::of_parts(&[b"", b""]));
        *NOTHING
    }

    /// Whether it is that of an output that holds nothing.
    pub fn is_of_nothing(&self) -> bool {
        *self == Self::of_nothing()
    }

    /// The digest as a log stores it, but for that of nothing, which hides nothing. Without the log's `key` nobody can try out what short secret the digest
    /// is of.
    #[must_use]
    pub fn keyed(&self, key: &[u8; 32]) -> Self {
        if self.is_of_nothing() { *self } else { Self::of_parts(&[b"stayhand-keyed-v1", key, &self.0]) }
    }

    /// The first eight hexadecimal digits, for people.
    pub fn short(&self) -> String {
        self.to_string().chars().take(8).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[hex(byte >> 4), hex(byte & 15)]);
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// The hexadecimal digit of a number below 16.
const fn hex(nibble: u8) -> u8 {
    nibble + if nibble < 10 { b'0' } else { b'a' - 10 }
}

/// The number that a hexadecimal digit stands for.
const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl std::str::FromStr for Digest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text.as_bytes();
        if hex.len() != 64 {
            return Err("a digest is 64 hexadecimal digits");
        }
        let mut bytes = [0u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            let [high, low] = pair else { continue };
            let digits = nibble(*high).zip(nibble(*low));
            let (high, low) = digits.ok_or("a digest is hexadecimal")?;
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(Digest::of_parts(&[b"ab", b"c"]), Digest::of_parts(&[b"a", b"bc"]));
    }

    #[test]
    fn keyed_digests_depend_on_the_key_and_the_digest() {
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        let keyed = one.keyed(&[1; 32]);
        assert_eq!(keyed, one.keyed(&[1; 32]));
        assert_eq!(Digest::of_nothing().keyed(&[1; 32]), Digest::of_nothing());
        for different in [one, one.keyed(&[2; 32]), other.keyed(&[1; 32])] {
            assert_ne!(keyed, different);
        }
    }

    #[test]
    fn text_form_round_trips() {
        let digest = Digest::of(b"stayhand");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(digest.to_string().to_uppercase().parse(), Ok(digest));
        for wrong in ["zz".to_owned(), "g".repeat(64), "+1".repeat(32), "é".repeat(32), "0".repeat(63)] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }
}
