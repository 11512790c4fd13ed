//! Which sensitive place a path lies in. The tables are the knowledge; the code only compares.

mod pattern;
mod tables;

use crate::Surroundings;
pub(super) use pattern::place_of_pattern;
use stayhand_core::facts::Place::{self, AgentConfig, Credential, Key, OtherUser, System};
use tables::{
    ABSOLUTE, CERTIFICATES, ENDINGS, HARMLESS, LENGTHS, LONGEST_NAME, NAMED, ROOTS, SSH_KEYS, SYSTEM,
    SYSTEM_ITSELF, TEMPLATES,
};
use unicode_normalization::UnicodeNormalization as _;

/// The sensitive place that the absolute, cleaned path lies in, if any. Names compare without
/// regard to case, and to compatibility forms of letters.
pub fn place_of(absolute: &str, at: &Surroundings<'_>) -> Option<Place> {
    place_by(absolute, at).or_else(|| {
        if absolute.is_ascii() {
            return None;
        }
        let folded: String = absolute.nfkc().flat_map(char::to_lowercase).collect();
        place_by(&folded, at)
    })
}

/// Names in a workspace that configure the agent, its tools or Stayhand, be they files or folders.
pub fn configuring_names() -> impl Iterator<Item = &'static str> {
    let configures = |rule: &&tables::Named| {
        rule.under.is_empty()
            && rule.name.starts_with('.')
            && matches!(rule.place, AgentConfig | Place::Stayhand)
    };
    NAMED.iter().filter(configures).map(|rule| rule.name)
}

fn place_by(path: &str, at: &Surroundings<'_>) -> Option<Place> {
    by_name(path).or_else(|| by_location(path, at))
}

/// The place of a path by the names of its components. Names without a leading dot are sensitive
/// only as the file itself, below a folder with one, or below `Library`.
fn by_name(path: &str) -> Option<Place> {
    let mut start = 1;
    let mut below_hidden = false;
    let mut configures = None;
    for component in super::components(path).skip(1) {
        let end = start + component.len();
        let hidden = component.starts_with('.');
        let eligible = hidden || below_hidden || end == path.len();
        let place = if eligible { by_component(path, start, component) } else { None };
        match place {
            // Among an agent's settings lies what it signs in with.
            Some(AgentConfig) => configures = Some(AgentConfig),
            Some(place) if configures.is_none() || matches!(place, Key | Credential) => return Some(place),
            _ => {}
        }
        below_hidden = below_hidden || hidden || component.eq_ignore_ascii_case("library");
        start = end + 1;
    }
    configures.or_else(|| by_file_name(path.rsplit('/').next().unwrap_or_default(), path))
}

fn by_component(path: &str, start: usize, component: &str) -> Option<Place> {
    if !may_be_named(component) {
        return is_environment_file(component).then_some(Credential);
    }
    let mut buffer = [0; LONGEST_NAME];
    let Some(folded) = buffer.get_mut(..component.len()) else {
        return is_environment_file(component).then_some(Credential);
    };
    folded.copy_from_slice(component.as_bytes());
    folded.make_ascii_lowercase();
    let folded: &[u8] = folded;
    let first = NAMED.partition_point(|rule| rule.name.as_bytes() < folded);
    NAMED
        .get(first..)?
        .iter()
        .take_while(|rule| rule.name.as_bytes() == folded)
        .find(|rule| stands_under(path, start, rule.under))
        .map(|rule| rule.place)
        .or_else(|| is_environment_file(component).then_some(Credential))
}

/// Whether some name has this first letter and length.
fn may_be_named(component: &str) -> bool {
    let first = component.as_bytes().first().map(u8::to_ascii_lowercase);
    let lengths = first.and_then(|first| LENGTHS.get(usize::from(first))).copied().unwrap_or_default();
    component.len() <= LONGEST_NAME && lengths >> component.len() & 1 == 1
}

/// Whether the components before the byte `start` of `path` end with `under`.
fn stands_under(path: &str, start: usize, under: &str) -> bool {
    if under.is_empty() {
        return true;
    }
    let before = path.get(..start.saturating_sub(1)).unwrap_or_default();
    let Some(cut) = before.len().checked_sub(under.len()) else { return false };
    before.get(cut..).is_some_and(|end| end.eq_ignore_ascii_case(under))
        && (cut == 0 || before.as_bytes().get(cut - 1) == Some(&b'/'))
}

/// `.env.production`, `.env-local`, `.env~`, but not `.env.example`.
fn is_environment_file(component: &str) -> bool {
    let Some(rest) = strip_prefix(component, ".env") else { return false };
    rest.starts_with(['.', '-', '_', '~', ' ', ':'])
        && !rest.rsplit(['.', '-', '_']).next().is_some_and(|last| is_one_of(last, TEMPLATES))
}

fn by_file_name(name: &str, path: &str) -> Option<Place> {
    let is_key = |key: &str| strip_prefix(name, key).is_some_and(is_key_suffix);
    if name.starts_with(['i', 'I']) && SSH_KEYS.iter().any(|key| is_key(key)) {
        return Some(Key);
    }
    let (stem, ending) = name.rsplit_once('.')?;
    let (ending, place) = ENDINGS.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known))?;
    let is_certificate = *ending == "pem"
        && (strip_prefix(path, "/etc/ssl/certs/").is_some()
            || stem.rsplit(['-', '_', '.']).next().is_some_and(|last| is_one_of(last, CERTIFICATES)));
    (!is_certificate).then_some(*place)
}

/// What may follow `id_rsa` in the name of a private key.
fn is_key_suffix(rest: &str) -> bool {
    let ends_name = rest.is_empty() || rest.starts_with(['.', '-', '_', '~', ' ']);
    (ends_name && strip_suffix(rest, ".pub").is_none()) || strip_prefix(rest, "_sk").is_some()
}

/// The place of a path by where in the file system it lies.
fn by_location(path: &str, at: &Surroundings<'_>) -> Option<Place> {
    if path.split('/').nth(1).is_some_and(|first| is_one_of(first, ROOTS)) {
        if HARMLESS.iter().any(|harmless| lies_in(harmless, path)) {
            return None;
        }
        if is_process_environment(path) {
            return Some(Credential);
        }
        if let Some((_, place)) = ABSOLUTE.iter().find(|(folder, _)| lies_in(folder, path)) {
            return Some(*place);
        }
    }
    if SYSTEM_ITSELF.contains(&path) {
        return Some(System);
    }
    let place = by_first_component(path, at.home)?;
    (!is_workspace(path, place, at.workspace)).then_some(place)
}

fn is_process_environment(path: &str) -> bool {
    strip_prefix(path, "/proc/")
        .is_some_and(|rest| matches!(rest.rsplit('/').next(), Some("environ" | "mem")))
}

fn by_first_component(path: &str, home: &str) -> Option<Place> {
    let mut components = path.split('/').skip(1);
    let first = components.next()?;
    if is_one_of(first, SYSTEM) {
        return (!covers(home, path)).then_some(System);
    }
    let of_a_user = match first {
        "root" => true,
        "home" => components.next().is_some(),
        "Users" | "users" => components.next().is_some_and(|user| !user.eq_ignore_ascii_case("shared")),
        _ => false,
    };
    (of_a_user && !covers(home, path)).then_some(OtherUser)
}

/// A workspace has no place because of where it lies, unless it is a system folder itself.
fn is_workspace(path: &str, place: Place, workspace: &str) -> bool {
    let deep_enough = place == OtherUser || workspace.split('/').filter(|part| !part.is_empty()).count() > 1;
    deep_enough && covers(workspace, path)
}

/// Whether `path` is `folder` or lies below it. The root covers nothing.
fn covers(folder: &str, path: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    !folder.is_empty() && lies_in(folder, path)
}

/// As [`covers`], for a folder without a slash at its end.
fn lies_in(folder: &str, path: &str) -> bool {
    strip_prefix(path, folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_one_of(text: &str, names: &[&str]) -> bool {
    names.iter().any(|name| text.eq_ignore_ascii_case(name))
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn strip_suffix<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let (stem, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_lower_case() {
        assert!(NAMED.is_sorted_by_key(|rule| rule.name));
        for rule in NAMED {
            assert_eq!(rule.name, rule.name.to_ascii_lowercase());
        }
        let shown = NAMED.iter().filter(|rule| !rule.name.starts_with('.') && !rule.under.is_empty());
        for rule in shown {
            assert!(
                rule.under.starts_with('.') || rule.under.starts_with("library"),
                "{} is never looked up",
                rule.name
            );
        }
        assert_eq!(NAMED.iter().map(|rule| rule.name.len()).max(), Some(LONGEST_NAME));
        let places = ABSOLUTE.iter().map(|(path, _)| path).chain(HARMLESS);
        for path in places {
            assert!(path.split('/').nth(1).is_some_and(|first| ROOTS.contains(&first)), "{path}");
        }
    }
}
