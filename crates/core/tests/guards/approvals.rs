//! People's answers.

use crate::common::*;
use crate::world::decide_and_apply;
use stayhand_core::decision::{ApprovalId, Effect};
use stayhand_core::event::{ApprovalResolved, EVENT_VERSION, Event, Record};
use stayhand_core::facts::{Access, Aspect};
use stayhand_core::policy::Policy;
use stayhand_core::reason::Reason;
use stayhand_core::state::{AnswerError, State};
use stayhand_core::time::Timestamp;

const ASKS: &str = "rules: [{allow: bash}, {name: long, approve: bash, when: {program: git}, timeout_s: 300, reason: It is git}, {name: short, approve: bash, when: {args: push}, timeout_s: 60, reason: It pushes}]";

/// Decides and records as number `seq`.
fn ask(policy: &Policy, state: &mut State, case: &Case, seq: u64) -> (Effect, Option<Timestamp>) {
    let decided = decide_and_apply(policy, state, case, seq);
    (decided.decision.effect, decided.expires)
}

fn answer(state: &mut State, seq: u64, approval: u64, grant: bool) {
    let event = Event::ApprovalResolved(ApprovalResolved {
        approval: ApprovalId(approval),
        by: "grace".into(),
        grant,
        comment: String::new(),
    });
    state.apply(&Record { v: EVENT_VERSION, seq, at: NOW, event });
}

fn after(case: &Case, seconds: u64) -> Case {
    case.clone().at(NOW.plus_seconds(seconds))
}

/// A126: all reasons in one question, the shortest timeout.
#[test]
fn a126_shortest_timeout_all_reasons() {
    let policy = policy(ASKS);
    let decided = bash("git push").decide(&policy, &State::default());
    let words: Vec<String> = decided
        .decision
        .findings
        .iter()
        .filter(|f| f.effect == Effect::Approve)
        .map(|f| f.message())
        .collect();
    assert_eq!(words, ["It is git", "It pushes"]);
    assert_eq!(decided.expires, Some(NOW.plus_seconds(60)));
    let one = bash("git pull").decide(&policy, &State::default());
    assert_eq!(one.expires, Some(NOW.plus_seconds(300)));
}

/// A126: what names no timeout has the usual one, and a project's rule cannot lengthen it.
#[test]
fn a126_timeouts_only_shrink() {
    use stayhand_core::decision::Layer::{Project, User};
    let expires = |files: &[_]| bash("ls").decide(&layers(files), &State::default()).expires;
    let user = (User, "rules: [{allow: bash}, {name: u, approve: bash}]");
    assert_eq!(expires(&[user]), Some(NOW.plus_seconds(300)));
    assert_eq!(
        expires(&[user, (Project, "rules: [{name: p, approve: bash, timeout_s: 9000}]")]),
        Some(NOW.plus_seconds(300))
    );
    assert_eq!(
        expires(&[
            (User, "rules: [{allow: bash}]"),
            (Project, "rules: [{name: p, approve: bash, timeout_s: 9000}]")
        ]),
        Some(NOW.plus_seconds(300))
    );
    let longer = "defaults: {approval_timeout_s: 600}\nrules: [{allow: bash}, {name: u, approve: bash}]";
    assert_eq!(expires(&[(User, longer)]), Some(NOW.plus_seconds(600)));
    assert_eq!(
        expires(&[user, (Project, "defaults: {approval_timeout_s: 600}")]),
        Some(NOW.plus_seconds(300))
    );
    assert_eq!(expires(&[user, (Project, "defaults: {approval_timeout_s: 6}")]), Some(NOW.plus_seconds(6)));
}

/// D041, X-20, A112: a grant is used once, for this request, until the moment it expires.
#[test]
fn a112_a_grant_is_for_one_request_once() {
    let policy = policy(ASKS);
    let mut state = State::default();
    let push = bash("git push");
    assert_eq!(ask(&policy, &mut state, &push, 1), (Effect::Approve, Some(NOW.plus_seconds(60))));
    // Asking again waits for the same answer.
    let waiting = push.decide(&policy, &state).decision;
    assert_eq!((waiting.effect, waiting.approval), (Effect::Approve, Some(ApprovalId(1))));
    answer(&mut state, 2, 1, true);

    assert_eq!(bash("git push origin").decide(&policy, &state).decision.effect, Effect::Approve);
    assert_eq!(push.clone().by("b").decide(&policy, &state).decision.effect, Effect::Approve);
    assert_eq!(after(&push, 60).decide(&policy, &state).decision.effect, Effect::Allow);
    assert_eq!(after(&push, 61).decide(&policy, &state).decision.effect, Effect::Approve);

    assert_eq!(ask(&policy, &mut state, &push, 3).0, Effect::Allow);
    assert_eq!(ask(&policy, &mut state, &push, 4).0, Effect::Approve);
}

/// A refusal by a person holds until the question expires.
#[test]
fn a112_a_rejection_refuses() {
    let policy = policy(ASKS);
    let mut state = State::default();
    let push = bash("git push");
    ask(&policy, &mut state, &push, 1);
    answer(&mut state, 2, 1, false);
    assert_eq!(push.decide(&policy, &state).decision.effect, Effect::Deny);
    assert_eq!(after(&push, 61).decide(&policy, &state).decision.effect, Effect::Approve);
}

/// A grant covers what was shown: if the same request does more by now, it is asked again.
#[test]
fn a_grant_covers_what_was_shown() {
    let policy = policy(
        "rules: [{allow: bash}, {name: w, approve: bash, when: {writes: /**}}, {name: r, approve: bash, when: {reads: /etc/**}}]",
    );
    let mut state = State::default();
    let small = call("bash").op(touch(Access::Write, "/code/a"));
    ask(&policy, &mut state, &small, 1);
    answer(&mut state, 2, 1, true);
    let grown = small.clone().op(touch(Access::Read, "/etc/passwd"));
    assert_eq!(grown.request.digest(), small.request.digest());
    assert_eq!(small.decide(&policy, &state).decision.effect, Effect::Allow);
    assert_eq!(grown.decide(&policy, &state).decision.effect, Effect::Approve);
    assert_eq!(small.hiding(Aspect::Paths).decide(&policy, &state).decision.effect, Effect::Approve);
}

/// A178: names of approvals are unique however quickly they are asked for; those that were answered
/// are remembered up to a bound; a day is a timeout like another.
#[test]
fn a178_approvals_are_bounded_and_unique() {
    let policy =
        policy("defaults: {approval_timeout_s: 86400}\nrules: [{allow: bash}, {name: q, approve: bash}]");
    let mut state = State::default();
    for number in 0..1200 {
        let asked = ask(&policy, &mut state, &bash(&format!("echo {number}")), number * 2);
        assert_eq!(asked, (Effect::Approve, Some(NOW.plus_seconds(86_400))));
        answer(&mut state, number * 2 + 1, number * 2, false);
    }
    let names: std::collections::BTreeSet<_> = state.approvals().map(|approval| approval.id).collect();
    assert_eq!(names.len(), state.approvals().count());
    assert!((100..=1001).contains(&names.len()), "{}", names.len());
    // The newest are kept, and still count.
    assert_eq!(bash("echo 1199").decide(&policy, &state).decision.effect, Effect::Deny);
}

/// A yes never lifts a refusal.
#[test]
fn a_grant_never_lifts_a_refusal() {
    let ask_first = policy("rules: [{allow: bash}, {name: q, approve: bash}]");
    let mut state = State::default();
    ask(&ask_first, &mut state, &bash("ls"), 1);
    answer(&mut state, 2, 1, true);
    let refuse = policy("rules: [{allow: bash}, {name: q, approve: bash}, {name: no, deny: bash}]");
    assert_eq!(bash("ls").decide(&ask_first, &state).decision.effect, Effect::Allow);
    assert_eq!(bash("ls").decide(&refuse, &state).decision.effect, Effect::Deny);
}

/// D040, D244: who may answer: somebody named, who did not ask, once, in time.
#[test]
fn who_may_answer() {
    let policy = policy(ASKS);
    let mut state = State::default();
    let mut push = bash("git push");
    push.request.principal.on_behalf_of = Some("ada".into());
    ask(&policy, &mut state, &push, 1);
    let id = ApprovalId(1);
    let may = |state: &State, by: &str, seconds: u64| {
        state.may_answer(id, by, NOW.plus_seconds(seconds)).map(|_| ())
    };
    assert_eq!(may(&state, "grace", 60), Ok(()));
    assert_eq!(may(&state, "grace", 61), Err(AnswerError::Expired));
    assert_eq!(may(&state, " ", 0), Err(AnswerError::Nameless));
    assert_eq!(may(&state, "a", 0), Err(AnswerError::Requester));
    assert_eq!(may(&state, "ada", 0), Err(AnswerError::Requester));
    assert_eq!(state.may_answer(ApprovalId(9), "grace", NOW).map(|_| ()), Err(AnswerError::Unknown));
    answer(&mut state, 2, 1, true);
    assert_eq!(may(&state, "grace", 0), Err(AnswerError::Answered));
}

/// Ten thousand questions wait at most; another one is refused until one of them is answered or expires. None is lost.
#[test]
fn so_many_questions_wait_at_a_time() {
    let policy = policy("rules: [{approve: bash, timeout_s: 60}]");
    let mut state = State::default();
    for number in 0..10_000 {
        let asked = ask(&policy, &mut state, &bash(&format!("git push {number}")), number);
        assert_eq!(asked, (Effect::Approve, Some(NOW.plus_seconds(60))));
    }
    let more = bash("git push once more");
    assert_eq!(ask(&policy, &mut state, &more, 10_000), (Effect::Deny, None));
    let refused = more.decide(&policy, &state).decision;
    assert_eq!(refused.findings.last().unwrap().reason, Reason::StateFull);
    // What has been asked is not asked again, and a yes is kept.
    assert_eq!(bash("git push 0").decide(&policy, &state).decision.effect, Effect::Approve);
    answer(&mut state, 10_001, 0, true);
    assert_eq!(more.decide(&policy, &state).decision.effect, Effect::Deny);
    assert_eq!(bash("git push 0").decide(&policy, &state).decision.effect, Effect::Allow);
    answer(&mut state, 10_002, 1, false);
    assert_eq!(more.decide(&policy, &state).decision.effect, Effect::Approve);
    assert_eq!(bash("git push 0").decide(&policy, &state).decision.effect, Effect::Allow);
    answer(&mut state, 10_003, 2, true);
    assert_eq!(ask(&policy, &mut state, &after(&more, 61), 10_004).0, Effect::Approve);
    assert!(state.approvals().count() <= 1000, "those that expired are in the log");
}
