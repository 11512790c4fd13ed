//! Opens the TLS to chosen hosts, so that each request in it is decided, and may be given a credential that the program never
//! sees. Programs inside are told to believe an authority that is made for one run and signs for nobody else.

use super::Shared;
use super::forward::{forward, refusal};
use super::http::builder;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use stayhand_runtime::usual_host;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsConnector};

/// What the proxy adds to requests to a host.
#[derive(Clone)]
pub struct Credential {
    host: String,
    header: HeaderName,
    value: HeaderValue,
}

impl Credential {
    /// `host` in its usual form; the header that carries the credential, by which the program's own is replaced; and its
    /// value. The error: it cannot be sent so.
    pub fn new(host: &str, header: &str, value: &str) -> Result<Self, OpeningError> {
        let unsendable = || OpeningError::Unsendable(header.to_owned());
        let name = HeaderName::try_from(header).map_err(|_| unsendable())?;
        let mut value = HeaderValue::try_from(value).map_err(|_| unsendable())?;
        value.set_sensitive(true);
        Ok(Self { host: host.to_owned(), header: name, value })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({} to {})", self.header, self.host)
    }
}

/// Why nothing can be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpeningError {
    /// The name or the value of this header is none that can be sent.
    #[error("what the header `{0}` is to hold cannot be sent in one")]
    Unsendable(String),
    /// A key or certificate cannot be made.
    #[error("no authority can be made: {0}")]
    Authority(#[from] rcgen::Error),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// What is opened, and how.
pub struct Opening {
    hosts: Box<dyn Fn(&str) -> bool + Send + Sync>,
    credentials: Vec<Credential>,
    authority: Option<Authority>,
    /// Its certificate among the others that programs inside believe.
    bundle: Option<String>,
    roots: Roots,
    client: OnceLock<Arc<ClientConfig>>,
}

/// The certificates that servers are believed by.
#[derive(Debug)]
pub enum Roots {
    /// Those that programs of this machine believe.
    System,
    /// These.
    These(Vec<CertificateDer<'static>>),
}

/// Where systems keep theirs in one file.
const SYSTEM_FILES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

impl Roots {
    fn certificates(&self) -> Vec<CertificateDer<'static>> {
        match self {
            // What cannot be read is not believed.
            Self::System => rustls_native_certs::load_native_certs().certs,
            Self::These(roots) => roots.clone(),
        }
    }

    /// As text.
    fn pem(&self) -> String {
        let file = SYSTEM_FILES.iter().find_map(|path| std::fs::read_to_string(path).ok());
        match (self, file) {
            (Self::System, Some(text)) => text + "\n",
            _ => self.certificates().iter().map(|root| pem(root)).collect(),
        }
    }
}

/// Who signs for hosts, to programs inside.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    /// What was made for each host so far.
    made: Mutex<BTreeMap<String, Arc<ServerConfig>>>,
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Nothing else is understood here.
fn http_only() -> Vec<Vec<u8>> {
    vec![b"http/1.1".to_vec()]
}

impl Opening {
    /// Nothing is opened.
    pub fn none() -> Self {
        Self {
            hosts: Box::new(|_| false),
            credentials: Vec::new(),
            authority: None,
            bundle: None,
            roots: Roots::These(Vec::new()),
            client: OnceLock::new(),
        }
    }

    /// TLS to `hosts` is opened, and to whoever gets a credential. Servers are believed by `roots`, as they are by programs
    /// inside.
    pub fn new(
        hosts: impl Fn(&str) -> bool + Send + Sync + 'static,
        credentials: Vec<Credential>,
        roots: Roots,
    ) -> Result<Self, OpeningError> {
        let authority = Authority::new()?;
        let bundle = roots.pem() + &authority.pem;
        Ok(Self {
            hosts: Box::new(hosts),
            credentials,
            authority: Some(authority),
            bundle: Some(bundle),
            roots,
            client: OnceLock::new(),
        })
    }

    /// How servers are spoken with. Made when the first one is: most runs speak with none.
    fn client(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(client) = self.client.get() {
            return Ok(Arc::clone(client));
        }
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(self.roots.certificates());
        let client = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let client = client.map_err(|error| error.to_string())?;
        let mut client = client.with_root_certificates(store).with_no_client_auth();
        client.alpn_protocols = http_only();
        Ok(Arc::clone(self.client.get_or_init(|| Arc::new(client))))
    }

    /// The certificates that programs inside have to believe, in PEM.
    pub(super) fn bundle(&self) -> Option<&str> {
        self.bundle.as_deref()
    }

    /// The host as it is compared, if TLS to it is opened.
    pub(super) fn opens(&self, host: &str) -> Option<String> {
        self.authority.as_ref()?;
        let host = usual_host(host)?;
        let gets_one = || self.credentials.iter().any(|credential| credential.host == host);
        ((self.hosts)(&host) || gets_one()).then_some(host)
    }

    /// Adds what the host is to be shown, in the place of what the program says.
    pub(super) fn add_credentials(&self, host: &str, headers: &mut HeaderMap) {
        for credential in self.credentials.iter().filter(|credential| credential.host == host) {
            headers.insert(credential.header.clone(), credential.value.clone());
        }
    }

    /// TLS with a server that is whom it says.
    pub(super) async fn connect(
        &self,
        host: &str,
        server: TcpStream,
    ) -> Result<TlsStream<TcpStream>, String> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        let connected = TlsConnector::from(self.client()?).connect(name, server).await;
        connected.map_err(|error| format!("{host}: {error}"))
    }
}

/// A certificate as text.
fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = BASE64_STANDARD.encode(certificate);
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
}

/// The port of `https:`, which its URLs leave out.
pub(super) const TLS_PORT: u16 = 443;

/// The most hosts for which certificates are kept.
const MOST_HOSTS: usize = 64;

impl Authority {
    fn new() -> Result<Self, OpeningError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "Stayhand, for this run alone");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem, made: Mutex::default() })
    }

    /// What a program is shown for `host`.
    fn config(&self, host: &str) -> Result<Arc<ServerConfig>, OpeningError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = made.get(host) {
            return Ok(Arc::clone(config));
        }
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, host);
        let certificate: CertificateDer<'static> = params.signed_by(&key, &self.issuer)?.into();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let mut config = config.with_no_client_auth().with_single_cert(vec![certificate], key)?;
        config.alpn_protocols = http_only();
        let config = Arc::new(config);
        if made.len() >= MOST_HOSTS {
            made.clear();
        }
        made.insert(host.to_owned(), Arc::clone(&config));
        Ok(config)
    }
}

/// Speaks TLS with a program in the place of `host`, and decides about each request.
pub(super) async fn converse<S>(stream: S, shared: &Arc<Shared>, host: &str, port: u16)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Some(authority) = &shared.opening.authority else { return };
    let accepting = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
    let Ok(Ok(hello)) = timeout(super::PATIENCE, accepting).await else { return };
    let asks_for = hello.client_hello().server_name().and_then(usual_host);
    // An address has no name to ask for.
    let is_address = host.parse::<IpAddr>().is_ok();
    if asks_for.as_deref().unwrap_or(if is_address { host } else { "" }) != host {
        let found = asks_for.unwrap_or_else(|| "nobody".to_owned());
        shared.note_refusal(&format!("{host}:{port}"), &format!("its TLS is for {found} and not for {host}"));
        return;
    }
    let Ok(config) = authority.config(host) else { return };
    let Ok(Ok(stream)) = timeout(super::PATIENCE, hello.into_stream(config)).await else { return };
    let bare = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let authority = if port == TLS_PORT { bare } else { format!("{bare}:{port}") };
    let service = service_fn(|request| async {
        let answered = forward(shared, "https", &authority, request).await;
        Ok::<_, Infallible>(answered.unwrap_or_else(refusal))
    });
    // An error is the program's to see.
    let _ = builder().serve_connection(TokioIo::new(stream), service).await;
}
