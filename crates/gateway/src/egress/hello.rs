//! The first words of whoever connects through a tunnel: if they are TLS, for which host.

use rustls::server::Acceptor;

/// What the first bytes turn out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum First {
    /// Not known yet.
    More,
    /// Not TLS.
    Other,
    /// TLS, with the host that is asked for.
    Tls(Option<String>),
    /// What begins like TLS and is not.
    Malformed,
}

/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 22;

/// Reads them as they arrive.
#[derive(Default)]
pub(super) struct Hello {
    acceptor: Acceptor,
}

impl Hello {
    /// Takes the next bytes. Not to be asked again after any answer but [`First::More`].
    pub(super) fn read(&mut self, mut bytes: &[u8], is_first: bool) -> First {
        if is_first && bytes.first() != Some(&HANDSHAKE) {
            return First::Other;
        }
        while !bytes.is_empty() {
            if !matches!(self.acceptor.read_tls(&mut bytes), Ok(1..)) {
                return First::Malformed;
            }
            match self.acceptor.accept() {
                Ok(Some(accepted)) => {
                    return First::Tls(accepted.client_hello().server_name().map(str::to_owned));
                }
                Ok(None) => {}
                Err(_) => return First::Malformed,
            }
        }
        First::More
    }
}
