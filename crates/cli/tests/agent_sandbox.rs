//! R3's sandbox for code (A213 to A216, S-01 to S-07), with this program as the launcher.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use stayhand_runtime::presets::{AgentSandbox, AgentSandboxConfig, SandboxResult};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn sandbox(change: impl FnOnce(&mut AgentSandboxConfig)) -> AgentSandbox {
    let mut config = AgentSandboxConfig::default();
    change(&mut config);
    AgentSandbox::new(PathBuf::from(env!("CARGO_BIN_EXE_stayhand")), &config).unwrap()
}

fn python(sandbox: &AgentSandbox, code: &str) -> SandboxResult {
    sandbox.execute_code(code, "python", &BTreeMap::new())
}

#[test]
fn a213_defaults() {
    let config = AgentSandboxConfig::default();
    assert_eq!((config.image.as_str(), config.memory_limit.as_str()), ("python:3.11-slim", "512m"));
    assert_eq!(
        (config.cpu_limit, config.timeout_seconds, config.network_mode.as_str()),
        (1.0, 300.0, "none")
    );
    // What cannot be kept is an error, and no silent downgrade (S-04).
    let launcher = || PathBuf::from(env!("CARGO_BIN_EXE_stayhand"));
    let with = |change: fn(&mut AgentSandboxConfig)| {
        let mut config = AgentSandboxConfig::default();
        change(&mut config);
        AgentSandbox::new(launcher(), &config).map(drop)
    };
    assert!(with(|config| config.network_mode = "bridge".to_owned()).is_err());
    assert!(with(|config| config.memory_limit = "lots".to_owned()).is_err());
    assert!(with(|config| config.timeout_seconds = f64::NAN).is_err());
    assert!(with(|config| config.cpu_limit = -1.0).is_err());
}

/// A214: the folder, the files beside the code, the result.
#[test]
fn a214_code_with_files() {
    let files = BTreeMap::from([("data/in.txt".to_owned(), "7".to_owned())]);
    let code = "import os\nprint(os.path.realpath('/workspace') == os.getcwd(), open('/workspace/data/in.txt').read())\nopen('out.txt', 'w').write('x')";
    let result = sandbox(|_| {}).execute_code(code, "python", &files);
    assert!(result.success, "{result:?}");
    assert_eq!((result.output.as_str(), result.exit_code, result.exit_reason), ("True 7\n", 0, "exit"));
    assert!(
        result.execution_time > 0.0 && result.peak_memory_kib.unwrap() > 1000 && result.cpu_us.unwrap() > 0
    );
    assert_eq!(result.changed_files, [Path::new("out.txt")]);
    // S-01: user, capabilities, filter.
    let boundary = format!("{:?}", result.boundary.unwrap().mechanisms);
    for part in ["NotRoot", "NoCapabilities", "SystemCalls", "NetNamespace", "PrivateRoot"] {
        assert!(boundary.contains(part), "{boundary}");
    }
}

#[test]
fn a214_what_the_code_cannot_do() {
    let sandbox = sandbox(|_| {});
    for (code, why) in [
        ("open('/workspace/agent_code.py', 'w')", "Read-only file system"),
        ("open('/planted', 'w')", "Read-only file system"),
        ("open('/etc/shadow')", "No such file"),
        (
            "import urllib.request; urllib.request.urlopen('http://192.0.2.1', timeout=5)",
            "Network is unreachable",
        ),
        ("open('/tmp/big', 'wb').write(bytes(120 << 20))", "No space left"),
        ("import sys; sys.exit('an error')", "an error"),
    ] {
        let result = python(&sandbox, code);
        assert!(!result.success && result.exit_code == 1, "{code}: {result:?}");
        let error = result.error.unwrap();
        assert!(error.starts_with("Container error: ") && error.contains(why), "{code}: {error}");
    }
    assert!(python(&sandbox, "open('/tmp/small', 'wb').write(bytes(50 << 20))").success);
}

/// S-05: with `hosts` the way out leads to those and nowhere else, by the proxy and no other way.
#[test]
fn s_05_a_way_out_to_some_hosts() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = std::io::Read::read(&mut stream, &mut [0; 1024]);
            let _ =
                std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nserved");
        }
    });
    let launcher = || PathBuf::from(env!("CARGO_BIN_EXE_stayhand"));
    let with = |hosts: &[&str]| AgentSandboxConfig {
        network_mode: "hosts".to_owned(),
        allowed_hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        ..AgentSandboxConfig::default()
    };
    let get = |host: &str| {
        format!(
            "import os, urllib.request as r\nfor name in ('no_proxy', 'NO_PROXY'): os.environ.pop(name)\nopener = r.build_opener(r.ProxyHandler({{'http': 'http://127.0.0.1:3128'}}))\n\
             try: print(opener.open('http://{host}:{port}/', timeout=5).read().decode())\nexcept Exception as e: print('no:', e)"
        )
    };
    let sandbox = stayhand_gateway::agent_sandbox(launcher(), &with(&["127.0.0.1"])).unwrap();
    // Each execution has a way out of its own.
    for _ in 0..2 {
        assert_eq!(python(&sandbox, &get("127.0.0.1")).output, "served\n");
    }
    assert!(python(&sandbox, &get("127.0.0.2")).output.starts_with("no: HTTP Error 403"));
    let straight = format!("import socket; socket.create_connection(('127.0.0.1', {port}), 5)");
    assert!(python(&sandbox, &straight).error.unwrap().contains("refused"));
    // Metadata services are never reached, and private addresses stand alone.
    let sandbox = stayhand_gateway::agent_sandbox(launcher(), &with(&["169.254.169.254"])).unwrap();
    assert!(python(&sandbox, &get("169.254.169.254")).output.starts_with("no: HTTP Error 403"));
    let mixed = stayhand_gateway::agent_sandbox(launcher(), &with(&["127.0.0.1", "api.example.com"]));
    assert!(mixed.unwrap_err().contains("do not go together"));
    let sandbox = stayhand_gateway::agent_sandbox(launcher(), &with(&[])).unwrap();
    assert!(python(&sandbox, &get("127.0.0.1")).output.starts_with("no: HTTP Error 403"));
    // It is not had without a proxy, nor without being asked for.
    assert!(AgentSandbox::new(launcher(), &with(&["127.0.0.1"])).unwrap_err().contains("no way out"));
    let mixed = AgentSandboxConfig { network_mode: "none".to_owned(), ..with(&["a.test"]) };
    assert!(
        stayhand_gateway::agent_sandbox(launcher(), &mixed).unwrap_err().contains("for network_mode `hosts`")
    );
}

/// Escape 9: whoever does not stop talking is stopped, long before the time is up; what was said first is there.
#[test]
fn escape_9_bypass_100_endless_output() {
    let sandbox = sandbox(|_| {});
    for command in ["yes", "yes >&2"] {
        let result = sandbox.execute_command(command);
        assert_eq!((result.exit_reason, result.exit_code), ("policy", -1), "{:?}", result.error);
        assert_eq!(result.error.as_deref(), Some("Execution error: 1024 MiB of output"));
        assert!(
            command == "yes >&2"
                || result.output.starts_with("y\ny\n") && result.output.ends_with("not kept]\n")
        );
    }
}

/// Bypass 98: the kernel ends a sandbox with the *thread* that started it. The one that does waits for its end, so that
/// threads which come and go beside it, or had it started, do no harm.
#[test]
fn bypass_98_threads_that_end() {
    let sandbox = std::sync::Arc::new(sandbox(|_| {}));
    let begins = {
        let sandbox = std::sync::Arc::clone(&sandbox);
        // It ends while the program runs.
        std::thread::spawn(move || {
            std::thread::spawn(move || python(&sandbox, "import time; time.sleep(0.5); print('done')"))
        })
    };
    let runs = begins.join().unwrap();
    for _ in 0..20 {
        std::thread::spawn(|| {}).join().unwrap();
    }
    let result = runs.join().unwrap();
    assert!(result.success && result.output == "done\n", "{result:?}");
}

/// A214a: a time limit names itself, and nothing is left.
#[test]
fn a214a_timeout() {
    let result =
        sandbox(|config| config.timeout_seconds = 1.0).execute_command("sleep 4214.1 & sleep 4214.1");
    assert_eq!((result.success, result.exit_code, result.exit_reason), (false, -1, "timeout"));
    assert!(result.error.unwrap().contains("timeout after 1 seconds"));
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
    assert_eq!(lines.filter(|line| line.contains("4214.1")).count(), 0);
}

/// D220.
#[test]
fn a214b_names_of_files() {
    let sandbox = sandbox(|_| {});
    for name in ["../x", "/etc/x", "a\0b", "", "agent_code.py"] {
        let files = BTreeMap::from([(name.to_owned(), "x".to_owned())]);
        let result = sandbox.execute_code("print('it ran')", "python", &files);
        assert!(
            !result.success && result.exit_code == -1 && result.output.is_empty(),
            "{name:?}: {result:?}"
        );
        assert!(result.error.unwrap().starts_with("Execution error: "));
    }
}

/// A215: the same limits for a command.
#[test]
fn a215_commands() {
    let sandbox = sandbox(|_| {});
    let result = sandbox.execute_command("pwd -P; cd /workspace && echo x > made && ls");
    assert!(result.success && result.output.ends_with("made\n"), "{result:?}");
    let result = sandbox.execute_command("echo x > /planted");
    assert!(!result.success && !Path::new("/planted").exists(), "{result:?}");
    assert_eq!(sandbox.execute_command("exit 7").exit_code, 7);
    assert_eq!(sandbox.execute_command("kill -9 $$").exit_reason, "signal");
}

/// A216, F002: what R3 shows.
#[test]
fn a216_the_demonstration() {
    let sandbox = sandbox(|_| {});
    let safe = python(&sandbox, "print(sum(range(10)))");
    assert_eq!((safe.success, safe.output.as_str()), (true, "45\n"));
    let network = python(&sandbox, "import socket\nsocket.create_connection(('example.com', 80), 5)");
    assert!(!network.success && network.error.is_some());
    let memory = python(&sandbox, "x = [0] * 10**9");
    assert!(!memory.success && memory.error.is_some(), "{memory:?}");
}

/// S-02: endless output is cut, and said to be.
#[test]
fn s_02_output() {
    let result = python(&sandbox(|_| {}), "print('x' * (3 << 20))");
    assert!(result.success && result.output.len() < (1 << 20) + 100, "{}", result.output.len());
    assert!(result.output.contains("more bytes were not kept"));
}

/// D222, S-03: other languages, by a table. An unknown one is never run as Python.
#[test]
fn s_03_languages() {
    let sandbox = sandbox(|_| {});
    let run = |code, language| sandbox.execute_code(code, language, &BTreeMap::new());
    assert_eq!(run("echo $((6 * 7))", "bash").output, "42\n");
    if Path::new("/usr/bin/node").exists() {
        assert_eq!(run("console.log(6 * 7)", "javascript").output, "42\n");
    }
    let unknown = run("print('it ran')", "cobol");
    assert!(!unknown.success && unknown.output.is_empty() && unknown.exit_code == -1);
}

/// S-06: nothing of the environment is passed on.
#[test]
fn s_06_environment() {
    let result = sandbox(|_| {}).execute_command("env | cut -d= -f1 | sort | tr '\\n' ' '");
    assert_eq!(result.output.trim(), "HOME LANG PATH PWD PYTHONDONTWRITEBYTECODE SHLVL _");
}
