//! Paths by their text alone.
use crate::Surroundings;
use stayhand_core::facts::{Access, Aspect, Opaque, PathUse, Place};

/// The use of the path `text`.
pub fn path_use(access: Access, text: &str, at: &Surroundings<'_>) -> Result<PathUse, Opaque> {
    let mut used = PathUse::new(access, lexical(text, at)?);
    used.place = place_of(&used.lexical, at);
    Ok(used)
}

/// The absolute form of `text`.
pub fn lexical(text: &str, at: &Surroundings<'_>) -> Result<String, Opaque> {
    if text.is_empty() {
        return Err(Opaque { aspect: Aspect::Paths, why: "empty path".into() });
    }
    Ok(if text.starts_with('/') { text.into() } else { format!("{}/{text}", at.cwd) })
}

/// The sensitive place `absolute` lies in.
pub fn place_of(_absolute: &str, _at: &Surroundings<'_>) -> Option<Place> {
    None
}
