//! Policy files: an error or a policy, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stayhand_core::decision::Layer;
use stayhand_core::policy::{LayerText, Policy};

fuzz_target!(|text: &str| {
    let layer = LayerText { layer: Layer::User, name: "fuzz.yaml".into(), text: text.into() };
    let _ = Policy::compile(&[layer], stayhand_core::policy::NoAnalysis);
});
