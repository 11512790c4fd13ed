use super::*;
use proptest::prelude::*;

#[test]
fn values_that_leave_their_place_are_found() {
    for value in [
        "' or '1'='1",
        "' OR 1=1 -- ",
        "x' or 'a'='a",
        "\" or \"\"=\"",
        "') or ('x'='x",
        "1 or 1=1",
        "7) or (1=1",
        "-1 union select 1, version(), 3",
        "' UNION ALL SELECT null, password FROM users--",
        "1' union/**/select/**/1,2#",
        "1; drop table users",
        "x'; DELETE FROM accounts; --",
        "x'; update users set role = 'admin' where 1=1 --",
        "5; exec xp_cmdshell 'dir'",
        "'; shutdown--",
        "ada'--",
        "ada' #",
        "ada')/*",
        "' and sleep(5) and '1'='1",
        "1 and benchmark(5000000, md5('x'))",
        "'; waitfor delay '0:0:5'--",
        "1 order by 10--",
        "' group by users.id having 1=1--",
        "' having 1=1 --",
        "1 limit 1,1 into outfile '/x'",
        "1' and ascii(substring(password,1,1))>64 --",
        "1 and exists(select * from users)",
        "' || (select password from users limit 1) || '",
        "' + cast((select @@version) as int) + '",
        "1/*!50000union*/select 1",
        "1%27%20or%20%271%27%3D%271",
        "x\u{2019} or 1=1 --",
        "admin' and password like '%",
        "1 or id is not null",
        "' or true --",
        "(select password from users where id=1)",
        "1 - ord('a')",
        "'-'",
        "1,(select load_file('/etc/passwd'))",
        "' and 1=convert(int,(select top 1 name from sysobjects))--",
        "1;declare @x varchar(99);exec(@x)",
    ] {
        assert!(injection(value).is_some(), "{value}");
    }
}

#[test]
fn names_sentences_and_codes_are_data() {
    let mut alarms = Vec::new();
    for value in [
        "O'Brien",
        "Conan O'Brien and sons",
        "D'Artagnan or D'Arcy",
        "it's 5 o'clock or later",
        "rock 'n' roll",
        "the dogs' -- and cats' -- dinner",
        "5' or 6' tall",
        "5'11\"",
        "2 or 3 apples",
        "1 and 2",
        "1 and 2 and 3",
        "select all that apply",
        "please select one from each",
        "Select your seat from the map",
        "a union of select committees",
        "the union select committee",
        "the union selects a delegate",
        "drop table reservation",
        "Drop me a line; update me on Monday",
        "delete from cart",
        "insert into slot A",
        "update the docs; create a file",
        "or else",
        "this or that",
        "truth or dare",
        "and so on",
        "where is it?",
        "where are you from",
        "order by phone",
        "order by 5 pm",
        "group by colour",
        "having fun",
        "like this",
        "between 5 and 6",
        "between Monday and Friday",
        "in (or near) Paris",
        "Smith & Sons",
        "AT&T",
        "Q&A",
        "a=b",
        "x = y and y = z",
        "status=open and priority=high",
        "name: Ada, age: 36",
        "price > 10",
        "price<10 or rating>4",
        "a -> b -> c",
        "a -- b",
        "--help",
        "--",
        "C# and F#",
        "#1 fan",
        "issue #42",
        "I'm #1",
        "#hashtag",
        "item; other item; last",
        "x; y",
        "(555) 010-0100",
        "+1 (212) 555-0100",
        "100%",
        "50% off or more",
        "20%20encoded",
        "hello%20world",
        "a+b",
        "1+1=2",
        "2*3",
        "10-20",
        "2024-01-31",
        "2024-01-31 10:00:00",
        "31/12/2024",
        "3.14",
        "1e9",
        "0x3a",
        "$5.00",
        "ada@example.com",
        "@ada",
        "@ada and @bob",
        "@@ -1,3 +1,3 @@",
        "https://example.com/?a=1&b=2#c",
        "/usr/local/bin",
        "src/*.rs",
        "/* a comment */",
        "// a comment",
        "C:\\Users\\Ada",
        "\"quoted\"",
        "'quoted'",
        "\"to be\" or \"not to be\"",
        "he said \"yes\" and left",
        "the 'best' and this is it",
        "\"Hello\", she said",
        "'Hello', he said",
        "[1, 2, 3]",
        "{\"a\": 1, \"b\": [true, null]}",
        "f(x) = x + 1",
        "time.sleep(5)",
        "print('hello')",
        "if (a && b) { c(); }",
        "a || b",
        "x ? 'a' : 'b'",
        "let s = 'x' + name;",
        "<b>bold</b>",
        "<a href=\"/x\">y</a>",
        "SELECT-series amplifier",
        "UNION square",
        "NULL",
        "true",
        "null and void",
        "version 2 (beta)",
        "user (admin)",
        "count (total)",
        "left (or right)",
        "char(s) needed",
        "L'Union des 5 et 6",
        "Müller's Café",
        "日本語 'テスト'",
        "can't, won't, shouldn't",
        "the '90s and '80s",
        "'tis or 'twas",
        "six o' clock",
        "y'all",
        "Hawai'i",
        "Ma'am; Sir",
        "12\" pizza",
        "12\" or 14\" pizza",
        "14\" & 16\" rims",
        "MacBook 15\" + sleeve",
        "1,2,3",
        "null,null",
        "a@b, c@d",
        "",
        " ",
        "x",
    ] {
        if let Some(why) = injection(value) {
            alarms.push((value, why));
        }
    }
    assert_eq!(alarms, []);
}

#[test]
fn reasons_say_what_is_wrong() {
    for (value, why) in [
        ("1 union select 1,2", "adds a second query"),
        ("1; drop table x", "holds a statement of its own"),
        ("x /*!50000 y */", "holds a comment that MySQL runs"),
        ("ada'--", "closes the quotes and comments the rest out"),
    ] {
        assert_eq!(injection(value), Some(why), "{value}");
    }
}

#[test]
fn names_of_functions_are_sorted() {
    for name in ["ascii", "version", "xmltype", "concat_ws", "user_name", "xp_cmdshell"] {
        assert!(is_function(name), "{name}");
    }
    assert!(!is_function("frobnicate"));
}

#[test]
fn hostile_repetition_is_linear() {
    for part in [
        "(",
        "'",
        "\"",
        "' or ",
        "union ",
        "union select ",
        "/*",
        "--",
        "#",
        "1 ",
        "1+",
        "not ",
        "order by ",
        ",",
        "; ",
        "\\'",
        "@@",
    ] {
        let value = part.repeat(50_000 / part.len());
        let _ = injection(&value);
    }
}

proptest! {
    #[test]
    fn no_value_panics(value in r#"('|"|or |and |union |select |1|=|\(|\)|--|#|/\*|;|,|%27|\\|[a-z]{1,4} |\PC){0,24}"#) {
        let _ = injection(&value);
    }

    #[test]
    fn words_are_data(value in r"[a-zA-Z]{1,9}( [a-zA-Z]{1,9}){0,6}") {
        prop_assert_eq!(injection(&value), None);
    }
}
