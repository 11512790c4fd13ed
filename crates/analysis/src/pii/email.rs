//! E-mail addresses.

use super::{Kind, Span};

/// The longest local part and the longest domain (RFC 5321).
const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 255;

/// Last labels that are endings of file names rather than domains, as in `logo@2x.png`.
const FILE_ENDINGS: [&str; 12] =
    ["bmp", "css", "gif", "html", "ico", "jpeg", "jpg", "js", "json", "png", "svg", "webp"];

/// The address around the `@` at `at`, from `from` on.
pub(super) fn around(text: &str, at: usize, from: usize) -> Option<Span> {
    let start = start_of_local(text.get(from..at)?) + from;
    let local = text.get(start..at)?;
    if local.is_empty() || local.len() > MAX_LOCAL || local.ends_with('.') || is_user_of_url(text, start) {
        return None;
    }
    let rest = text.get(at + 1..)?;
    let domain = domain_of(rest)?;
    let end = at + 1 + domain.len();
    (!is_remote(text.get(end..)?)).then_some(Span { kind: Kind::Email, start, end })
}

fn start_of_local(before: &str) -> usize {
    let is_local = |c: char| c.is_alphanumeric() || "._%+-'&!#$*=?^`{|}~".contains(c);
    let local = before.char_indices().rev().take_while(|(_, c)| is_local(*c)).last();
    let start = local.map_or(before.len(), |(index, _)| index);
    // Quotation marks, brackets and dots around an address are not part of it.
    let word = before.get(start..).unwrap_or_default();
    let trimmed = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let after =
        trimmed.rfind(['=', '\'', '`', '{', '|', '&', '?', '*', '!', '$']).map_or(0, |index| index + 1);
    before.len() - trimmed.len() + after
}

/// The domain that `rest` begins with: labels joined by dots, the last one of letters.
fn domain_of(rest: &str) -> Option<&str> {
    let is_domain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let end = rest.char_indices().find(|(_, c)| !is_domain(*c)).map_or(rest.len(), |(index, _)| index);
    let domain = rest.get(..end)?.trim_end_matches(['.', '-']);
    let (name, last) = domain.rsplit_once('.')?;
    let is_label = |label: &str| !label.is_empty() && label.len() <= 63 && !label.starts_with('-');
    let names_top = last.len() >= 2
        && (last.chars().all(char::is_alphabetic) || last.starts_with("xn--"))
        && !FILE_ENDINGS.iter().any(|ending| last.eq_ignore_ascii_case(ending));
    (names_top && domain.len() <= MAX_DOMAIN && name.split('.').all(is_label)).then_some(domain)
}

/// `ssh://git@host`, `https://user:password@host`: the user of a URL, not a mailbox.
fn is_user_of_url(text: &str, start: usize) -> bool {
    let before = text.as_bytes().get(start.saturating_sub(MAX_DOMAIN)..start).unwrap_or_default();
    let authority =
        before.rsplit(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'?' | b'#')).next();
    let rest = before.len() - authority.map_or(0, <[u8]>::len);
    before.get(..rest).is_some_and(|scheme| scheme.ends_with(b"://"))
}

/// `git@github.com:owner/repository`: the place of a repository.
fn is_remote(after: &str) -> bool {
    after
        .strip_prefix(':')
        .is_some_and(|path| path.starts_with(|c: char| c.is_ascii_alphanumeric() || "/~_.".contains(c)))
}
