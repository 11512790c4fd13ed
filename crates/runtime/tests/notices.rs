//! Notices reach people: by a file, a program and an address; and where nobody can be reached, that is said.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use serde_json::{Value, json};
use stayhand_core::control::scope::Scope;
use stayhand_core::control::switch::{Order, SwitchMoved};
use stayhand_core::decision::Layer;
use stayhand_runtime::policy_files::{LoadError, PolicyFiles};
use stayhand_runtime::{Engine, EngineError, Settings, wire};
use std::io::{Read as _, Write as _};
use std::path::Path;

fn engine(folder: &Path, notify: &str, layer: Layer) -> Result<Engine, EngineError> {
    let file = folder.join("policy.yaml");
    let text = format!("rules: [{{allow: '*'}}]\nbudgets: [{{period: daily, limit: 1}}]\nnotify: {notify}");
    std::fs::write(&file, text).unwrap();
    Engine::in_memory(Settings { policy: PolicyFiles::default().named(layer, file), ..Settings::default() })
}

fn order(engine: &Engine, order: Order) {
    let (by, reason) = ("ada".to_owned(), "it spends".to_owned());
    engine.order(SwitchMoved { scope: Scope::All, order, by, reason }).unwrap();
}

fn kill(engine: &Engine) {
    order(engine, Order::Kill);
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A file and a program get each notice once, with whom and why; what is less serious stays out.
#[test]
fn a_file_and_a_program_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (all, told) = (folder.path().join("all.jsonl"), folder.path().join("told"));
    let notify = format!(
        "[{{log: {}, at_least: info}}, {{command: [tee, {}], at_least: critical}}]",
        all.display(),
        told.display()
    );
    let engine = engine(folder.path(), &notify, Layer::User).unwrap();
    let spend = |cents: u64| {
        let line =
            json!({ "tool": "llm", "input": {}, "context": { "estimated_cost_cents": cents } }).to_string();
        let request = wire::request(line.as_bytes(), &wire::Defaults::new("/box", "/root")).unwrap();
        engine.authorize(request).unwrap();
    };
    spend(80);
    kill(&engine);
    drop(engine);
    let found: Vec<_> =
        lines(&all).iter().map(|line| (line["kind"].clone(), line["severity"].clone())).collect();
    assert_eq!(found, [(json!("budget"), json!("warning")), (json!("kill"), json!("critical"))]);
    let told = &lines(&told)[0];
    assert_eq!(
        (&told["about"], &told["message"]),
        (&json!("all"), &json!("[KILL SWITCH ACTIVATED] it spends by ada"))
    );
}

/// A103: what cleans up after a kill runs after each, and after nothing else. One that hangs is ended with all that it started.
#[test]
fn a_program_cleans_up_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let [cleaned, late] = ["cleaned", "late"].map(|name| folder.path().join(name));
    let notify = format!(
        "[{{command: [tee, -a, {}], only: [kill], within_s: 30}}, {{command: [sh, -c, 'sleep 3; touch {}'], only: [kill], within_s: 1}}]",
        cleaned.display(),
        late.display()
    );
    let engine = engine(folder.path(), &notify, Layer::User).unwrap();
    for moved in [Order::Pause, Order::Resume, Order::Kill, Order::Rearm, Order::Kill] {
        order(&engine, moved);
    }
    drop(engine);
    let found: Vec<_> = lines(&cleaned).iter().map(|line| line["message"].clone()).collect();
    assert_eq!(found, ["[KILL SWITCH ACTIVATED] it spends by ada"; 2]);
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(!late.exists(), "what it started goes on");
}

/// An address gets it by POST.
#[test]
fn an_address_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let engine =
        engine(folder.path(), &format!("[{{webhook: 'http://{address}/alerts'}}]"), Layer::User).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut text, mut part) = (String::new(), [0; 4096]);
        while !text.contains("it spends") {
            let count = stream.read(&mut part).unwrap();
            assert!(count > 0, "{text}");
            text.push_str(&String::from_utf8_lossy(&part[..count]));
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n").unwrap();
        text
    });
    kill(&engine);
    drop(engine);
    let text = server.join().unwrap();
    assert!(text.starts_with("POST /alerts HTTP/1.1"), "{text}");
}

/// T-04: what cannot be delivered stops nothing; the order is in force all the same.
#[test]
fn t_04_a_broken_notifier_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let notify = "[{command: [/no/such/program]}, {log: /no/such/folder/file}, {command: ['false']}]";
    let engine = engine(folder.path(), notify, Layer::User).unwrap();
    kill(&engine);
    let notices = engine.refreshed(|state, _| state.notices().total()).unwrap();
    assert_eq!(notices, 1, "it stays in the record");
}

/// A project's file names no programs to run and no addresses to tell; and what it says must make sense.
#[test]
fn only_trusted_files_say_where_notices_go() {
    let folder = tempfile::tempdir().unwrap();
    for (notify, layer, error) in [
        ("[{command: [true]}]", Layer::Project, "only the organisation's and the user's file"),
        ("[{log: a.txt}]", Layer::User, "must be an absolute path"),
        ("[{webhook: 'ftp://x'}]", Layer::User, "is no address of the web"),
        ("[{}]", Layer::User, "exactly one of"),
        ("[{log: /a, only: [killing]}]", Layer::User, "killing"),
        ("[{log: /a, within_s: 31}]", Layer::User, "is not from 1 to 30"),
        ("[{log: /a, within_s: 0}]", Layer::User, "is not from 1 to 30"),
        ("[{log: /a, webhook: 'http://x'}]", Layer::User, "exactly one of"),
    ] {
        let Err(EngineError::Policy(LoadError::Policy(found))) = engine(folder.path(), notify, layer) else {
            panic!("{notify}")
        };
        assert!(format!("{:?}", found.problems).contains(error), "{notify}: {found:?}");
    }
}
