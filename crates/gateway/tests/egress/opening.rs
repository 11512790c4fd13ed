//! TLS that the proxy opens: each request is decided, a credential is added outside, and nobody is believed who should not be.

use super::common::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use stayhand_gateway::{Credential, Opening, Roots};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A server whose certificate for `host` an authority of its own has signed. It answers with what it was asked.
fn server(host: &str) -> (SocketAddr, CertificateDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&key).unwrap().der().clone();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key).unwrap();
    let config = Arc::new(config);
    let at = serve("127.0.0.1:0", move |stream| {
        let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
        let head = read_head(&mut tls);
        if !head.is_empty() {
            let length = head.len();
            let _ = write!(tls, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{head}");
        }
    });
    (at, root)
}

/// TLS for `host` through a tunnel, by a client that believes what programs inside have to.
fn client(proxy: &Proxy, tunnel: TcpStream, host: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(proxy.believed()).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let config =
        ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    let name = ServerName::try_from(host.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), tunnel)
}

/// What comes of a request: the status and what the server was asked, or an error.
fn ask(
    proxy: &Proxy,
    at: SocketAddr,
    tunnel_to: &str,
    tls_for: &str,
    request: &str,
) -> Result<String, String> {
    let tunnel = proxy.connect(&format!("{tunnel_to}:{}", at.port())).tunnel();
    let mut tls = client(proxy, tunnel, tls_for);
    tls.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
    let mut heard = String::new();
    match tls.read_to_string(&mut heard) {
        Err(error) if heard.is_empty() => Err(error.to_string()),
        _ => Ok(heard),
    }
}

const RULES: &str = "
  - allow: connect
    when: {hosts: [a.allowed.test], methods: [GET]}
  - {deny: connect, when: {matches: /private}}
";

fn opening(root: &CertificateDer<'static>) -> Opening {
    let credential = Credential::new("a.allowed.test", "X-Api-Key", "the-real-one").unwrap();
    assert!(Credential::new("a.allowed.test", "x-api-key", "two\nlines").is_err());
    assert!(Credential::new("a.allowed.test", "no header", "x").is_err());
    Opening::new(|host| host == "b.allowed.test", vec![credential], Roots::These(vec![root.clone()])).unwrap()
}

#[test]
fn bypass_58_requests_in_tls_are_decided_and_given_a_credential() {
    let (at, root) = server("a.allowed.test");
    let proxy = Proxy::opening(RULES, opening(&root));
    let asked = |request: &str| ask(&proxy, at, "a.allowed.test", "a.allowed.test", request);
    let get =
        "GET /public?x=1 HTTP/1.1\r\nHost: evil.test\r\nX-Api-Key: planted\r\nConnection: close\r\n\r\n";
    let heard = asked(get).unwrap();
    let told = heard.to_lowercase();
    assert!(heard.starts_with("HTTP/1.1 200") && told.contains("get /public?x=1"), "{heard}");
    assert!(told.contains("x-api-key: the-real-one") && !told.contains("planted"), "{heard}");
    assert!(
        told.contains(&format!("host: a.allowed.test:{}", at.port())) && !told.contains("evil"),
        "{heard}"
    );
    for refused in [
        "GET /private HTTP/1.1\r\nConnection: close\r\n\r\n",
        "POST /public HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "DELETE /public HTTP/1.1\r\nConnection: close\r\n\r\n",
    ] {
        let heard = asked(refused).unwrap();
        assert!(heard.starts_with("HTTP/1.1 403"), "{refused}: {heard}");
    }
    let events = proxy.end();
    let settled = events.of("settled");
    assert_eq!(settled.len(), 1, "{settled:?}");
    // The key is nowhere in the record.
    assert!(!format!("{:?}", events.of("decided")).contains("the-real-one"));
}

/// TLS for somebody else than the tunnel is for, and a server that nobody vouches for.
#[test]
fn nobody_else_is_believed() {
    let (at, root) = server("a.allowed.test");
    let proxy = Proxy::opening(RULES, opening(&root));
    let get = "GET /public HTTP/1.1\r\nConnection: close\r\n\r\n";
    // An opened tunnel says yes at once, and then ends.
    assert!(ask(&proxy, at, "a.allowed.test", "b.allowed.test", get).is_err());
    assert!(proxy.end().of("settled").is_empty());

    let (_, other) = server("a.allowed.test");
    let proxy = Proxy::opening(RULES, opening(&other));
    let heard = ask(&proxy, at, "a.allowed.test", "a.allowed.test", get).unwrap();
    assert!(heard.starts_with("HTTP/1.1 502"), "{heard}");

    // A host that is opened and not permitted is not contacted at all.
    let (at, root) = server("b.allowed.test");
    let proxy = Proxy::opening(RULES, opening(&root));
    let heard = ask(&proxy, at, "b.allowed.test", "b.allowed.test", get).unwrap();
    assert!(heard.starts_with("HTTP/1.1 403"), "{heard}");
    assert!(proxy.end().looked_up.is_empty());
}

/// Of what is not opened the TLS is the server's own.
#[test]
fn the_rest_is_left_closed() {
    let (at, root) = server("c.allowed.test");
    let rules = "\n  - {allow: connect, when: {hosts: c.allowed.test}}\n";
    let proxy = Proxy::opening(rules, opening(&root));
    let get = "POST /any HTTP/1.1\r\nConnection: close\r\n\r\n";
    let heard = ask(&proxy, at, "c.allowed.test", "c.allowed.test", get).unwrap();
    assert!(heard.contains("POST /any"), "{heard}");
    let server_sees_no_key = !heard.contains("the-real-one");
    assert!(server_sees_no_key);
}
