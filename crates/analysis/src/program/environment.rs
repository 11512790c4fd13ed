//! Variables that change what later programs do.

use super::Arg;

/// What setting a variable for other programs does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    /// Nothing that matters here.
    Harmless,
    /// Programs will run code from the folders it names.
    Code,
    /// Programs will find, load or run something else, or keep no record.
    Dangerous,
}

/// What setting `name` to `value` does.
pub(crate) fn setting(name: &str, value: Option<&Arg>) -> Setting {
    if CODE.contains(&name) {
        return Setting::Code;
    }
    if HARMLESS.contains(&name) || has_harmless_value(name, value) {
        return Setting::Harmless;
    }
    let dangerous = DANGEROUS.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
    if dangerous { Setting::Dangerous } else { Setting::Harmless }
}

/// Some variables are only dangerous with certain values.
fn has_harmless_value(name: &str, value: Option<&Arg>) -> bool {
    let Some(value) = value.and_then(Arg::known) else { return false };
    match name {
        "NODE_OPTIONS" => value
            .split_whitespace()
            .all(|option| option.starts_with("--max-old-space-size") || option == "--trace-warnings"),
        "RUSTFLAGS" | "RUSTDOCFLAGS" => {
            !value.contains("linker") && !value.contains("link-arg") && !value.contains('/')
        }
        "EDITOR" | "VISUAL" | "PAGER" | "MANPAGER" | "GIT_EDITOR" | "GIT_PAGER" | "GIT_SEQUENCE_EDITOR" => {
            matches!(value, "true" | ":" | "cat" | "" | "vi" | "vim" | "nano" | "less" | "more")
        }
        "CC" | "CXX" | "LD" | "AR" => matches!(
            value,
            "gcc" | "g++" | "clang" | "clang++" | "cc" | "c++" | "ld" | "ld.lld" | "lld" | "ar" | "llvm-ar"
        ),
        _ => false,
    }
}

/// Folders whose code programs load.
const CODE: &[&str] =
    &["PYTHONPATH", "NODE_PATH", "RUBYLIB", "PERL5LIB", "PERLLIB", "CLASSPATH", "GOPATH", "GOFLAGS"];

/// Members of a dangerous family that are harmless themselves.
static HARMLESS: &[&str] = &[
    "CARGO_BUILD_JOBS",
    "CARGO_INCREMENTAL",
    "CARGO_NET_OFFLINE",
    "CARGO_NET_RETRY",
    "CARGO_TARGET_DIR",
    "CARGO_TERM_COLOR",
    "GIT_AUTHOR_DATE",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_NAME",
    "GIT_COMMITTER_DATE",
    "GIT_COMMITTER_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_MERGE_AUTOEDIT",
    "GIT_OPTIONAL_LOCKS",
    "GIT_TERMINAL_PROMPT",
    "LESS",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "PIP_NO_CACHE_DIR",
    "PIP_NO_INPUT",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHASHSEED",
    "PYTHONIOENCODING",
    "PYTHONUNBUFFERED",
    "PYTHONUTF8",
];

static DANGEROUS: &[&str] = &[
    "AR",
    "BASHOPTS",
    "BROWSER",
    "CC",
    "CDPATH",
    "CURL_HOME",
    "CXX",
    "EDITOR",
    "ENV",
    "GCONV_PATH",
    "GLOBIGNORE",
    "GNUPGHOME",
    "HISTFILE",
    "HISTFILESIZE",
    "HISTSIZE",
    "HOME",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "KUBECONFIG",
    "LD",
    "LOCPATH",
    "MAIL",
    "MAILPATH",
    "MANPAGER",
    "NLSPATH",
    "NODE_OPTIONS",
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "PAGER",
    "PATH",
    "PERL5DB",
    "PERL5OPT",
    "POSIXLY_CORRECT",
    "PROMPT_COMMAND",
    "PS4",
    "RSYNC_RSH",
    "RUBYOPT",
    "RUSTC",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "SHELL",
    "SHELLOPTS",
    "SSH_AUTH_SOCK",
    "SUDO_EDITOR",
    "TAR_OPTIONS",
    "TERMCAP",
    "TERMINFO",
    "TMUX",
    "VISUAL",
    "WGETRC",
    "XDG_CONFIG_HOME",
    "ZDOTDIR",
    "all_proxy",
    "ftp_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

const PREFIXES: &[&str] = &[
    "BASH_",
    "CARGO_",
    "COMPOSER_",
    "DOCKER_",
    "DYLD_",
    "GIT_",
    "LD_",
    "LESS",
    "MAKE",
    "MAKEFILES",
    "NPM_CONFIG_",
    "PIP_",
    "PYTHON",
    "RUSTC_",
    "STAYHAND",
    "UV_",
    "_JAVA_",
    "npm_config_",
];

const SUFFIXES: &[&str] = &["_ASKPASS", "_COMMAND", "_PRELOAD", "_PROXY", "_RSH", "_SHELL", "_WRAPPER"];
