//! Python: what we understand completely, Python takes for a program.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stayhand_fuzz::{Python, facts, is_known};
use std::cell::RefCell;

thread_local! {
    static PYTHON: RefCell<Python> = RefCell::new(Python::start());
}

fuzz_target!(|text: &str| {
    if is_known(&facts("python", "code", text)) && !text.trim().is_empty() {
        let refused = PYTHON.with_borrow_mut(|python| python.refuses(text));
        assert!(!refused, "understood, and Python refuses it: {text:?}");
    }
});
