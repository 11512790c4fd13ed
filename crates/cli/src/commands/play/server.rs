//! A small HTTP server on the loopback address, so that a script has something to fetch.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// The server of one play. It ends with the process.
pub(super) struct Server {
    address: SocketAddr,
}

impl Server {
    pub(super) fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        std::thread::Builder::new().name("play-server".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that breaks off is its own loss.
                let _ = answer(stream);
            }
        })?;
        Ok(Self { address })
    }

    /// `127.0.0.1:PORT`.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }
}

/// Answers every path with a line of text; `/to-metadata` redirects to a metadata service.
fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut request = BufReader::new(&stream);
    let mut first = String::new();
    request.read_line(&mut first)?;
    let mut header = String::new();
    while request.read_line(&mut header)? > 2 {
        header.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or("/");
    let (status, extra) = match path {
        "/to-metadata" => ("302 Found", "Location: http://169.254.169.254/latest/meta-data/\r\n"),
        _ => ("200 OK", ""),
    };
    let body = format!("release notes at {path}\n");
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{extra}Content-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
