//! Many seeds. `STAYHAND_SEEDS` runs more.
#![expect(clippy::disallowed_methods, reason = "the number of seeds may be given in the environment")]

use stayhand_sim::simulate;

#[test]
fn a_thousand_days_in_many_orders() {
    let seeds = std::env::var("STAYHAND_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let mut executed = 0;
    let mut answered = 0;
    for seed in 0..seeds {
        let report = simulate(seed, 400).unwrap_or_else(|error| panic!("{error:#}"));
        executed += report.executed;
        answered += report.answered;
    }
    assert!(executed > 0 && answered > 0, "the simulation did nothing worth the name");
}

#[test]
fn a_seed_repeats_itself() {
    let one = simulate(42, 300).unwrap();
    let two = simulate(42, 300).unwrap();
    assert_eq!((one.executed, one.held, one.refused), (two.executed, two.held, two.refused));
}
