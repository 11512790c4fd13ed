//! Hosts, URLs and what goes to and comes from other machines.

use super::interpret::Interpreter;
use super::paths::note;
use super::spec::Meaning;
use super::{Arg, Certainty, OWN_PROCESS, unlisted};
use crate::{host, url};
use stayhand_core::facts::{Access, AddressClass, Aspect, HostUse, Opaque, Operation, Trait};

/// What a word that concerns other machines, or git, does.
pub(super) fn apply(interpreter: &mut Interpreter<'_>, meaning: Meaning, arg: &Arg) {
    match meaning {
        Meaning::Host => host_word(interpreter, arg),
        Meaning::Url => interpreter.add_url(arg),
        Meaning::UrlSend => {
            interpreter.method.get_or_insert_with(|| "POST".to_owned());
            interpreter.add_url(arg);
        }
        Meaning::Method => method(interpreter, arg),
        Meaning::Data => data(interpreter, arg),
        Meaning::AtFile => at_file(interpreter, arg),
        Meaning::Upload => upload(interpreter, arg),
        Meaning::Database => database(interpreter, arg),
        Meaning::Remote => remote(interpreter, arg, Access::Read),
        Meaning::RemoteRead => remote_path(interpreter, arg, Access::Read),
        Meaning::RemoteWrite => remote_path(interpreter, arg, Access::Write),
        Meaning::RemoteMirror => {
            remote_path(interpreter, arg, Access::Write);
            remote_path(interpreter, arg, Access::Delete);
        }
        Meaning::Refspec => {
            if arg.is_unknown() || arg.text.starts_with(['+', ':']) {
                interpreter.operation.does.insert(Trait::Force);
                interpreter.operation.does.insert(Trait::DiscardWork);
            }
        }
        Meaning::GitSetting | Meaning::GitKey => {
            let key = arg.known().map(|text| text.split('=').next().unwrap_or_default());
            if !key.is_some_and(is_plain_git_key) {
                interpreter.note_effects("a git setting that may run programs");
            }
        }
        Meaning::Checkout => checkout(interpreter, arg),
        Meaning::Process => process(interpreter, arg),
        Meaning::Source if arg.text.contains('\\') => interpreter.apply(Meaning::Opaque, arg),
        Meaning::Source => interpreter.apply(Meaning::Script, arg),
        Meaning::Bind => bind(interpreter, arg),
        Meaning::Rename => rename(interpreter, arg),
        Meaning::Thing => unlisted::name_of_thing(&mut interpreter.operation, arg, interpreter.situation),
        Meaning::DiscardPath => discard(interpreter, arg),
        _ => note(&mut interpreter.operation, Aspect::Arguments, "a word is not understood"),
    }
}

/// One process, a group (`-42`), a job (`%1`), or all that may be signalled (`-1`, `0` is the own group).
fn process(interpreter: &mut Interpreter<'_>, arg: &Arg) {
    match arg.known() {
        Some("-1" | "1") => interpreter.operation.does.insert(Trait::Power),
        Some(_) => {}
        None if arg.certainty == Certainty::Pattern && arg.text == OWN_PROCESS => {}
        None => interpreter.note_effects("which process is stopped is not known"),
    }
}

/// Whoever listens for all machines shows them what it serves.
fn bind(interpreter: &mut Interpreter<'_>, arg: &Arg) {
    interpreter.operation.does.insert(Trait::Listen);
    let own = ["localhost", "127.", "[::1]", "::1", ":"];
    let local = own.iter().any(|start| arg.text.starts_with(start));
    let port = arg.text.bytes().all(|byte| byte.is_ascii_digit());
    if !local && !port {
        interpreter.operation.does.insert(Trait::Disclose);
    }
}

/// Perl's `rename` takes any code; a substitution, or a plain text as the other `rename` has it, is none.
fn rename(interpreter: &mut Interpreter<'_>, arg: &Arg) {
    let plain = |text: &str| !text.contains(['(', '`', ';', '@', '$', '{']);
    let substitutes = |text: &str| {
        let parts = text.strip_prefix("s/").or_else(|| text.strip_prefix("y/"));
        let parts: Vec<&str> = parts.unwrap_or_default().split('/').collect();
        // `e` runs what the substitution makes, and `@{[…]}` and `(?{…})` are code as well.
        matches!(parts.as_slice(), [_, _, flags] if flags.bytes().all(|flag| b"gimsxr".contains(&flag)))
            && !text.contains(['@', '`', ';', '{'])
    };
    match arg.known() {
        Some(text) if plain(text) || substitutes(text) => {}
        _ => interpreter.note_effects("the code that makes the new names is not known"),
    }
}

fn method(interpreter: &mut Interpreter<'_>, arg: &Arg) {
    match arg.known() {
        Some(method) => interpreter.method = Some(method.to_ascii_uppercase()),
        None => note(&mut interpreter.operation, Aspect::Arguments, "the request method is not known"),
    }
}

/// `text`, `@file` or `@-`.
fn data(interpreter: &mut Interpreter<'_>, arg: &Arg) {
    interpreter.method.get_or_insert_with(|| "POST".to_owned());
    // `name=@file` and `name=<file` are the form's way of saying it.
    let at = arg.text.find(['@', '<']).filter(|at| {
        *at == 0 || arg.text.get(..*at).is_some_and(|before| before.ends_with('=') && !before.contains(' '))
    });
    match at {
        Some(at) if arg.text.get(at + 1..) == Some("-") => send_input(interpreter),
        Some(at) => {
            interpreter.path(Access::Read, &arg.after(at + 1));
            interpreter.operation.does.insert(Trait::Disclose);
        }
        None if arg.is_unknown() => {
            note(&mut interpreter.operation, Aspect::Arguments, "the data that is sent is not known");
        }
        None => {}
    }
}

/// `@file` and `name@file`, with which a text is taken from a file.
fn at_file(interpreter: &mut Interpreter<'_>, arg: &Arg) {
    let is_name = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'%'))
    };
    let found = arg.text.find('@').filter(|at| arg.text.get(..*at).is_some_and(is_name));
    match found {
        Some(at) if arg.text.get(at + 1..) == Some("-") => send_input(interpreter),
        Some(at) => upload(interpreter, &arg.after(at + 1)),
        None => {}
    }
}

/// `[METHOD] URL [NAME=VALUE | NAME:=VALUE | NAME@FILE | NAME==QUERY | NAME:HEADER]…`
pub(super) fn request(interpreter: &mut Interpreter<'_>, words: &[Arg]) {
    let is_method = |word: &Arg| {
        word.known()
            .is_some_and(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase()))
    };
    let mut words = words.iter().peekable();
    if let Some(word) = words.next_if(|word| is_method(word)) {
        method(interpreter, word);
    }
    let Some(address) = words.next() else { return };
    let local = address.text.starts_with(':');
    let address = if local {
        Arg { text: format!("localhost{}", address.text), ..address.clone() }
    } else {
        address.clone()
    };
    interpreter.add_url(&address);
    for item in words {
        let Some(at) = item.text.find(['=', '@', ':']) else { continue };
        let separator = item.text.get(at..).unwrap_or_default();
        // `d==@file`, `name:@file` and `d=@file` take the value from a file.
        let value = separator.trim_start_matches(['=', ':']);
        if value.starts_with('@') {
            upload(interpreter, &item.after(at + separator.len() - value.len() + 1));
        }
        if separator.starts_with("==") || separator.starts_with(':') && !separator.starts_with(":=") {
            continue;
        }
        interpreter.method.get_or_insert_with(|| "POST".to_owned());
    }
    if interpreter.situation.input.local {
        interpreter.method.get_or_insert_with(|| "POST".to_owned());
        interpreter.operation.does.insert(Trait::Disclose);
    }
}

fn upload(interpreter: &mut Interpreter<'_>, arg: &Arg) {
    interpreter.method.get_or_insert_with(|| "PUT".to_owned());
    if matches!(arg.known(), Some("-" | ".")) {
        return send_input(interpreter);
    }
    interpreter.path(Access::Read, arg);
    interpreter.operation.does.insert(Trait::Disclose);
}

fn send_input(interpreter: &mut Interpreter<'_>) {
    if interpreter.situation.input.local {
        interpreter.operation.does.insert(Trait::Disclose);
    }
}

fn host_word(interpreter: &mut Interpreter<'_>, arg: &Arg) {
    if arg.is_unknown() {
        return note(&mut interpreter.operation, Aspect::Hosts, "the host is not known");
    }
    let text = arg.text.rsplit('@').next().unwrap_or_default();
    if text.starts_with('/') || text.is_empty() {
        return; // A socket in the file system.
    }
    push_host(&mut interpreter.operation, host::host_use(text).map(alias));
}

/// A name without a dot is an alias, which the program's own settings or a look-up give a meaning.
fn alias(found: HostUse) -> HostUse {
    let is_alias = found.class == AddressClass::Private && !found.host.contains(['.', ':']);
    HostUse { class: if is_alias { AddressClass::Name } else { found.class }, ..found }
}

fn push_host(operation: &mut Operation, found: Result<HostUse, Opaque>) {
    match found {
        Ok(found) if operation.hosts.contains(&found) => {}
        Ok(found) => operation.hosts.push(found),
        Err(opaque) => note(operation, opaque.aspect, opaque.why),
    }
}

/// `/dev/tcp/HOST/PORT`
pub(super) fn add_device_host(operation: &mut Operation, text: &str) {
    let text = text.replacen('/', ":", 1);
    operation.does.insert(Trait::Network);
    push_host(operation, host::host_use(&text));
}

/// The part of a URL that names the host is enough, if it is followed by `/`, `?` or `#`.
fn url_host(arg: &Arg, method: Option<&str>) -> Option<Result<HostUse, Opaque>> {
    let (scheme, rest) = arg.text.split_once("://").unwrap_or(("http", &arg.text));
    let end = rest.find(['/', '?', '#']);
    if !arg.is_exact() && end.is_none() {
        return None;
    }
    if arg.is_exact() && arg.text.contains("://") {
        let found = url::host_use(&arg.text, method);
        return Some(if scheme.starts_with("http") { found } else { found.map(alias) });
    }
    let authority = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    Some(url::host_use(&format!("{scheme}://{authority}/"), method))
}

/// What is known once every option has been seen.
pub(super) fn finish(interpreter: &mut Interpreter<'_>) {
    let method = interpreter.method.take();
    let urls = interpreter.take_urls();
    if urls.is_empty()
        && method.as_deref().is_some_and(|method| !matches!(method, "GET" | "HEAD" | "OPTIONS"))
    {
        interpreter.operation.does.insert(Trait::Infrastructure);
    }
    for arg in urls {
        if let Some(file) = arg.text.strip_prefix("file://") {
            // A client of the network has no honest reason to fetch what lies here.
            interpreter.operation.does.insert(Trait::Disguise);
            interpreter.path(Access::Read, &Arg { text: file.to_owned(), ..arg.clone() });
            continue;
        }
        match url_host(&arg, method.as_deref().or(Some("GET"))) {
            Some(found) => push_host(&mut interpreter.operation, found),
            None => note(&mut interpreter.operation, Aspect::Hosts, "the host is not known"),
        }
        if interpreter.saves() {
            save(interpreter, &arg);
        }
    }
}

/// A download that keeps its own name.
fn save(interpreter: &mut Interpreter<'_>, arg: &Arg) {
    let path = arg.text.split_once("://").map_or(arg.text.as_str(), |(_, rest)| rest);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let name =
        path.split_once('/').and_then(|(_, path)| path.rsplit('/').next()).filter(|name| !name.is_empty());
    let name = match name {
        Some(name) if arg.is_exact() => Arg::exact(name),
        Some(_) => Arg::pattern("*"),
        None => Arg::exact("index.html"),
    };
    interpreter.path(Access::Write, &name);
}

/// A database by name, or by a URL that names its host.
fn database(interpreter: &mut Interpreter<'_>, arg: &Arg) {
    if let Some((scheme, rest)) = arg.text.split_once("://") {
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        return scheme_host(interpreter, scheme, authority);
    }
    for setting in arg.text.split_whitespace() {
        if let Some(host) = setting.strip_prefix("host=") {
            host_word(interpreter, &Arg::exact(host));
        }
    }
    if arg.is_unknown() {
        note(&mut interpreter.operation, Aspect::Hosts, "the database is not known");
    }
}

/// A git remote: a URL, `host:path`, a folder, or a configured name.
fn remote(interpreter: &mut Interpreter<'_>, arg: &Arg, access: Access) {
    if arg.is_unknown() && arg.text.is_empty() {
        return note(&mut interpreter.operation, Aspect::Hosts, "the remote is not known");
    }
    let text = arg.text.as_str();
    if text.contains("::") {
        return interpreter.note_effects("a git transport that runs a program");
    }
    if let Some(path) = text.strip_prefix("file://") {
        return interpreter.path(access, &Arg { text: path.to_owned(), ..arg.clone() });
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let authority = rest.split('/').next().unwrap_or_default();
        return scheme_host(interpreter, scheme, authority);
    }
    match text.split_once(':') {
        Some((host, _)) if !host.contains('/') && !host.is_empty() => {
            let host = Arg::exact(host);
            host_word(interpreter, &host);
        }
        _ if text.starts_with(['.', '/', '~']) => interpreter.path(access, arg),
        _ => interpreter.operation.does.insert(Trait::Network),
    }
}

fn scheme_host(interpreter: &mut Interpreter<'_>, scheme: &str, authority: &str) {
    let found = match scheme {
        "http" | "https" => url::host_use(&format!("{scheme}://{authority}/"), None),
        "ssh" | "git" | "git+ssh" | "rsync" | "sftp" | "ftp" | "redis" | "rediss" | "postgres"
        | "postgresql" | "mysql" | "mongodb" | "mongodb+srv" | "tcp" | "s3" => {
            host::host_use(authority.rsplit('@').next().unwrap_or_default())
        }
        _ => {
            return note(&mut interpreter.operation, Aspect::Hosts, "the kind of address is not known");
        }
    };
    push_host(&mut interpreter.operation, found);
}

/// `host:path` or a local path, as `scp` and `rsync` have it.
fn remote_path(interpreter: &mut Interpreter<'_>, arg: &Arg, access: Access) {
    let text = arg.text.as_str();
    if let Some((scheme, rest)) = text.split_once("://") {
        let authority = rest.split('/').next().unwrap_or_default();
        scheme_host(interpreter, scheme, authority);
        return sent(interpreter, access);
    }
    match text.split_once(':') {
        Some((host, _)) if !host.contains('/') && !host.is_empty() => {
            host_word(interpreter, &Arg::exact(host));
            sent(interpreter, access);
        }
        _ => interpreter.path(access, arg),
    }
}

fn sent(interpreter: &mut Interpreter<'_>, access: Access) {
    if access == Access::Write {
        interpreter.operation.does.insert(Trait::Disclose);
    }
}

/// `git checkout WORD`: a folder or file loses its changes, a branch does not.
fn checkout(interpreter: &mut Interpreter<'_>, arg: &Arg) {
    let path_like = matches!(arg.text.as_str(), "." | ":/" | "*")
        || arg.text.starts_with("./")
        || arg.text.starts_with("../");
    if arg.is_unknown() || !path_like {
        return;
    }
    discard(interpreter, arg);
}

fn discard(interpreter: &mut Interpreter<'_>, arg: &Arg) {
    interpreter.operation.does.insert(Trait::DiscardWork);
    interpreter.path(Access::Write, arg);
}

/// Git settings that only choose names, colours and strategies.
fn is_plain_git_key(key: &str) -> bool {
    const PLAIN: &[&str] = &[
        "advice.",
        "branch.autosetuprebase",
        "color.",
        "column.",
        "commit.gpgsign",
        "core.abbrev",
        "core.autocrlf",
        "core.eol",
        "core.filemode",
        "core.ignorecase",
        "core.longpaths",
        "core.quotepath",
        "core.safecrlf",
        "core.whitespace",
        "core.compression",
        "diff.algorithm",
        "diff.colormoved",
        "diff.mnemonicprefix",
        "diff.renames",
        "fetch.prune",
        "format.pretty",
        "gc.auto",
        "grep.",
        "help.autocorrect",
        "http.postbuffer",
        "init.defaultbranch",
        "log.",
        "merge.conflictstyle",
        "merge.ff",
        "pull.ff",
        "pull.rebase",
        "push.autosetupremote",
        "push.default",
        "push.followtags",
        "rebase.autosquash",
        "rebase.autostash",
        "rerere.",
        "safe.directory",
        "status.",
        "submodule.recurse",
        "tag.sort",
        "user.email",
        "user.name",
        "user.signingkey",
        "versionsort.",
    ];
    let key = key.to_ascii_lowercase();
    PLAIN.iter().any(|plain| match plain.strip_suffix('.') {
        Some(_) => key.starts_with(plain),
        None => key == *plain,
    })
}
