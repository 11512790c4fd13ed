//! Memory is bounded, and nothing is forgotten to make room that could still count.

use crate::common::*;
use crate::world::{decide_and_apply, reasons};
use stayhand_core::facts::{AddressClass, Operation};
use stayhand_core::policy::Policy;
use stayhand_core::state::State;

/// What is held against the next action.
fn ask(policy: &Policy, state: &mut State, case: &Case) -> Vec<&'static str> {
    reasons(&decide_and_apply(policy, state, case, state.records()).decision)
}

/// Calls a tool that does nothing.
fn idle(tool: &str) -> Case {
    call(tool).op(Operation::default())
}

/// Ten thousand names of tools are told apart, whether or not they exist. One more is refused, and those before are
/// counted as they were; after 31 days there is room again.
#[test]
fn names_that_there_is_no_room_for() {
    let policy = policy("limits: [{of: attempts, per: tool, window_s: 3600, max: 3}]\nrules: [{deny: '*'}]");
    let mut state = State::default();
    state.learn(policy.id(), policy.controls());
    let mut asked = |tool: &str, days: u64| {
        let case = idle(tool).at(NOW.plus_seconds(days * 86_400));
        let mut found = ask(&policy, &mut state, &case);
        found.retain(|reason| !matches!(*reason, "rule_deny" | "unknown_tool"));
        found
    };
    for number in 0..10_000 {
        assert_eq!(asked(&format!("tool-{number}"), 0), [""; 0]);
    }
    for number in 10_000..10_010 {
        // They count together, which can only refuse more.
        assert_eq!(asked(&format!("tool-{number}"), 0)[0], "state_full");
    }
    assert_eq!(asked("tool-0", 0), [""; 0]);
    assert_eq!(asked("tool-0", 0), [""; 0]);
    assert_eq!(asked("tool-0", 0), ["limit_exceeded"]);

    assert_eq!(asked("new", 30), ["state_full"]);
    // The first one after it makes room.
    assert_eq!(asked("tool-0", 32), [""; 0]);
    assert_eq!(asked("new", 32), [""; 0]);
}

/// However many sessions come after it, one that saw something from outside has seen it.
#[test]
fn what_a_session_saw_is_not_forgotten_for_others() {
    let policy = policy("rules: [{allow: '*'}]");
    let mut state = State::default();
    for number in 0..10_500 {
        let mut case = call("fetch").op(connect(AddressClass::Name, "a.example.com", 443));
        case.request.principal.session = format!("session-{number}");
        assert_eq!(ask(&policy, &mut state, &case), [""; 0]);
    }
    assert!(state.exposure("session-0").unwrap().saw_untrusted());
}
