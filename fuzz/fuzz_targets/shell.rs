//! Command lines: what we understand completely, bash reads without an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stayhand_fuzz::{bash_accepts, facts, is_known};

fuzz_target!(|text: &str| {
    let facts = facts("bash", "command", text);
    if !text.trim().is_empty() && is_known(&facts) && !facts.operations.is_empty() {
        assert!(bash_accepts(text), "understood, and bash refuses it: {text:?}");
    }
});
