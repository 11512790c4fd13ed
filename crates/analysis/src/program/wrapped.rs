//! Programs that start other programs.

use super::interpret::Interpreter;
use super::paths::note;
use super::spec::Meaning;
use super::{Arg, MAX_DEPTH, Setting, Situation, remote, run, setting};
use crate::shell::{self, Given};
use stayhand_core::facts::{Aspect, Trait};

/// Starts the program that `words` name, as `meaning` says.
pub(super) fn start(wrapper: &mut Interpreter<'_>, meaning: Meaning, words: &[&Arg]) {
    let words: Vec<Arg> = words.iter().map(|word| (*word).clone()).collect();
    match meaning {
        Meaning::Environment => environment(wrapper, &words),
        Meaning::ArgvInput => with_input(wrapper, &words),
        Meaning::ShellWords => shell_words(wrapper, &words),
        Meaning::Package => package(wrapper, &words),
        Meaning::Request => remote::request(wrapper, &words),
        Meaning::RemoteArgv => {
            wrapper.operation.does.insert(Trait::ExecuteCode);
            wrapper.note_effects("a command runs on another machine or in a container");
        }
        _ => inner(wrapper, &words),
    }
}

fn inner(wrapper: &mut Interpreter<'_>, words: &[Arg]) {
    if words.is_empty() {
        return;
    }
    let situation =
        Situation { folders: &wrapper.folders, depth: wrapper.situation.depth + 1, ..*wrapper.situation };
    let report = run(words, &situation);
    wrapper.nested.extend(report.operations);
    wrapper.output = report.output;
}

/// A program that comes with a package (`npx rimraf dist`). What the tables do not know is the package's
/// own code; of what they know, options that are not listed matter only where it is no such code.
fn package(wrapper: &mut Interpreter<'_>, words: &[Arg]) {
    wrapper.operation.does.insert(Trait::ExecuteCode);
    let Some((first, rest)) = words.split_first() else { return };
    let Some(name) = first.known() else {
        return wrapper.note_effects("which program runs is not known");
    };
    let bare = name.find('@').filter(|at| *at > 0).and_then(|at| name.get(..at)).unwrap_or(name);
    if !bare.starts_with(['.', '/']) && !wrapper.knows(bare) {
        return;
    }
    let words: Vec<Arg> = std::iter::once(Arg::exact(bare)).chain(rest.iter().cloned()).collect();
    let mark = wrapper.nested.len();
    inner(wrapper, &words);
    for operation in wrapper.nested.iter_mut().skip(mark) {
        if operation.does.contains(Trait::ExecuteCode) {
            operation.opaque.retain(|opaque| opaque.aspect != Aspect::Arguments);
        }
    }
}

/// A command line, or a task by its name.
pub(super) fn task(wrapper: &mut Interpreter<'_>, arg: &Arg) {
    let is_name = |text: &str| text.contains(':') && !text.contains(char::is_whitespace);
    if !arg.known().is_some_and(is_name) {
        command_line(wrapper, arg);
    }
}

/// `target` or `VARIABLE=VALUE`; what recipes make of a value is not known if a shell may read it.
pub(super) fn make_word(wrapper: &mut Interpreter<'_>, arg: &Arg) {
    if !is_setting(arg) {
        return;
    }
    let (name, value) = arg.text.split_once('=').unwrap_or((&arg.text, ""));
    if value.contains([';', '|', '&', '`', '$', '\n', '>', '<']) {
        wrapper.note_effects("a variable may hold a command of its own");
    }
    let value = arg.after(arg.text.len() - value.len());
    apply_setting(wrapper, name, &value);
}

/// Words that are joined to one command line.
fn shell_words(wrapper: &mut Interpreter<'_>, words: &[Arg]) {
    if words.is_empty() {
        return;
    }
    let certainty = words.iter().map(|word| word.certainty).max().unwrap_or_default();
    let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    command_line(wrapper, &Arg { text, certainty, ..Arg::default() });
}

/// `NAME=VALUE … program …`
fn environment(wrapper: &mut Interpreter<'_>, words: &[Arg]) {
    let settings = words.iter().take_while(|word| is_setting(word)).count();
    let (settings, words) = words.split_at(settings);
    for word in settings {
        let (name, value) = word.text.split_once('=').unwrap_or((&word.text, ""));
        let value = word.after(word.text.len() - value.len());
        apply_setting(wrapper, name, &value);
    }
    inner(wrapper, words);
}

fn apply_setting(wrapper: &mut Interpreter<'_>, name: &str, value: &Arg) {
    wrapper.situation.budget.change(Given::of(name));
    match setting(name, Some(value)) {
        Setting::Harmless => {}
        Setting::Code => wrapper.operation.does.insert(Trait::ExecuteCode),
        Setting::Dangerous => {
            wrapper.operation.does.insert(Trait::Environment);
            wrapper.note_effects("a variable changes what programs do");
        }
    }
}

fn is_setting(word: &Arg) -> bool {
    word.text.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !name.as_bytes().first().is_some_and(u8::is_ascii_digit)
    })
}

/// `xargs` and its kin: the words from standard input come at the end or where the placeholder
/// stands; `parallel` also names them after `:::`.
fn with_input(wrapper: &mut Interpreter<'_>, words: &[Arg]) {
    let split = words.iter().position(|word| word.known().is_some_and(|text| text.starts_with(":::")));
    let (command, given) = words.split_at(split.unwrap_or(words.len()));
    let mut inputs: Vec<Arg> =
        given.iter().skip(1).filter(|word| word.known() != Some(":::")).cloned().collect();
    if split.is_none() {
        inputs.clone_from(&wrapper.situation.input.names);
    }
    if inputs.is_empty() {
        inputs = plain_words(wrapper.situation.input.text.as_deref());
    }
    if inputs.is_empty() {
        inputs.push(Arg::unknown());
    }
    let placeholder = wrapper.placeholder.clone();
    let braces = split.is_some()
        || wrapper.operation.program.as_ref().is_some_and(|program| program.name == "parallel");
    let placeholder = placeholder.or_else(|| braces.then(|| "{}".to_owned())).filter(|text| !text.is_empty());
    let mut all = Vec::new();
    let mut replaced = false;
    for word in command {
        match placeholder.as_deref().filter(|mark| word.text.contains(*mark)) {
            Some(mark) => {
                replaced = true;
                all.extend(inputs.iter().map(|input| replace(word, mark, input)));
            }
            None => all.push(word.clone()),
        }
    }
    if !replaced {
        all.extend(inputs);
    }
    if let [only] = command
        && braces
        && only.text.contains(' ')
    {
        return note(
            &mut wrapper.operation,
            Aspect::Effects,
            "a command line is made from words that are not known",
        );
    }
    inner(wrapper, &all);
}

/// The words of a static text, if nothing in it is quoted.
fn plain_words(text: Option<&str>) -> Vec<Arg> {
    let text = text.filter(|text| !text.contains(['"', '\'', '\\', '\0'])).unwrap_or_default();
    text.split_whitespace().map(Arg::exact).collect()
}

/// `word` with `mark` replaced by `input`.
pub(super) fn replace(word: &Arg, mark: &str, input: &Arg) -> Arg {
    let Some((before, after)) = word.text.split_once(mark) else { return word.clone() };
    if input.is_unknown() {
        let many = before.is_empty() && after.is_empty() && input.many;
        return Arg { text: format!("{before}{}", input.text), many, ..Arg::unknown() };
    }
    let after = after.replace(mark, &input.text);
    Arg {
        text: format!("{before}{}{after}", input.text),
        certainty: input.certainty.max(word.certainty),
        tilde: before.is_empty() && input.tilde,
        ..Arg::default()
    }
}

/// A command line for a shell.
pub(super) fn command_line(wrapper: &mut Interpreter<'_>, arg: &Arg) {
    wrapper.operation.does.insert(Trait::ExecuteCode);
    if arg.is_unknown() {
        return wrapper.note_effects("the command line for a shell is not known");
    }
    if !arg.is_exact() {
        // A name of a file stands in the text, where the shell would read it as a part of the command.
        wrapper.operation.does.insert(Trait::Indefinite);
    }
    let text = arg.text.as_str();
    if wrapper.situation.depth >= MAX_DEPTH {
        return wrapper.note_effects("commands are nested too deeply");
    }
    let situation =
        Situation { folders: &wrapper.folders, depth: wrapper.situation.depth + 1, ..*wrapper.situation };
    let by = wrapper.operation.program.as_ref().map_or("sh", |program| &program.name);
    let mut operations = shell::nested(text, by, &situation, &wrapper.positional);
    wrapper.nested.append(&mut operations);
}
