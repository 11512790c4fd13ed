//! Hosts as they are written in arguments, and where addresses lie.
//!
//! Every spelling is either classified or refused: whatever the C library would turn into an
//! address (`127.1`, `0x7f000001`, full-width digits) is turned into that address here first.

use stayhand_core::facts::{AddressClass, Aspect, HostUse, Opaque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::Host;

/// The longest host text that is looked at, in bytes: a DNS name, brackets, user and port.
const MAX_BYTES: usize = 512;

/// The host that `text` names: `host`, `host:port`, `[v6]`, `[v6]:port`, `v6`, `user@host` or
/// `user@host:path` as `scp` writes it.
///
/// # Errors
/// Opaque in [`Aspect::Hosts`] for anything else.
pub fn host_use(text: &str) -> Result<HostUse, Opaque> {
    let text = text.trim_matches(' ');
    if text.len() > MAX_BYTES || text.bytes().any(is_refused) {
        return Err(opaque("the host holds characters that no host has"));
    }
    let (user, rest) = text.split_once('@').map_or((None, text), |(user, rest)| (Some(user), rest));
    if user.is_some_and(|user| !is_user(user)) {
        return Err(opaque("the part before @ is not a user name"));
    }
    let (name, after) = split_port(rest)?;
    let (host, class) = canonical(name)?;
    let (scheme, port) = match (user, after) {
        (_, None) => ("", None),
        (_, Some(port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => ("", Some(parse_port(port)?)),
        (_, Some(path)) if path.starts_with(|c: char| !c.is_ascii_digit()) && !path.contains('@') => {
            ("ssh", Some(22))
        }
        _ => return Err(opaque("the port is not a number")),
    };
    Ok(HostUse { scheme: scheme.to_owned(), host, port, class, addresses: Vec::new(), method: None })
}

/// Where `ip` lies. Addresses that embed an IPv4 address (mapped, NAT64, 6to4, …) lie where that
/// address lies. Ranges: the IANA special-purpose registries, and the metadata services of clouds.
pub fn class_of(ip: IpAddr) -> AddressClass {
    match ip {
        IpAddr::V4(ip) => class_of_v4(ip),
        IpAddr::V6(ip) => class_of_v6(ip),
    }
}

fn class_of_v4(ip: Ipv4Addr) -> AddressClass {
    use AddressClass::{LinkLocal, Loopback, Metadata, Private, Public, Reserved};
    match ip.octets() {
        [169, 254, 169, 254] | [169, 254, 170, 2 | 23] | [169, 254, 0, 23] => Metadata,
        [100, 100, 100, 200] | [168, 63, 129, 16] | [192, 0, 0, 192] => Metadata,
        [0, 0, 0, 0] | [127, ..] => Loopback,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => Private,
        [169, 254, ..] => LinkLocal,
        [0, ..] | [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => Reserved,
        [198, 51, 100, _] | [203, 0, 113, _] | [224..=255, ..] => Reserved,
        _ => Public,
    }
}

fn class_of_v6(ip: Ipv6Addr) -> AddressClass {
    use AddressClass::{LinkLocal, Loopback, Metadata, Private, Public, Reserved};
    if matches!(ip.segments(), [0, 0, 0, 0, 0, 0, 0, 0 | 1]) {
        return Loopback;
    }
    if let Some(inner) = embedded_v4(ip) {
        return class_of_v4(inner);
    }
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, high, low] => class_of_v4(v4(high, low)).max(Reserved),
        [0xfd00, 0xec2, .., 0x254] | [0xfd20, 0xce, .., 0x254] | [0xfd00, 0xc1, .., 0xa9fe, 0xa9fe] => {
            Metadata
        }
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] | [0x64, 0xff9b, 1, ..] => Private,
        [0xfe80..=0xfebf, ..] => LinkLocal,
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reserved,
        [.., 0 | 0x200, 0x5efe, high, low] => class_of_v4(v4(high, low)),
        [0x2000..=0x3fff, ..] => Public,
        _ => Reserved,
    }
}

/// The IPv4 address that a gateway or the kernel would contact for `ip`.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

/// The canonical form and the class of one host without port.
pub(crate) fn canonical(name: &str) -> Result<(String, AddressClass), Opaque> {
    if mixes_scripts(name) {
        return Err(opaque("the host mixes scripts that look alike"));
    }
    let host = match without_zone(name)? {
        Some(address) => Host::Ipv6(address),
        None => Host::parse(name).map_err(|error| opaque(&format!("the host is malformed: {error}")))?,
    };
    match host {
        Host::Ipv4(ip) => of_v4(ip, name),
        Host::Ipv6(ip) => of_v6(ip, name),
        Host::Domain(domain) => {
            let class = class_of_name(&domain)?;
            let mut domain = domain;
            domain.truncate(domain.trim_end_matches('.').len());
            Ok((domain, class))
        }
    }
}

/// An IPv4 address as `written`. Only an internal address is told apart from its spelling: nobody
/// has an honest reason to write a public one as `0xd83ad6ce`.
pub(crate) fn of_v4(ip: Ipv4Addr, written: &str) -> Result<(String, AddressClass), Opaque> {
    let (class, usual) = (class_of_v4(ip), ip.to_string());
    if class == AddressClass::Public && written.trim_end_matches('.') != usual {
        return Err(opaque("the address is written in an unusual way"));
    }
    Ok((usual, class))
}

/// An IPv6 address as `written`. One that is an IPv4 address in another form is that one: it is where a connection goes.
pub(crate) fn of_v6(ip: Ipv6Addr, written: &str) -> Result<(String, AddressClass), Opaque> {
    match ip.to_ipv4_mapped() {
        Some(ip) => of_v4(ip, written),
        None => Ok((ip.to_string(), class_of_v6(ip))),
    }
}

/// Whether a label mixes ASCII letters with letters of a script that imitates them, or with marks
/// that only have a place beside their own script. (The text before IDNA is needed to see it.)
pub(crate) fn mixes_scripts(name: &str) -> bool {
    !name.is_ascii()
        && name.split('.').any(|label| {
            let others = || label.chars().filter(|c| !c.is_ascii());
            label.bytes().any(|byte| byte.is_ascii_alphabetic())
                && others().count() > 0
                && (others().any(imitates_latin) || others().all(is_lone_mark))
        })
}

/// Greek, Cyrillic, Armenian and Cherokee letters.
fn imitates_latin(c: char) -> bool {
    matches!(c, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}')
}

/// Marks that repeat or lengthen kana.
fn is_lone_mark(c: char) -> bool {
    matches!(c, '\u{3031}'..='\u{3035}' | '\u{303b}' | '\u{309d}' | '\u{309e}' | '\u{30a0}' | '\u{30fb}'..='\u{30fe}' | '\u{ff70}')
}

/// A bare or bracketed IPv6 address, with the interface it may name (`%eth0`) left out.
fn without_zone(name: &str) -> Result<Option<Ipv6Addr>, Opaque> {
    let inner = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if inner.is_none() && !name.contains(':') {
        return Ok(None);
    }
    let inner = inner.unwrap_or(name);
    let address = inner.split_once('%').map_or(inner, |(address, _)| address);
    address.parse().map(Some).map_err(|_| opaque("the host is not an IPv6 address"))
}

/// The class of a name in canonical form, by its text. What is not known to be local stays
/// [`AddressClass::Name`] until it is resolved.
pub(crate) fn class_of_name(domain: &str) -> Result<AddressClass, Opaque> {
    let name = domain.strip_suffix('.').unwrap_or(domain);
    if name.is_empty()
        || name.split('.').any(|label| label.is_empty() || label.len() > 63)
        || name.len() > 253
    {
        return Err(opaque("the host is not a name"));
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
        return Err(opaque("the host holds characters that no host has"));
    }
    Ok(known_name(name).or_else(|| embedded_in_name(name)).unwrap_or(AddressClass::Name))
}

/// Names of cloud metadata services.
const METADATA: &[&str] = &[
    "instance-data",
    "instance-data.ec2.internal",
    "metadata",
    "metadata.goog",
    "metadata.google.internal",
    "metadata.azure.internal",
    "metadata.tencentyun.com",
    "metadata.platformequinix.com",
];

/// Names that always lead to the same machine, with everything below them.
const LOOPBACK: &[&str] = &[
    "localhost",
    "localhost.localdomain",
    "localhost4",
    "localhost6",
    "ip6-localhost",
    "ip6-loopback",
    "localtest.me",
    "lvh.me",
    "vcap.me",
    "lacolhost.com",
    "localho.st",
    "loopback",
];

/// Last labels that only mean something locally (RFC 6762, RFC 8375, ICANN's reserved `.internal`, custom).
const LOCAL: &[&str] =
    &["corp", "home", "internal", "intranet", "lan", "local", "localdomain", "private", "svc"];

/// Services whose names carry the address they resolve to.
const EMBEDDING: &[&str] =
    &["1u.ms", "ip.addr.tools", "nip.io", "rbndr.us", "sslip.io", "traefik.me", "xip.io"];

/// Services that redirect to wherever their URL says, also to internal hosts.
const REDIRECTING: &[&str] = &["r3dir.me", "ssrf.localdomain.pw"];

fn known_name(name: &str) -> Option<AddressClass> {
    if METADATA.iter().any(|metadata| is_at_or_below(name, metadata)) {
        return Some(AddressClass::Metadata);
    }
    if LOOPBACK.iter().any(|loopback| is_at_or_below(name, loopback)) {
        return Some(AddressClass::Loopback);
    }
    if REDIRECTING.iter().any(|service| is_at_or_below(name, service)) {
        return Some(AddressClass::Private);
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    let local = last == name || LOCAL.contains(&last) || name.ends_with(".home.arpa");
    local.then_some(AddressClass::Private)
}

fn is_at_or_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The class of the worst address that a name of an [`EMBEDDING`] service carries.
fn embedded_in_name(name: &str) -> Option<AddressClass> {
    let service = EMBEDDING.iter().find(|service| is_at_or_below(name, service))?;
    let labels = name.strip_suffix(service)?.trim_end_matches('.');
    let words: Vec<&str> = labels.split(['.', '-']).collect();
    let dotted = words.windows(4).filter_map(|window| window.join(".").parse::<Ipv4Addr>().ok());
    let hex =
        words.iter().filter(|word| word.len() == 8).filter_map(|word| u32::from_str_radix(word, 16).ok());
    let v4 = dotted.chain(hex.map(Ipv4Addr::from)).map(class_of_v4);
    let v6 = labels.split('.').filter_map(|label| label.replace('-', ":").parse().ok()).map(class_of_v6);
    v4.chain(v6).max()
}

/// Splits `host:rest` and `[v6]:rest`; a text with several colons and no bracket is one address.
fn split_port(text: &str) -> Result<(&str, Option<&str>), Opaque> {
    if text.starts_with('[') {
        let end = text.find(']').ok_or_else(|| opaque("the bracket is not closed"))?;
        let (address, rest) = text.split_at(end + 1);
        return match rest.strip_prefix(':') {
            Some(port) => Ok((address, Some(port))),
            None if rest.is_empty() => Ok((address, None)),
            None => Err(opaque("text follows the bracket")),
        };
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') && !rest.contains('/') => Ok((text, None)),
        Some((name, _)) if name.len() == 1 => Err(opaque("one letter before a colon is a drive")),
        Some((name, rest)) => Ok((name, Some(rest))),
        None => Ok((text, None)),
    }
}

fn parse_port(port: &str) -> Result<u16, Opaque> {
    match port.parse() {
        Ok(0) | Err(_) => Err(opaque("the port is out of range")),
        Ok(port) => Ok(port),
    }
}

fn is_user(user: &str) -> bool {
    !user.is_empty()
        && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Control characters, blanks and backslashes: where parsers disagree.
fn is_refused(byte: u8) -> bool {
    byte.is_ascii_control() || matches!(byte, b' ' | b'\\')
}

pub(crate) fn opaque(why: &str) -> Opaque {
    Opaque { aspect: Aspect::Hosts, why: why.to_owned() }
}

#[cfg(test)]
mod tests;
