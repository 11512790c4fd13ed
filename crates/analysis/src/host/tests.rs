use super::*;
use proptest::prelude::*;

#[track_caller]
fn is(rows: &[(&str, &str, Option<u16>, AddressClass)]) {
    for (text, host, port, class) in rows {
        let used = host_use(text).unwrap_or_else(|opaque| panic!("{text}: {}", opaque.why));
        assert_eq!((used.host.as_str(), used.port, used.class), (*host, *port, *class), "{text}");
    }
}

#[test]
fn hosts_have_one_form() {
    use AddressClass::{LinkLocal, Loopback, Metadata, Name, Private, Public};
    is(&[
        ("example.com", "example.com", None, Name),
        ("EXAMPLE.com.", "example.com", None, Name),
        ("example.com:443", "example.com", Some(443), Name),
        ("git@github.com:o/r.git", "github.com", Some(22), Name),
        ("user@example.com", "example.com", None, Name),
        ("1.1.1.1", "1.1.1.1", None, Public),
        ("::1", "::1", None, Loopback),
        ("[::1]:80", "::1", Some(80), Loopback),
        ("[fe80::1%eth0]", "fe80::1", None, LinkLocal),
        ("LOCALHOST", "localhost", None, Loopback),
        ("db", "db", None, Private),
        ("printer.local", "printer.local", None, Private),
        ("metadata.google.internal", "metadata.google.internal", None, Metadata),
        ("münchen.de", "xn--mnchen-3ya.de", None, Name),
    ]);
}

#[test]
fn bypass_47_and_49_spellings_of_internal_addresses() {
    for text in [
        "127.1",
        "0177.0.0.1",
        "2130706433",
        "0x7f.0.0.1",
        "0x7f000001",
        "127.0.0.1.",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "[::ffff:127.0.0.1]",
        "::ffff:7f00:1",
        "0",
        "localhost.",
        "a.localhost",
        "127.0.0.1.nip.io",
        "x.127-0-0-1.sslip.io",
        "7f000001.nip.io",
    ] {
        assert_eq!(host_use(text).unwrap().class, AddressClass::Loopback, "{text}");
    }
    assert_eq!(host_use("8.8.8.8.nip.io").unwrap().class, AddressClass::Public);
    assert_eq!(host_use("127.example.com").unwrap().class, AddressClass::Name);
}

#[test]
fn bypass_46_malformed_hosts_are_refused() {
    for text in [
        "",
        "evil\0.allowed.com",
        "evil.com allowed.com",
        r"good\@evil.com",
        ":80@evil.com",
        "[::1",
        "[::1]x",
        "host:99999",
        "host:0",
        "a..b",
        "*.example.com",
        "host:80:90/x",
        "user:pass@host",
        "//evil.com",
        "a@b@c",
        "C:/x",
        "exa<mple.com",
    ] {
        assert!(host_use(text).is_err(), "{text:?}: {:?}", host_use(text));
    }
}

#[test]
fn bypass_53_and_54_address_ranges() {
    use AddressClass::{LinkLocal, Loopback, Metadata, Private, Public, Reserved};
    for (text, class) in [
        ("169.254.169.254", Metadata),
        ("100.100.100.200", Metadata),
        ("168.63.129.16", Metadata),
        ("::ffff:169.254.169.254", Metadata),
        ("64:ff9b::a9fe:a9fe", Metadata),
        ("2002:a9fe:a9fe::1", Metadata),
        ("fd00:ec2::254", Metadata),
        ("169.254.1.1", LinkLocal),
        ("fe80::1", LinkLocal),
        ("10.0.0.1", Private),
        ("172.16.0.1", Private),
        ("172.31.255.255", Private),
        ("172.32.0.1", Public),
        ("192.168.1.1", Private),
        ("192.169.1.1", Public),
        ("100.64.0.1", Private),
        ("100.128.0.1", Public),
        ("fc00::1", Private),
        ("fec0::1", Private),
        ("::ffff:10.0.0.1", Private),
        ("64:ff9b:1::1", Private),
        ("127.255.0.1", Loopback),
        ("0.0.0.0", Loopback),
        ("::", Loopback),
        ("64:ff9b::7f00:1", Loopback),
        ("0.1.2.3", Reserved),
        ("192.0.2.1", Reserved),
        ("198.18.0.1", Reserved),
        ("198.20.0.1", Public),
        ("224.0.0.1", Reserved),
        ("255.255.255.255", Reserved),
        ("2001:db8::1", Reserved),
        ("2001::1", Reserved),
        ("ff02::1", Reserved),
        ("4000::1", Reserved),
        ("::8.8.8.8", Reserved),
        ("64:ff9b::808:808", Public),
        ("2606:4700::1111", Public),
        ("8.8.8.8", Public),
    ] {
        assert_eq!(class_of(text.parse().unwrap()), class, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in r"[a-z0-9.:@%\[\]/\PC]{0,40}") {
        if let Ok(used) = host_use(&text) {
            prop_assert!(!used.host.is_empty() && !used.host.ends_with('.'));
        }
    }
}
