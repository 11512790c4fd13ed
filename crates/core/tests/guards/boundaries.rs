//! Paths, hosts, hours.

use crate::common::*;
use expect_test::expect;
use stayhand_core::decision::{Effect, Layer};
use stayhand_core::facts::{Access, AddressClass, Aspect, Operation, PathUse};
use stayhand_core::policy::Policy;
use stayhand_core::state::State;
use stayhand_core::time::Timestamp;

fn reading(path: &str) -> Case {
    call("read_file").op(touch(Access::Read, path))
}

/// A116, F011: block patterns, then blocked folders, then what is allowed.
#[test]
fn a116_paths_in_order() {
    check(
        "boundaries: {paths: {block: ['*.exe', '*.dll'], blocked: [/etc, /var], allow: [/tmp/**, /home/u/workspace/**, /etc/**]}}\nrules: [{allow: read_file}]",
        &[
            ("allowed", reading("/tmp/a")),
            ("blocked pattern", reading("/tmp/a.exe")),
            ("blocked folder", reading("/etc/passwd")),
            ("the folder itself", reading("/var")),
            ("beside a blocked folder", reading("/variety")),
            ("not listed", reading("/home/u/other")),
            ("by whole components", reading("/tmp-evil/a")),
        ],
        expect![[r#"
            allowed                  allow
            blocked pattern          deny  [path_blocked] Path matches blocked pattern
            blocked folder           deny  [path_blocked] Path is under blocked directory: /etc: /etc/passwd
            the folder itself        deny  [path_blocked] Path is under blocked directory: /var: /var
            beside a blocked folder  deny  [path_not_allowed] Path not in allowed list: /variety
            not listed               deny  [path_not_allowed] Path not in allowed list: /home/u/other
            by whole components      deny  [path_not_allowed] Path not in allowed list: /tmp-evil/a
        "#]],
    );
}

/// A116b, P022: an allow list, and paths that cannot be known.
#[test]
fn a116b_unknown_paths() {
    check(
        "boundaries: {paths: {allow: ['./**']}}\nrules: [{allow: bash}, {allow: bash, when: {opaque: true}}]",
        &[
            ("inside", bash("cat a")),
            ("outside", bash("cat /etc/shadow")),
            ("hidden", bash("cat a").hiding(Aspect::Paths)),
            ("arguments hidden, paths known", bash("cat a").hiding(Aspect::Arguments)),
        ],
        expect![[r#"
            inside                         allow
            outside                        deny  [path_not_allowed] Path not in allowed list: /etc/shadow
            hidden                         approve  [path_unknown] The boundary applies, and the touched paths could not be determined: it is hidden
            arguments hidden, paths known  allow
        "#]],
    );
}

/// A117a, P013, P014, P015: letter case, trailing dots, streams; `*` stays in its folder.
#[test]
fn a117a_block_patterns() {
    check(
        "boundaries: {paths: {block: ['*.exe', /srv/data/*.txt]}}\nrules: [{allow: read_file}]",
        &[
            ("P013", reading("/code/EVIL.EXE")),
            ("P014 dot", reading("/code/evil.exe.")),
            ("P014 stream", reading("/code/evil.exe::$DATA")),
            ("blank", reading("/code/evil.exe ")),
            ("neighbour", reading("/code/evil.exec")),
            ("in the folder", reading("/srv/data/a.txt")),
            ("below the folder", reading("/srv/data/keys/a.txt")),
        ],
        expect![[r#"
            P013              deny  [path_blocked] Path matches blocked pattern
            P014 dot          deny  [path_blocked] Path matches blocked pattern
            P014 stream       deny  [path_blocked] Path matches blocked pattern
            blank             deny  [path_blocked] Path matches blocked pattern
            neighbour         allow
            in the folder     deny  [path_blocked] Path matches blocked pattern
            below the folder  allow
        "#]],
    );
    check(
        "boundaries: {paths: {allow: [/srv/*.txt]}}\nrules: [{allow: read_file}]",
        &[("P015", reading("/srv/secret/keys/a.txt")), ("neighbour", reading("/srv/a.txt"))],
        expect![[r#"
            P015       deny  [path_not_allowed] Path not in allowed list: /srv/secret/keys/a.txt
            neighbour  allow
        "#]],
    );
}

/// What is done to a folder is done to what lies in it, and a glob stands for what it may name.
#[test]
fn a116_reach() {
    let all = |path: &str, recursive, glob| {
        let used = PathUse { recursive, glob, ..PathUse::new(Access::Delete, path) };
        call("delete_file").op(Operation { paths: vec![used], ..Operation::default() })
    };
    check(
        "boundaries: {paths: {blocked: [/code/keep]}}\nrules: [{allow: delete_file}]",
        &[
            ("the folder above, with all below", all("/code", true, false)),
            ("the folder above, alone", all("/code", false, false)),
            ("a glob that may name it", all("/code/k*", false, true)),
            ("a glob that cannot", all("/code/x*", false, true)),
        ],
        expect![[r#"
            the folder above, with all below  deny  [path_blocked] Path is under blocked directory: /code/keep: /code
            the folder above, alone           allow
            a glob that may name it           deny  [path_blocked] Path is under blocked directory: /code/keep: /code/k*
            a glob that cannot                allow
        "#]],
    );
}

/// A write boundary leaves reading alone; a link counts by where it leads.
#[test]
fn a116_write_and_links() {
    let mut link = touch(Access::Write, "/code/link");
    link.paths[0].resolved = Some("/etc/cron.d/x".into());
    check(
        "boundaries: {paths: {write: ['./**']}}\nrules: [{allow: [read_file, write_file]}]",
        &[
            ("read outside", reading("/usr/share/dict")),
            ("write inside", call("write_file").op(touch(Access::Write, "/code/a"))),
            ("write outside", call("write_file").op(touch(Access::Write, "/usr/a"))),
            ("write through a link", call("write_file").op(link)),
        ],
        expect![[r#"
            read outside          allow
            write inside          allow
            write outside         deny  [path_not_allowed] Path not in allowed list: /usr/a
            write through a link  deny  [path_not_allowed] Path not in allowed list: /code/link
        "#]],
    );
}

fn fetching(class: AddressClass, host: &str, port: u16) -> Case {
    call("fetch").op(connect(class, host, port))
}

/// A118, A119: address, blocked host, blocked port, allowed host, allowed port.
#[test]
fn a118_hosts_in_order() {
    use AddressClass::{Loopback, Metadata, Name, Private, Public};
    check(
        "boundaries: {network: {blocked_hosts: [bad.x.com], blocked_ports: [22, 3389], allow_hosts: [api.openai.com, '*.x.com'], allow_ports: [443, 22]}}\nrules: [{allow: fetch}]",
        &[
            ("allowed", fetching(Name, "api.openai.com", 443)),
            ("below a domain", fetching(Name, "a.x.com", 443)),
            ("the domain", fetching(Name, "x.com", 443)),
            ("A119", fetching(Name, "evilx.com", 443)),
            ("private first", fetching(Private, "bad.x.com", 22)),
            ("loopback", fetching(Loopback, "x.com", 443)),
            ("blocked host", fetching(Name, "bad.x.com", 22)),
            ("blocked port", fetching(Name, "other.org", 22)),
            ("host not listed", fetching(Public, "other.org", 80)),
            ("port not listed", fetching(Name, "a.x.com", 80)),
            ("metadata", fetching(Metadata, "169.254.169.254", 80)),
        ],
        expect![[r#"
            allowed          allow
            below a domain   allow
            the domain       allow
            A119             deny  [host_not_allowed] Host not in allowed list: evilx.com
            private first    deny  [private_address] Private IP addresses are not allowed: bad.x.com
            loopback         deny  [private_address] Private IP addresses are not allowed: x.com
            blocked host     deny  [host_blocked] Host is blocked: bad.x.com
            blocked port     deny  [port_blocked] Port 22 is blocked
            host not listed  deny  [host_not_allowed] Host not in allowed list: other.org
            port not listed  deny  [port_not_allowed] Port not in allowed list: 80
            metadata         deny  [metadata_address] A cloud metadata service (169.254.169.254)
        "#]],
    );
}

/// A118: private addresses where nothing is written, and where they are let in.
#[test]
fn a118_private_addresses() {
    use AddressClass::{Metadata, Private, Public};
    let rows = [
        ("public", fetching(Public, "1.1.1.1", 443)),
        ("private", fetching(Private, "10.0.0.1", 443)),
        ("metadata", fetching(Metadata, "169.254.169.254", 80)),
    ];
    check(
        "rules: [{allow: fetch}]",
        &rows,
        expect![[r#"
        public    allow
        private   deny  [private_address] Private IP addresses are not allowed: 10.0.0.1
        metadata  deny  [metadata_address] A cloud metadata service (169.254.169.254)
    "#]],
    );
    check(
        "boundaries: {network: {addresses: [private, metadata]}}\nrules: [{allow: fetch}]",
        &rows,
        expect![[r#"
            public    deny  [private_address] Private IP addresses are not allowed: 1.1.1.1
            private   allow
            metadata  deny  [metadata_address] A cloud metadata service (169.254.169.254)
        "#]],
    );
    // A boundary that says nothing about addresses takes none away from another that does.
    check(
        "extends: coding-agent\nboundaries: {network: {blocked_hosts: [bad.org]}}",
        &[("loopback", fetching(AddressClass::Loopback, "localhost", 8080)), rows[1].clone()],
        expect![[r#"
            loopback  allow
            private   deny  [private_address] Private IP addresses are not allowed: 10.0.0.1
        "#]],
    );
}

/// A116b for hosts.
#[test]
fn a116b_unknown_hosts() {
    check(
        "boundaries: {network: {allow_hosts: [x.com]}}\nrules: [{allow: bash}, {allow: bash, when: {opaque: true}}]",
        &[("no host", bash("ls")), ("hidden hosts", bash("ls").hiding(Aspect::Hosts))],
        expect![[r#"
            no host       allow
            hidden hosts  approve  [host_unknown] The boundary applies, and the contacted hosts could not be determined: it is hidden
        "#]],
    );
}

/// Hours and days; the end of a range is outside.
#[test]
fn a120_hours() {
    let clock = |hours: u64, minutes: u64| {
        let midnight = NOW.0 - NOW.0 % 86_400_000_000;
        read("a").at(Timestamp(midnight + (hours * 60 + minutes) * 60_000_000))
    };
    check(
        "boundaries: {time: {hours: '08:00-18:00', days: [mon, tue, wed, thu, fri]}}\nrules: [{allow: read_file}]",
        &[
            ("07:59", clock(7, 59)),
            ("08:00", clock(8, 0)),
            ("17:59", clock(17, 59)),
            ("18:00", clock(18, 0)),
            ("saturday", clock(24 + 9, 0)),
        ],
        expect![[r#"
            07:59     deny  [outside_hours] The time is outside the boundary (2026-11-20T07:59:00.000000Z)
            08:00     allow
            17:59     allow
            18:00     deny  [outside_hours] The time is outside the boundary (2026-11-20T18:00:00.000000Z)
            saturday  deny  [outside_hours] The time is outside the boundary (2026-11-21T09:00:00.000000Z)
        "#]],
    );
}

/// No policy opens Stayhand's own places or decisions.
#[test]
fn stayhand_protects_itself() {
    check(
        "extends: permissive",
        &[
            ("read", read("/home/u/.stayhand/log")),
            ("write", write("/home/u/.stayhand/policy.yaml")),
            ("beside", write("/home/u/stayhand.txt")),
            ("control", call("bash").op(does(&[stayhand_core::facts::Trait::ControlStayhand]))),
        ],
        expect![[r#"
            read     allow
            write    deny  [stayhand_protected] A path is Stayhand's own state or policy, which no agent may change (/home/u/.stayhand/policy.yaml)
            beside   allow
            control  deny  [stayhand_control] The action would change Stayhand's own decisions.
        "#]],
    );
}

/// An empty list is a list: it leaves nothing. A key whose entries were all taken out is no list, and an error.
#[test]
fn an_empty_list_leaves_nothing() {
    let far = || call("fetch").op(connect(AddressClass::Name, "api.example.com", 443));
    for (boundary, case) in [
        ("paths: {allow: []}", reading("/code/a")),
        ("paths: {write: []}", call("write_file").op(touch(Access::Write, "/code/a"))),
        ("network: {allow_hosts: []}", far()),
        ("network: {allow_ports: []}", far()),
    ] {
        let all = "rules: [{allow: '*'}]";
        let decide = |text: &str| case.decide(&policy(text), &State::default()).decision.effect;
        assert_eq!(decide(&format!("boundaries: {{{boundary}}}\n{all}")), Effect::Deny, "{boundary}");
        assert_eq!(decide(all), Effect::Allow, "{boundary}");
        let nothing = boundary.replace("[]", "");
        let file = file(Layer::User, &format!("boundaries: {{{nothing}}}\n{all}"));
        assert!(Policy::compile(&[file], analyse).is_err(), "{nothing}");
    }
    let decide = |resources: &str| {
        let action = format!("{{risk: safe, approval: false{resources}}}");
        let policy = policy(&format!("actions: {{read_file: {action}}}\nrules: [{{allow: read_file}}]"));
        reading("/code/a").decide(&policy, &State::default()).decision.effect
    };
    assert_eq!((decide(""), decide(", allowed_resources: []")), (Effect::Allow, Effect::Deny));
}
