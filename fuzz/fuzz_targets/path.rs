//! Paths: what comes out is absolute and climbs nowhere.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stayhand_analysis::path;
use stayhand_core::facts::Access;
use stayhand_fuzz::{AT, facts};

fuzz_target!(|text: &str| {
    let _ = facts("read_file", "path", text);
    let Ok(used) = path::path_use(Access::Read, text, &AT) else { return };
    assert!(used.lexical.starts_with('/'), "{text:?} is {used:?}");
    let climbs = used.lexical.split('/').any(|part| matches!(part, ".." | "."));
    assert!(!climbs && !used.lexical.contains("//"), "{text:?} is {used:?}");
});
