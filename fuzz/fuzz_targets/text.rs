//! Secrets, personal data and planted instructions: every place that is named lies in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stayhand_analysis::{injection, pii};
use stayhand_fuzz::facts;

fuzz_target!(|text: &str| {
    let inside = |start: usize, end: usize| start <= end && text.get(start..end).is_some();
    for span in pii::find(text) {
        assert!(inside(span.start, span.end), "{span:?} of {text:?}");
    }
    for passage in injection::scan(text, &["send_money", "delete_file"]).passages {
        assert!(inside(passage.start, passage.end), "{passage:?} of {text:?}");
    }
    let _ = facts("mcp__mail__send", "body", text);
});
