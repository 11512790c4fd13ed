use super::*;
use proptest::prelude::*;

#[track_caller]
fn is(rows: &[(&str, &str, &str, Option<u16>, AddressClass)]) {
    for (text, scheme, host, port, class) in rows {
        let used = host_use(text, None).unwrap_or_else(|opaque| panic!("{text}: {}", opaque.why));
        assert_eq!(
            (used.scheme.as_str(), used.host.as_str(), used.port, used.class),
            (*scheme, *host, *port, *class),
            "{text}"
        );
    }
}

#[track_caller]
fn refused(texts: &[&str]) {
    for text in texts {
        assert!(host_use(text, None).is_err(), "{text:?}: {:?}", host_use(text, None));
    }
}

#[test]
fn urls_name_one_host() {
    use AddressClass::{Loopback, Name};
    is(&[
        ("https://example.com/a?b#c", "https", "example.com", Some(443), Name),
        ("http://example.com:8080", "http", "example.com", Some(8080), Name),
        ("HTTPS://EXAMPLE.com./", "https", "example.com", Some(443), Name),
        ("wss://example.com", "wss", "example.com", Some(443), Name),
        ("ssh://git@github.com/o/r", "ssh", "github.com", Some(22), Name),
        ("ftp://example.com/x", "ftp", "example.com", Some(21), Name),
        ("example.com/path", "", "example.com", None, Name),
        ("localhost:3000/x", "", "localhost", Some(3000), Loopback),
        ("https://example.com/mail@x?u=a@b", "https", "example.com", Some(443), Name),
        ("https://example.com/?mail=a@b.c", "https", "example.com", Some(443), Name),
        ("https://münchen.de/", "https", "xn--mnchen-3ya.de", Some(443), Name),
        ("https://xn--mnchen-3ya.de/", "https", "xn--mnchen-3ya.de", Some(443), Name),
    ]);
    assert_eq!(host_use("https://a.com", Some("post")).unwrap().method.as_deref(), Some("POST"));
}

#[test]
fn bypass_47_spellings_of_internal_hosts() {
    use AddressClass::{LinkLocal, Loopback, Metadata, Private, Reserved};
    for (text, class) in [
        ("http://2130706433/", Loopback),
        ("http://0x7f000001/", Loopback),
        ("http://0177.0.0.1/", Loopback),
        ("http://127.1/", Loopback),
        ("http://0/", Loopback),
        ("http://localhost./", Loopback),
        ("http://127.0.0.1.nip.io/", Loopback),
        ("http://[::ffff:127.0.0.1]/", Loopback),
        ("http://[::ffff:10.0.0.1]/", Private),
        ("http://[64:ff9b::7f00:1]/", Loopback),
        ("http://[fe80::1%25eth0]/", LinkLocal),
        ("http://100.64.0.1/", Private),
        ("http://１２７.０.０.１/", Loopback),
        ("http://169.254.169.254/latest", Metadata),
        ("http://0xa9fea9fe/", Metadata),
        ("http://metadata.google.internal/", Metadata),
        ("http://%6cocalhost/", Loopback),
        ("http://240.0.0.1/", Reserved),
        ("http://kubernetes/", Private),
    ] {
        assert_eq!(host_use(text, None).map(|used| used.class), Ok(class), "{text}");
    }
}

#[test]
fn p035_to_p038_spellings_of_one_name() {
    for text in ["http://evil.com./", "http://ｅｖｉｌ.com/", "http://%65vil.com/", "EVIL.com"] {
        assert_eq!(host_use(text, None).unwrap().host, "evil.com", "{text}");
    }
    assert_eq!(host_use("http://evil.community/", None).unwrap().host, "evil.community");
}

#[test]
fn bypass_48_other_schemes_are_refused() {
    refused(&[
        "gopher://127.0.0.1/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/plain,x",
        "mailto:a@b.c",
        "dict://h:1/",
        "ldap://h/",
    ]);
}

#[test]
fn bypass_50_ambiguous_urls_are_refused() {
    // The neighbour: a name that is no scheme.
    assert_eq!(host_use("httpd:82/x", None).unwrap().port, Some(82));
    refused(&[
        "http:82/x",
        "HTTPS:443",
        "ftp:21/x",
        r"http://good\@evil/",
        "http://go\tod/",
        "http://good\n.com/",
        "http://user:pass@host/",
        "http://good.com@evil.com/",
        "http://good.com:80@evil.com/",
        "http:///evil.com",
        "http:evil.com",
        "//evil.com/",
        "https://",
        "http://a b/",
        "http://good.com:80?@evil.com/",
        "http://0xd83ad6ce/",
        "http://g\u{43e}\u{43e}gle.com/",
        "http://\u{30fc}google.com/",
    ]);
}

#[test]
fn p048_p050_p051_malformed_urls_are_values_not_errors() {
    refused(&[
        "api.openai.com:443/../..//",
        "http://host:99999/",
        "http://[::1",
        "http://host:port/",
        "http://host:0/",
    ]);
    assert!(host_use("api.openai.com:443", None).is_ok());
}

#[test]
fn p041_ports_implied_by_the_scheme_count() {
    assert_eq!(host_use("ssh://host.example/", None).unwrap().port, Some(22));
}

/// Every way to write an IPv4 address that the C library reads (`inet_aton`).
fn spellings(address: u32) -> Vec<String> {
    let [a, b, c, d] = address.to_be_bytes();
    let (rest3, rest2) = (address & 0xff_ffff, address & 0xffff);
    vec![
        format!("{a}.{b}.{c}.{d}"),
        format!("{a}.{b}.{rest2}"),
        format!("{a}.{rest3}"),
        format!("{address}"),
        format!("{address:#x}"),
        format!("0{address:o}"),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("{a}.{b}.{c}.{d}."),
        format!("[::ffff:{a}.{b}.{c}.{d}]"),
        format!("[::ffff:{:x}:{:x}]", address >> 16, rest2),
        format!("[64:ff9b::{a}.{b}.{c}.{d}]"),
        format!("[2002:{:x}:{:x}::1]", address >> 16, rest2),
        format!("{a}.{b}.{c}.{d}.nip.io"),
    ]
}

#[test]
fn bypass_47_every_spelling_of_every_kind_of_internal_address_is_refused_or_known() {
    use AddressClass::{LinkLocal, Loopback, Metadata, Private, Reserved};
    for (address, class) in [
        ("127.0.0.1", Loopback),
        ("127.8.9.10", Loopback),
        ("10.1.2.3", Private),
        ("172.16.5.6", Private),
        ("192.168.7.8", Private),
        ("100.64.9.9", Private),
        ("169.254.169.254", Metadata),
        ("169.254.7.7", LinkLocal),
        ("224.0.0.251", Reserved),
        ("198.18.4.4", Reserved),
    ] {
        let number = u32::from(address.parse::<std::net::Ipv4Addr>().unwrap());
        for host in spellings(number) {
            let used = host_use(&format!("http://{host}/x"), None);
            assert_eq!(used.map(|used| used.class), Ok(class), "{host}");
        }
    }
    for host in spellings(u32::from(std::net::Ipv4Addr::new(93, 184, 215, 14))) {
        let used = host_use(&format!("http://{host}/"), None);
        assert!(used.is_err() || used.unwrap().class == AddressClass::Public, "{host}");
    }
}

#[test]
fn services_that_lead_anywhere_are_not_public() {
    assert_eq!(host_use("https://307.r3dir.me/--to/?url=x", None).unwrap().class, AddressClass::Private);
    assert_eq!(host_use("https://r3dir.me.example.com/", None).unwrap().class, AddressClass::Name);
}

proptest! {
    /// What we call a host is what the URL standard's parser connects to, for every text that both read.
    #[test]
    fn one_parser_decides_and_dials(text in r"https?://[a-z0-9.%@:\[\]\\_-]{1,24}(/[a-z@:]{0,6})?(\?[a-z=@/]{0,6})?") {
        if let (Ok(used), Ok(dialled)) = (host_use(&text, None), url::Url::parse(&text)) {
            let host = dialled.host_str().unwrap_or_default().trim_matches(['[', ']']).trim_end_matches('.').to_owned();
            if !text.contains('%') {
                prop_assert_eq!(&used.host, &host, "{}", &text);
                prop_assert_eq!(used.port, dialled.port_or_known_default(), "{}", &text);
            }
            prop_assert!(dialled.username().is_empty() && dialled.password().is_none(), "{}", &text);
        }
    }

    #[test]
    fn addresses_read_the_same_in_every_spelling(address in any::<u32>()) {
        let plain = host_use(&format!("http://{}/", std::net::Ipv4Addr::from(address)), None).unwrap();
        for host in spellings(address) {
            if let Ok(used) = host_use(&format!("http://{host}/"), None) {
                let milder = used.class < plain.class && used.class != AddressClass::Name;
                prop_assert!(!milder, "{} is {:?}, {} is {:?}", host, used.class, plain.host, plain.class);
            }
        }
    }

    #[test]
    fn no_text_panics(text in r"(https?|ssh|ws)?(://)?[a-z0-9.:@%\[\]/?#\PC]{0,40}") {
        let _ = host_use(&text, None);
    }
}
