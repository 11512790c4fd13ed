//! Budgets under callers who do many things at once, by every path to a permit, and across a restart.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use serde_json::{Value, json};
use stayhand_core::control::money::Money;
use stayhand_core::decision::{Effect, Layer, Level};
use stayhand_core::event::{Outcome, Usage};
use stayhand_core::state::State;
use stayhand_runtime::policy_files::PolicyFiles;
use stayhand_runtime::{Effected, Engine, Executor, Permit, Settings, Verdict, Work, wire};
use stayhand_store::Query;
use std::path::Path;
use std::time::Duration;

const RULES: &str = "rules: [{name: all, allow: '*'}]\n";

/// An engine under the policy in `folder`, with its log there or in memory.
fn engine(folder: &Path, budgets: &str, durable: bool) -> Engine {
    let file = folder.join("policy.yaml");
    std::fs::write(&file, format!("{RULES}{budgets}")).unwrap();
    let settings =
        Settings { policy: PolicyFiles::default().named(Layer::User, file), ..Settings::default() };
    if durable {
        Engine::open(&folder.join("state"), settings).unwrap()
    } else {
        Engine::in_memory(settings).unwrap()
    }
}

fn request(agent: &str, tool: &str, context: &Value) -> wire::Parsed {
    let line = json!({ "tool": tool, "input": {}, "agent": agent, "context": context }).to_string();
    wire::request(line.as_bytes(), &wire::Defaults::new("/box", "/root")).unwrap()
}

fn permit(engine: &Engine, agent: &str, context: &Value) -> Option<Permit> {
    match engine.authorize(request(agent, "llm", context)).unwrap() {
        Verdict::Permitted(permit) => Some(permit),
        Verdict::Held(_) | Verdict::Refused(_) => None,
    }
}

/// What everybody has spent, reservations included.
fn spent(engine: &Engine) -> Money {
    engine.refreshed(|state, _| state.ledger().all().total().money).unwrap()
}

/// L-01, row 148: sixty-four callers, a budget for ten: exactly ten run.
#[test]
fn l_01_bypass_148_exactly_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path(), "budgets: [{period: total, limit: 0.10}]", false);
    let cent = json!({ "estimated_cost_cents": 1 });
    let permits: Vec<Permit> = std::thread::scope(|scope| {
        let ask = |number: usize| {
            let (engine, cent) = (&engine, &cent);
            scope.spawn(move || permit(engine, &format!("agent-{}", number % 8), cent))
        };
        let callers: Vec<_> = (0..64).map(ask).collect();
        callers.into_iter().filter_map(|caller| caller.join().unwrap()).collect()
    });
    assert_eq!(permits.len(), 10);
    assert_eq!(spent(&engine), Money(100_000_000));
    for permit in permits {
        engine.abandon(permit, "not wanted").unwrap();
    }
    assert_eq!(spent(&engine), Money::ZERO);
    assert!(permit(&engine, "a", &cent).is_some());
}

/// An executor that calls a model and says what it used.
struct Model(Option<Usage>, Option<Money>);

impl Executor for Model {
    fn level(&self) -> Level {
        Level::None
    }

    fn run(&self, _: &Work<'_>) -> (Outcome, Effected) {
        (Outcome::Done, Effected::spent(self.1, self.0.clone()))
    }
}

/// A269b: what was used takes the place of what was reserved, by the policy's prices or by what was measured.
#[test]
fn a269b_settlements_true_up() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path(), "budgets: [{period: total, limit: 10}]", false);
    let call = json!({ "model": "gpt-4", "input_tokens": 1000, "max_output_tokens": 500 });
    let usage = |model: &str| Usage { model: model.into(), input: 1000, output: 10, ..Usage::default() };
    let mut before = Money::ZERO;
    let mut costs = |settle: &dyn Fn(Permit)| {
        settle(permit(&engine, "a", &call).unwrap());
        let after = spent(&engine);
        let cost = after.less(before);
        before = after;
        cost.exact(9)
    };
    for (usage, cost, expected) in [
        (Some(usage("gpt-4")), None, "0.0306"),
        (Some(usage("gpt-4")), Some(Money(7)), "0.000000007"),
        // Nothing known, or a model without a price: the reservation.
        (None, None, "0.06"),
        (Some(usage("gpt-5")), None, "0.06"),
    ] {
        let model = Model(usage, cost);
        let run = |permit| assert_eq!(engine.execute(permit, &model).unwrap().outcome, Outcome::Done);
        assert_eq!(costs(&run), expected);
    }
    assert_eq!(costs(&|permit| engine.settle(permit, Outcome::Done, Duration::ZERO).unwrap()), "0.06");
    let used = |permit| engine.settle_used(permit, Outcome::Done, Duration::ZERO, usage("gpt-4")).unwrap();
    assert_eq!(costs(&used), "0.0306");
}

/// Row 149: no path to a permit goes past the budget: an approval given meanwhile is decided again, questions
/// reserve nothing, and whatever tool spends is charged.
#[test]
fn bypass_149_every_path_is_charged() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path(), "budgets: [{period: total, limit: 0.10}]", false);
    let five = json!({ "estimated_cost_cents": 5 });
    for _ in 0..100 {
        let answer = engine.check(request("a", "llm", &five), false).unwrap();
        assert_eq!(answer.decision.effect, Effect::Allow);
    }
    assert_eq!(spent(&engine), Money::ZERO);
    for tool in ["llm", "mcp__search__query"] {
        let verdict = engine.authorize(request("a", tool, &five)).unwrap();
        assert!(matches!(verdict, Verdict::Permitted(_)), "{tool}");
    }
    for tool in ["llm", "bash", "fetch", "mcp__search__query", "something_else"] {
        let verdict = engine.authorize(request("b", tool, &five)).unwrap();
        assert!(matches!(verdict, Verdict::Refused(_)), "{tool}");
    }
}

/// Row 149: a person's yes does not pay.
#[test]
fn bypass_149_an_approval_does_not_pay() {
    let folder = tempfile::tempdir().unwrap();
    let text = "budgets: [{period: total, limit: 0.10}]\nactions: {buy: {approval: true}}";
    let engine = engine(folder.path(), text, false);
    let ten = json!({ "estimated_cost_cents": 10 });
    let Verdict::Held(held) = engine.authorize(request("a", "buy", &ten)).unwrap() else {
        panic!("not held")
    };
    let taken = permit(&engine, "b", &json!({ "estimated_cost_cents": 1 })).unwrap();
    engine.resolve(held.approval, "ada", true, "").unwrap();
    assert!(matches!(engine.authorize(request("a", "buy", &ten)).unwrap(), Verdict::Refused(_)));
    engine.abandon(taken, "not wanted").unwrap();
    assert!(matches!(engine.authorize(request("a", "buy", &ten)).unwrap(), Verdict::Permitted(_)));
}

/// L-05: a restart finds what was spent, and what was reserved by an engine that is gone.
#[test]
fn l_05_spend_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let budgets = "budgets: [{period: total, limit: 0.10}]";
    let four = json!({ "estimated_cost_cents": 4 });
    {
        let first = engine(folder.path(), budgets, true);
        let settled = permit(&first, "a", &four).unwrap();
        first.settle(settled, Outcome::Done, Duration::ZERO).unwrap();
        let lost = permit(&first, "a", &four).unwrap();
        drop(lost);
    }
    let second = engine(folder.path(), budgets, true);
    assert_eq!(spent(&second), Money(80_000_000));
    assert!(permit(&second, "a", &four).is_none());
    assert!(permit(&second, "a", &json!({ "estimated_cost_cents": 2 })).is_some());
}

/// A log that begins with a budget of a team can be read again.
#[test]
fn a_teams_budget_outlives_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let budgets = "budgets: [{agents: [a, b], period: total, limit: 0.02}]";
    let cent = json!({ "estimated_cost_cents": 1 });
    for (agent, runs) in [("a", true), ("b", true), ("b", false), ("c", true)] {
        assert_eq!(permit(&engine(folder.path(), budgets, true), agent, &cent).is_some(), runs, "{agent}");
    }
}

/// A state that was written down and read is the fold of the log; so is one that was folded because what was written
/// down is of no use.
#[test]
fn a_snapshot_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let budgets = "budgets: [{per: agent, period: total, limit: 1000}]";
    let cent = json!({ "estimated_cost_cents": 1 });
    let first = engine(folder.path(), budgets, true);
    std::thread::scope(|scope| {
        for number in 0..16 {
            let (engine, cent) = (&first, &cent);
            scope.spawn(move || {
                (0..330).for_each(|_| drop(permit(engine, &format!("agent-{number}"), cent)));
            });
        }
    });
    let file = folder.path().join("state/state.snapshot");
    assert!(file.exists(), "nothing was written down");
    drop(first);

    let whole = std::fs::read(&file).unwrap();
    for useful in [true, false] {
        if !useful {
            std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        }
        let again = engine(folder.path(), budgets, true);
        let mut folded = State::default();
        for stored in again.reader().unwrap().records(&Query::default()).unwrap() {
            folded.apply(&stored.unwrap().parse().unwrap());
        }
        let same = again.refreshed(|state, _| *state == folded).unwrap();
        assert!(same && folded.records() > 5000, "with a snapshot of use: {useful}");
    }
    assert!(std::fs::read(&file).unwrap().len() > whole.len() / 2, "written anew");
}
