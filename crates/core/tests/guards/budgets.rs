//! Budgets: what is refused beside its nearest permitted neighbour, and what holds for every order of events.

use crate::common::{Case, call, layers, policy};
use crate::spending::{Shop, ask};
use crate::vectors::vectors;
use proptest::prelude::*;
use serde_json::{Value, json};
use stayhand_core::control::money::{Dollars, Money};
use stayhand_core::control::switch::Position;
use stayhand_core::control::{Act, scope::Scope};
use stayhand_core::decision::{Effect, Layer};
use stayhand_core::event::{Outcome, Usage};
use stayhand_core::policy::{LayerText, NoAnalysis, Policy};
use stayhand_core::reason::Reason;
use stayhand_core::state::State;
use stayhand_core::time::Timestamp;

const HOUR_S: u64 = 3600;
const CENT: u64 = 10_000_000;

fn cents(agent: &str, cents: u64) -> Case {
    ask(agent).nanousd(cents * CENT)
}

fn done(shop: &mut Shop, decided: u64, cost: u64) {
    shop.settle(decided, Outcome::Done, Some(cost), None);
}

/// A270, A270a, A270b, A272, by decisions and settlements.
#[test]
fn budget_enforcement() {
    for (id, input, expected) in vectors("budget_enforcement.jsonl") {
        let limit = &input["limit_dollars"];
        let Some(calls) = input["calls"].as_array() else {
            let Dollars(limit) = serde_json::from_value(limit.clone()).unwrap();
            assert_eq!(json!({ "limit_cents": limit.0 / 10_000_000 }), expected, "{id}");
            continue;
        };
        let mut shop = Shop::new(&format!("[{{name: b, period: daily, limit: {limit}, alerts: [80, 95]}}]"));
        let mut alerts_before = 0;
        for (call, expected) in calls.iter().zip(expected.as_array().unwrap()) {
            let count = |at: usize| call[at].as_u64().unwrap();
            let model = input["model"].as_str().unwrap_or("gpt-4");
            let decided = shop.decide(&ask("a").model(model, count(0), count(1)));
            let error = shop.refusal(decided);
            let cents = error.is_none().then(|| shop.pay(decided).0 / 10_000_000);
            let alerts: Vec<Value> = shop.alerts().skip(alerts_before).collect();
            alerts_before += alerts.len();
            let (spend, remaining) = shop.spend_and_remaining("b");
            let dollars = |money: Money| money.exact(9).parse::<f64>().unwrap();
            let got = json!({
                "cents": cents,
                // Behind the text of the reference follow what is used and when it is free again (L-06).
                "error": error.map(|text| text.split("; ").next().unwrap().to_owned()),
                "alerts": alerts,
                "spend": dollars(spend),
                "remaining": dollars(remaining),
            });
            let mut expected = expected.clone();
            for key in ["spend", "remaining"] {
                expected[key] = json!(expected[key].as_f64().unwrap());
            }
            assert_eq!(got, expected, "{id}");
        }
        assert_eq!(calls.len(), expected.as_array().unwrap().len(), "{id}");
    }
}

/// L-01, row 148: what others have reserved counts before it is settled; failing actions count as well.
#[test]
fn bypass_148_reservations_count() {
    let mut shop = Shop::new("[{period: daily, limit: 0.10}]");
    let running: Vec<u64> = (0..12).map(|_| shop.decide(&cents("a", 1))).collect();
    let permitted = running.iter().filter(|seq| shop.decision(**seq).effect == Effect::Allow).count();
    assert_eq!(permitted, 10);
    for seq in &running[..10] {
        shop.settle(*seq, Outcome::Failed { error: "no".into() }, Some(CENT), None);
    }
    assert_eq!(shop.effect(&cents("a", 1)), Effect::Deny);
    // What cost less than it had reserved gives the rest back.
    let mut shop = Shop::new("[{period: daily, limit: 0.10}]");
    let all = shop.decide(&cents("a", 10));
    assert_eq!(shop.effect(&cents("a", 1)), Effect::Deny);
    done(&mut shop, all, 9 * CENT);
    assert_eq!(shop.effect(&cents("a", 1)), Effect::Allow);
    assert_eq!(shop.effect(&cents("a", 1)), Effect::Deny);
}

/// Row 150: exactly the limit is allowed, what costs nothing always is, and a single nano-dollar more is not.
#[test]
fn bypass_150_no_false_refusals() {
    let mut shop = Shop::new("[{period: daily, limit: 0.3}]");
    for _ in 0..3 {
        // Three times 0.1 is more than 0.3 in doubles.
        assert_eq!(shop.effect(&cents("a", 10)), Effect::Allow);
    }
    assert_eq!(shop.effect(&ask("a").nanousd(1)), Effect::Deny);
    assert_eq!(shop.effect(&ask("a").nanousd(0)), Effect::Allow);
    assert_eq!(shop.effect(&ask("a")), Effect::Allow);
    let free = "prices: {source: s, date: 2026-11-28, models: {local: {input: 0, output: 0}}}";
    let mut shop = Shop::under(&format!("budgets: [{{period: daily, limit: 0}}]\n{free}"));
    assert_eq!(shop.effect(&ask("a").model("local", 1_000_000, 1_000_000)), Effect::Allow);
    assert_eq!(shop.effect(&ask("a").model("gpt-3.5-turbo", 1, 0)), Effect::Deny);
}

/// Row 151, L-06: the limit is part of the decision, and the refusal says what is used and when it is free again.
#[test]
fn bypass_151_a_budget_stops() {
    let mut shop = Shop::new("[{name: day, period: daily, limit: 1}]");
    let first = shop.decide(&cents("a", 60));
    done(&mut shop, first, 60 * CENT);
    let refused = shop.decide(&cents("a", 60));
    assert_eq!(shop.decision(refused).effect, Effect::Deny);
    assert_eq!(
        shop.refusal(refused).unwrap(),
        "Budget exceeded for daily: $1.20 / $1.00; used $0.6, requested $0.6, resets in 32400 s"
    );
    // Midnight, nine hours after three in the afternoon.
    shop.now = shop.now.plus_seconds(32_399);
    assert_eq!(shop.effect(&cents("a", 60)), Effect::Deny);
    shop.now = shop.now.plus_seconds(1);
    assert_eq!(shop.effect(&cents("a", 60)), Effect::Allow);
}

/// A269b, row 152: a stream that breaks before its usage is known costs its reservation; an estimate costs no less.
#[test]
fn bypass_152_what_is_not_known_costs_the_reservation() {
    for (usage, cost, left) in [
        (None, None, 0),
        (Some(true), Some(CENT), 0),
        (Some(false), Some(CENT), 9),
        // More than was reserved is charged all the same.
        (Some(true), Some(11 * CENT), 0),
    ] {
        let mut shop = Shop::new("[{period: daily, limit: 0.10}]");
        let call = shop.decide(&cents("a", 10));
        let usage =
            usage.map(|estimated| Usage { model: "m".into(), output: 1, estimated, ..Usage::default() });
        shop.settle(call, Outcome::Stopped { limit: "time".into() }, cost, usage);
        assert_eq!(shop.effect(&cents("a", left)), Effect::Allow, "{cost:?}");
        assert_eq!(shop.effect(&cents("a", 1)), Effect::Deny, "{cost:?}");
    }
}

/// Row 153: counts of a stream are counts from its beginning, and cached tokens are part of the prompt.
#[test]
fn bypass_153_counts_are_replaced_and_told_apart() {
    let mut usage = Usage { model: "m".into(), input: 100, output: 1, ..Usage::default() };
    usage.replace(&Usage { model: "m".into(), input: 0, output: 40, ..Usage::default() });
    assert_eq!((usage.input, usage.output), (100, 40));
    let usage = Usage::of_prompt("m", 1000, 900, 5);
    assert_eq!((usage.input, usage.cached, usage.tokens().sum()), (100, 900, Some(1005)));
    assert_eq!(Usage::of_prompt("m", 10, 11, 0).tokens().sum(), Some(10));
}

/// A269a, row 154: a call of a model without a price is refused, with a budget and without; a model that is named
/// without a call is not.
#[test]
fn bypass_154_unknown_models() {
    for budgets in ["[]", "[{period: daily, limit: 100}]"] {
        let mut shop = Shop::new(budgets);
        for model in ["gpt-5", "GPT-4"] {
            let refused = shop.decide(&ask("a").model(model, 10, 10));
            let reasons: Vec<Reason> =
                shop.decision(refused).findings.iter().map(|found| found.reason).collect();
            assert!(reasons.contains(&Reason::UnknownModel), "{model}");
        }
        assert_eq!(shop.effect(&ask("a").model("gpt-4", 10, 10)), Effect::Allow);
        assert_eq!(shop.effect(&ask("a").declares("model", json!("gpt-5"))), Effect::Allow);
    }
    let mut shop = Shop::under("budgets: [{period: daily, limit: 0.18}]\nprices: {unknown_model: ceiling}");
    // As dear as the dearest: gpt-4.
    assert_eq!(shop.effect(&ask("a").model("gpt-5", 3000, 1501)), Effect::Deny);
    assert_eq!(shop.effect(&ask("a").model("gpt-5", 3000, 1500)), Effect::Allow);
}

/// L-03: amounts that are none, and tokens whose cost cannot be known.
#[test]
fn l_03_what_cannot_be_counted_is_refused() {
    let mut shop = Shop::new("[{name: day, period: daily, limit: 100}]");
    let call = |input, output| {
        ask("a")
            .declares("model", json!("gpt-4"))
            .declares("input_tokens", input)
            .declares("max_output_tokens", output)
    };
    for (input, output) in [
        (json!(-5), json!(1)),
        (json!(1.5), json!(1)),
        (json!("many"), json!(1)),
        (json!(u64::MAX), json!(1)),
        (json!(u64::MAX / 2), json!(1)),
    ] {
        assert_eq!(shop.effect(&call(input.clone(), output)), Effect::Deny, "{input}");
    }
    assert_eq!(shop.effect(&call(json!(5), json!(1))), Effect::Allow);
    let endless = ask("a").declares("model", json!("gpt-4")).declares("input_tokens", json!(5));
    let refused = shop.decide(&endless);
    assert_eq!(shop.decision(refused).findings[1].reason, Reason::CostMissing);
    assert_eq!(shop.effect(&endless.nanousd(1)), Effect::Allow);
    let nameless = ask("a").declares("input_tokens", json!(5)).declares("max_output_tokens", json!(5));
    assert_eq!(shop.effect(&nameless), Effect::Deny);
    // A declared cost never makes a call cheaper than its tokens.
    let decided = shop.decide(&ask("a").model("gpt-4", 1000, 500).nanousd(1));
    assert_eq!(shop.decision(decided).spend.money.0, 6 * CENT);
}

/// D262, A270: all budgets are asked together; what one refuses is reserved of none.
#[test]
fn a270_all_or_nothing() {
    let mut shop = Shop::new(
        "[{name: day, period: daily, limit: 1}, {name: task, per: task, period: total, limit: 0.05}]",
    );
    let of = |task: &str, amount| cents("a", amount).declares("task", json!(task));
    assert_eq!(shop.effect(&of("x", 6)), Effect::Deny);
    assert!(shop.state.ledger().all().total().is_none());
    assert_eq!(shop.effect(&of("x", 5)), Effect::Allow);
    assert_eq!(shop.effect(&of("x", 1)), Effect::Deny);
    assert_eq!(shop.effect(&of("y", 5)), Effect::Allow);
    // Actions without a task share one without a name.
    assert_eq!(shop.effect(&cents("a", 5)), Effect::Allow);
    assert_eq!(shop.effect(&cents("b", 1)), Effect::Deny);
}

/// A270a: each alert once, the texts as they are, and anew in the next period.
#[test]
fn a270a_alerts() {
    let mut shop = Shop::new("[{period: hourly, limit: 1}]");
    let spend = |shop: &mut Shop, amount| {
        let decided = shop.decide(&cents("a", amount));
        done(shop, decided, amount * CENT);
        shop.alerts()
            .map(|alert| alert.as_array().unwrap()[1].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(spend(&mut shop, 79), [""; 0]);
    assert_eq!(spend(&mut shop, 1), ["Budget at 80% (0.80/1.00)"]);
    assert_eq!(spend(&mut shop, 14).len(), 1);
    assert_eq!(spend(&mut shop, 1)[1], "Budget at 95% (0.95/1.00)");
    assert_eq!(spend(&mut shop, 5)[2], "Budget EXCEEDED: 1.00/1.00");
    assert_eq!(spend(&mut shop, 0).len(), 3);
    shop.decide(&cents("a", 1));
    assert_eq!(shop.alerts().count(), 3);
    shop.now = shop.now.plus_seconds(HOUR_S);
    assert_eq!(spend(&mut shop, 80)[3], "Budget at 80% (0.80/1.00)");
}

/// A sliding window forgets what is older than it, to the microsecond, and its alerts begin anew when it does.
#[test]
fn rolling_windows_slide() {
    let mut shop = Shop::new("[{per: agent, period: rolling, window_s: 3600, limit: 1}]");
    let first = shop.decide(&cents("a", 90));
    done(&mut shop, first, 90 * CENT);
    assert_eq!(shop.alerts().count(), 1);
    shop.now = Timestamp(shop.now.0 + HOUR_S * 1_000_000 - 1);
    assert_eq!(shop.effect(&cents("a", 11)), Effect::Deny);
    assert_eq!(shop.effect(&cents("b", 11)), Effect::Allow);
    shop.now = Timestamp(shop.now.0 + 1);
    assert_eq!(shop.effect(&cents("a", 11)), Effect::Allow);
    assert_eq!(shop.effect(&cents("a", 89)), Effect::Allow);
    assert!(shop.alerts().count() >= 3);
}

/// L-05, D265: what was spent before a budget is set counts; a restart folds the same state.
#[test]
fn l_05_spend_counts_before_its_budget() {
    let mut shop = Shop::new("[]");
    let first = shop.decide(&cents("a", 90));
    done(&mut shop, first, 90 * CENT);
    for budgets in [
        "[{period: daily, limit: 1}]",
        "[{per: agent, period: monthly, limit: 1}]",
        "[{agents: [b, a], period: weekly, limit: 1}]",
        "[{per: session, period: total, limit: 1}]",
        "[{per: principal, period: rolling, window_s: 60, limit: 1}]",
    ] {
        shop.change(budgets);
        assert_eq!(shop.effect(&cents("a", 11)), Effect::Deny, "{budgets}");
    }
    let mut again = State::default();
    shop.records.iter().for_each(|record| again.apply(record));
    assert!(again == shop.state);
}

/// A crash keeps the reservation; a late settlement trues it up; an action that never ran gives it back.
#[test]
fn a_crash_keeps_the_reservation() {
    let mut shop =
        Shop::new("[{period: daily, limit: 0.10}, {per: agent, period: rolling, window_s: 60, limit: 0.10}]");
    let call = shop.decide(&cents("a", 10));
    shop.crash(call);
    assert_eq!(shop.effect(&cents("a", 1)), Effect::Deny);
    done(&mut shop, call, 4 * CENT);
    let second = shop.decide(&cents("a", 6));
    assert_eq!(shop.decision(second).effect, Effect::Allow);
    shop.settle(second, Outcome::Abandoned { why: "expired".into() }, None, None);
    assert_eq!(shop.effect(&cents("a", 7)), Effect::Deny);
    assert_eq!(shop.effect(&cents("a", 6)), Effect::Allow);
}

/// L-13, L-14: what happens beyond: a question, a pause, an alert alone.
#[test]
fn l_13_beyond() {
    let mut shop =
        Shop::new("[{per: request, limit: 10, beyond: approve}, {period: hourly, limit: 50, beyond: alert}]");
    assert_eq!(shop.effect(&cents("a", 1000)), Effect::Allow);
    assert_eq!(shop.effect(&cents("a", 1001)), Effect::Approve);
    for _ in 0..5 {
        assert_eq!(shop.effect(&cents("a", 1000)), Effect::Allow);
    }
    assert_eq!(shop.alerts().last().unwrap()[1], "Budget EXCEEDED: 50.00/50.00");
    let mut shop = Shop::new("[{per: agent, period: daily, limit: 200, beyond: pause}]");
    assert_eq!(shop.effect(&cents("a", 20_000)), Effect::Allow);
    let refused = shop.decide(&cents("a", 1));
    let consequence = &shop.decision(refused).consequences[0];
    assert_eq!((consequence.act, &consequence.scope), (Act::Pause, &Scope::Agent("a".into())));
    assert_eq!(Position::Active, shop.state.switches().position(&Scope::Agent("b".into())));
}

/// L-12: so many tokens for one request and in an hour, beside the money.
#[test]
fn l_12_tokens() {
    let mut shop = Shop::new(
        "[{per: request, tokens: 4000}, {per: request, limit: 0.50}, {period: hourly, tokens: 8000}]",
    );
    assert_eq!(shop.effect(&ask("a").model("gpt-3.5-turbo", 3000, 1000)), Effect::Allow);
    assert_eq!(shop.effect(&ask("a").model("gpt-3.5-turbo", 3000, 1001)), Effect::Deny);
    let call = shop.decide(&ask("a").model("gpt-3.5-turbo", 3000, 1000));
    assert_eq!(shop.effect(&ask("a").model("gpt-3.5-turbo", 1, 0)), Effect::Deny);
    let usage = Usage { model: "gpt-3.5-turbo".into(), input: 3000, output: 10, ..Usage::default() };
    shop.settle(call, Outcome::Done, Some(1), Some(usage));
    assert_eq!(shop.effect(&ask("a").model("gpt-3.5-turbo", 900, 90)), Effect::Allow);
    assert_eq!(shop.effect(&ask("a").model("gpt-3.5-turbo", 1, 0)), Effect::Deny);
}

/// L-12: the preset of the guide loads, and each of its figures holds.
#[test]
fn l_12_the_preset() {
    let text = include_str!("../../../../examples/policies/llm-budgets.yaml");
    let effect = |case: Case| case.decide(&policy(text), &State::default()).decision.effect;
    assert_eq!(effect(ask("a").model("gpt-3.5-turbo", 3000, 1000)), Effect::Allow);
    assert_eq!(effect(ask("a").model("gpt-3.5-turbo", 3000, 1001)), Effect::Deny);
    assert_eq!(effect(cents("a", 50)), Effect::Allow);
    assert_eq!(effect(cents("a", 51)), Effect::Deny);
    let budgets = policy(text).controls().budgets.clone();
    let limit = |name: &str| budgets.iter().find(|budget| budget.name == name).unwrap().limit;
    assert_eq!((limit("hour_tokens"), limit("hour"), limit("day")), (200_000, 1000 * CENT, 10_000 * CENT));
    assert_eq!((limit("finance"), limit("everything")), (5000 * CENT, 20_000 * CENT));
}

fn problem(sections: &str) -> String {
    let file = LayerText { layer: Layer::User, name: "p.yaml".into(), text: sections.to_owned() };
    let error = Policy::compile(&[file], NoAnalysis).unwrap_err();
    let problem = &error.problems[0];
    format!("{:?} {}", problem.line(), problem.message)
}

/// L-04: mistakes are errors with their line.
#[test]
fn mistakes_have_a_line() {
    for (text, expected) in [
        ("budgets:\n  - {period: daily}", "Some(2) a budget needs a `limit`"),
        ("budgets:\n  - {limit: 1}", "Some(2) a budget needs a `period`"),
        ("budgets:\n  - {limit: 1, tokens: 1, period: daily}", "Some(2) a budget has a `limit` or `tokens`"),
        ("budgets:\n  - {limit: -1, period: daily}", "Some(2) "),
        ("budgets:\n  - {limit: 1e400, period: daily}", "Some(2) "),
        ("budgets:\n  - {limit: 1, period: yearly}", "Some(2) `yearly`"),
        ("budgets:\n  - {limit: 1, period: rolling}", "Some(2) a rolling budget needs a `window_s`"),
        ("budgets:\n  - {limit: 1, period: daily, window_s: 5}", "Some(2) `window_s` is for"),
        ("budgets:\n  - {limit: 1, per: request, period: daily}", "Some(2) a budget per request"),
        (
            "budgets:\n  - {limit: 1, per: agent, agents: a, period: daily}",
            "Some(2) a budget of some `agents`",
        ),
        ("budgets:\n  - {limit: 1, period: daily, alerts: [0]}", "Some(2) `0` percent"),
        (
            "budgets:\n  - {name: x, limit: 1, period: daily}\n  - {name: x, limit: 1, period: daily}",
            "two budgets are called `x`",
        ),
        (
            "prices:\n  source: s\n  date: 2026-11-28\n  models:\n    m: {input: 1, ouput: 2}",
            "Some(5) there is no key `ouput`",
        ),
        (
            "prices:\n  source: s\n  date: 2026-11-28\n  models:\n    m: {input: 0.30000000000000004, output: 2}",
            "Some(5) ",
        ),
        ("prices:\n  aliases: {a: gpt-5}", "`a` stands for `gpt-5`"),
    ] {
        let problem = problem(text);
        assert!(problem.contains(expected), "{text}: {problem}");
    }
}

/// A price file holds prices alone.
#[test]
fn price_files_hold_prices_alone() {
    let good = "prices:\n  source: s\n  date: 2026-11-28\n  models: {m: {input: 1, output: 2}}\n";
    assert!(Policy::check_prices("p", good).unwrap().of("m").is_some());
    for (text, line) in [
        (format!("{good}rules: [{{allow: '*'}}]\n"), Some(5)),
        (good.replace("input", "inptu"), Some(4)),
        (good.replace("2026-11-28", "soon"), Some(3)),
        ("prices: {}".to_owned(), None),
        (String::new(), None),
    ] {
        let error = Policy::check_prices("p", &text).unwrap_err();
        assert_eq!(error.problems[0].line(), line, "{text}");
    }
}

/// A child is a part of its parent and may not allow more; it can never spend more, because its parent pays as well.
#[test]
fn the_tree_holds() {
    for (text, expected) in [
        ("budgets: [{name: c, within: p, period: daily, limit: 1}]", "no budget is called `p`"),
        ("budgets: [{name: p, within: p, period: daily, limit: 1}]", "within itself"),
        (
            "budgets: [{name: p, period: daily, limit: 1}, {name: c, per: agent, within: p, period: daily, limit: 2}]",
            "may not allow more",
        ),
        (
            "budgets: [{name: p, period: monthly, limit: 1}, {name: c, per: agent, within: p, period: daily, limit: 2}]",
            "may not allow more",
        ),
        (
            "budgets: [{name: p, agents: [a], period: daily, limit: 9}, {name: c, agents: [a, b], within: p, period: daily, limit: 2}]",
            "covers spending",
        ),
        (
            "budgets: [{name: p, agents: [a], period: daily, limit: 9}, {name: c, per: agent, within: p, period: daily, limit: 2}]",
            "covers spending",
        ),
        (
            "budgets: [{name: p, tokens: 5, period: daily}, {name: c, per: agent, within: p, period: daily, limit: 2}]",
            "different things",
        ),
    ] {
        let problem = problem(text);
        assert!(problem.contains(expected), "{text}: {problem}");
    }
    let mut shop = Shop::new(
        "[{name: company, period: monthly, limit: 3}, {name: team, agents: [a, b], within: company, period: daily, limit: 2}, {name: each, per: agent, within: company, period: daily, limit: 1.50}]",
    );
    assert_eq!(shop.effect(&cents("a", 150)), Effect::Allow);
    assert_eq!(shop.effect(&cents("b", 51)), Effect::Deny);
    assert_eq!(shop.effect(&cents("b", 50)), Effect::Allow);
    assert_eq!(shop.effect(&cents("c", 101)), Effect::Deny);
    assert_eq!(shop.effect(&cents("c", 100)), Effect::Allow);
    assert_eq!(shop.effect(&cents("d", 1)), Effect::Deny);
}

/// A project's file may add budgets and cannot make anything cheaper.
#[test]
fn projects_only_tighten() {
    let user =
        "rules: [{allow: '*'}]\nprices: {source: s, date: 2026-11-28, models: {m: {input: 1, output: 1}}}";
    let project = "prices: {source: s, date: 2026-11-28, unknown_model: ceiling, models: {m: {input: 0, output: 0}, gpt-5: {input: 0, output: 0}}}\nbudgets: [{period: daily, limit: 1}]";
    let policy = layers(&[(Layer::User, user), (Layer::Project, project)]);
    let state = State::default();
    let effect = |case: Case| case.decide(&policy, &state).decision.effect;
    assert_eq!(effect(ask("a").model("m", 1_000_000, 1)), Effect::Deny);
    assert_eq!(effect(ask("a").model("m", 999_999, 1)), Effect::Allow);
    assert_eq!(effect(ask("a").model("gpt-5", 1, 1)), Effect::Deny);
    assert_eq!(effect(call("llm").analysed()), Effect::Allow);
}

/// What an organisation's file has priced is not made cheaper by a user's.
#[test]
fn organisations_keep_their_prices() {
    let priced = |model: &str| {
        format!("prices: {{source: s, date: 2026-11-28, models: {{{model}: {{input: 0, output: 0}}}}}}")
    };
    let compile = |organisation: &str, user: &str| {
        let file = |layer, text: &str| LayerText { layer, name: "p.yaml".into(), text: text.to_owned() };
        let files = [file(Layer::Organisation, &priced(organisation)), file(Layer::User, &priced(user))];
        Policy::compile(&files, NoAnalysis).map(|policy| policy.id())
    };
    assert!(compile("gpt-4", "gpt-4").is_err());
    assert!(compile("gpt-4", "gpt-4-turbo").is_ok());
}

/// One step of a random day.
#[derive(Debug, Clone)]
enum Step {
    Ask { agent: u8, task: u8, cost: u64 },
    Settle { which: usize, share: u64 },
    Abandon { which: usize },
    Crash { which: usize },
    Wait { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..3_u8, 0..2_u8, 0..40_u64).prop_map(|(agent, task, cost)| Step::Ask { agent, task, cost }),
        3 => (0..8_usize, 0..=100_u64).prop_map(|(which, share)| Step::Settle { which, share }),
        1 => (0..8_usize).prop_map(|which| Step::Abandon { which }),
        1 => (0..8_usize).prop_map(|which| Step::Crash { which }),
        2 => (1..5000_u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

fn budget() -> impl Strategy<Value = String> {
    let per =
        prop::sample::select(vec!["per: all", "per: agent", "per: task", "per: session", "agents: [a0, a1]"]);
    let period = prop::sample::select(vec!["hourly", "daily", "weekly", "total", "rolling"]);
    (per, period, 0..120_u64).prop_filter_map("no rolling budget per task", |(per, period, limit)| {
        let window = if period == "rolling" { ", window_s: 1800" } else { "" };
        (per != "per: task" || period != "rolling").then(|| {
            format!("{{{per}, period: {period}{window}, limit: {}.{:02}}}", limit / 100, limit % 100)
        })
    })
}

/// Runs a day. After each step no purse holds more than its budget allows. The answer: the decisions in order.
fn run(budgets: &[String], steps: &[Step]) -> Result<Vec<Effect>, TestCaseError> {
    let mut shop = Shop::new(&format!("[{}]", budgets.join(", ")));
    let (mut running, mut effects) = (Vec::new(), Vec::new());
    for step in steps {
        let pick =
            |running: &Vec<(u64, u64)>, which: usize| running.get(which % running.len().max(1)).copied();
        match step {
            Step::Ask { agent, task, cost } => {
                let case = cents(&format!("a{agent}"), *cost).declares("task", json!(format!("t{task}")));
                let decided = shop.decide(&case);
                let effect = shop.decision(decided).effect;
                effects.push(effect);
                if effect == Effect::Allow {
                    running.push((decided, cost * CENT));
                }
            }
            Step::Settle { which, share } => {
                if let Some((seq, cost)) = pick(&running, *which) {
                    running.retain(|(open, _)| *open != seq);
                    done(&mut shop, seq, cost * share / 100);
                }
            }
            Step::Abandon { which } => {
                if let Some((seq, _)) = pick(&running, *which) {
                    running.retain(|(open, _)| *open != seq);
                    shop.settle(seq, Outcome::Abandoned { why: String::new() }, None, None);
                }
            }
            Step::Crash { which } => {
                if let Some((seq, _)) = pick(&running, *which) {
                    shop.crash(seq);
                }
            }
            Step::Wait { seconds } => shop.now = shop.now.plus_seconds(*seconds),
        }
        shop.within_limits(&["a0", "a1", "a2"], &["t0", "t1"])?;
    }
    let mut again = State::default();
    shop.records.iter().for_each(|record| again.apply(record));
    prop_assert!(again == shop.state, "folding the log again gives another state");
    Ok(effects)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Spend ≤ budget at every prefix of the log, under any order of reserving, settling, abandoning and crashing.
    #[test]
    fn spend_never_exceeds_a_budget(budgets in prop::collection::vec(budget(), 0..5), steps in prop::collection::vec(step(), 1..60)) {
        run(&budgets, &steps)?;
    }

    /// One more budget never admits the first action that was refused without it.
    #[test]
    fn another_budget_never_admits_more(
        budgets in prop::collection::vec(budget(), 0..4),
        more in budget(),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let fewer = run(&budgets, &steps)?;
        let all = run(&[&budgets[..], &[more]].concat(), &steps)?;
        // Up to the first difference both have the same state; there, the one with more budgets is the stricter.
        if let Some((less, more)) = fewer.iter().zip(&all).find(|(less, more)| less != more) {
            prop_assert!(more > less);
        }
    }
}
