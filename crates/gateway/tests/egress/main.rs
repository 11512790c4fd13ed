//! The proxy of a sandbox, with servers and a resolver of the tests' own: what passes, what does not, and what is recorded.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod common;
mod opening;

use common::*;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

/// Everything by its name and port: `*.test` is known to the resolver.
const LISTED: &str = "
  - allow: connect
    when: {hosts: [\"*.allowed.test\", \"127.0.0.1\", \"::1\"]}
    match: [{tool: connect, input: {url: \"x.allowed.test:443\"}}]
";

#[test]
fn a_tunnel() {
    let proxy = Proxy::with(LISTED);
    let server = echo();
    let mut stream = proxy.connect(&format!("a.allowed.test:{}", server.port())).tunnel();
    stream.write_all(b"hello").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "hello");
    drop(stream);
    let events = proxy.end();
    let settled = &events.of("settled")[0];
    assert_eq!(settled["outcome"], json!({"kind": "done"}));
    assert_eq!(settled["traffic"], json!({"sent": 5, "received": 5}));
    let host = format!("a.allowed.test:{}", server.port());
    assert_eq!(events.seen.contacted[&host].sent, 5);
    assert_eq!(events.looked_up, ["a.allowed.test"]);
}

/// The same by SOCKS, by name and by address, IPv4 and IPv6.
#[test]
fn socks() {
    let proxy = Proxy::with(LISTED);
    let (server, six) = (echo(), echo_on("[::1]:0"));
    let by_name = [&[3, 14][..], b"a.allowed.test"].concat();
    for (address, port) in [
        (by_name, server.port()),
        ([&[1][..], &[127, 0, 0, 1]].concat(), server.port()),
        ([&[4][..], &1_u128.to_be_bytes()].concat(), six.port()),
    ] {
        let (reply, mut stream) = proxy.socks(1, &address, port);
        assert_eq!(reply, 0, "{address:?}");
        stream.write_all(b"hello").unwrap();
        let mut heard = [0; 5];
        stream.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"hello");
    }
    // Refused: another host, a name that is two to some, no connection at all.
    let refused = [&[3, 9][..], b"evil.test"].concat();
    assert_eq!(proxy.socks(1, &refused, 80).0, 2);
    let split = [&[3, 19][..], b"evil\0a.allowed.test"].concat();
    assert_eq!(proxy.socks(1, &split, 80).0, 8);
    for command in [2, 3] {
        assert_eq!(proxy.socks(command, &[1, 127, 0, 0, 1], server.port()).0, 7);
    }
    assert_eq!(proxy.end().looked_up, ["a.allowed.test"]);
}

/// Escape 46 and the leak table: what is not listed is not contacted, however it is written, and nobody is asked for its
/// address.
#[test]
fn escape_46_bypass_46_59_other_hosts() {
    let proxy = Proxy::with(LISTED);
    let port = echo().port();
    for target in [
        format!("evil.test:{port}"),
        format!("0123456789abcdef.data.evil.test:{port}"),
        format!("allowed.test.evil.test:{port}"),
        format!("xallowed.test:{port}"),
        format!("a.allowed.test.:{port}.evil.test"),
        format!("evil.test%00.allowed.test:{port}"),
        format!("evil%2etest:{port}"),
        format!("user@a.allowed.test:{port}"),
        format!("a.allowed.test@evil.test:{port}"),
        format!("xn--llowed-9sf.test:{port}"),
        format!("{}.allowed.test:{port}", "a".repeat(64)),
        // Another way to write an address that is listed is not that address.
        format!("[::ffff:10.0.0.1]:{port}"),
        format!("0x0a000001:{port}"),
        "a.allowed.test".to_owned(),
        "a.allowed.test:0".to_owned(),
        "a.allowed.test:99999".to_owned(),
        ":80".to_owned(),
    ] {
        let answer = proxy.connect(&target);
        assert!([400, 403].contains(&answer.status), "{target}: {answer:?}");
    }
    let events = proxy.end();
    assert!(events.looked_up.is_empty(), "{:?}", events.looked_up);
    assert!(events.seen.contacted.is_empty());
    // The neighbours: another case, and a dot at the end.
    let proxy = Proxy::with(LISTED);
    for target in [format!("A.Allowed.TEST:{port}"), format!("a.allowed.test.:{port}")] {
        assert_eq!(proxy.connect(&target).status, 200, "{target}");
    }
}

/// Metadata services and private addresses, by whatever name. The list of the policy does not help.
#[test]
fn bypass_53_54_addresses_that_are_never_contacted() {
    let proxy = Proxy::with("\n  - {allow: connect}\n");
    for target in [
        "169.254.169.254:80",
        "[fd00:ec2::254]:80",
        "168.63.129.16:80",
        "100.100.100.200:80",
        "[::ffff:169.254.169.254]:80",
        "[64:ff9b::a9fe:a9fe]:80",
        "2852039166:80",
        "metadata.google.internal:80",
        "metadata.allowed.test:80",
        "10.0.0.1:80",
        "private.allowed.test:80",
        "some.allowed.test:80",
    ] {
        let answer = proxy.connect(target);
        assert_eq!(answer.status, 403, "{target}: {answer:?}");
    }
    assert!(proxy.end().seen.contacted.is_empty());
}

/// A rule that refuses an address means it, whatever name leads there, and however it is written.
#[test]
fn a_refused_address_by_another_name() {
    let rules = "\n  - {allow: connect}\n  - {deny: connect, when: {hosts: 127.0.0.1}}\n";
    let proxy = Proxy::with(rules);
    let port = echo().port();
    for host in ["127.0.0.1", "a.allowed.test", "[::ffff:127.0.0.1]", "0x7f.1"] {
        assert_eq!(proxy.connect(&format!("{host}:{port}")).status, 403, "{host}");
    }
    let six = echo_on("[::1]:0").port();
    assert_eq!(proxy.connect(&format!("[::1]:{six}")).status, 200);
}

/// X-22, P029: rebinding: a name is looked up once, and what was judged is what is connected to.
#[test]
fn bypass_51_rebinding() {
    let proxy = Proxy::with(LISTED);
    let server = echo();
    let target = format!("rebinds.allowed.test:{}", server.port());
    assert_eq!(proxy.connect(&target).status, 200);
    // The second answer is a private address.
    assert_eq!(proxy.connect(&target).status, 403);
    assert_eq!(proxy.end().looked_up, ["rebinds.allowed.test"; 2]);
}

/// A person is asked; until then nothing leaves the machine, not even the question for an address.
#[test]
fn people_are_asked() {
    let held = "\n  - {approve: connect}\n";
    for grants in [true, false] {
        let proxy = Proxy::asking(held, grants);
        let server = echo();
        let answer = proxy.connect(&format!("a.allowed.test:{}", server.port()));
        assert_eq!(answer.status, if grants { 200 } else { 403 });
        let events = proxy.end();
        let before = if grants { vec!["a.allowed.test"] } else { vec![] };
        assert_eq!(events.looked_up, before);
        assert_eq!(events.asked, 1);
        assert_eq!(events.seen.refused.len(), usize::from(!grants));
    }
}

/// A request in plain HTTP is decided with its method and URL, and the host that was decided about is told to the server.
#[test]
fn bypass_52_plain_requests_and_where_they_redirect() {
    let rules = "
  - allow: connect
    when: {hosts: a.allowed.test, methods: GET}
  - {deny: connect, when: {matches: /private}}
";
    let proxy = Proxy::with(rules);
    let server = http(|head| {
        assert!(!head.to_lowercase().contains("proxy-"), "{head}");
        let status =
            if head.contains("/moved") { "302 Found\r\nLocation: http://10.0.0.1/" } else { "200 OK" };
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{head}", head.len())
    });
    let at = |path: &str| format!("http://a.allowed.test:{}{path}", server.port());
    let lied = "Host: evil.test\r\nProxy-Authorization: x\r\nProxy-Connection: close\r\n";
    let answer = proxy.request("GET", &at("/public/x"), lied, "");
    assert_eq!(answer.status, 200, "{answer:?}");
    let told = answer.body.to_lowercase();
    assert!(told.starts_with("get /public/x http/1.1"), "{told}");
    assert!(
        told.contains(&format!("host: a.allowed.test:{}", server.port())) && !told.contains("evil"),
        "{told}"
    );
    for (method, url) in [
        ("POST", at("/public/x")),
        ("GET", at("/private")),
        ("GET", "https://a.allowed.test/public/x".to_owned()),
        ("GET", "/public/x".to_owned()),
        ("GET", "ftp://a.allowed.test/public/x".to_owned()),
    ] {
        let answer = proxy.request(method, &url, "", "");
        assert!([400, 403].contains(&answer.status), "{method} {url}: {answer:?}");
    }
    // A redirect is the client's to follow, and a decision of its own.
    let answer = proxy.request("GET", &at("/public/moved"), "", "");
    assert_eq!(answer.status, 302);
    assert_eq!(proxy.request("GET", "http://10.0.0.1/public/x", "", "").status, 403);
    let events = proxy.end();
    let outcomes: Vec<_> =
        events.of("settled").iter().map(|event| event["outcome"]["kind"].clone()).collect();
    assert_eq!(outcomes, ["done", "done"]);
    let settled = &events.of("settled")[0];
    assert!(settled["traffic"]["received"].as_u64().unwrap() > 20, "{settled}");
}

/// A tunnel is no request of whatever method: anything can be said in it.
#[test]
fn a_tunnel_is_not_a_get() {
    let proxy = Proxy::with("\n  - {allow: connect, when: {hosts: a.allowed.test, methods: [GET, HEAD]}}\n");
    let server = http(|_| "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned());
    let target = format!("a.allowed.test:{}", server.port());
    assert_eq!(proxy.connect(&target).status, 403);
    assert_eq!(proxy.request("GET", &format!("http://{target}/"), "", "").status, 200);
    // Where nothing but TLS is spoken no request is carried on in the clear, and what a server would echo is not asked for.
    for (method, url) in
        [("GET", "http://a.allowed.test:443/".to_owned()), ("TRACE", format!("http://{target}/"))]
    {
        let status = proxy.request(method, &url, "", "").status;
        assert!([400, 405].contains(&status), "{method} {url}: {status}");
    }
    assert_eq!(proxy.request("GET", &format!("http://{target}?x=1"), "", "").status, 200);
}

/// A body whose length nobody says ends all the same, and heads count too.
#[test]
fn what_is_carried_is_counted() {
    let rules = "\n  - {allow: connect, when: {hosts: a.allowed.test}}\n";
    let proxy = Proxy::with(rules);
    let server =
        http(|_| "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_owned());
    let url = format!("http://a.allowed.test:{}/", server.port());
    let mut stream = proxy.stream();
    write!(stream, "GET {url} HTTP/1.1\r\nX-Data: {}\r\nConnection: close\r\n\r\n", "x".repeat(9000))
        .unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    assert!(heard.starts_with("HTTP/1.1 200") && heard.contains("hello"), "{heard}");
    let events = proxy.end();
    let settled = &events.of("settled")[0];
    assert_eq!(settled["outcome"]["kind"], "done");
    assert!(settled["traffic"]["sent"].as_u64().unwrap() > 9000, "{settled}");
    assert_eq!(events.seen.contacted.len(), 1);
    // A limit holds for heads alone.
    let proxy = Proxy::with_boundary("max_mb: 1, ", rules);
    let statuses: Vec<u16> = (0..5)
        .map(|_| proxy.request("GET", &url, &format!("X-Data: {}\r\n", "x".repeat(300_000)), "").status)
        .collect();
    assert_eq!(statuses, [200, 200, 200, 403, 403]);
}

/// A first message that breaks off is not passed on.
#[test]
fn half_a_hello() {
    let proxy = Proxy::with(LISTED);
    let server = echo();
    let mut stream = proxy.connect(&format!("a.allowed.test:{}", server.port())).tunnel();
    stream.write_all(&[22, 3, 1, 2, 0, 1, 0]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard);
    assert!(heard.is_empty(), "{heard:?}");
    assert_eq!(proxy.end().of("settled")[0]["outcome"]["error"], "its TLS is malformed");
}

/// Two requests over one connection are two decisions.
#[test]
fn a_connection_is_no_permit_for_the_next_request() {
    let rules = "\n  - {allow: connect, when: {hosts: a.allowed.test}}\n";
    let proxy = Proxy::with(rules);
    let server = http(|_| "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned());
    let mut stream = proxy.stream();
    let ask = |stream: &mut TcpStream, host: &str| {
        let head = format!("GET http://{host}:{}/ HTTP/1.1\r\nHost: x\r\n\r\n", server.port());
        stream.write_all(head.as_bytes()).unwrap();
        read_answer(stream).status
    };
    assert_eq!(ask(&mut stream, "a.allowed.test"), 200);
    assert_eq!(ask(&mut stream, "b.allowed.test"), 403);
}

/// Bytes that pass are counted over all connections, and the one that would pass the limit is cut off.
#[test]
fn a_budget_of_bytes() {
    let proxy = Proxy::with_boundary("max_mb: 1, ", LISTED);
    let server = echo();
    let target = format!("a.allowed.test:{}", server.port());
    let send = |megabytes: f64| {
        let mut stream = proxy.connect(&target).tunnel();
        let mut reader = stream.try_clone().unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
        let bytes = vec![7; (megabytes * 1_048_576.0) as usize];
        let heard = std::thread::spawn(move || {
            let mut heard = Vec::new();
            let _ = reader.read_to_end(&mut heard);
            heard.len()
        });
        let _ = stream.write_all(&bytes).and_then(|()| stream.shutdown(Shutdown::Write));
        (bytes.len(), heard.join().unwrap())
    };
    let (sent, heard) = send(0.2);
    assert_eq!(sent, heard);
    let (sent, heard) = send(0.5);
    assert!(heard < sent, "{heard} of {sent}");
    let events = proxy.end();
    let outcomes: Vec<_> = events.of("settled").iter().map(|event| event["outcome"].clone()).collect();
    assert_eq!(outcomes[1], json!({"kind": "stopped", "limit": "1 MiB of network"}), "{outcomes:?}");
    // No limit of zero: it is refused before.
    let proxy = Proxy::with_boundary("max_mb: 0, ", LISTED);
    assert_eq!(proxy.connect(&target).status, 403);
}

/// Connections are actions, and limits of actions are theirs.
#[test]
fn a_limit_on_connections() {
    let proxy = Proxy::with_more(
        "limits: [{name: few, of: actions, tools: connect, window_s: 60, max: 2}]\n",
        LISTED,
    );
    let target = format!("a.allowed.test:{}", echo().port());
    let statuses = [(); 3].map(|()| proxy.connect(&target).status);
    assert_eq!(statuses, [200, 200, 403]);
}

/// When the program has ended, so has the proxy: what was open is settled, and what waited for a person is not.
#[test]
fn it_ends_with_the_program() {
    let proxy = Proxy::with(LISTED);
    let server = echo();
    let stream = proxy.connect(&format!("a.allowed.test:{}", server.port())).tunnel();
    let events = proxy.end();
    let settled = &events.of("settled")[0];
    assert_eq!(settled["outcome"], json!({"kind": "failed", "error": "it was cut off"}));
    drop(stream);
}

/// What is no protocol of it ends that connection and nothing else.
#[test]
fn nonsense() {
    let proxy = Proxy::with(LISTED);
    for text in [
        &b"\x16\x03\x01\x02\x00"[..],
        b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT a.allowed.test:80 HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nContent-Length: 3\n\n",
        b"\x05\x01\x02",
        b"\x05\x01\x00\x05\x01\x00\x07",
        b"\x00",
    ] {
        let mut stream = proxy.stream();
        stream.write_all(text).unwrap();
        let _ = stream.shutdown(Shutdown::Write);
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        let heard = String::from_utf8_lossy(&heard);
        assert!(!heard.contains(" 200 ") && !heard.starts_with("\u{5}\0\u{5}\0"), "{text:?}: {heard}");
    }
    let target = format!("a.allowed.test:{}", echo().port());
    assert_eq!(proxy.connect(&target).status, 200);
}
