//! A proxy that serves on this machine, with an engine in memory, a resolver that remembers what it was asked, and servers.

use serde_json::Value;
use stayhand_core::decision::Layer;
use stayhand_gateway::{Egress, Opening, People, Seen};
use stayhand_runtime::policy_files::PolicyFiles;
use stayhand_runtime::{Egress as _, Engine, Held, Resolver, Settings, wire};
use std::io::{PipeWriter, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) struct Proxy {
    engine: Arc<Engine>,
    egress: Arc<Egress>,
    looked_up: Arc<Mutex<Vec<String>>>,
    people: Arc<Somebody>,
    at: SocketAddr,
    serving: Option<(PipeWriter, JoinHandle<()>)>,
}

/// What there is to see when all is over.
pub(crate) struct Events {
    pub(crate) seen: Seen,
    pub(crate) looked_up: Vec<String>,
    pub(crate) asked: usize,
    records: Vec<Value>,
}

impl Events {
    pub(crate) fn of(&self, kind: &str) -> Vec<Value> {
        let mut found: Vec<Value> =
            self.records.iter().filter(|record| record["type"] == kind).cloned().collect();
        // Of two that end at the same time either may be written first.
        found.sort_by_key(|record| record["decision"].as_u64());
        found
    }
}

#[derive(Debug)]
struct Somebody {
    engine: Arc<Engine>,
    grants: bool,
    asked: AtomicUsize,
}

impl People for Somebody {
    fn while_paused(&self, _: &dyn Fn() -> bool) {}

    fn answered(&self, held: &Held, wanted: &dyn Fn() -> bool) -> bool {
        assert!(wanted());
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.engine.resolve(held.approval, "a tester", self.grants, "").unwrap();
        self.grants
    }

    fn refused(&self, _: &str, _: &str) {}
}

/// Every name is this machine, but for a few.
fn addresses(name: &str, asked_before: usize) -> Vec<IpAddr> {
    let texts: &[&str] = match name.split('.').next().unwrap_or_default() {
        "metadata" => &["169.254.169.254"],
        "private" => &["10.0.0.1"],
        // One address of two is enough to refuse both.
        "some" => &["127.0.0.1", "10.0.0.1"],
        "rebinds" if asked_before > 0 => &["10.0.0.1"],
        _ => &["127.0.0.1"],
    };
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

impl Proxy {
    pub(crate) fn with(rules: &str) -> Self {
        Self::new("", "", rules, false, Opening::none())
    }

    pub(crate) fn opening(rules: &str, opening: Opening) -> Self {
        Self::new("", "", rules, false, opening)
    }

    /// The certificates that programs inside have to believe.
    pub(crate) fn believed(&self) -> PathBuf {
        self.egress.believed().unwrap().to_owned()
    }

    pub(crate) fn with_boundary(network: &str, rules: &str) -> Self {
        Self::new("", network, rules, false, Opening::none())
    }

    pub(crate) fn with_more(sections: &str, rules: &str) -> Self {
        Self::new(sections, "", rules, false, Opening::none())
    }

    pub(crate) fn asking(rules: &str, grants: bool) -> Self {
        Self::new("", "", rules, grants, Opening::none())
    }

    fn new(sections: &str, network: &str, rules: &str, grants: bool, opening: Opening) -> Self {
        let text = format!(
            "version: 1\n{sections}boundaries: {{network: {{{network}addresses: [public, name, loopback]}}}}\nrules:{rules}"
        );
        let policy = PolicyFiles::default().text(Layer::User, "test.yaml", &text);
        let looked_up = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&looked_up);
        let resolver = Resolver::new(move |name| {
            let mut notes = notes.lock().unwrap();
            let before = notes.iter().filter(|known| *known == name).count();
            notes.push(name.to_owned());
            addresses(name, before)
        });
        let settings = Settings { policy, resolver, ..Settings::default() };
        let engine = Arc::new(Engine::in_memory(settings).unwrap());
        let people = Arc::new(Somebody { engine: Arc::clone(&engine), grants, asked: AtomicUsize::new(0) });
        let asked: Arc<dyn People> = people.clone();
        let defaults = wire::Defaults::new("/code", "/home/u");
        let egress = Arc::new(Egress::new(&engine, &defaults, &[], asked, opening).unwrap());
        let inside = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = inside.local_addr().unwrap();
        let (over, running) = std::io::pipe().unwrap();
        let serving = {
            let egress = Arc::clone(&egress);
            std::thread::spawn(move || egress.serve(inside, over))
        };
        Self { engine, egress, looked_up, people, at, serving: Some((running, serving)) }
    }

    /// Ends the program that the proxy is for.
    pub(crate) fn end(mut self) -> Events {
        self.stop();
        let reader = self.engine.reader().unwrap();
        let records = reader.records(&stayhand_store::Query::default()).unwrap();
        let events = records.map(|stored| stored.unwrap().parse().unwrap().event);
        let records = events.map(|event| serde_json::to_value(&event).unwrap()).collect();
        Events {
            seen: self.egress.seen(),
            looked_up: self.looked_up.lock().unwrap().clone(),
            asked: self.people.asked.load(Ordering::SeqCst),
            records,
        }
    }

    fn stop(&mut self) {
        if let Some((running, serving)) = self.serving.take() {
            drop(running);
            serving.join().unwrap();
        }
    }

    pub(crate) fn stream(&self) -> TcpStream {
        let stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    pub(crate) fn connect(&self, target: &str) -> Answer {
        let mut stream = self.stream();
        write!(stream, "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n").unwrap();
        read_answer(&mut stream)
    }

    pub(crate) fn request(&self, method: &str, url: &str, headers: &str, body: &str) -> Answer {
        let mut stream = self.stream();
        let length = body.len();
        write!(stream, "{method} {url} HTTP/1.1\r\n{headers}Content-Length: {length}\r\n\r\n{body}").unwrap();
        read_answer(&mut stream)
    }

    /// A SOCKS 5 request. The reply, and what may be a tunnel.
    pub(crate) fn socks(&self, command: u8, address: &[u8], port: u16) -> (u8, TcpStream) {
        let mut stream = self.stream();
        stream.write_all(&[5, 1, 0]).unwrap();
        let mut chosen = [0; 2];
        stream.read_exact(&mut chosen).unwrap();
        assert_eq!(chosen, [5, 0]);
        stream.write_all(&[&[5, command, 0][..], address, &port.to_be_bytes()].concat()).unwrap();
        let mut reply = [0; 10];
        stream.read_exact(&mut reply).unwrap();
        (reply[1], stream)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An answer of the proxy.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    stream: TcpStream,
}

impl Answer {
    /// What the stream is afterwards.
    pub(crate) fn tunnel(self) -> TcpStream {
        assert_eq!(self.status, 200, "{self:?}");
        self.stream
    }
}

pub(crate) fn read_answer(stream: &mut TcpStream) -> Answer {
    let head = read_head(stream);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    Answer { status, body: String::from_utf8(body).unwrap(), stream: stream.try_clone().unwrap() }
}

pub(crate) fn read_head(stream: &mut impl std::io::Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// A server that says back whatever it hears.
pub(crate) fn echo() -> SocketAddr {
    echo_on("127.0.0.1:0")
}

pub(crate) fn echo_on(address: &str) -> SocketAddr {
    serve(address, |mut stream| {
        let mut back = stream.try_clone().unwrap();
        let _ = std::io::copy(&mut stream, &mut back);
        let _ = back.shutdown(std::net::Shutdown::Write);
    })
}

/// A server of HTTP: from the head of a request to the whole answer.
pub(crate) fn http(answer: impl Fn(String) -> String + Send + Sync + 'static) -> SocketAddr {
    serve("127.0.0.1:0", move |mut stream| {
        let head = read_head(&mut stream);
        if !head.is_empty() {
            stream.write_all(answer(head).as_bytes()).unwrap();
        }
    })
}

pub(crate) fn serve(address: &str, each: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind(address).unwrap();
    let at = listener.local_addr().unwrap();
    let each = Arc::new(each);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let each = Arc::clone(&each);
            std::thread::spawn(move || each(stream));
        }
    });
    at
}
