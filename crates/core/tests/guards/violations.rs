//! Refusals as a list: severity, filters, and the sums of a whole session.

use crate::common::*;
use crate::world::{apply, event_of};
use stayhand_core::decision::{ApprovalId, Effect};
use stayhand_core::event::{ApprovalResolved, EVENT_VERSION, Event, Record};
use stayhand_core::facts::{FieldKind, Operation};
use stayhand_core::policy::Policy;
use stayhand_core::reason::Reason;
use stayhand_core::risk::Risk;
use stayhand_core::state::State;
use stayhand_core::time::Timestamp;
use stayhand_core::violation::{Violation, ViolationFilter};

/// A log in memory.
#[derive(Default)]
struct Session {
    state: State,
    records: Vec<Record>,
}

impl Session {
    fn append(&mut self, at: Timestamp, event: Event) {
        let record = Record { v: EVENT_VERSION, seq: self.records.len() as u64, at, event };
        apply(&mut self.state, &record);
        self.records.push(record);
    }

    fn ask(&mut self, policy: &Policy, case: &Case) -> Effect {
        let decided = case.decide(policy, &self.state);
        let effect = decided.decision.effect;
        self.append(case.now, event_of(policy, case, decided));
        effect
    }

    /// Asks; where a person is to be asked, somebody says yes.
    fn ask_and_approve(&mut self, policy: &Policy, case: &Case) -> Effect {
        match self.ask(policy, case) {
            Effect::Approve => {
                let approval = ApprovalId(self.records.len() as u64 - 1);
                let answer =
                    ApprovalResolved { approval, by: "grace".into(), grant: true, comment: String::new() };
                self.append(case.now, Event::ApprovalResolved(answer));
                self.ask(policy, case)
            }
            answered => answered,
        }
    }

    fn violations(&self, filter: &ViolationFilter) -> Vec<Violation> {
        self.records.iter().flat_map(Violation::of).filter(|violation| filter.wants(violation)).collect()
    }
}

fn path(tool: &str, path: &str) -> Case {
    call(tool).op(Operation::default()).says(text("path", FieldKind::Path, path))
}

/// A211, F001: the reference's demonstration. What needs a person's yes gets one.
#[test]
fn a211_f001_the_demonstration() {
    let policy = pack("qa-agent");
    let mut session = Session::default();
    let command = |line: &str| {
        call("run_command").op(bash("ls").facts.operations.remove(0)).says(text(
            "command",
            FieldKind::Command,
            line,
        ))
    };
    assert_eq!(session.ask(&policy, &path("read_file", "/app/data.txt")), Effect::Allow);
    assert_eq!(session.ask(&policy, &path("read_file", "/app/.env")), Effect::Deny);
    assert_eq!(session.ask_and_approve(&policy, &command("rm -rf /important")), Effect::Deny);
    let dear = call("external_api_call").op(Operation::default()).cents(200);
    assert_eq!(session.ask(&policy, &dear), Effect::Deny);
    let runs: Vec<_> = (0..53).map(|_| session.ask_and_approve(&policy, &command("ls"))).collect();
    assert_eq!(runs.iter().filter(|effect| **effect == Effect::Allow).count(), 50);
    assert!(runs.iter().skip(50).all(|effect| *effect == Effect::Deny));

    let all = session.violations(&ViolationFilter::default());
    let critical = ViolationFilter { severity: Some(Risk::Critical), ..ViolationFilter::default() };
    assert_eq!((all.len(), session.violations(&critical).len()), (6, 2));
    let kinds: Vec<_> = all.iter().map(|violation| violation.violation_type).collect();
    let expected = [Reason::ForbiddenPattern, Reason::ForbiddenPattern, Reason::CostLimitExceeded];
    assert_eq!(kinds[..3], expected);
    assert!(kinds[3..].iter().all(|kind| *kind == Reason::RateLimitExceeded));
    assert_eq!(all[2].reason, "Cost limit exceeded: $2.00 > $1.00");
}

/// A209: filters hold together; the moment of `since` is included; questions are no violations.
#[test]
fn a209_filters() {
    let policy = pack("qa-agent");
    let mut session = Session::default();
    let at = |seconds: u64| NOW.plus_seconds(seconds);
    session.ask(&policy, &path("read_file", "/x/.env").by("ada").at(at(1)));
    session.ask(&policy, &path("read_file", "/x/.env").by("bob").at(at(2)));
    session.ask(&policy, &call("nope").op(Operation::default()).by("ada").at(at(3)));
    session.ask(&policy, &path("write_file", "/x/a").by("ada").at(at(4)));
    session.ask(&policy, &path("read_file", "/x/a").by("ada").at(at(5)));
    let count = |agent: Option<&str>, severity, since: Option<u64>| {
        let agent = agent.map(str::to_owned);
        session.violations(&ViolationFilter { agent, severity, since: since.map(at) }).len()
    };
    assert_eq!(count(None, None, None), 3);
    assert_eq!(count(Some("ada"), None, None), 2);
    assert_eq!(count(Some("ada"), Some(Risk::Critical), None), 1);
    assert_eq!(count(None, Some(Risk::Critical), Some(2)), 1);
    assert_eq!(count(None, None, Some(3)), 1);
    assert_eq!(count(None, None, Some(4)), 0);
    assert_eq!(count(Some("eve"), None, None), 0);
}

/// A201 to A206, I145 to I153: the fields of a violation and the severities.
#[test]
fn i145_the_fields_of_a_violation() {
    let mut session = Session::default();
    session.ask(&pack("qa-agent"), &path("read_file", "/x/.env"));
    let [found] = &session.violations(&ViolationFilter::default())[..] else { panic!("one violation") };
    let written = serde_json::to_value(found).unwrap();
    let keys: Vec<_> = written.as_object().unwrap().keys().map(String::as_str).collect();
    let expected =
        ["action", "agent_id", "blocked", "details", "reason", "severity", "timestamp", "violation_type"];
    assert_eq!(keys, expected);
    assert_eq!(written["violation_type"], "forbidden_pattern");
    assert_eq!((&written["severity"], &written["blocked"]), (&"critical".into(), &true.into()));
    assert_eq!(written["reason"], r"Forbidden pattern detected: \.env$");
    for (reason, severity) in [
        (Reason::UnknownAction, Risk::High),
        (Reason::RateLimitExceeded, Risk::High),
        (Reason::CostLimitExceeded, Risk::High),
        (Reason::ForbiddenPattern, Risk::Critical),
        (Reason::ResourceAccessDenied, Risk::High),
    ] {
        assert_eq!(reason.severity(), severity, "{reason}");
    }
}

/// I131 to I144, I154 to I170: the other names of the reference, as they are called here.
#[test]
fn i131_i170_named_types() {
    let risks = [Risk::Safe, Risk::Low, Risk::Medium, Risk::High, Risk::Critical];
    assert_eq!(risks.map(Risk::name), ["safe", "low", "medium", "high", "critical"]);
    assert!(risks.is_sorted());
    // I137: categories are an open set of words; I154: all that an action policy may say.
    let words = "{category: external_api, risk: low, approval: false, allowed_resources: ['./**'], forbidden_patterns: [x], max_cost_cents: 1, max_duration_s: 1, rate_per_hour: 1}";
    let written = policy(&format!("actions: {{a: {words}, b: {{}}}}"));
    assert_eq!(written.actions("a")[0].category.as_deref(), Some("external_api"));
    // I163: what is asked of the whole system; what is left out is strict or unlimited.
    assert_eq!((written.action_requires_approval("a"), written.action_risk("a")), (false, Risk::Low));
    assert_eq!((written.action_requires_approval("b"), written.action_risk("b")), (true, Risk::Critical));
    assert_eq!((written.actions("b")[0].rate_per_hour, written.actions("b")[0].total_per_hour), (None, None));
}
