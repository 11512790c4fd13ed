//! `stayhand trace`: what was recorded.

use crate::args::{ExportFormat, Global, Trace, Violations};
use crate::{Exit, home, show};
use anstream::println;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use stayhand_core::control::breaker::BreakerOrder;
use stayhand_core::event::{Event, Outcome, Record};
use stayhand_core::risk::Risk;
use stayhand_core::time::Timestamp;
use stayhand_core::violation::{Violation, ViolationFilter};
use stayhand_runtime::replay::Tally;
use stayhand_store::{LogReader, Order, Query, Stored};
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufWriter, Write};
use std::time::Duration;

/// How often new records are looked for.
const FOLLOW: Duration = Duration::from_millis(200);

pub(super) fn run(global: &Global, trace: &Trace) -> anyhow::Result<Exit> {
    let reader = super::reader(global)?;
    match trace {
        Trace::List => list(global, &reader),
        Trace::Show { what } => match what.parse() {
            Ok(seq) => show_record(&reader, seq),
            Err(_) => show_session(global, &reader, what),
        },
        Trace::Tail { lines, follow } => tail(global, &reader, *lines, *follow),
        Trace::Violations(wanted) => violations(global, &reader, wanted),
        Trace::Export { session, format } => export(&reader, session.clone(), *format),
    }
}

/// One session, summed up.
#[derive(Debug, Default, serde::Serialize)]
struct Session {
    agent: String,
    first: Timestamp,
    last: Timestamp,
    tally: Tally,
}

fn list(global: &Global, reader: &LogReader) -> anyhow::Result<Exit> {
    let mut sessions: BTreeMap<String, Session> = BTreeMap::new();
    let decided = Query { kind: Some("decided".to_owned()), ..Query::default() };
    for stored in reader.records(&decided)? {
        let record = stored?.parse()?;
        let Event::Decided(decided) = record.event else { continue };
        let principal = decided.request.principal;
        let session = sessions.entry(principal.session).or_insert_with(|| Session {
            agent: principal.agent,
            first: record.at,
            ..Session::default()
        });
        session.last = record.at;
        session.tally.count(&decided.decision);
    }
    if global.json {
        show::json(&sessions)?;
        return Ok(Exit::Permitted);
    }
    println!(
        "{:<28} {:<12} {:<20} {:>7} {:>5} {:>7}",
        "session", "agent", "begun", "allowed", "held", "refused"
    );
    for (name, session) in sessions {
        let Session { agent, first, tally, .. } = session;
        println!(
            "{:<28} {:<12} {:<20} {:>7} {:>5} {:>7}",
            show::line(&name, 28),
            show::line(&agent, 12),
            first.to_string().get(..19).unwrap_or_default(),
            tally.allowed,
            tally.needs_approval,
            tally.blocked
        );
    }
    Ok(Exit::Permitted)
}

fn show_session(global: &Global, reader: &LogReader, session: &str) -> anyhow::Result<Exit> {
    let query = Query { session: Some(session.to_owned()), ..Query::default() };
    let records: Vec<Record> =
        reader.records(&query)?.map(|stored| Ok(stored?.parse()?)).collect::<anyhow::Result<_>>()?;
    if records.is_empty() {
        return Err(home::usage(format!(
            "no session is called `{session}`; `stayhand trace list` names them"
        )));
    }
    if global.json {
        show::json(&records)?;
    } else {
        records.iter().for_each(print_record);
    }
    Ok(Exit::Permitted)
}

fn show_record(reader: &LogReader, seq: u64) -> anyhow::Result<Exit> {
    let stored = reader.record(seq)?;
    let value: serde_json::Value = serde_json::from_slice(&stored.body)?;
    show::json(&value)?;
    Ok(Exit::Permitted)
}

/// One record on one line.
fn print_record(record: &Record) {
    let time = record.at.to_string();
    let time = show::styled(show::DIM, time.get(11..19).unwrap_or_default());
    println!("{:>6} {time} {}", record.seq, sentence(&record.event));
}

fn sentence(event: &Event) -> String {
    match event {
        Event::PolicyLoaded(loaded) => {
            format!("policy  {} from {}", loaded.policy.short(), loaded.sources.join(", "))
        }
        Event::Decided(decided) => {
            let effect = decided.decision.effect;
            let input = serde_json::Value::Object(decided.request.resource.0.clone()).to_string();
            let why = decided.decision.headline().map(|found| found.message()).unwrap_or_default();
            format!(
                "{} {} {} {}",
                show::styled(show::style(effect), format!("{:<7}", effect.name())),
                decided.request.action.0,
                show::line(&input, 70),
                show::styled(show::DIM, show::line(&why, 80))
            )
        }
        Event::ApprovalResolved(resolved) => {
            let answer = if resolved.grant { "approved" } else { "rejected" };
            format!(
                "answer  {} {answer} by {} {}",
                resolved.approval,
                show::line(&resolved.by, 40),
                show::line(&resolved.comment, 60)
            )
        }
        Event::Settled(settled) => {
            let mark = if settled.outcome.is_success() { '✓' } else { '✗' };
            format!(
                "settled {mark} {} ({:.1}ms) of {}",
                outcome(&settled.outcome),
                milliseconds(settled.duration_us),
                settled.decision
            )
        }
        Event::SwitchMoved(moved) => {
            format!("{:<7} {} by {}: {}", moved.order.name(), moved.scope, moved.by, moved.reason)
        }
        Event::LockSet(set) => format!("lock    {} by {}: {}", set.scope, set.by, set.reason),
        Event::LockReleased(released) => {
            format!("unlock  {} by {}: {}", released.scope, released.by, released.reason)
        }
        Event::BreakerMoved(moved) => {
            let order = match moved.order {
                BreakerOrder::Reset => "reset",
                BreakerOrder::Isolate => "isolate",
            };
            format!("{order:<7} {}/{} by {}: {}", moved.breaker, moved.key, moved.by, moved.reason)
        }
        Event::Measured(measured) => format!(
            "measure {} of {} is {} by {}",
            measured.metric.name(),
            show::line(&measured.agent, 40),
            measured.value,
            measured.by
        ),
        Event::ContextSaved(saved) => {
            format!(
                "context version {} of {}, {} bytes",
                saved.version,
                show::line(&saved.agent, 40),
                saved.bytes
            )
        }
        Event::Reviewed(reviewed) => format!(
            "{} {} paths of {} by {}",
            reviewed.verdict.name(),
            reviewed.paths,
            show::line(&reviewed.run, 40),
            reviewed.by
        ),
        Event::InDoubt(in_doubt) => format!("doubt   nobody knows whether {} ran", in_doubt.decision),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a duration for people")]
fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

/// How an action ended, in a few words.
pub(super) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Exit { code } => format!("exit {code}"),
        Outcome::Signal { number } => format!("signal {number}"),
        Outcome::Stopped { limit } => format!("stopped by {limit}"),
        Outcome::Failed { error } => show::line(&format!("failed: {error}"), 60),
        Outcome::Abandoned { why } => show::line(&format!("not started: {why}"), 60),
    }
}

fn tail(global: &Global, reader: &LogReader, lines: u64, follow: bool) -> anyhow::Result<Exit> {
    let print = |record: &Record| {
        if global.json {
            println!("{}", serde_json::to_string(record)?);
        } else {
            print_record(record);
        }
        anyhow::Ok(())
    };
    let newest = Query { limit: Some(lines), order: Order::Descending, ..Query::default() };
    let mut records: Vec<Record> =
        reader.records(&newest)?.map(|stored| Ok(stored?.parse()?)).collect::<anyhow::Result<_>>()?;
    records.reverse();
    records.iter().try_for_each(print)?;
    let mut next = records.last().map_or(0, |record| record.seq + 1);
    if !follow {
        return Ok(Exit::Permitted);
    }
    while !reader_went_away(FOLLOW) {
        for stored in reader.records(&Query { from_seq: Some(next), ..Query::default() })? {
            let record = stored?.parse()?;
            print(&record)?;
            next = record.seq + 1;
        }
    }
    Ok(Exit::Program(crate::BROKEN_PIPE))
}

/// Waits, and looks meanwhile whether somebody still reads standard output: with nothing new to
/// print, a closed pipe would never be noticed.
fn reader_went_away(wait: Duration) -> bool {
    let stdout = std::io::stdout();
    let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
    let timeout = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) => fds.iter().any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::HUP)),
        Err(_) => false,
    }
}

/// The newest violations that are wanted, oldest first.
fn violations(global: &Global, reader: &LogReader, wanted: &Violations) -> anyhow::Result<Exit> {
    let severity = wanted.severity.as_deref().map(severity).transpose()?;
    let filter = ViolationFilter { agent: wanted.agent.clone(), severity, since: wanted.since };
    let query = Query {
        kind: Some("decided".to_owned()),
        agent: wanted.agent.clone(),
        from_at: wanted.since,
        ..Query::default()
    };
    let mut found = VecDeque::new();
    for stored in reader.records(&query)? {
        let record = stored?.parse()?;
        found.extend(Violation::of(&record).into_iter().filter(|violation| filter.wants(violation)));
        while found.len() > wanted.limit {
            found.pop_front();
        }
    }
    if global.json {
        show::json(&found)?;
        return Ok(Exit::Permitted);
    }
    for violation in &found {
        let time = violation.timestamp.to_string();
        println!(
            "{} {:<8} {:<24} {} {} {}",
            show::styled(show::DIM, time.get(..19).unwrap_or_default()),
            violation.severity.name(),
            violation.violation_type.code(),
            show::line(&violation.agent_id, 20),
            show::line(&violation.action, 30),
            show::line(&violation.reason, 80)
        );
    }
    println!("{} violations", found.len());
    Ok(Exit::Permitted)
}

/// A severity by its name; another word is a mistake and not the highest one.
fn severity(name: &str) -> anyhow::Result<Risk> {
    let found = Risk::parse(name);
    if found.name().eq_ignore_ascii_case(name) {
        return Ok(found);
    }
    Err(home::usage(format!("`{name}` is no severity; there are safe, low, medium, high and critical")))
}

fn export(reader: &LogReader, session: Option<String>, format: ExportFormat) -> anyhow::Result<Exit> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    if format == ExportFormat::Csv {
        writeln!(out, "seq,time,agent,session,tool,effect,reason,rule,input")?;
    }
    let mut first = true;
    for stored in reader.records(&Query { session, ..Query::default() })? {
        let stored = stored?;
        match format {
            ExportFormat::Jsonl => writeln!(out, "{}", String::from_utf8_lossy(&stored.body))?,
            ExportFormat::Json => {
                let mark = if first { "[" } else { "," };
                writeln!(out, "{mark}{}", String::from_utf8_lossy(&stored.body))?;
            }
            ExportFormat::Csv => csv_line(&mut out, &stored)?,
        }
        first = false;
    }
    if format == ExportFormat::Json {
        writeln!(out, "{}", if first { "[]" } else { "]" })?;
    }
    out.flush()?;
    Ok(Exit::Permitted)
}

fn csv_line(out: &mut impl Write, stored: &Stored) -> anyhow::Result<()> {
    let record = stored.parse()?;
    let Event::Decided(decided) = &record.event else { return Ok(()) };
    let headline = decided.decision.headline();
    let fields = [
        record.seq.to_string(),
        record.at.to_string(),
        decided.request.principal.agent.clone(),
        decided.request.principal.session.clone(),
        decided.request.action.0.clone(),
        decided.decision.effect.name().to_owned(),
        headline.map(|found| found.reason.code().to_owned()).unwrap_or_default(),
        headline.and_then(|found| found.rule.as_deref()).unwrap_or_default().to_owned(),
        serde_json::Value::Object(decided.request.resource.0.clone()).to_string(),
    ];
    let quoted: Vec<String> = fields.iter().map(|field| csv_field(field)).collect();
    Ok(writeln!(out, "{}", quoted.join(","))?)
}

/// Quoted; a field that a spreadsheet would run as a formula gets an apostrophe.
fn csv_field(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}
