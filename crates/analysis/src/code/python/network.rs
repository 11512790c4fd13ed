//! Hosts and databases that Python code contacts.

use super::API;
use super::bindings::Binding;
use super::calls::Walker;
use super::values::Value;
use crate::code::Act;
use ruff_python_ast::{Expr, ExprCall};
use stayhand_core::facts::{Aspect, Trait};

impl<'a> Walker<'a, '_> {
    pub(super) fn hosts(&mut self, values: &[Value<'a>]) {
        for value in values {
            match value {
                Value::Text(host) => self.deeds.act(Act::Host(host.clone())),
                _ => self.deeds.note(Aspect::Hosts, "Python code contacts a host that is not known"),
            }
        }
    }

    /// `(host, port)`
    pub(super) fn address(&mut self, values: &[Value<'a>]) {
        for value in values {
            match value {
                Value::List(parts) => {
                    match (parts.first().map(Vec::as_slice), parts.get(1).map(Vec::as_slice)) {
                        (Some([Value::Text(host)]), Some([Value::Number(Some(port))])) => {
                            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                            self.deeds.act(Act::Host(format!("{host}:{port}")));
                        }
                        (Some(hosts), _) => {
                            let hosts = hosts.to_vec();
                            self.hosts(&hosts);
                        }
                        _ => self.deeds.note(Aspect::Hosts, "Python code contacts a host that is not known"),
                    }
                }
                _ => self.deeds.note(Aspect::Hosts, "Python code contacts a host that is not known"),
            }
        }
    }

    pub(super) fn url(&mut self, meaning: &str, values: &[Value<'a>], call: &'a ExprCall) {
        let sends = ["data", "json", "files", "content"]
            .into_iter()
            .any(|name| self.keyword(call, name).is_some_and(|data| !matches!(data, Expr::NoneLiteral(_))))
            || meaning == "url" && call.arguments.args.len() > 1 && self.takes_data(call);
        let stated = self
            .keyword(call, "method")
            .or_else(|| call.arguments.args.first())
            .and_then(|expr| self.folder.text(expr));
        let method = match meaning {
            "url-get" | "url" if !sends => {
                self.keyword(call, "method").map_or("GET", |_| known_method(stated.as_deref()))
            }
            "url-head" => "HEAD",
            "url-options" => "OPTIONS",
            "url-put" => "PUT",
            "url-patch" => "PATCH",
            "url-delete" => "DELETE",
            "url-any" if !sends => known_method(stated.as_deref()),
            _ => "POST",
        };
        for value in values {
            match value {
                Value::Text(url) => {
                    self.deeds.act(Act::Url(url.clone(), Some(method)));
                    if sends {
                        self.deeds.does(Trait::Disclose);
                    }
                }
                // A request object: its own line said where it goes.
                Value::Plain if meaning == "url" => self.request_object(call),
                _ => self.deeds.note(Aspect::Hosts, "Python code requests a URL that is not known"),
            }
        }
    }

    /// Whether a second argument of a request is its body, and not a file name to save to.
    pub(super) fn takes_data(&self, call: &'a ExprCall) -> bool {
        self.folder.values(&call.func).iter().any(|callee| {
            matches!(callee, Value::Name(name) if !name.ends_with("urlretrieve") && !name.starts_with("wget."))
        })
    }

    /// `urlopen(Request(…))`, where the request is made in this code from what is known.
    pub(super) fn request_object(&mut self, call: &'a ExprCall) {
        let made = match call.arguments.args.first() {
            Some(Expr::Call(inner)) => self.is_request(inner),
            Some(Expr::Name(name)) => {
                let bindings = self.folder.bindings.get(name.id.as_str());
                !bindings.is_empty()
                    && bindings.iter().all(|binding| {
                        matches!(binding, Binding::Value(Expr::Call(inner), 0) if self.is_request(inner))
                    })
            }
            _ => false,
        };
        if !made {
            self.deeds.note(Aspect::Hosts, "Python code requests a URL that is not known");
        }
    }

    pub(super) fn is_request(&self, call: &'a ExprCall) -> bool {
        self.folder.values(&call.func).iter().all(|callee| {
            matches!(callee, Value::Name(name) if name.ends_with(".Request") && API.exact(name).is_some())
        })
    }

    pub(super) fn sql(&mut self, meaning: &str, values: &[Value<'a>]) {
        let dialect = match meaning {
            "sql-sqlite" => Some("sqlite"),
            "sql-postgres" => Some("postgres"),
            "sql-mysql" => Some("mysql"),
            _ => None,
        };
        for value in values {
            match value {
                Value::Text(text) => self.deeds.act(Act::Sql(text.clone(), dialect)),
                _ => self.deeds.note(Aspect::Statements, "Python code runs SQL that is not known"),
            }
        }
    }

    pub(super) fn database(&mut self, values: &[Value<'a>]) {
        for value in values {
            match value {
                Value::Text(text) if text.contains("://") => {
                    self.deeds.act(Act::Host(host_of(text).to_owned()))
                }
                Value::Text(text) => {
                    let host = text.split_whitespace().find_map(|word| word.strip_prefix("host="));
                    self.deeds.acts.extend(host.map(|host| Act::Host(host.to_owned())));
                }
                _ => self.deeds.note(Aspect::Hosts, "Python code contacts a database that is not known"),
            }
        }
    }
}

/// The host and port of a database's address.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or_default();
    rest.rsplit_once('@').map_or(rest, |(_, host)| host)
}

/// A method that is known, or the one that is watched most closely.
fn known_method(stated: Option<&str>) -> &'static str {
    const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
    let stated = stated.unwrap_or_default();
    METHODS.into_iter().find(|known| known.eq_ignore_ascii_case(stated)).unwrap_or("POST")
}
