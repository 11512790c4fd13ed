//! Rules of business over time (K138 to K140): each kind at its bound and just beyond it.

use crate::common::*;
use crate::world::{World, reasons};
use serde_json::{Value, json};
use stayhand_core::control::business::rule::{BusinessRule, BusinessSource};
use stayhand_core::control::switch::Position;
use stayhand_core::decision::{Decision, Effect};
use stayhand_core::event::{ApprovalResolved, Event, Outcome};
use stayhand_core::state::AnswerError;

fn world(rules: &str) -> World {
    World::new(policy(&format!(
        "rules: [{{allow: '*'}}]\ntools: {{trade: {{}}, move: {{}}}}\nbusiness: [{rules}]"
    )))
}

fn trade(input: Value) -> Case {
    call("trade").input(input).op(does(&[]))
}

impl World {
    fn trades(&mut self, dollars: &str) -> Decision {
        self.now = self.now.plus_seconds(1);
        self.ask(trade(json!({ "value": dollars, "symbol": "A" })))
    }

    fn refused(&mut self, case: Case) -> String {
        self.now = self.now.plus_seconds(1);
        let decision = self.ask(case);
        assert_eq!((decision.effect, reasons(&decision)), (Effect::Deny, vec!["business_rule"]));
        decision.findings.last().unwrap().because.as_deref().unwrap().to_owned()
    }
}

/// K138, K121: the sum of a sliding window, exact to the cent, and the stop that comes with it.
#[test]
fn k138_sums_of_a_window() {
    let mut world = world(
        "{name: turnover, tools: trade, value: /value, sum: {at_most: 1.00, window_s: 60}, then: pause}",
    );
    for _ in 0..10 {
        assert_eq!(world.trades("0.1").effect, Effect::Allow);
    }
    let refused = world.trades("0.01");
    assert_eq!((refused.effect, reasons(&refused)), (Effect::Deny, vec!["business_rule"]));
    assert_eq!(
        refused.findings.last().unwrap().because.as_deref(),
        Some("$1.01 within 60 s is more than $1")
    );
    assert_eq!(world.state.switches().position(&"agent:a".parse().unwrap()), Position::Paused);
    let mut again = self::world("{tools: trade, value: /value, sum: {at_most: 1.00, window_s: 60}}");
    again.trades("1.00");
    again.now = again.now.plus_seconds(58);
    assert_eq!(again.trades("1.00").effect, Effect::Deny, "59 s");
    assert_eq!(again.trades("1.00").effect, Effect::Allow, "60 s");
    again.end(0, Outcome::Abandoned { why: "x".into() });
    assert_eq!(again.trades("1.00").effect, Effect::Allow, "given back");
    again.folds_again();
}

/// K138: far above the mean of those before, by key; refused ones teach nothing.
#[test]
fn k138_ratios_to_history() {
    let mut world =
        world("{tools: trade, key: /symbol, value: /value, ratio: {times: 5, of_last: 10, at_least: 3}}");
    for dollars in ["10", "900", "20", "30"] {
        world.trades(if dollars == "900" { "30" } else { dollars });
    }
    let mean_is_22_50 = trade(json!({ "value": "112.51", "symbol": "A" }));
    assert_eq!(world.refused(mean_is_22_50), "$112.51 is more than 5 times the usual $22.5");
    assert_eq!(world.trades("112.50").effect, Effect::Allow);
    assert_eq!(
        world.ask(trade(json!({ "value": "5000", "symbol": "B" }))).effect,
        Effect::Allow,
        "another key"
    );
}

/// K139: a cool-down by key.
#[test]
fn k139_cool_downs() {
    let mut world = world("{tools: trade, key: /symbol, cool_down_s: 30}");
    let of = |symbol: &str| trade(json!({ "symbol": symbol }));
    assert_eq!(world.ask(of("A")).effect, Effect::Allow);
    world.now = world.now.plus_seconds(28);
    assert_eq!(world.refused(of("A")), "less than 30 s after the one before");
    assert_eq!(world.ask(of("B")).effect, Effect::Allow);
    assert_eq!(world.ask(of("A").by("b")).effect, Effect::Allow, "another agent");
    world.now = world.now.plus_seconds(1);
    assert_eq!(world.ask(of("A")).effect, Effect::Allow);
}

/// A177: what undoes something does not follow it within a day, by key, in either order. Refused ones count for nothing.
#[test]
fn a177_conflicts() {
    let mut world = world("{conflicts: [[trade, move], [trade, look]], key: /page, within_s: 60}");
    let on = |tool: &str, page: &str| call(tool).input(json!({ "page": page })).op(does(&[]));
    assert_eq!(world.ask(on("trade", "a")).effect, Effect::Allow);
    world.now = world.now.plus_seconds(58);
    assert_eq!(world.refused(on("move", "a")), "less than 60 s after an action that it conflicts with");
    assert_eq!(world.ask(on("trade", "a")).effect, Effect::Allow, "the same again");
    assert_eq!(world.ask(on("move", "b")).effect, Effect::Allow, "another page");
    assert_eq!(world.ask(on("move", "a").by("b")).effect, Effect::Allow, "another agent");
    world.refused(on("trade", "b"));
    assert_eq!(world.ask(on("look", "b")).effect, Effect::Allow, "no pair");
    world.now = world.now.plus_seconds(60);
    assert_eq!(world.ask(on("move", "a")).effect, Effect::Allow, "60 s");
    world.refused(on("trade", "a"));
    world.folds_again();
}

/// A175, A177: the pack of R2. Each bound of risk, and each number, with the one beyond it.
#[test]
fn a175_a177_the_content_agent() {
    let at = |tool: &str, risk: Value| {
        let mut case = call(tool).input(json!({ "page": "a" })).op(does(&[]));
        case.request.context.declared.insert("risk_score".into(), risk);
        case
    };
    for (tool, risk, effect) in [
        ("edit_content", json!(0.7), Effect::Allow),
        ("edit_content", json!(0.71), Effect::Deny),
        ("edit_content", json!(-0.1), Effect::Deny),
        ("update_meta", json!(0.5), Effect::Allow),
        ("update_meta", json!(0.51), Effect::Deny),
        ("share_post", json!(0.6), Effect::Allow),
        ("respond_to_competitor", json!(0.61), Effect::Deny),
        ("change_strategy", json!(0), Effect::Approve),
        ("change_setting", json!(0.8), Effect::Approve),
        ("change_setting", json!(0.81), Effect::Deny),
        ("drop_everything", json!(0), Effect::Deny),
    ] {
        assert_eq!(
            World::new(pack("content-agent")).ask(at(tool, risk.clone())).effect,
            effect,
            "{tool} {risk}"
        );
    }
    let unsaid = call("edit_content").input(json!({ "page": "a" })).op(does(&[]));
    assert_eq!(World::new(pack("content-agent")).ask(unsaid).effect, Effect::Approve);

    // So many within an hour, one each minute; and what becomes of the next.
    for (tools, most, effect) in [
        (&["edit_content", "publish_article"][..], 10, Effect::Deny),
        (&["update_meta"], 8, Effect::Deny),
        (&["share_post"], 6, Effect::Deny),
        (&["respond_to_competitor"], 5, Effect::Deny),
    ] {
        let mut world = World::new(pack("content-agent"));
        for turn in 0..most {
            world.now = world.now.plus_seconds(60);
            assert_eq!(
                world.ask(at(tools[turn % tools.len()], json!(0.1))).effect,
                Effect::Allow,
                "{tools:?} {turn}"
            );
            world.end(1000, Outcome::Done);
        }
        world.now = world.now.plus_seconds(60);
        assert_eq!(world.ask(at(tools[0], json!(0.1))).effect, effect, "{tools:?}");
    }
    // Ten of the same in a day, and what becomes of the next.
    let mut world = World::new(pack("content-agent"));
    for turn in 0..10 {
        assert_eq!(world.ask(at("update_meta", json!(0))).effect, Effect::Allow, "{turn}");
        world.end(1000, Outcome::Done);
        world.now = world.now.plus_seconds(600);
    }
    assert_eq!(world.ask(at("update_meta", json!(0))).effect, Effect::Approve);
    let mut world = World::new(pack("content-agent"));
    assert_eq!(world.ask(at("optimize_content", json!(0))).effect, Effect::Allow);
    world.now = world.now.plus_seconds(86_399);
    assert_eq!(world.ask(at("delete_content", json!(0))).effect, Effect::Approve);
    world.now = world.now.plus_seconds(1);
    assert_eq!(world.ask(at("delete_content", json!(0))).effect, Effect::Allow);
}

/// K139: only allowed changes of state, whoever makes them; what failed or never started has changed none.
#[test]
fn k139_transitions() {
    let mut world = world(
        "{tools: move, per: all, key: /order, state: /to, transitions: {new: [sent, cancelled], sent: filled}}",
    );
    let to =
        |order: u32, state: &str| call("move").input(json!({ "order": order, "to": state })).op(does(&[]));
    assert_eq!(world.refused(to(1, "filled")), "`new` is followed by sent or cancelled, and not by `filled`");
    assert_eq!(world.ask(to(1, "sent")).effect, Effect::Allow);
    world.end(1, Outcome::Failed { error: "no".into() });
    assert_eq!(world.refused(to(1, "filled")), "`new` is followed by sent or cancelled, and not by `filled`");
    assert_eq!(world.ask(to(1, "sent")).effect, Effect::Allow);
    world.end(1, Outcome::Done);
    assert_eq!(world.refused(to(1, "sent").by("b")), "`sent` is followed by filled, and not by `sent`");
    assert_eq!(world.ask(to(1, "filled").by("b")).effect, Effect::Allow);
    assert_eq!(world.refused(to(1, "new")), "`filled` is followed by nothing, and not by `new`");
    assert_eq!(world.ask(to(2, "cancelled")).effect, Effect::Allow);
    world.folds_again();
}

/// K139: days on which nothing happens. The tests' day is 2026-11-20.
#[test]
fn k139_blackout_days() {
    for (days, effect) in [
        ("[2026-11-20]", Effect::Deny),
        ("[2026-11-19, 2026-11-21]", Effect::Allow),
        ("2026-11-01/2026-11-20", Effect::Deny),
        ("2026-11-21/2027-01-01", Effect::Allow),
    ] {
        let mut world = world(&format!("{{tools: trade, blackout: {days}}}"));
        assert_eq!(world.ask(trade(json!({}))).effect, effect, "{days}");
    }
}

/// K133: two people, neither of them twice; one no is enough.
#[test]
fn k133_four_eyes() {
    let mut world = world("{tools: trade, value: /value, four_eyes_over: 1000}");
    assert_eq!(world.trades("1000").effect, Effect::Allow);
    let held = world.trades("1000.01");
    assert_eq!((held.effect, held.approvers), (Effect::Approve, 2));
    let id = stayhand_core::decision::ApprovalId(world.newest());
    let answer = |by: &str, grant| {
        Event::ApprovalResolved(ApprovalResolved {
            approval: id,
            by: by.into(),
            grant,
            comment: String::new(),
        })
    };
    world.apply(answer("ada", true));
    world.apply(answer("ada", true));
    assert_eq!(world.trades("1000.01").effect, Effect::Approve, "one yes is none");
    assert_eq!(world.state.may_answer(id, "ada", world.now).map(|_| ()), Err(AnswerError::Twice));
    assert!(world.state.may_answer(id, "grace", world.now).is_ok());
    world.apply(answer("grace", true));
    let granted = world.trades("1000.01");
    assert_eq!(granted.effect, Effect::Allow);
    assert_eq!(granted.findings.last().unwrap().because.as_deref(), Some("by ada and grace"));
    assert_eq!(world.trades("1000.01").effect, Effect::Approve, "used up");
    let id = stayhand_core::decision::ApprovalId(world.newest());
    let no = ApprovalResolved { approval: id, by: "ada".into(), grant: false, comment: String::new() };
    world.apply(Event::ApprovalResolved(no));
    assert_eq!(world.trades("1000.01").effect, Effect::Deny);
}

/// L-04: what is missing, negative, or no amount refuses.
#[test]
fn l_04_amounts_must_be_amounts() {
    let mut world = world("{tools: trade, value: /order/value, sum: {at_most: 100, window_s: 60}}");
    for value in [json!(null), json!(-1), json!("-0.5"), json!("NaN"), json!("1e3"), json!([1]), json!("ten")]
    {
        let decision = world.ask(trade(json!({ "order": { "value": value } })));
        assert_eq!((decision.effect, reasons(&decision)), (Effect::Deny, vec!["invalid_input"]), "{value}");
    }
    assert_eq!(world.ask(trade(json!({}))).effect, Effect::Deny);
    assert_eq!(world.ask(trade(json!({ "order": { "value": 0.1 } }))).effect, Effect::Allow);
}

/// K120 to K124: the trading preset, from the first order to the stop.
#[test]
fn k120_the_trading_preset() {
    let mut world = World::new(pack("trading-agent"));
    // A Friday, 15:00 UTC.
    let order = |symbol: &str, dollars: &str| {
        let value: Value = serde_json::from_str(dollars).unwrap();
        let input = json!({ "symbol": symbol, "side": "buy", "value": value });
        call("place_order").input(input).op(does(&[])).says(text(
            "value",
            stayhand_core::facts::FieldKind::Amount,
            dollars,
        ))
    };
    assert_eq!(world.ask(order("A", "100")).effect, Effect::Allow);
    assert!(reasons(&world.ask(order("A", "100"))).contains(&"business_rule"), "cool-down");
    assert_eq!(world.ask(order("B", "500")).effect, Effect::Approve, "K123");
    assert_eq!(world.ask(order("C", "6000")).approvers, 2);
    assert_eq!(world.ask(order("C", "10001")).effect, Effect::Deny, "K120");
    let loss = |dollars: &str| call("report_loss").input(json!({ "value": dollars })).op(does(&[]));
    assert_eq!(world.ask(loss("2000")).effect, Effect::Allow);
    assert_eq!(world.ask(loss("0.01")).effect, Effect::Deny, "K121");
    assert_eq!(world.state.switches().position(&"agent:a".parse().unwrap()), Position::Killed);
}

/// Mistakes in the section.
#[test]
fn mistakes_are_refused() {
    for (text, error) in [
        ("{cool_down_s: 1}", "a rule of business needs `tools`"),
        ("{tools: a, conflicts: [[a, b]]}", "`conflicts` names its tools"),
        ("{conflicts: [[a, b]], within_s: 0}", "`within_s` must be"),
        ("{conflicts: [[a, b c]]}", "`b c` is no name"),
        ("{tools: a, cool_down_s: 1, within_s: 3}", "`within_s` is for `conflicts`"),
        ("{tools: a}", "a rule of business has exactly one of `sum`"),
        ("{tools: a, cool_down_s: 1, blackout: 2026-01-01}", "a rule of business has exactly one of `sum`"),
        ("{tools: a, sum: {at_most: 1, window_s: 1}}", "this rule needs a `value`"),
        ("{tools: a, value: /v, cool_down_s: 1}", "this rule has no `value`"),
        ("{tools: a, value: v, four_eyes_over: 1}", "`v` is not a JSON pointer; write `/v`"),
        ("{tools: a, value: /v, four_eyes_over: 1, then: kill}", "`four_eyes_over` always asks"),
        (
            "{tools: a, value: /v, sum: {at_most: 1, window_s: 0}}",
            "`window_s` must be from one second to 31 days",
        ),
        ("{tools: a, transitions: {new: x}}", "`transitions` need a `state`"),
        ("{tools: a, state: /s, transitions: {old: x}}", "nothing follows the first state, `new`"),
        ("{tools: a, blackout: 2026-02-30}", "`2026-02-30` is no day"),
        ("{tools: a, blackout: 2026-02-02/2026-02-01}", "`2026-02-02/2026-02-01` ends before it begins"),
        ("{tools: a, value: /v, ratio: {times: 0}}", "`times` must be one or more"),
    ] {
        let source: BusinessSource = serde_saphyr::from_str(text).unwrap();
        let found = BusinessRule::compile(&source, 1).unwrap_err();
        assert!(found.starts_with(error), "{text}: {found}");
    }
}
