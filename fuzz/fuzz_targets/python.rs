//! Python: what we understand completely, Python takes for a program. We read the newest syntax; of it the oracle, whichever
//! Python is installed, is asked about what has been there since 3.11.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ruff_python_ast::PythonVersion;
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use stayhand_fuzz::{Python, facts, is_known};
use std::cell::RefCell;

thread_local! {
    static PYTHON: RefCell<Python> = RefCell::new(Python::start());
}

fn is_newer_syntax(text: &str) -> bool {
    let options = ParseOptions::from(Mode::Module).with_target_version(PythonVersion::PY311);
    !parse_unchecked(text, options).unsupported_syntax_errors().is_empty()
}

fuzz_target!(|text: &str| {
    if is_known(&facts("python", "code", text)) && !text.trim().is_empty() && !is_newer_syntax(text) {
        let refused = PYTHON.with_borrow_mut(|python| python.refuses(text));
        assert!(!refused, "understood, and Python refuses it: {text:?}");
    }
});
