//! Where we name a host, it is the one that a browser would contact; the other judge follows the URL standard.

use proptest::prelude::*;
use stayhand_analysis::{host, url};
use std::net::IpAddr;

/// Schemes, separators, users, hosts in all spellings and what may follow.
fn address() -> impl Strategy<Value = String> {
    let scheme = prop::sample::select(vec![
        "http://",
        "https://",
        "HTTP://",
        "http:",
        "https:/",
        "http:\\\\",
        "http:///",
        "ftp://",
        "ws://",
        "file://",
        "//",
        "gopher://",
        "javascript:",
        "data:",
        "",
        " http://",
        "ht\ttp://",
        "http:\n//",
    ]);
    let user = prop::sample::select(vec![
        "",
        "",
        "",
        "a@",
        "a:b@",
        "good.com@",
        "good.com:80@",
        "a%40b@",
        "@",
        "\\@",
    ]);
    let host = prop_oneof![
        prop::sample::select(vec![
            "example.com",
            "EXAMPLE.com",
            "example.com.",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "0",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[0:0:0:0:0:0:0:1]",
            "[fe80::1%25eth0]",
            "localhost",
            "LOCALHOST",
            "169.254.169.254",
            "xn--bcher-kva.example",
            "bücher.example",
            "１２７.０.０.１",
            "①②⑦.0.0.1",
            "exa%6dple.com",
            "a_b.example",
            "-a.example",
            "a..b",
            ".",
            "",
            "82",
            "1.2.3.4.5",
            "256.1.1.1",
            "0x",
            "1.2.3",
            "ⓔxample.com",
            "a\u{ad}b.com",
            "a\u{200b}b.com",
            "example。com",
        ])
        .prop_map(str::to_owned),
        "[a-z0-9.:-]{1,12}",
    ];
    let port = prop::sample::select(vec!["", "", ":80", ":443", ":0", ":65536", ":", ":8 0", ":+80", ":08"]);
    let rest = prop::sample::select(vec!["", "/", "/a?b#c", "?x", "#x", "\\x", "/@b", "\t", " ", "/..//x"]);
    (scheme, user, host, port, rest)
        .prop_map(|(scheme, user, host, port, rest)| format!("{scheme}{user}{host}{port}{rest}"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20_000) })]

    #[test]
    fn the_host_is_the_one_a_browser_contacts(text in address()) {
        let _ = host::host_use(&text);
        if let (Ok(used), Ok(other)) = (url::host_use(&text, None), ::url::Url::parse(&text)) && let Some(host) = other.host_str() {
            let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
            let plain = |host: &str| host.parse::<IpAddr>().map_or(host.to_ascii_lowercase(), |address| address.to_canonical().to_string());
            prop_assert_eq!(plain(&used.host), plain(host), "{:?}", text);
            prop_assert_eq!(used.port, other.port_or_known_default(), "{:?}", text);
        }
    }
}

/// The comparison is not empty: ordinary addresses are read by both.
#[test]
fn ordinary_addresses_are_read_by_both() {
    for text in
        ["http://example.com/", "https://EXAMPLE.com:8443/a?b", "http://127.0.0.1/", "http://[::1]:80/"]
    {
        assert!(url::host_use(text, None).is_ok() && ::url::Url::parse(text).is_ok(), "{text}");
    }
}
