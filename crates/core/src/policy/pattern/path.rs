//! Patterns over paths: globs by component, and places.

use super::{Patterns, Tri, parse_name, wildcard};
use crate::facts::{PathUse, Place};
use crate::request::Context;

/// Whether some text matches both wildcard patterns. A shell's leading `*` or `?` does not stand
/// for a leading dot. Quadratic in the lengths; longer patterns are taken to meet.
fn components_meet(rule: &str, shell: &str) -> bool {
    const LIMIT: usize = 64;
    if shell.starts_with(['*', '?']) && rule.starts_with('.') {
        return false;
    }
    let (rule, shell) = (rule.as_bytes(), shell.as_bytes());
    if rule.len().max(shell.len()) > LIMIT {
        return true;
    }
    // meets[j]: what is left of `rule` and `shell[j..]` can meet; filled from the end.
    let mut below = [false; LIMIT + 1];
    for i in (0..=rule.len()).rev() {
        let mut meets = [false; LIMIT + 1];
        for j in (0..=shell.len()).rev() {
            let here = |cells: &[bool; LIMIT + 1], at: usize| cells.get(at).copied().unwrap_or(false);
            let answer = match (rule.get(i), shell.get(j)) {
                (None, None) => true,
                (Some(b'*'), None) => here(&below, j),
                (None, Some(b'*')) => here(&meets, j + 1),
                (Some(b'*'), _) | (_, Some(b'*' | b'[')) => {
                    here(&below, j) || here(&meets, j + 1) || here(&below, j + 1)
                }
                (Some(b'?'), Some(_)) | (Some(_), Some(b'?')) => here(&below, j + 1),
                (Some(x), Some(y)) => x == y && here(&below, j + 1),
                _ => false,
            };
            if let Some(cell) = meets.get_mut(j) {
                *cell = answer;
            }
        }
        below = meets;
    }
    below.first().copied().unwrap_or(true)
}

/// A path pattern, split into components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathGlob {
    base: Base,
    components: Vec<Component>,
    /// The path below the base, where every component is literal.
    literal: Option<Box<str>>,
}

/// What a path pattern is relative to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Root,
    Workspace,
    Home,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Component {
    Literal(Box<str>),
    Wild(Box<str>),
    AnyDepth,
}

impl PathGlob {
    /// `/x/**` is absolute, `~/x` lies in the home folder, `./x` and `x/y` in the workspace;
    /// a pattern without `/` (`*.pem`) matches the last component anywhere.
    pub(crate) fn parse(text: &str) -> Self {
        let (base, rest) = if let Some(rest) = text.strip_prefix("~/") {
            (Base::Home, rest)
        } else if text == "~" {
            (Base::Home, "")
        } else if text.starts_with('/') || text.starts_with("**") {
            (Base::Root, text)
        } else if !text.contains('/') && text != "." {
            let name = Self::component(text);
            return Self { base: Base::Root, components: vec![Component::AnyDepth, name], literal: None };
        } else {
            (Base::Workspace, text.trim_start_matches("./"))
        };
        let parts = rest.split('/').filter(|part| !part.is_empty() && *part != ".");
        let components: Vec<Component> = parts.map(Self::component).collect();
        let literal = components.iter().try_fold(String::new(), |path, component| match component {
            Component::Literal(name) => Some(path + "/" + name),
            Component::Wild(_) | Component::AnyDepth => None,
        });
        Self { base, components, literal: literal.map(Into::into) }
    }

    fn component(text: &str) -> Component {
        match text {
            "**" => Component::AnyDepth,
            _ if text.contains(['*', '?']) => Component::Wild(text.into()),
            _ => Component::Literal(text.into()),
        }
    }

    /// The literal folders this pattern starts with, for the index: absolute, or relative to the
    /// workspace. `None` where the pattern can match anywhere.
    pub(crate) fn prefix(&self) -> Option<(bool, String)> {
        let mut prefix = String::new();
        for component in &self.components {
            let Component::Literal(name) = component else { break };
            prefix.push('/');
            prefix.push_str(name);
        }
        match self.base {
            Base::Workspace => Some((true, prefix)),
            Base::Root if !prefix.is_empty() => Some((false, prefix)),
            Base::Root | Base::Home => None,
        }
    }

    /// Whether `path` (absolute) matches.
    pub(crate) fn matches(&self, path: &str, context: &Context) -> bool {
        self.relative(path, context).is_some_and(|rest| match &self.literal {
            Some(literal) => rest.trim_end_matches('/') == &**literal,
            None => self.walk(rest, matches_name),
        })
    }

    /// Whether a name that the glob `path` stands for could match.
    fn meets(&self, path: &str, context: &Context) -> bool {
        self.relative(path, context).is_some_and(|rest| self.walk(rest, components_meet))
    }

    /// Whether the pattern lies below `path`, so that what is done to all below `path` touches it.
    fn lies_below(&self, path: &str, context: &Context) -> bool {
        let base = match self.base {
            Base::Root => "",
            Base::Workspace => context.workspace.as_str(),
            Base::Home => context.home.as_str(),
        };
        let mut prefix = base.trim_end_matches('/').to_owned();
        for component in &self.components {
            let Component::Literal(name) = component else { break };
            prefix.push('/');
            prefix.push_str(name);
        }
        !prefix.is_empty() && under(&prefix, path).is_some()
    }

    fn relative<'p>(&self, path: &'p str, context: &Context) -> Option<&'p str> {
        match self.base {
            Base::Root => Some(path),
            Base::Workspace => under(path, &context.workspace),
            Base::Home => under(path, &context.home),
        }
    }

    fn walk(&self, path: &str, same: fn(&str, &str) -> bool) -> bool {
        let parts = || path.split('/').filter(|part| !part.is_empty());
        // The common shapes need no list of parts.
        if let Some((Component::AnyDepth, literals)) = self.components.split_last()
            && literals.iter().all(|part| matches!(part, Component::Literal(_)))
        {
            let mut rest = parts();
            return literals.iter().all(|want| match (want, rest.next()) {
                (Component::Literal(name), Some(part)) => same(name, part),
                _ => false,
            });
        }
        if !self.components.contains(&Component::AnyDepth) {
            let mut rest = parts();
            let fits = |component: &Component| match (component, rest.next()) {
                (Component::Literal(name) | Component::Wild(name), Some(part)) => same(name, part),
                _ => false,
            };
            return self.components.iter().all(fits) && rest.next().is_none();
        }
        let parts: Vec<&str> = parts().collect();
        walk(&self.components, &parts, same)
    }
}

fn matches_name(pattern: &str, name: &str) -> bool {
    wildcard(pattern, name)
}

/// Matches components with one level of backtracking per `**`, iteratively.
fn walk(pattern: &[Component], parts: &[&str], same: fn(&str, &str) -> bool) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(p), parts.get(t)) {
            (Some(Component::AnyDepth), _) => {
                retry = Some((p, t));
                p += 1;
            }
            (Some(Component::Literal(want) | Component::Wild(want)), Some(have)) if same(want, have) => {
                (p, t) = (p + 1, t + 1);
            }
            (None, None) => return true,
            _ => match retry {
                Some((star, from)) if from < parts.len() => {
                    retry = Some((star, from + 1));
                    (p, t) = (star + 1, from + 1);
                }
                _ => return false,
            },
        }
    }
}

/// The part of `path` below `folder`, compared by components; empty for the folder itself.
pub(crate) fn under<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    let folder = folder.trim_end_matches('/');
    let rest = path.strip_prefix(folder)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// One entry of a list of paths.
#[derive(Debug, Clone)]
enum PathTest {
    Glob(PathGlob),
    Place(Place),
    /// `place:any`: some sensitive place.
    AnyPlace,
}

impl PathTest {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(match text.strip_prefix("place:") {
            Some("any") => Self::AnyPlace,
            Some(kind) => Self::Place(parse_name(kind, "place")?),
            None if text.is_empty() => return Err("an empty path pattern matches nothing".to_owned()),
            None => Self::Glob(PathGlob::parse(text)),
        })
    }

    fn holds(&self, path: &str, used: &PathUse, context: &Context) -> bool {
        match self {
            Self::Glob(glob) => glob.matches(path, context),
            Self::Place(place) => used.place == Some(*place),
            Self::AnyPlace => used.place.is_some(),
        }
    }

    /// Whether the use reaches what this entry names, though its own path does not match.
    fn reached(&self, path: &str, used: &PathUse, context: &Context) -> Tri {
        let Self::Glob(glob) = self else { return Tri::No };
        if used.recursive && glob.lies_below(path, context) {
            return Tri::Yes;
        }
        // `X/*` is as good as X itself.
        if used.glob && path.strip_suffix("/*").is_some_and(|folder| glob.matches(or_root(folder), context)) {
            return Tri::Yes;
        }
        if used.glob && glob.meets(path, context) {
            return Tri::Unknown;
        }
        Tri::No
    }
}

fn or_root(folder: &str) -> &str {
    if folder.is_empty() { "/" } else { folder }
}

/// A list of path patterns with exclusions.
#[derive(Debug, Clone)]
pub(crate) struct PathSet(Patterns<PathTest>);

impl PathSet {
    /// Reads `patterns`: globs, `place:KIND`, each perhaps behind `!`.
    pub(crate) fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        Patterns::parse(patterns, PathTest::parse).map(Self)
    }

    /// Whether all views of the use certainly lie in the set: for what loosens.
    pub(crate) fn contains(&self, used: &PathUse, context: &Context) -> bool {
        used.views().all(|path| {
            let holds = |test: &PathTest| test.holds(path, used, context);
            let reached = |test: &PathTest| test.reached(path, used, context) != Tri::No;
            self.0.includes(holds) && !self.0.excludes(|test| holds(test) || reached(test))
        })
    }

    /// Whether some view of the use touches the set: for what tightens.
    pub(crate) fn touches(&self, used: &PathUse, context: &Context) -> Tri {
        let mut answer = Tri::No;
        for path in used.views() {
            if self.0.excludes(|test| test.holds(path, used, context)) {
                continue;
            }
            if self.0.positive.is_empty() {
                return Tri::Yes;
            }
            for test in &self.0.positive {
                if test.holds(path, used, context) {
                    return Tri::Yes;
                }
                match test.reached(path, used, context) {
                    Tri::Yes => return Tri::Yes,
                    Tri::Unknown => answer = Tri::Unknown,
                    Tri::No => {}
                }
            }
        }
        answer
    }

    /// The places the set consists of, if it names nothing else.
    pub(crate) fn places(&self) -> Option<impl Iterator<Item = Place> + '_> {
        let is_place = |test: &PathTest| !matches!(test, PathTest::Glob(_));
        let named = |test: &PathTest, place| match test {
            PathTest::Place(named) => *named == place,
            PathTest::AnyPlace => true,
            PathTest::Glob(_) => false,
        };
        let among = move |place: &Place| self.0.positive.iter().any(|test| named(test, *place));
        (!self.0.positive.is_empty() && self.0.positive.iter().all(is_place))
            .then(|| Place::ALL.into_iter().filter(among))
    }

    /// The literal prefixes of the positive patterns, if every one of them has one.
    pub(crate) fn prefixes(&self) -> Option<Vec<(bool, String)>> {
        let prefixes: Option<Vec<_>> = self
            .0
            .positive
            .iter()
            .map(|test| match test {
                PathTest::Glob(glob) => glob.prefix(),
                PathTest::Place(_) | PathTest::AnyPlace => None,
            })
            .collect();
        prefixes.filter(|list| !list.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::naive;
    use super::*;
    use crate::facts::Access;
    use proptest::prelude::*;

    fn context() -> Context {
        Context {
            workspace: "/code".into(),
            home: "/home/u".into(),
            cwd: "/code".into(),
            ..Context::default()
        }
    }

    #[test]
    fn path_globs() {
        let table = [
            ("/a/**", "/a/b/c", true),
            ("/a/**", "/a", true),
            ("/a/**", "/a-evil/x", false),
            ("/a/*.txt", "/a/b.txt", true),
            ("/a/*.txt", "/a/keys/b.txt", false),
            ("./**", "/code/x", true),
            ("./src/**", "/code/src/lib.rs", true),
            ("./**", "/workshop/x", false),
            ("~/.ssh/**", "/home/u/.ssh/id_rsa", true),
            ("**/.env", "/code/x/.env", true),
            ("*.pem", "/deep/er/key.pem", true),
            ("*.pem", "/deep/key.pem/x", false),
            ("/**/b/**/d", "/a/b/c/b/d", true),
        ];
        for (pattern, path, expected) in table {
            assert_eq!(PathGlob::parse(pattern).matches(path, &context()), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn exclusions_and_globs() {
        let set = PathSet::parse(["./**", "!./secret/**"]).unwrap();
        let inside = PathUse::new(Access::Read, "/code/a");
        let secret = PathUse::new(Access::Read, "/code/secret/a");
        assert!(set.contains(&inside, &context()) && !set.contains(&secret, &context()));

        let env = PathSet::parse(["**/.env"]).unwrap();
        let touches = |path: &str| {
            let used = PathUse { glob: true, ..PathUse::new(Access::Read, path) };
            env.touches(&used, &context())
        };
        assert_eq!(touches("/code/.e*"), Tri::Unknown);
        assert_eq!(touches("/code/*.o"), Tri::No);
        assert_eq!(touches("/code/*"), Tri::No, "a shell's * leaves hidden files out");
    }

    #[test]
    fn recursion_reaches_below() {
        let set = PathSet::parse(["/etc/**"]).unwrap();
        let all = PathUse { recursive: true, ..PathUse::new(Access::Delete, "/") };
        assert_eq!(set.touches(&all, &context()), Tri::Yes);
        assert_eq!(set.touches(&PathUse::new(Access::Delete, "/"), &context()), Tri::No);
    }

    /// Path patterns, the slow and obvious way.
    fn naive_path(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern.split_first(), path.split_first()) {
            (None, None) => true,
            (Some((&"**", rest)), _) if naive_path(rest, path) => true,
            (Some((&"**", _)), Some((_, later))) => naive_path(pattern, later),
            (Some((want, rest)), Some((have, later))) => {
                naive(want.as_bytes(), have.as_bytes()) && naive_path(rest, later)
            }
            _ => false,
        }
    }

    /// All texts over a small alphabet, up to a length: for what two patterns can both match.
    fn texts() -> Vec<String> {
        let mut all = vec![String::new()];
        let mut from = 0;
        for _ in 0..5 {
            let to = all.len();
            for at in from..to {
                for letter in ["a", "b", "."] {
                    let longer = format!("{}{letter}", all[at]);
                    all.push(longer);
                }
            }
            from = to;
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

        #[test]
        fn globs_agree_with_the_reference(
            pattern in proptest::collection::vec("a|b|\\*|a\\*|\\*\\*|\\?", 1..5),
            path in proptest::collection::vec("a|b|ab|aa", 0..6),
        ) {
            let glob = PathGlob::parse(&format!("/{}", pattern.join("/")));
            let parts: Vec<&str> = path.iter().map(String::as_str).collect();
            let wanted: Vec<&str> = pattern.iter().map(String::as_str).collect();
            let text = format!("/{}", path.join("/"));
            prop_assert_eq!(glob.matches(&text, &context()), naive_path(&wanted, &parts), "{} {}", pattern.join("/"), text);
        }

        /// Two patterns that match one text are said to meet: a refusal misses nothing.
        #[test]
        fn what_meets_is_not_missed(rule in "[ab*?.]{0,5}", shell in "[ab*?]{0,5}") {
            let hidden = |text: &str| text.starts_with('.') && shell.starts_with(['*', '?']);
            let common = texts().into_iter().find(|text| {
                !hidden(text) && naive(rule.as_bytes(), text.as_bytes()) && naive(shell.as_bytes(), text.as_bytes())
            });
            if let Some(text) = common {
                prop_assert!(components_meet(&rule, &shell), "{rule} and {shell} both match {text}");
            }
        }
    }
}
