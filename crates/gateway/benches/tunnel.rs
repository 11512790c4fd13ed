//! What the way out of a sandbox costs: bytes through one tunnel, and the set-up of a connection. Beside each its floor in the
//! same run: a plain copy between two sockets in this process, and a connection without anything between.
//!
//! `cargo bench -p stayhand-gateway --bench tunnel`
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a measurement may fail loudly"
)]

use stayhand_core::decision::Layer;
use stayhand_gateway::{Egress, Opening, People};
use stayhand_runtime::policy_files::PolicyFiles;
use stayhand_runtime::{Egress as _, Engine, Held, Settings, wire};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

const BYTES: usize = 1 << 30;
const ROUNDS: usize = 7;
const CONNECTIONS: usize = 60;

#[derive(Debug)]
struct Nobody;

impl People for Nobody {
    fn while_paused(&self, _: &dyn Fn() -> bool) {}

    fn answered(&self, _: &Held, _: &dyn Fn() -> bool) -> bool {
        false
    }

    fn refused(&self, what: &str, why: &str) {
        panic!("{what}: {why}");
    }
}

/// A server that reads everything, and then says one byte.
fn sink() -> SocketAddr {
    serve(|mut stream| {
        let mut buffer = vec![0; 256 * 1024];
        while matches!(stream.read(&mut buffer), Ok(1..)) {}
        let _ = stream.write_all(b"!");
    })
}

fn serve(each: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
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

/// The floor: what is read here is written there, in this process, by blocking calls on threads.
fn plain(to: SocketAddr) -> SocketAddr {
    serve(move |client| {
        let server = TcpStream::connect(to).unwrap();
        let (mut from, mut onwards) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let there = std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut onwards);
            let _ = onwards.shutdown(Shutdown::Write);
        });
        let (mut server, mut client) = (server, client);
        let _ = std::io::copy(&mut server, &mut client);
        let _ = client.shutdown(Shutdown::Write);
        there.join().unwrap();
    })
}

fn proxy(home: &std::path::Path) -> (SocketAddr, std::io::PipeWriter) {
    let text = "version: 1\nboundaries: {network: {addresses: [loopback]}}\nrules: [{allow: connect}]";
    let policy = PolicyFiles::default().text(Layer::User, "bench", text);
    let engine = Arc::new(Engine::open(home, Settings { policy, ..Settings::default() }).unwrap());
    let egress = Egress::new(
        &engine,
        &wire::Defaults::new("/code", "/home/u"),
        &[],
        Arc::new(Nobody),
        Opening::none(),
    )
    .unwrap();
    let inside = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = inside.local_addr().unwrap();
    let (over, running) = std::io::pipe().unwrap();
    std::thread::spawn(move || egress.serve(inside, over));
    (at, running)
}

fn tunnel(proxy: SocketAddr, to: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(proxy).unwrap();
    write!(stream, "CONNECT {to} HTTP/1.1\r\n\r\n").unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
    stream
}

/// Gigabits a second.
fn push(mut stream: TcpStream, chunk: &[u8]) -> f64 {
    let from = Instant::now();
    for _ in 0..BYTES / chunk.len() {
        stream.write_all(chunk).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    stream.read_exact(&mut [0]).unwrap();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let bits = BYTES as f64 * 8.0;
    bits / from.elapsed().as_secs_f64() / 1e9
}

fn median<T: PartialOrd + Copy>(mut all: Vec<T>) -> T {
    all.sort_by(|one, other| one.partial_cmp(other).unwrap());
    all[all.len() / 2]
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let server = sink();
    let (at, _running) = proxy(folder.path());
    let floor = plain(server);
    let chunk = vec![7; 256 * 1024];
    let (mut direct, mut through, mut copied) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        direct.push(push(TcpStream::connect(server).unwrap(), &chunk));
        copied.push(push(TcpStream::connect(floor).unwrap(), &chunk));
        through.push(push(tunnel(at, server), &chunk));
    }
    let (direct, copied, through) = (median(direct), median(copied), median(through));
    println!(
        "bytes       straight {direct:.1} Gbit/s, plain copy {copied:.1}, tunnel {through:.1} ({:.2} x the copy)",
        through / copied
    );

    let (mut straight, mut by_copy, mut by_tunnel) = (Vec::new(), Vec::new(), Vec::new());
    let first_byte = |mut stream: TcpStream, from: Instant| -> Duration {
        stream.shutdown(Shutdown::Write).unwrap();
        stream.read_exact(&mut [0]).unwrap();
        from.elapsed()
    };
    for _ in 0..CONNECTIONS {
        let from = Instant::now();
        straight.push(first_byte(TcpStream::connect(server).unwrap(), from));
        let from = Instant::now();
        by_copy.push(first_byte(TcpStream::connect(floor).unwrap(), from));
        let from = Instant::now();
        by_tunnel.push(first_byte(tunnel(at, server), from));
    }
    let (straight, by_copy, by_tunnel) = (median(straight), median(by_copy), median(by_tunnel));
    println!("connection  straight {straight:?}, plain copy {by_copy:?}, decided and recorded {by_tunnel:?}");
}
