//! The kill switch and the safety lock.

use crate::common::*;
use stayhand_core::control::lock::{LockReleased, LockSet};
use stayhand_core::control::scope::Scope;
use stayhand_core::control::switch::{Order, SwitchMoved};
use stayhand_core::decision::Effect;
use stayhand_core::event::{EVENT_VERSION, Event, Record};
use stayhand_core::facts::{Access, AddressClass, Aspect, Operation, SqlClass};
use stayhand_core::state::State;
use stayhand_core::time::Timestamp;

const ALLOW: &str = "rules: [{allow: '*'}]\ntools: {go: {}}";

fn apply(state: &mut State, at: Timestamp, event: Event) {
    state.apply(&Record { v: EVENT_VERSION, seq: 0, at, event });
}

fn order(scope: &str, order: Order) -> Event {
    let scope = scope.parse().unwrap();
    Event::SwitchMoved(SwitchMoved { scope, order, by: "ada".into(), reason: "it spends".into() })
}

fn go() -> Case {
    call("go").op(Operation::default())
}

/// A008, A010, KS-01: what is paused or killed does not run, whoever else may.
#[test]
fn a008_switches_stop_what_they_cover() {
    let policy = policy(ALLOW);
    for (scope, stopped) in [
        ("all", true),
        ("agent:a", true),
        ("agent:b", false),
        ("session:s", true),
        ("session:t", false),
        ("tool:go", true),
        ("tool:stay", false),
        ("principal:ada", false),
    ] {
        let mut state = State::default();
        for (given, reason) in [(Order::Pause, "system_paused"), (Order::Kill, "system_killed")] {
            apply(&mut state, NOW, order(scope, given));
            let decision = go().decide(&policy, &state).decision;
            assert_eq!(decision.effect == Effect::Deny, stopped, "{scope}");
            assert_eq!(
                decision.findings.iter().any(|found| found.reason.code() == reason),
                stopped,
                "{scope}"
            );
        }
        apply(&mut state, NOW, order(scope, Order::Resume));
        assert_eq!(go().decide(&policy, &state).decision.effect == Effect::Deny, stopped, "A013 {scope}");
        apply(&mut state, NOW, order(scope, Order::Rearm));
        assert_eq!(go().decide(&policy, &state).decision.effect, Effect::Allow, "{scope}");
    }
}

/// The history keeps the reasons (A007).
#[test]
fn a007_reasons_stay() {
    let mut state = State::default();
    apply(&mut state, NOW, order("all", Order::Pause));
    apply(&mut state, NOW, order("all", Order::Pause));
    apply(&mut state, NOW, order("all", Order::Resume));
    let history: Vec<_> = state.switches().history().map(|(_, moved)| moved.order).collect();
    assert_eq!(history, [Order::Pause, Order::Resume]);
}

fn lock(expires: Option<Timestamp>) -> Event {
    Event::LockSet(LockSet {
        scope: Scope::Agent("a".into()),
        reason: "it acts strangely".into(),
        cause: "person".into(),
        tier: Some(3),
        by: "ada".into(),
        expires,
    })
}

/// LK-03: while locked, only what surely only looks runs.
#[test]
fn lk_03_locked_agents_only_look() {
    let policy = policy(ALLOW);
    let mut state = State::default();
    apply(&mut state, NOW, lock(None));
    let rows = [
        ("reads", call("go").op(touch(Access::Read, "/code/x")), Effect::Allow),
        ("lists", call("go").op(touch(Access::List, "/code")), Effect::Allow),
        ("selects", call("go").op(sql(SqlClass::Read, "select", &[])), Effect::Allow),
        ("writes", call("go").op(touch(Access::Write, "/code/x")), Effect::Deny),
        ("deletes", call("go").op(touch(Access::Delete, "/code/x")), Effect::Deny),
        ("runs", call("go").op(touch(Access::Execute, "/code/x")), Effect::Deny),
        ("updates", call("go").op(sql(SqlClass::Write, "update", &[])), Effect::Deny),
        ("contacts", call("go").op(connect(AddressClass::Public, "h", 443)), Effect::Deny),
        ("hides", call("go").op(touch(Access::Read, "/code/x")).hiding(Aspect::Paths), Effect::Deny),
        ("nothing known", call("go"), Effect::Deny),
        ("another agent", call("go").by("b").op(touch(Access::Write, "/code/x")), Effect::Allow),
    ];
    for (label, case, expected) in rows {
        assert_eq!(case.decide(&policy, &state).decision.effect, expected, "{label}");
    }
    // A170: what an action says about itself changes nothing.
    let claims = call("go").op(touch(Access::Write, "/code/x"));
    let claims = claims.declares("autonomous_modification", serde_json::json!(false));
    assert_eq!(claims.decide(&policy, &state).decision.effect, Effect::Deny);
}

/// LK-01, LK-02: a lock lasts until it is taken off, or until the end it was given.
#[test]
fn lk_02_locks_end_by_release_or_as_they_were_set() {
    let policy = policy(ALLOW);
    let write = call("go").op(touch(Access::Write, "/code/x"));
    let mut state = State::default();
    apply(&mut state, NOW, lock(Some(NOW.plus_seconds(60))));
    assert_eq!(write.clone().at(NOW.plus_seconds(59)).decide(&policy, &state).decision.effect, Effect::Deny);
    assert_eq!(write.clone().at(NOW.plus_seconds(60)).decide(&policy, &state).decision.effect, Effect::Allow);
    // A shorter one does not shorten a longer one.
    apply(&mut state, NOW, lock(None));
    apply(&mut state, NOW, lock(Some(NOW.plus_seconds(1))));
    assert_eq!(write.clone().at(NOW.plus_seconds(9)).decide(&policy, &state).decision.effect, Effect::Deny);
    let scope = Scope::Agent("a".into());
    let released = LockReleased { scope, by: "ada".into(), reason: "looked at it".into() };
    apply(&mut state, NOW, Event::LockReleased(released));
    assert_eq!(write.decide(&policy, &state).decision.effect, Effect::Allow);
}
