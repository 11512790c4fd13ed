use super::*;
use proptest::prelude::*;

#[track_caller]
fn found(text: &str) -> Vec<(Kind, &str)> {
    find(text).into_iter().map(|span| (span.kind, &text[span.start..span.end])).collect()
}

#[track_caller]
fn holds(kind: Kind, rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(found(text), [(kind, *expected)], "{text}");
    }
}

#[track_caller]
fn holds_none(rows: &[&str]) {
    for text in rows {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn mail_addresses_beside_what_only_looks_like_one() {
    holds(
        Kind::Email,
        &[
            ("write to ada@example.com.", "ada@example.com"),
            ("<ada.lovelace+x@mail.example.co.uk>", "ada.lovelace+x@mail.example.co.uk"),
            ("mailto:ada@example.com?subject=x", "ada@example.com"),
            ("to='ada_1@example.org'", "ada_1@example.org"),
            ("?mail=ada@example.org&x", "ada@example.org"),
            ("jürgen@bücher.example", "jürgen@bücher.example"),
            ("12345678@example.com", "12345678@example.com"),
            ("ada@xn--bcher-kva.xn--p1ai", "ada@xn--bcher-kva.xn--p1ai"),
        ],
    );
    holds_none(&[
        "@ada",
        "ada@localhost",
        "react@18.2.0",
        "logo@2x.png",
        "git@github.com:ada/repo.git",
        "ssh://git@github.com/ada/repo",
        "https://ada:pw@example.com/",
        "a @ b.com",
        "x@.com",
        "x@-a.com",
        "ada.@example.com",
        "@media.screen",
    ]);
}

#[test]
fn cards_have_an_issuer_and_a_check_digit() {
    holds(
        Kind::Card,
        &[
            ("pay 4111111111111111 now", "4111111111111111"),
            ("4111 1111 1111 1111", "4111 1111 1111 1111"),
            ("4111-1111-1111-1111.", "4111-1111-1111-1111"),
            ("3782 822463 10005", "3782 822463 10005"),
            ("5555555555554444", "5555555555554444"),
            ("30569309025904", "30569309025904"),
            ("6011111111111117", "6011111111111117"),
            ("3530111333300000", "3530111333300000"),
            ("4222222222222", "4222222222222"),
            ("my card 060426000000", "060426000000"),
        ],
    );
    holds_none(&[
        "4111111111111112",
        "4111 1111 11 111111",
        "1700000000000000",
        "id_4111111111111111",
        "0.4111111111111111",
        "a4111111111111111",
        "41111111111111110000000000000",
        "4111111111111111-4222",
    ]);
}

#[test]
fn accounts_have_a_country_a_length_and_a_remainder() {
    holds(
        Kind::Iban,
        &[
            ("GB82WEST12345698765432", "GB82WEST12345698765432"),
            ("gb82west12345698765432", "gb82west12345698765432"),
            ("GB82 WEST 1234 5698 7654 32,", "GB82 WEST 1234 5698 7654 32"),
            ("DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"),
            ("NO9386011117947", "NO9386011117947"),
        ],
    );
    holds_none(&[
        "GB82WEST12345698765431",
        "XX82WEST12345698765432",
        "GB82WEST1234569876543",
        "AGB82WEST12345698765432",
    ]);
}

#[test]
fn bypass_113_separators_do_not_hide_a_social_security_number() {
    holds(
        Kind::Ssn,
        &[
            ("123-45-6789", "123-45-6789"),
            ("123 45 6789", "123 45 6789"),
            ("123.45.6789", "123.45.6789"),
            ("SSN: 123456789", "123456789"),
        ],
    );
    holds_none(&[
        "000-45-6789",
        "666-45-6789",
        "923-45-6789",
        "123-00-6789",
        "123-45-0000",
        "123-45 6789",
        "123456789",
        "1123-45-6789",
        "123-45-67890",
    ]);
}

#[test]
fn telephone_numbers_by_their_form() {
    holds(
        Kind::Phone,
        &[
            ("+44 20 7946 0958", "+44 20 7946 0958"),
            ("+442079460958", "+442079460958"),
            ("+41 (0)44 555 01 00", "+41 (0)44 555 01 00"),
            ("0049 30 901820", "0049 30 901820"),
            ("(212) 555-0100", "(212) 555-0100"),
            ("at 212-555-0100.", "212-555-0100"),
            ("212.555.0100x12", "212.555.0100x12"),
            ("+1-212-555-0100 ext. 3", "+1-212-555-0100 ext. 3"),
            ("020 7946 0958", "020 7946 0958"),
            ("01 70 36 39 50", "01 70 36 39 50"),
            ("0341 8387176", "0341 8387176"),
        ],
    );
    holds_none(&[
        "2024-01-31 12:00:00",
        "31.01.2024 12",
        "1.2.3",
        "123.456.7890.1",
        "price 1 234 567",
        "12 345 678 bytes",
        "0123456789abcdef",
        "x = 2125550100",
        "$2125550100",
        "212-555-01000",
        "0.5555555555",
        "10-20-30-40",
        "lines 100-200, 300-400",
        "a1b2-212-555-0100",
        "1234567:89",
    ]);
}

#[test]
fn telephone_numbers_by_the_words_around_them() {
    for number in ["555 0100", "737 219 628", "5403926876", "72-33-52-22", "99 577450"] {
        for text in [
            format!("Phone: {number}"),
            format!("call me at {number}"),
            format!("{number} office"),
            format!("{number}-Fax"),
            format!("\"mobile_number\": \"{number}\""),
        ] {
            assert_eq!(found(&text), [(Kind::Phone, number)], "{text}");
        }
        for text in [
            format!("order {number}"),
            format!("{number} officers"),
            format!("RECALL = {number}"),
            format!("SYS_CALL: {number}"),
            format!("call for passport {number}"),
            format!("phone\n{number}"),
        ] {
            assert_eq!(found(&text), [], "{text}");
        }
    }
}

#[test]
fn network_addresses_beside_versions_and_names() {
    holds(
        Kind::Ip,
        &[
            ("from 192.0.2.7 to", "192.0.2.7"),
            ("http://10.1.2.3:80/", "10.1.2.3"),
            ("10.0.0.0/8", "10.0.0.0"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8:0:0:0:0:2:1]:443", "2001:db8:0:0:0:0:2:1"),
            ("fe80::1: no route", "fe80::1"),
        ],
    );
    holds_none(&[
        "127.0.0.1",
        "0.0.0.0",
        "::1",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "Chrome/120.0.0.0",
        "version 1.2.3.4",
        "Section 4.1.1.2",
        "v1.2.3.4",
        "12:30:45",
        "00:1a:2b:3c:4d:5e",
        "50:06:01:60:3b:a0:11:22",
        "a::b",
        "std::fmt",
        "x[1::2]",
        "dead::beef",
    ]);
}

#[test]
fn several_kinds_in_one_text_keep_their_order() {
    assert_eq!(
        found("ada@example.com, +1 212 555 0100, 4111111111111111; 192.0.2.7"),
        [
            (Kind::Email, "ada@example.com"),
            (Kind::Phone, "+1 212 555 0100"),
            (Kind::Card, "4111111111111111"),
            (Kind::Ip, "192.0.2.7"),
        ]
    );
}

#[test]
fn redaction_keeps_kind_and_position() {
    assert_eq!(redact("a ada@example.com b 192.0.2.7."), "a [redacted:email] b [redacted:ip].");
    assert!(matches!(redact("nothing personal 42"), Cow::Borrowed(_)));
}

#[test]
fn hostile_repetition_is_linear() {
    for part in [
        "1", "1 ", "12-", "@", "a@", "a@b.", "::", "1:", "+1", "(1)", "GB82", "4111 ", "phone 1", "0 ", "é1",
        "1\u{a0}",
    ] {
        let text = part.repeat(200_000 / part.len());
        let _ = find(&text);
    }
}

proptest! {
    #[test]
    fn spans_are_ordered_and_in_the_text(text in r"([0-9]{1,5}|[ .()+x/-]|@|::|GB|[a-z]{1,4}\.|\PC){0,30}") {
        let mut end = 0;
        for span in find(&text) {
            prop_assert!(span.start >= end && span.end > span.start && text.get(span.start..span.end).is_some());
            end = span.end;
        }
    }
}
