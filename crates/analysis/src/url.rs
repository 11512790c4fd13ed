//! URLs: which host a request to one would contact.
//!
//! One strict reading serves both the decision and the connection. Spellings on which URL parsers
//! disagree (backslashes, control characters, credentials, missing slashes) are refused.

use crate::host::{self, class_of_name, opaque};
use stayhand_core::facts::{AddressClass, HostUse, Opaque};
use url::{Host, Url};

/// The longest URL that is looked at, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// Schemes of the web, for which the URL parser normalises hosts.
const WEB: &[&str] = &["http", "https", "ws", "wss"];

/// Other schemes that carry a host, with the port they imply.
const OTHER: &[(&str, u16)] =
    &[("ftp", 21), ("ftps", 990), ("git", 9418), ("git+ssh", 22), ("sftp", 22), ("ssh", 22), ("ssh+git", 22)];

/// The host that a request of `method` to `text` would contact.
///
/// A text without scheme is read as `host[:port][/path]`.
///
/// # Errors
/// Opaque in [`stayhand_core::facts::Aspect::Hosts`] for other schemes and for every spelling on
/// which parsers are known to disagree.
pub fn host_use(text: &str, method: Option<&str>) -> Result<HostUse, Opaque> {
    let text = text.trim_matches(' ');
    if text.len() > MAX_BYTES {
        return Err(opaque("the URL is longer than 16 KiB"));
    }
    if text.bytes().any(|byte| byte.is_ascii_control() || byte == b'\\') {
        return Err(opaque("the URL holds a backslash or control characters"));
    }
    let mut used = match text.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => with_scheme(text, scheme, rest)?,
        _ => without_scheme(text)?,
    };
    used.method = method.map(str::to_ascii_uppercase);
    Ok(used)
}

/// Whether `text` begins like a URL with a scheme that carries a host.
pub(crate) fn looks_like_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty())
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn with_scheme(text: &str, scheme: &str, rest: &str) -> Result<HostUse, Opaque> {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err(opaque("the URL names no host"));
    }
    let after = rest.get(authority.len()..).unwrap_or_default();
    if !after.starts_with('/') && after.split('/').next().is_some_and(|query| query.contains('@')) {
        return Err(opaque("the URL has two readings of its host"));
    }
    if WEB.iter().any(|web| scheme.eq_ignore_ascii_case(web)) {
        return of_web(text, authority);
    }
    match OTHER.iter().find(|(name, _)| scheme.eq_ignore_ascii_case(name)) {
        Some((name, port)) => of_other(name, *port, authority),
        None => Err(opaque(&format!("{scheme} is not a scheme of the web"))),
    }
}

fn of_web(text: &str, authority: &str) -> Result<HostUse, Opaque> {
    if authority.contains('@') {
        return Err(opaque("the URL holds credentials"));
    }
    if authority.contains('%') && authority.starts_with('[') {
        return of_zone(text, authority);
    }
    if host::mixes_scripts(authority) {
        return Err(opaque("the host mixes scripts that look alike"));
    }
    let parsed = Url::parse(text).map_err(|error| opaque(&format!("the URL is malformed: {error}")))?;
    let (host, class) = match parsed.host() {
        Some(Host::Domain(domain)) => (domain.trim_end_matches('.').to_owned(), class_of_name(domain)?),
        Some(Host::Ipv4(ip)) => host::of_v4(ip, without_port(authority))?,
        Some(Host::Ipv6(ip)) => host::of_v6(ip, authority)?,
        None => return Err(opaque("the URL names no host")),
    };
    of(parsed.scheme(), host, class, parsed.port_or_known_default())
}

fn without_port(authority: &str) -> &str {
    authority.split_once(':').map_or(authority, |(host, _)| host)
}

/// An IPv6 address with a zone (`[fe80::1%25eth0]`), which the URL standard leaves out.
fn of_zone(text: &str, authority: &str) -> Result<HostUse, Opaque> {
    let bare = host::host_use(authority)?;
    let scheme = text.split("://").next().unwrap_or_default().to_ascii_lowercase();
    let implied = if matches!(scheme.as_str(), "https" | "wss") { 443 } else { 80 };
    of(&scheme, bare.host, bare.class, bare.port.or(Some(implied)))
}

fn of_other(scheme: &str, port: u16, authority: &str) -> Result<HostUse, Opaque> {
    if authority.ends_with(':') || authority.contains('%') && !authority.contains('[') {
        return Err(opaque("the URL's host is malformed"));
    }
    let bare = host::host_use(authority)?;
    if bare.scheme.is_empty() {
        of(scheme, bare.host, bare.class, bare.port.or(Some(port)))
    } else {
        Err(opaque("the port is not a number"))
    }
}

fn of(scheme: &str, host: String, class: AddressClass, port: Option<u16>) -> Result<HostUse, Opaque> {
    if port == Some(0) {
        return Err(opaque("the port is out of range"));
    }
    Ok(HostUse { scheme: scheme.to_owned(), host, port, class, addresses: Vec::new(), method: None })
}

fn without_scheme(text: &str) -> Result<HostUse, Opaque> {
    let (authority, path) = text.find(['/', '?', '#']).map_or((text, ""), |end| text.split_at(end));
    if authority.is_empty() {
        return Err(opaque("the URL names no host"));
    }
    if path.contains("//") || path.split('/').any(|part| part == "..") {
        return Err(opaque("the URL has no scheme and an ambiguous path"));
    }
    if authority.contains('@') {
        return Err(opaque("the URL holds credentials"));
    }
    // `http:82/x` is port 82 of the host `http` to some, and the host 0.0.0.82 to others.
    let is_known = |name: &str| {
        WEB.iter().chain(OTHER.iter().map(|(name, _)| name)).any(|known| known.eq_ignore_ascii_case(name))
    };
    if authority.split_once(':').is_some_and(|(name, _)| is_known(name)) {
        return Err(opaque("the URL lacks its slashes"));
    }
    let bare = host::host_use(authority)?;
    if bare.scheme.is_empty() { Ok(bare) } else { Err(opaque("the URL's scheme is not one of the web")) }
}

#[cfg(test)]
mod tests;
