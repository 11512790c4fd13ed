//! What was spent, summed up from the log, and the advice that follows.

use crate::common::NOW;
use crate::spending::{Shop, ask};
use serde_json::json;
use stayhand_core::control::advice::{Advice, AdviceKind, Patterns, Priority, advise};
use stayhand_core::control::cost::{By, Costs, Spent};
use stayhand_core::control::cost_report::{
    Daily, Dearest, Live, Weekly, Worth, before, day_of, end_of, week_before, yesterday,
};
use stayhand_core::control::money::Money;
use stayhand_core::control::price::{Prices, Tokens};
use stayhand_core::decision::Layer;
use stayhand_core::event::{Outcome, Usage};
use stayhand_core::time::Timestamp;

const CENT: u64 = 10_000_000;
const MINUTE_US: u64 = 60_000_000;
const HOUR_US: u64 = 60 * MINUTE_US;

/// Costs and patterns of some actions.
fn spent(list: &[Spent]) -> (Costs, Patterns) {
    let (mut costs, mut patterns) = (Costs::default(), Patterns::default());
    for spent in list {
        costs.add(spent);
        patterns.read(spent);
    }
    (costs, patterns)
}

/// One successful call of a question of its own.
fn one(number: u64, model: &str, cents: u64) -> Spent {
    Spent {
        at: NOW,
        decision: number,
        agent: "a".into(),
        model: model.into(),
        task: String::new(),
        question: number,
        money: Money(cents * CENT),
        tokens: Tokens { input: 1500, output: 500, ..Tokens::default() },
        success: true,
        estimated: false,
        duration_us: 2_000_000,
    }
}

fn advice(list: &[Spent], now: Timestamp) -> Vec<Advice> {
    let (costs, patterns) = spent(list);
    advise(&costs, &patterns, &Prices::default(), now)
}

fn texts(list: &[Spent], now: Timestamp) -> Vec<String> {
    advice(list, now).into_iter().map(|advice| advice.text).collect()
}

fn has(list: &[Spent], now: Timestamp, kind: AdviceKind) -> bool {
    advice(list, now).iter().any(|advice| advice.kind == kind)
}

/// F007, A273: the demonstration of the guide, from decisions and settlements.
#[test]
fn f007_the_demonstration() {
    let mut shop = Shop::new("[{period: daily, limit: 10}, {period: monthly, limit: 200}]");
    let calls =
        [("code_review_agent", "gpt-4", 3000, 1500, 5), ("test_gen_agent", "gpt-3.5-turbo", 1000, 500, 20)];
    for (agent, model, input, output, count) in calls {
        for number in 0..count {
            let task = json!(format!("task_{number}"));
            let seq = shop.decide(&ask(agent).model(model, input, output).declares("task", task));
            let usage = Usage { model: model.into(), input, output, ..Usage::default() };
            let cost = shop.policy.prices().of(model).unwrap().cost(usage.tokens()).unwrap();
            shop.settle(seq, Outcome::Done, Some(cost.0), Some(usage));
        }
    }
    let mut costs = Costs::default();
    let known = shop.records.iter().filter_map(|record| costs.read(record)).count();
    assert_eq!(known, 25);
    let figures = costs.analytics(shop.now.plus_seconds(3600)).unwrap();
    assert_eq!(costs.all().money.to_string(), "$0.925");
    assert_eq!((figures.total_calls, figures.successful_calls, figures.success_rate), (25, 25, 100.0));
    assert!((figures.average_cost_per_call_cents - 3.7).abs() < 1e-12);
    assert!((figures.cost_per_successful_call_cents - 3.7).abs() < 1e-12);
    assert_eq!(json!(figures.by_agent), json!({"code_review_agent": 0.9, "test_gen_agent": 0.025}));
    assert_eq!(json!(figures.by_model), json!({"gpt-4": 0.9, "gpt-3.5-turbo": 0.025}));
    assert_eq!(figures.most_expensive_agent.as_deref(), Some("code_review_agent"));
    assert!((figures.hourly_burn_rate_dollars - 0.925).abs() < 1e-9);
    assert!((figures.projected_monthly_cost_dollars - 0.925 * 720.0).abs() < 1e-6);
    assert_eq!(costs.by(By::Task).len(), 20);
    assert_eq!(costs.by(By::Hour)[0].0, "2026-11-20T15");
    let status = shop.state.budget_status(&shop.policy.controls().budgets, shop.now);
    let shown: Vec<String> = status
        .iter()
        .map(|line| format!("{} of {}", line.shown(line.used), line.shown(line.limit)))
        .collect();
    // 0.925 is rounded to the nearest cent for people; the budget holds the exact amount.
    assert_eq!(shown, ["0.93 of 10.00", "0.93 of 200.00"]);
    assert_eq!(status[0].remaining, 9_075_000_000);
}

/// L-10, A273: open and crashed actions are apart, what is not known is an estimate, and free ones do not count.
#[test]
fn l_10_what_counts_as_spent() {
    let mut shop = Shop::new("[]");
    let open = shop.decide(&ask("a").nanousd(CENT));
    let broken = shop.decide(&ask("a").nanousd(2 * CENT));
    let free = shop.decide(&ask("a"));
    let never = shop.decide(&ask("a").nanousd(CENT));
    shop.settle(broken, Outcome::Failed { error: "cut off".into() }, None, None);
    shop.settle(free, Outcome::Done, None, None);
    shop.settle(never, Outcome::Abandoned { why: String::new() }, None, None);
    shop.crash(open);
    let mut costs = Costs::default();
    shop.records.iter().for_each(|record| drop(costs.read(record)));
    let figures = costs.analytics(NOW).unwrap();
    assert_eq!((figures.total_calls, figures.estimated_calls), (1, 1));
    assert_eq!(
        (figures.total_cost_dollars, figures.failed_cost_dollars, figures.reserved_dollars),
        (0.02, 0.02, 0.01)
    );
    assert_eq!(figures.cost_per_successful_call_cents, 0.0);
    assert_eq!(Costs::default().analytics(NOW), None);
}

/// A273, D265: the rate is over the hours really covered, at most 24.
#[test]
fn a273_the_burn_rate_is_over_what_is_covered() {
    let (costs, _) = spent(&[one(1, "m", 100)]);
    for (after_us, rate) in [
        (5 * MINUTE_US, 12.0),
        (HOUR_US, 1.0),
        (12 * HOUR_US, 1.0 / 12.0),
        (24 * HOUR_US - 1, 1.0 / 24.0),
        (25 * HOUR_US, 0.0),
    ] {
        let found = costs.hourly_burn_rate(Timestamp(NOW.0 + after_us));
        assert!((found - rate).abs() < 1e-9, "{after_us}: {found}");
    }
}

/// A274: each text, and beside it the nearest case without it.
#[test]
fn a274_texts() {
    let day = Timestamp(NOW.0 + 23 * HOUR_US);
    assert_eq!(texts(&[], day), ["No data yet - collect more usage data"]);
    assert_eq!(texts(&[one(1, "gpt-4", 1000)], day), ["Cost usage looks optimal"]);
    assert_eq!(
        texts(&[one(1, "gpt-4", 1001)], day),
        ["Consider using gpt-3.5-turbo for simple tasks. Current GPT-4 usage: $10.01/month"]
    );
    let failed = |failed: u64, of: u64| {
        (0..of).map(|number| Spent { success: number >= failed, ..one(number, "m", 10) }).collect::<Vec<_>>()
    };
    assert!(!has(&failed(1, 5), day, AdviceKind::FailedCalls));
    assert_eq!(
        texts(&failed(3, 10), day)[0],
        "Success rate is 70%. $0.30 spent on failed calls. Improve error handling to reduce waste."
    );
    assert!(!has(&[one(1, "m", 100)], Timestamp(NOW.0 + HOUR_US), AdviceKind::BurnRate));
    assert_eq!(
        texts(&[one(1, "m", 150)], Timestamp(NOW.0 + HOUR_US)),
        [
            "High burn rate: $1.50/hour ($1080/month projected). Consider implementing caching or using cheaper models."
        ]
    );
}

/// L-11: more than twice the usual hour, more than a tenth failed; exactly that much is no alert.
#[test]
fn l_11_boundaries() {
    let later =
        |hours: u64, cents| Spent { at: Timestamp(NOW.0 + hours * HOUR_US), ..one(hours, "m", cents) };
    let usual = |last| [later(0, 10), later(1, 10), later(2, 10), later(3, last)];
    let now = Timestamp(NOW.0 + 4 * HOUR_US - MINUTE_US);
    // 30 cents in 2 hours and 59 minutes, and then 20: not yet twice the usual.
    assert!(!has(&usual(20), now, AdviceKind::BurnRateSpike));
    assert!(has(&usual(21), now, AdviceKind::BurnRateSpike));
    assert!(!has(&[later(3, 1000)], now, AdviceKind::BurnRateSpike));
    let failing = |of: u64| {
        (0..of).map(|number| Spent { success: number > 0, ..one(number, "m", 10) }).collect::<Vec<_>>()
    };
    assert!(!has(&failing(10), now, AdviceKind::FailedShare));
    assert!(has(&failing(9), now, AdviceKind::FailedShare));
}

/// T-12: advice has a priority, a date, and is good for seven days; there is always some.
#[test]
fn t_12_advice_is_dated() {
    let day = Timestamp(NOW.0 + 23 * HOUR_US);
    let wasted = [Spent { success: false, ..one(1, "m", 100) }, one(2, "m", 5), one(2, "m", 5)];
    for list in [&wasted[..], &[], &[one(1, "m", 0)]] {
        let advice = advice(list, day);
        assert!(!advice.is_empty());
        for one in advice {
            assert_eq!((one.created_at, one.expires_at), (day, day.plus_seconds(7 * 86_400)), "{one:?}");
            let priority = match one.kind {
                AdviceKind::FailedCalls | AdviceKind::FailedShare => Priority::High,
                AdviceKind::Cache => Priority::Medium,
                AdviceKind::NoData | AdviceKind::Optimal => Priority::Low,
                other => panic!("{other:?}"),
            };
            assert_eq!(one.priority, priority);
        }
    }
}

/// L-30, L-32, L-33, L-35, L-37: advice from what was used, with its figures; the guide's share as its claim alone.
#[test]
fn l_30_to_l_37_advice_rests_on_figures() {
    let day = Timestamp(NOW.0 + 23 * HOUR_US);
    let find = |list: &[Spent], kind| advice(list, day).into_iter().find(|advice| advice.kind == kind);
    let short = |number, output| Spent {
        tokens: Tokens { input: 1000, output, ..Tokens::default() },
        ..one(number, "gpt-4", 4)
    };
    let found = find(&[short(1, 150)], AdviceKind::CheaperModel).unwrap();
    // gpt-4: 1000 x 0.00003 + 150 x 0.00006; claude-3-haiku: 1000 x 0.00000025 + 150 x 0.00000125.
    assert_eq!(found.saving, Some(Money(39_000_000 - 437_500)));
    assert!(
        found.claim.is_some() && found.text.contains("claude-3-haiku") && found.text.contains("$0.0004375"),
        "{}",
        found.text
    );
    assert_eq!(find(&[short(1, 151)], AdviceKind::CheaperModel), None);

    let found = find(&[one(7, "m", 5), one(7, "m", 5), one(8, "m", 5)], AdviceKind::Cache).unwrap();
    assert_eq!((found.saving, found.figures["repeated_calls"]), (Some(Money(5 * CENT)), 1.0));
    assert_eq!(find(&[one(7, "m", 5), one(8, "m", 5)], AdviceKind::Cache), None);

    let row = |count: u64| {
        (0..count)
            .map(|number| Spent { at: Timestamp(NOW.0 + number * 10_000_000), ..one(number, "m", 5) })
            .collect::<Vec<_>>()
    };
    let found = find(&row(100), AdviceKind::Batch).unwrap();
    assert_eq!(
        (found.figures["calls"], found.figures["batches"], found.figures["seconds"]),
        (100.0, 10.0, 200.0)
    );
    assert!(found.claim.unwrap().contains("$5.00 to $1.50"));
    assert_eq!(find(&row(10), AdviceKind::Batch), None);

    let long = |input| [Spent { tokens: Tokens { input, output: 1, ..Tokens::default() }, ..one(1, "m", 5) }];
    assert_eq!(find(&long(2001), AdviceKind::LongPrompts).unwrap().figures["mean_input_tokens"], 2001.0);
    assert_eq!(find(&long(2000), AdviceKind::LongPrompts), None);
}

const DAY_US: u64 = 24 * HOUR_US;

/// So many calls of a cent each, at an hour of a day.
fn at(day: u64, hour: u64, calls: u64) -> impl Iterator<Item = Spent> {
    let at = Timestamp(day_of(NOW).0 + day * DAY_US + hour * HOUR_US);
    (0..calls).map(move |number| Spent { at, ..one(number, "m", 1) })
}

fn dearest<'a>(calls: impl IntoIterator<Item = &'a Spent>) -> Dearest {
    let mut dearest = Dearest::default();
    calls.into_iter().for_each(|spent| dearest.read(spent));
    dearest
}

/// L-20: the rate, each agent, and the ten dearest calls: of equals the earlier ones.
#[test]
fn l_20_live_figures() {
    let list: Vec<Spent> = (0..15)
        .map(|number| Spent { agent: format!("a{}", number % 2), ..one(number, "m", 100 + number / 3) })
        .collect();
    let (costs, _) = spent(&list);
    let live = Live::of(&costs, dearest(&list), Timestamp(NOW.0 + HOUR_US));
    let numbers: Vec<u64> = live.most_expensive_operations.iter().map(|call| call.decision).collect();
    assert_eq!(numbers, [12, 13, 14, 9, 10, 11, 6, 7, 8, 3]);
    assert_eq!(live.most_expensive_operations[0].cost_dollars, 1.04);
    assert_eq!(live.hourly_burn_rate_dollars, 15.3);
    let sum: f64 = live.cost_per_agent_dollars.values().sum();
    assert_eq!((live.cost_per_agent_dollars.len(), (sum * 100.0).round()), (2, 1530.0));
}

/// L-21: a day, the mean of the seven before it or of as many as there were, what failed, and the dearest calls.
#[test]
fn l_21_a_day() {
    let day = |number: u64| Timestamp(day_of(NOW).0 + number * DAY_US);
    // Nothing on the first two days of ten; then ten cents each, at the first hour and the last.
    let mut list: Vec<Spent> = (2..9).flat_map(|number| at(number, 0, 5).chain(at(number, 23, 5))).collect();
    list.extend(at(9, 0, 15));
    list.extend(at(9, 23, 5).map(|spent| Spent { success: false, ..spent }));
    list.extend(at(10, 0, 40));
    let (costs, _) = spent(&list);
    let of = |number: u64| {
        let calls = list.iter().filter(|spent| (day(number)..end_of(day(number))).contains(&spent.at));
        Daily::of(&costs, dearest(calls), day(number))
    };
    let cents = |dollars: f64| (dollars * 100.0).round();
    let ninth = of(9);
    assert_eq!((ninth.total_calls, cents(ninth.total_cost_dollars)), (20, 20.0));
    assert_eq!(
        (ninth.usual_day_dollars.map(cents), ninth.trend_percent.map(f64::round)),
        (Some(10.0), Some(100.0))
    );
    assert_eq!((ninth.failed_calls, cents(ninth.wasted_dollars), ninth.top_calls.len()), (5, 5.0, 10));
    // The third day has two before it, of which one is known; the first known day has none.
    assert_eq!(of(3).usual_day_dollars.map(cents), Some(10.0));
    assert_eq!((of(2).usual_day_dollars, of(2).trend_percent), (None, None));
    assert_eq!((of(1).total_calls, of(1).usual_day_dollars), (0, None));
    assert_eq!(yesterday(Timestamp(day(10).0 + 5)), day(9));
    assert_eq!(before(day(9)), day(2));
}

/// L-22: the week by agent and model, the month at its rate, and what the time was worth if somebody says so.
#[test]
fn l_22_a_week() {
    let list: Vec<Spent> = (0..7).flat_map(|number| at(number, 1, 100)).collect();
    let (costs, _) = spent(&list);
    let now = Timestamp(day_of(NOW).0 + 7 * DAY_US + HOUR_US);
    let worth = Worth { hours_saved: 0.5, hour_dollars: 42.0 };
    let week = Weekly::of(&costs, Some(worth), now);
    assert_eq!((week.total_calls, week.total_cost_dollars, week.since), (700, 7.0, week_before(now)));
    assert_eq!((week.by_agent["a"], week.by_model["m"]), (7.0, 7.0));
    assert_eq!(week.projected_monthly_cost_dollars, 30.0);
    assert_eq!((week.saved_dollars, week.return_on_investment_percent), (Some(21.0), Some(200.0)));
    // Spent in the last hour of seven days that were looked at.
    let (mut late, _) = spent(&[Spent { at: now, ..one(1, "m", 700) }]);
    late.counted_since(week_before(now));
    assert_eq!(Weekly::of(&late, None, now).projected_monthly_cost_dollars, 30.0);
    let unsaid = Weekly::of(&costs, None, now);
    assert_eq!((unsaid.saved_dollars, unsaid.return_on_investment_percent), (None, None));
    let nothing = Weekly::of(&Costs::default(), Some(worth), now);
    assert_eq!((nothing.projected_monthly_cost_dollars, nothing.return_on_investment_percent), (0.0, None));
}

/// L-36: a model of one's own, for the tasks that somebody names, where a month of them costs more than it does.
#[test]
fn l_36_a_model_of_ones_own() {
    let written = "{local: {model: llama, usd_per_month: 50, tasks: [logs, tests]}}";
    let mut prices = Prices::default();
    prices.add(&serde_saphyr::from_str(written).unwrap(), Layer::User).unwrap();
    let calls = |task: &str, cents| [Spent { task: task.into(), ..one(1, "m", cents) }];
    let find = |list: &[Spent]| {
        let (costs, patterns) = spent(list);
        let day = Timestamp(NOW.0 + DAY_US);
        advise(&costs, &patterns, &prices, day).into_iter().find(|advice| advice.kind == AdviceKind::OwnModel)
    };
    let found = find(&calls("logs", 500)).unwrap();
    assert_eq!((found.figures["month_dollars"], found.figures["own_month_dollars"]), (150.0, 50.0));
    assert!(found.text.contains("llama") && found.claim.unwrap().contains("$150 to $50"), "{found:?}");
    assert_eq!(find(&calls("review", 500)), None);
    // At 50 dollars a month it is no better.
    assert_eq!(find(&calls("logs", 166)), None);
    assert!(find(&calls("logs", 167)).is_some());
}
