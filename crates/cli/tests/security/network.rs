//! Addresses, names and redirects.

use crate::common::{PERMITTED, REFUSED, World, not_run};
use crate::engine::{ask, engine, execute, permit};
use serde_json::json;
use stayhand_core::event::Outcome;
use stayhand_runtime::Verdict;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, ToSocketAddrs as _};

#[test]
fn p043_metadata_services_are_refused_under_any_policy() {
    let world = World::new();
    let open = world.write("open.yaml", "extends: permissive\nboundaries: {network: {addresses: [public, name, loopback, private, link_local, reserved, metadata]}}\n");
    for url in [
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://METADATA.google.internal./",
        "http://169.254.169.254/latest/",
        "http://[fd00:ec2::254]/",
        "http://2852039166/",
    ] {
        let run = world.run(&["--json", "check", "--policy", open.to_str().unwrap(), "fetch", url]);
        run.refused_as("metadata_address");
    }
    world.run(&["check", "fetch", "https://example.com/latest/"]).expect(PERMITTED);
}

/// A server that answers one request: where it was asked to, with which redirect.
fn server(redirect: Option<&str>) -> (u16, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let location = redirect.map(|to| format!("Location: {to}\r\n")).unwrap_or_default();
    let status = if redirect.is_some() { "302 Found" } else { "200 OK" };
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let count = stream.read(&mut request).unwrap();
        write!(stream, "HTTP/1.1 {status}\r\n{location}Content-Length: 2\r\nConnection: close\r\n\r\nok")
            .unwrap();
        String::from_utf8_lossy(&request[..count]).into_owned()
    });
    (port, thread)
}

/// A redirect is reported and never followed: the next hop is a decision of its own.
#[test]
fn bypass_52_a_redirect_is_a_decision_of_its_own() {
    let world = World::new();
    let engine = engine(&world, "extends: coding-agent\n");
    let (port, asked) = server(Some("http://169.254.169.254/latest/"));
    let first = permit(&world, &engine, "fetch", json!({"url": format!("http://127.0.0.1:{port}/")}));
    let done = execute(&engine, first);
    assert_eq!(done.outcome, Outcome::Done);
    assert_eq!(done.effected.redirect.as_deref(), Some("http://169.254.169.254/latest/"));
    assert!(asked.join().unwrap().starts_with("GET / "));
    let next = ask(&world, &engine, "fetch", json!({"url": done.effected.redirect}));
    assert!(matches!(next, Verdict::Refused(_)), "{next:?}");
    // The neighbour: a redirect to a harmless place, decided and then fetched.
    let (target, _asked) = server(None);
    let (port, _first) = server(Some(&format!("http://127.0.0.1:{target}/end")));
    let hop = permit(&world, &engine, "fetch", json!({"url": format!("http://127.0.0.1:{port}/")}));
    let redirect = execute(&engine, hop).effected.redirect.unwrap();
    let last = permit(&world, &engine, "fetch", json!({"url": redirect}));
    assert_eq!(execute(&engine, last).effected.output, "ok");
}

/// A redirect in a script ends where its second hop is refused.
#[test]
fn p029_the_play_follows_no_redirect_without_asking() {
    let world = World::new();
    let script = world.write(
        "script.jsonl",
        concat!(
            r#"{"tool":"fetch","input":{"url":"http://{{server}}/to-metadata"},"expect":"deny"}"#,
            "\n",
            r#"{"tool":"fetch","input":{"url":"http://{{server}}/notes"},"expect":"allow"}"#,
            "\n",
        ),
    );
    let run = world.run(&["--json", "play", script.to_str().unwrap(), "--no"]);
    run.expect(PERMITTED).says("metadata_address");
    assert_eq!(world.events("decided").len(), 3);
}

/// Names are judged by the addresses they resolve to, and the connection goes nowhere else.
#[test]
fn p029_a_name_is_judged_by_its_addresses() {
    let world = World::new();
    let engine =
        engine(&world, "extends: coding-agent\nboundaries: {network: {addresses: [public, name]}}\n");
    let own_name = std::fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_owned();
    let resolves = !own_name.is_empty()
        && (own_name.as_str(), 80).to_socket_addrs().is_ok_and(|mut found| {
            found.all(|address| address.ip().is_loopback() || !address.ip().to_string().is_empty())
        });
    let names =
        ["localhost".to_owned(), "localhost.".to_owned()].into_iter().chain(resolves.then_some(own_name));
    for name in names {
        let verdict = ask(&world, &engine, "fetch", json!({"url": format!("http://{name}/")}));
        let local = |address: std::net::SocketAddr| match address.ip() {
            std::net::IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
            std::net::IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
        };
        let is_local = (name.as_str(), 80).to_socket_addrs().is_ok_and(|mut found| found.any(local));
        if is_local {
            assert!(matches!(verdict, Verdict::Refused(_)), "{name}: {verdict:?}");
        } else {
            not_run("p029_a_name_is_judged_by_its_addresses", "this machine's name is public");
        }
    }
    let nowhere = world.run(&["--json", "check", "fetch", "http://10.0.0.1/"]);
    assert_eq!(nowhere.code, REFUSED);
}

/// A name that no address stands behind is not connected to.
#[test]
fn bypass_51_a_name_without_an_address_goes_nowhere() {
    let world = World::new();
    let engine = engine(&world, "extends: coding-agent\n");
    let permit = permit(&world, &engine, "fetch", json!({"url": "http://no-such-host.invalid/"}));
    let done = execute(&engine, permit);
    assert!(
        matches!(&done.outcome, Outcome::Failed { error } if error.contains("no address")),
        "{:?}",
        done.outcome
    );
}
