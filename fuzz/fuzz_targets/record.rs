//! What a log, a note and a proof hold: an error, or what is written again comes out the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stayhand_core::event::Record;
use stayhand_store::{Checkpoint, PublicKey};

fuzz_target!(|text: &str| {
    if let Ok(record) = serde_json::from_str::<Record>(text) {
        let written = serde_json::to_string(&record).expect("a record is JSON");
        assert_eq!(serde_json::from_str::<Record>(&written).expect("it is read again"), record);
    }
    let _ = Checkpoint::parse_unverified(text);
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_string().parse::<PublicKey>().expect("it is read again"), key);
    }
});
