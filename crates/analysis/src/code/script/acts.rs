//! From the line of a function to what a call does.

use super::super::Act;
use super::arguments::Argument;
use super::judge::Judge;
use crate::program::Arg;
use stayhand_core::facts::{Access, Aspect, Trait};

impl<'t, 'g> Judge<'t, 'g> {
    pub(super) fn effect(&mut self, effect: &str) {
        let item = match effect {
            "execute" => Trait::ExecuteCode,
            "privilege" => Trait::Privilege,
            "signal" => Trait::Signal,
            "listen" => Trait::Listen,
            "disclose" => Trait::Disclose,
            "network" => Trait::Network,
            _ => return self.opaque("does something that is not followed"),
        };
        self.deeds.does(item);
    }

    /// All arguments from one on.
    pub(super) fn rest(&mut self, meaning: &str, arguments: &[Argument]) {
        match (meaning, arguments) {
            // One word is a command line, several are a program and its arguments.
            ("command", [Argument::Text(line)]) => self.deeds.act(Act::Shell(Arg::exact(line.clone()))),
            ("command", [Argument::Texts(words)]) => self.start(words.clone()),
            ("command", arguments) => {
                let words: Option<Vec<String>> = arguments
                    .iter()
                    .map(|argument| match argument {
                        Argument::Text(text) => Some(text.clone()),
                        _ => None,
                    })
                    .collect();
                match words.filter(|words| !words.is_empty()) {
                    Some(words) => self.start(words),
                    None => self.opaque("runs a program that is not known"),
                }
            }
            (meaning, arguments) => {
                arguments.iter().for_each(|argument| self.argument(meaning, argument, arguments))
            }
        }
    }

    pub(super) fn start(&mut self, words: Vec<String>) {
        self.deeds.act(Act::Start { words: words.into_iter().map(Arg::exact).collect(), input: None });
    }

    pub(super) fn argument(&mut self, meaning: &str, argument: &Argument, all: &[Argument]) {
        let texts = match argument {
            Argument::Text(text) => std::slice::from_ref(text),
            Argument::Texts(texts) => texts.as_slice(),
            Argument::Word(place) => match self.given.words.get(*place).and_then(Arg::known) {
                Some(text) => &[text.to_owned()],
                None => return self.unknown(meaning),
            },
            Argument::Number => return,
            Argument::Unknown => return self.unknown(meaning),
        };
        for text in texts {
            self.known_argument(meaning, text, all);
        }
    }

    pub(super) fn unknown(&mut self, meaning: &str) {
        let title = self.title;
        match meaning {
            "shell" | "spawn" | "command" | "perlopen" => {
                self.opaque("runs a command line that is not known")
            }
            "code" => self.opaque("runs text that is not known as code"),
            "url" | "host" | "send" => {
                self.deeds.note(Aspect::Hosts, format!("{title} code contacts a host that is not known"))
            }
            _ => self.deeds.note(Aspect::Paths, format!("{title} code uses a path that is not known")),
        }
    }

    pub(super) fn known_argument(&mut self, meaning: &str, text: &str, all: &[Argument]) {
        let path = |access, recursive| Act::Path(access, Arg::exact(text), recursive);
        let act = match meaning {
            "read" | "edit" | "write" | "open"
                if text.trim_start().starts_with('|') || text.trim_end().ends_with('|') =>
            {
                Act::Shell(Arg::exact(text.trim_matches(['|', ' '])))
            }
            "read" => path(Access::Read, false),
            "write" => path(Access::Write, false),
            "edit" => {
                self.deeds.act(path(Access::Read, false));
                path(Access::Write, false)
            }
            "delete" => path(Access::Delete, false),
            "deltree" => path(Access::Delete, true),
            "move" => {
                self.deeds.act(path(Access::Read, false));
                path(Access::Delete, false)
            }
            "list" => path(Access::List, false),
            "exec" => {
                self.deeds.does(Trait::ExecuteCode);
                path(Access::Execute, false)
            }
            "folder" => Act::Folder(Arg::exact(text)),
            "open" => return self.open(text, all),
            "perlopen" => return self.perl_open(text, all),
            "shell" => Act::Shell(Arg::exact(text)),
            "spawn" => return self.spawn(text, all),
            "url" => Act::Url(text.to_owned(), Some("GET")),
            "send" => Act::Url(text.to_owned(), Some("POST")),
            "host" => Act::Host(text.to_owned()),
            "code" => return self.opaque("runs text as code"),
            // What is installed is known to run; a file is named.
            "require" if !text.starts_with(['.', '/']) => return,
            "require" => path(Access::Execute, false),
            _ => return self.opaque("does something that is not followed"),
        };
        self.deeds.act(act);
    }

    /// `open(name, mode)` of Ruby, PHP and Lua.
    pub(super) fn open(&mut self, name: &str, all: &[Argument]) {
        let writes = match all.get(1) {
            Some(Argument::Text(mode)) => mode.contains(['w', 'a', '+', 'x', 'c']),
            Some(Argument::Unknown) => true,
            _ => false,
        };
        if name.starts_with("http://") || name.starts_with("https://") {
            return self.deeds.act(Act::Url(name.to_owned(), Some("GET")));
        }
        // PHP's other wrappers reach programs and machines.
        if name.starts_with("php://std")
            || name.starts_with("php://output")
            || name.starts_with("php://memory")
        {
            return;
        }
        if name.contains("://") {
            return self.opaque("opens something that is not known");
        }
        self.deeds.act(Act::Path(if writes { Access::Write } else { Access::Read }, Arg::exact(name), false));
    }

    /// `open(handle, mode, path)` and `open(handle, '>path')` of Perl.
    pub(super) fn perl_open(&mut self, mode: &str, all: &[Argument]) {
        let mode = mode.trim();
        let name = match all.get(2) {
            None => mode.trim_start_matches(['<', '>', '+', ' ']),
            Some(Argument::Text(name)) => name,
            Some(_) => return self.unknown("open"),
        };
        if mode.starts_with("|-") || mode.starts_with("-|") {
            let words: Option<Vec<String>> = all
                .iter()
                .skip(2)
                .map(|word| match word {
                    Argument::Text(text) => Some(text.clone()),
                    _ => None,
                })
                .collect();
            return match words {
                Some(words) if words.len() == 1 => {
                    words.into_iter().for_each(|line| self.deeds.act(Act::Shell(Arg::exact(line))))
                }
                Some(words) => self.start(words),
                None => self.unknown("shell"),
            };
        }
        if all.len() == 2 && (mode.starts_with('|') || mode.ends_with('|')) {
            return self.deeds.act(Act::Shell(Arg::exact(mode.trim_matches(['|', ' ']))));
        }
        let access = if mode.contains('>') { Access::Write } else { Access::Read };
        if name != "-" && !mode.contains('&') {
            self.deeds.act(Act::Path(access, Arg::exact(name), false));
        }
    }

    /// `spawn(program, [arguments])`
    pub(super) fn spawn(&mut self, program: &str, all: &[Argument]) {
        let mut words = vec![program.to_owned()];
        match all.get(1) {
            Some(Argument::Texts(more)) => words.extend(more.iter().cloned()),
            Some(Argument::Unknown) if all.len() > 2 => {
                return self.opaque("starts a program with arguments that are not known");
            }
            _ => {}
        }
        self.start(words);
    }
}
