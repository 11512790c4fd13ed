//! URLs: where we name a host, it is the one a browser would contact.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stayhand_analysis::{host, url};

fuzz_target!(|text: &str| {
    let _ = host::host_use(text);
    let Ok(used) = url::host_use(text, None) else { return };
    let Ok(other) = ::url::Url::parse(text) else { return };
    // The hosts of other schemes the standard leaves as they are written. Whoever contacts them does not.
    if !matches!(other.scheme(), "http" | "https" | "ws" | "wss" | "ftp" | "file") {
        return;
    }
    if let Some(host) = other.host_str() {
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        assert_eq!(used.host.to_ascii_lowercase(), host.to_ascii_lowercase(), "{text:?}");
    }
});
