//! HTTP, to the addresses that were judged and no others. Redirects are reported, not followed.

use super::{Effected, Work, failed};
use stayhand_core::event::Outcome;
use stayhand_core::facts::HostUse;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use ureq::http::{Method, Request, Uri};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

pub(super) fn fetch(work: &Work<'_>, limit: Duration, cap: usize) -> (Outcome, Effected) {
    let host = work.facts.operations.iter().flat_map(|op| &op.hosts).next();
    let (Some(url), Some(host)) = (work.text("url"), host) else { return failed("`url` is missing") };
    match send(work, url, host, limit, cap) {
        Ok(effected) => (Outcome::Done, effected),
        Err(error) => failed(error),
    }
}

fn send(work: &Work<'_>, url: &str, host: &HostUse, limit: Duration, cap: usize) -> Result<Effected, String> {
    let config = ureq::Agent::config_builder()
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_global(Some(limit))
        .proxy(None)
        .build();
    let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), Pinned::to(host)?);
    let mut response = agent.run(request(work, url)?).map_err(|error| error.to_string())?;
    let status = response.status();
    let redirect = response.headers().get("location").filter(|_| status.is_redirection());
    let redirect = redirect.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    let read = response.body_mut().as_reader().take(cap as u64).read_to_end(&mut body);
    read.map_err(|error| format!("the answer broke off: {error}"))?;
    Ok(Effected { redirect, ..Effected::collect(&body, format!("HTTP {status}\n").as_bytes()) })
}

fn request(work: &Work<'_>, url: &str) -> Result<Request<String>, String> {
    let method = work.text("method").unwrap_or("GET").to_ascii_uppercase();
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| format!("`{method}` is not a method"))?;
    let mut builder = Request::builder().method(method).uri(url);
    if let Some(headers) = work.request.resource.0.get("headers").and_then(|headers| headers.as_object()) {
        for (name, value) in headers {
            let value = value.as_str().ok_or_else(|| format!("the header `{name}` is not a text"))?;
            builder = builder.header(name, value);
        }
    }
    builder.body(work.text("body").unwrap_or_default().to_owned()).map_err(|error| error.to_string())
}

/// A resolver that knows one host and the addresses that were judged.
#[derive(Debug)]
struct Pinned {
    addresses: Vec<IpAddr>,
}

impl Pinned {
    fn to(host: &HostUse) -> Result<Self, String> {
        let addresses = host.to_dial();
        if addresses.is_empty() {
            return Err(format!("the name `{}` has no address", host.host));
        }
        Ok(Self { addresses })
    }
}

impl Resolver for Pinned {
    fn resolve(
        &self,
        uri: &Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let https = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let mut found = self.empty();
        for address in self.addresses.iter().take(16) {
            found.push(SocketAddr::new(*address, port));
        }
        Ok(found)
    }
}
