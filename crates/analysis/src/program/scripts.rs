//! Small languages inside arguments: SQL, sed scripts, awk programs, `dd`'s settings, permission bits.

use super::Arg;
use super::interpret::Interpreter;
use super::paths::note;
use crate::code;
use stayhand_core::facts::{Access, Aspect, Trait};

impl Interpreter<'_> {
    pub(super) fn mode(&mut self, arg: &Arg) {
        match arg.known() {
            Some(mode) if mode_grants_identity(mode) => self.operation.does.insert(Trait::Privilege),
            Some(_) => {}
            None => note(&mut self.operation, Aspect::Arguments, "the permission bits are not known"),
        }
    }

    /// What a database client is given.
    pub(super) fn sql(&mut self, arg: &Arg) {
        let Some(text) = arg.known() else {
            return note(&mut self.operation, Aspect::Statements, "the SQL is not known");
        };
        let program = self.operation.program.as_ref().map(|program| program.name.clone()).unwrap_or_default();
        let mut deeds = code::Deeds::default();
        code::client(&program, text, &mut deeds);
        self.add_deeds(deeds);
    }

    pub(super) fn sed(&mut self, arg: &Arg) {
        self.small_program(arg, "sed script", code::sed);
    }

    pub(super) fn awk(&mut self, arg: &Arg) {
        self.small_program(arg, "awk program", code::awk);
    }

    pub(super) fn dd(&mut self, arg: &Arg) {
        match arg.text.split_once('=') {
            Some(("if", file)) => self.path(Access::Read, &arg.after(arg.text.len() - file.len())),
            Some(("of", file)) => self.path(Access::Write, &arg.after(arg.text.len() - file.len())),
            Some(_) => {}
            None => note(&mut self.operation, Aspect::Arguments, "an argument of `dd` is not known"),
        }
    }
}

/// Whether permission bits grant a program its owner's identity.
pub(super) fn mode_grants_identity(mode: &str) -> bool {
    if mode.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = mode.trim_start_matches('0');
        return digits.len() >= 4 && !digits.starts_with('1');
    }
    mode.split(',').any(|clause| clause.split_once(['+', '=']).is_some_and(|(_, bits)| bits.contains('s')))
}
