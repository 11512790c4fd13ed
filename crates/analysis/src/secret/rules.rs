//! What secrets look like. One row for each format: the keywords that announce it, and the
//! expression that has to match where the keyword begins (group 1, where there is one, is the
//! secret itself). Formats are those the issuers document.

/// One format.
pub(super) struct Rule {
    pub(super) kind: &'static str,
    /// Lower case.
    pub(super) keywords: &'static [&'static str],
    pub(super) expression: &'static str,
    /// What the keyword must not follow.
    pub(super) after: After,
    /// How many bytes from the keyword on are searched.
    pub(super) window: usize,
    /// Whether a match is a secret rather than a name or a gap to fill in.
    pub(super) accepts: fn(&str) -> bool,
}

impl Rule {
    /// A block of text that is a secret as a whole, to its end mark or the end of the text.
    pub(super) const fn whole(
        kind: &'static str,
        keywords: &'static [&'static str],
        expression: &'static str,
    ) -> Self {
        Self { kind, keywords, expression, after: After::Anything, window: WIDE_WINDOW, accepts: |_| true }
    }
}

/// What may stand before a keyword.
#[derive(Clone, Copy)]
pub(super) enum After {
    /// The keyword may continue a name, as in `GITHUB_TOKEN`.
    Anything,
    /// Nothing that the keyword would continue as a word.
    NoWord,
    /// Nothing that belongs to the alphabet of tokens. So long runs are searched once only.
    NoToken,
}

impl After {
    /// Whether a keyword may follow `before`.
    pub(super) fn allows(self, before: Option<char>) -> bool {
        let in_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match self {
            Self::Anything => true,
            Self::NoWord => !before.is_some_and(in_word),
            Self::NoToken => !before.is_some_and(|c| in_word(c) || c == '-'),
        }
    }
}

/// Enough for all but the longest formats; bounds the work that a hostile text can cause.
const WINDOW: usize = 512;

/// Enough for a private key or a token with many claims.
const WIDE_WINDOW: usize = 16 * 1024;

/// A format whose prefix alone makes it unmistakable.
pub(super) const fn prefixed(
    kind: &'static str,
    keywords: &'static [&'static str],
    expression: &'static str,
) -> Rule {
    Rule { kind, keywords, expression, after: After::NoWord, window: WINDOW, accepts: is_varied }
}

/// A value that only its surroundings mark as a secret.
pub(super) const fn in_context(
    kind: &'static str,
    keywords: &'static [&'static str],
    expression: &'static str,
    accepts: fn(&str) -> bool,
) -> Rule {
    Rule { kind, keywords, expression, after: After::Anything, window: WINDOW, accepts }
}

/// The formats. For a keyword that several share, the first that matches counts.
pub(super) static RULES: &[Rule] = &[
    prefixed(
        "aws-access-key-id",
        &["akia", "asia", "abia", "acca"],
        r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
    ),
    in_context(
        "aws-secret-access-key",
        &[
            "aws_secret",
            "aws-secret",
            "awssecret",
            "secret_access_key",
            "secretaccesskey",
            "secret-access-key",
        ],
        r#"(?i:[a-z_-]{9,40})["']?\s{0,3}[:=]\s{0,3}["']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+]|$)"#,
        is_random,
    ),
    prefixed("gcp-api-key", &["aiza"], r"AIza[0-9A-Za-z_-]{35}\b"),
    prefixed("google-oauth-token", &["ya29."], r"ya29\.[0-9A-Za-z_-]{20,}"),
    prefixed("google-client-secret", &["gocspx-"], r"GOCSPX-[0-9A-Za-z_-]{28}"),
    prefixed("github-token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], r"gh[pousr]_[0-9A-Za-z]{36,}\b"),
    prefixed("github-token", &["github_pat_"], r"github_pat_[0-9A-Za-z_]{36,}\b"),
    prefixed(
        "gitlab-token",
        &["glpat-", "gldt-", "glrt-", "glptt-", "glsoat-", "glcbt-", "glft-"],
        r"gl(?:pat|dt|rt|ptt|soat|cbt|ft)-[0-9A-Za-z_.-]{20,}",
    ),
    prefixed(
        "slack-token",
        &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xoxc-", "xoxd-"],
        r"xox[a-e-prs]-[0-9A-Za-z%-]{10,}",
    ),
    prefixed("slack-token", &["xapp-"], r"xapp-[0-9]-[0-9A-Z]{8,14}-[0-9]{8,16}-[0-9a-f]{32,}"),
    in_context(
        "slack-webhook",
        &["hooks.slack.com/"],
        r"hooks\.slack\.com/(?:services|workflows)/([0-9A-Za-z+/]{20,80})",
        is_varied,
    ),
    in_context(
        "discord-webhook",
        &["/api/webhooks/"],
        r"/api/webhooks/[0-9]{15,22}/([0-9A-Za-z_-]{50,90})",
        is_varied,
    ),
    prefixed(
        "stripe-key",
        &["sk_live_", "rk_live_", "sk_test_", "rk_test_"],
        r"[sr]k_(?:live|test)_[0-9A-Za-z]{10,}\b",
    ),
    prefixed("stripe-webhook-secret", &["whsec_"], r"whsec_[0-9A-Za-z+/=]{24,}"),
    prefixed("anthropic-key", &["sk-ant-"], r"sk-ant-[0-9A-Za-z_-]{20,}"),
    prefixed(
        "openai-key",
        &["sk-proj-", "sk-svcacct-", "sk-admin-"],
        r"sk-(?:proj|svcacct|admin)-[0-9A-Za-z_-]{20,}",
    ),
    prefixed("openrouter-key", &["sk-or-"], r"sk-or-v[0-9]-[0-9a-f]{32,80}"),
    Rule {
        kind: "openai-key",
        window: WINDOW,
        keywords: &["sk-"],
        expression: r"sk-[0-9A-Za-z]{20,80}\b",
        after: After::NoWord,
        accepts: is_random,
    },
    prefixed("npm-token", &["npm_"], r"npm_[0-9A-Za-z]{36}\b"),
    prefixed("pypi-token", &["pypi-"], r"pypi-[0-9A-Za-z_-]{50,}"),
    prefixed("rubygems-key", &["rubygems_"], r"rubygems_[0-9a-f]{48}\b"),
    prefixed("docker-token", &["dckr_pat_", "dckr_oat_"], r"dckr_[po]at_[0-9A-Za-z_-]{20,60}"),
    prefixed("huggingface-token", &["hf_"], r"hf_[0-9A-Za-z]{30,60}\b"),
    prefixed("databricks-token", &["dapi"], r"dapi[0-9a-f]{32}(?:-[0-9])?\b"),
    prefixed("digitalocean-token", &["dop_v1_", "doo_v1_", "dor_v1_"], r"do[opr]_v1_[0-9a-f]{64}\b"),
    prefixed(
        "shopify-token",
        &["shpat_", "shpss_", "shpca_", "shppa_"],
        r"shp(?:at|ss|ca|pa)_[0-9A-Fa-f]{32}\b",
    ),
    prefixed("sendgrid-key", &["sg."], r"SG\.[0-9A-Za-z_-]{16,32}\.[0-9A-Za-z_-]{16,64}\b"),
    prefixed("mailgun-key", &["key-"], r"key-[0-9a-f]{32}\b"),
    prefixed("vault-token", &["hvs.", "hvb.", "hvr."], r"hv[sbr]\.[0-9A-Za-z_-]{24,}"),
    prefixed("age-secret-key", &["age-secret-key-"], r"AGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    prefixed("linear-key", &["lin_api_", "lin_oauth_"], r"lin_(?:api|oauth)_[0-9A-Za-z]{32,64}\b"),
    prefixed("notion-token", &["ntn_"], r"ntn_[0-9A-Za-z]{40,60}\b"),
    prefixed("grafana-token", &["glsa_", "glc_"], r"gl(?:sa|c)_[0-9A-Za-z+/=_]{32,}"),
    prefixed("newrelic-key", &["nrak-"], r"NRAK-[0-9A-Z]{27}\b"),
    prefixed("sentry-token", &["sntrys_", "sntryu_"], r"sntry[su]_[0-9A-Za-z+/=_-]{40,}"),
    prefixed("doppler-token", &["dp.pt.", "dp.st."], r"dp\.[ps]t\.[0-9A-Za-z.]{40,60}\b"),
    prefixed("postman-key", &["pmak-"], r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}\b"),
    prefixed("atlassian-token", &["atatt3"], r"ATATT3[0-9A-Za-z_=-]{100,}"),
    prefixed("heroku-key", &["hrku-"], r"HRKU-[0-9A-Za-z_-]{36,64}"),
    prefixed("supabase-key", &["sbp_"], r"sbp_[0-9a-f]{40}\b"),
    in_context(
        "azure-storage-key",
        &["accountkey="],
        r"(?i:accountkey)=([0-9A-Za-z+/]{40,88}={0,2})",
        is_varied,
    ),
    Rule {
        kind: "jwt",
        keywords: &["eyj"],
        expression: r"eyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}",
        after: After::NoToken,
        window: WIDE_WINDOW,
        accepts: is_varied,
    },
    Rule::whole(
        "private-key",
        &["-----begin"],
        r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]{0,30}-----|\z)",
    ),
    in_context("url-password", &["://"], r#"://[^\s/:@"'<>?#]{0,}:([^\s/@"'<>]{3,})@"#, is_chosen),
    in_context("bearer-token", &["bearer"], r"(?i:bearer)\s{1,3}([0-9A-Za-z._~+/-]{20,}=*)", is_random),
    in_context(
        "basic-authorization",
        &["authorization"],
        r#"(?i:authorization)["']?\s{0,3}[:=]\s{0,3}["']?(?i:basic)\s{1,3}([0-9A-Za-z+/]{8,}={0,2})"#,
        |_| true,
    ),
    in_context(
        "token",
        &["authorization"],
        r#"(?i:authorization)["']?\s{0,3}[:=]\s{0,3}["']?(?i:bearer|token)\s{1,3}([0-9A-Za-z._~+/-]{16,}=*)"#,
        is_random,
    ),
    in_context(
        "password",
        &["password", "passwd", "passphrase", "pwd"],
        r#"(?i:password|passwd|passphrase|pwd)["']?(?:\s{0,3}(?:=>|:=|=|:)\s{0,3}|\s{1,3}(?:is)\s{1,3})["']?([^\s"'`,;<>(){}\[\]$|&]{6,})"#,
        is_chosen,
    ),
    in_context(
        "password",
        &["--password", "--passwd", "--passphrase", "--pass"],
        r#"(?i:--pass(?:word|wd|phrase)?)(?:=|\s{1,3})["']?([^\s"'`,;<>(){}\[\]$|&-][^\s"'`,;<>(){}\[\]$|&]{5,})"#,
        is_chosen,
    ),
    in_context(
        "password",
        &["-u ", "--user ", "--user=", "-u\"", "-u'"],
        r#"(?:-u|--user)[ =]?["']?[^\s:"']{1,64}:([^\s"'`,;<>|]{4,})"#,
        is_chosen,
    ),
    in_context(
        "password",
        &["password '", "identified by"],
        r"(?i:password|identified\s{1,3}by)\s{1,3}'([^']{4,})'",
        is_chosen,
    ),
    in_context(
        "token",
        TOKEN_NAMES,
        r#"(?i:(?:[a-z]{1,12}[_-]?)?(?:secret|token|key|credential)s?)["']?(?:\s{0,3}(?:=>|:=|=|:)\s{0,3}|\s{1,2})["']?([0-9A-Za-z_./+~-]{12,}={0,2})"#,
        is_random,
    ),
    in_context(
        "token",
        TOKEN_NAMES,
        r#"(?i:(?:[a-z]{1,12}[_-]?)?(?:secret|token|key|credential)s?)["']?(?:\s?[:=]\s?|\s)["']?([^\s"'`,;<>(){}\[\]$|&]{8,})"#,
        is_mixed,
    ),
    in_context("bearer-token", &["bearer"], r#"(?i:bearer)\s([^\s"'`,;<>(){}\[\]$|&]{8,})"#, is_mixed),
];

/// Names of values that are secret.
const TOKEN_NAMES: &[&str] = &[
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "accesskey",
    "access-key",
    "auth_key",
    "private_key",
    "secret_key",
    "client_secret",
    "credential",
    "encryption_key",
    "signing_key",
];

/// Not all the same few characters, as in `ghp_xxxxxxxx…` or `sk_live_00000…`.
pub(super) fn is_varied(text: &str) -> bool {
    distinct(text.rsplit(['_', '-', '.', '=']).find(|part| part.len() >= 8).unwrap_or(text)) >= 5
}

/// Looks drawn by chance: letters and digits, with at least 3 bits of entropy a character and no
/// word that stands for a gap to fill in.
pub(super) fn is_random(text: &str) -> bool {
    let letters = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.len() >= 12 && letters && digits >= 2 && entropy(text) >= 3.0 && !is_gap(text) && !is_reference(text)
}

/// Looks like a password somebody chose: not only lower-case letters, and not a gap to fill in.
pub(super) fn is_chosen(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-' | b'.'));
    !plain && distinct(text) >= 4 && !is_gap(text) && !is_reference(text)
}

/// Letters and digits mixed as in `Tr0ub4dor`, and neither a gap to fill in nor a name of something else.
fn is_mixed(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
    let lower = text.bytes().any(|byte| byte.is_ascii_lowercase());
    digits >= 2 && upper && lower && distinct(text) >= 6 && !is_gap(text) && !is_reference(text)
}

fn distinct(text: &str) -> usize {
    let mut seen = [false; 256];
    text.bytes().for_each(|byte| {
        if let Some(slot) = seen.get_mut(usize::from(byte)) {
            *slot = true;
        }
    });
    seen.iter().filter(|seen| **seen).count()
}

/// Shannon entropy in bits for each byte: log n − Σ c·log c ∕ n over the counts c of n bytes.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let repeated: f64 = counts.iter().map(|count| f64::from(*count) * log2(*count)).sum();
    log2(total) - repeated / f64::from(total.max(1))
}

/// The binary logarithm to sixteen places, by squaring; zero for zero. The standard one would be the only thing
/// that this program needs the mathematical library for, and loading that takes longer than all else here.
fn log2(number: u32) -> f64 {
    let Some(whole) = number.checked_ilog2() else { return 0.0 };
    let mut rest = f64::from(number) / f64::from(1_u32 << whole);
    let (mut sum, mut place) = (f64::from(whole), 0.5);
    for _ in 0..16 {
        rest *= rest;
        if rest >= 2.0 {
            rest /= 2.0;
            sum += place;
        }
        place /= 2.0;
    }
    sum
}

/// Text that stands for a secret: `your-token-here`, `changeme`, `xxxx`, `****`.
fn is_gap(text: &str) -> bool {
    const WORDS: [&str; 12] = [
        "changeme",
        "change-me",
        "dummy",
        "example",
        "insert",
        "placeholder",
        "redacted",
        "replace",
        "xxxx",
        "your-",
        "your_",
        "****",
    ];
    let lower = text.to_ascii_lowercase();
    lower == "password" || WORDS.iter().any(|word| lower.contains(word))
}

/// `db.example.com:5432`.
fn is_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        host.contains('.') && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Text that names where a secret is kept: `os.environ`, `process.env.TOKEN`, `/run/secrets/x`.
fn is_reference(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let upper_name =
        text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    lower.contains("environ")
        || lower.contains("process.env")
        || lower.contains("getenv")
        || lower.starts_with("http")
        || text.contains("::")
        || text.starts_with(['/', '~', '%', '{', '.', '@', '*', ':'])
        || is_port(text)
        || (upper_name && text.contains('_'))
        || (lower.contains('.')
            && lower
                .split('.')
                .all(|part| part.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_and_entropy_are_the_usual_ones() {
        for number in (1..5000).chain([65_535, 1_000_003, u32::MAX]) {
            assert!((log2(number) - f64::from(number).log2()).abs() < 1e-4, "{number}");
        }
        for (text, bits) in [("", 0.0), ("aaaa", 0.0), ("abab", 1.0), ("abcd", 2.0), ("aabbccdd", 2.0)] {
            assert!((entropy(text) - bits).abs() < 1e-4, "{text}");
        }
    }
}
