//! Collects figures and writes them as a page.

use super::ask::Answers;
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

const HEAD: &str = "# Evaluation

Figures of `cargo xtask eval FOLDER` over labelled inputs of third parties, which are not part of this project (their
licences differ): under the default pack, with an empty folder as workspace. *Dangerous* and *benign* are the labels of the
sources; a benign line is one that a person asked for or documented, and some of them do delete files. A line counts as
held if it would wait for a person. The goals are the project's own. Rules are written for classes of things and never
for a line, and the share that matters is that of inputs nobody here has seen, which is measured elsewhere.
";

/// How decisions came out.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) denied: usize,
    pub(super) held: usize,
    pub(super) allowed: usize,
}

impl Tally {
    pub(super) fn of<'a>(answers: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut tally = Self::default();
        for answer in answers {
            *match answer["effect"].as_str() {
                Some("allow") => &mut tally.allowed,
                Some("approve") => &mut tally.held,
                _ => &mut tally.denied,
            } += 1;
        }
        tally
    }

    const fn total(self) -> usize {
        self.denied + self.held + self.allowed
    }

    fn add(&mut self, other: Self) {
        self.denied += other.denied;
        self.held += other.held;
        self.allowed += other.allowed;
    }
}

/// `part` of `whole` in percent, to a tenth.
pub(super) fn percent(part: usize, whole: usize) -> String {
    let tenths = (part * 1000 + whole / 2) / whole.max(1);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// The page so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    body: String,
    /// By area: dangerous, benign.
    confusion: Vec<(String, Tally, Tally)>,
    times: Vec<(String, usize, Duration)>,
}

impl Report {
    /// Begins an area.
    pub(super) fn area(&mut self, title: &str, about: &str) {
        self.body.push_str(&format!("\n## {title}\n\n{about}\n\n"));
    }

    pub(super) fn columns(&mut self, columns: &[&str]) {
        let rule = "---|".repeat(columns.len());
        self.body.push_str(&format!("| {} |\n|{rule}\n", columns.join(" | ")));
    }

    pub(super) fn row(&mut self, cells: &[&str]) {
        self.body.push_str(&format!("| {} |\n", cells.join(" | ")));
    }

    /// A paragraph after a table.
    pub(super) fn note(&mut self, text: &str) {
        self.body.push_str(&format!("\n{text}\n"));
    }

    /// A row of decisions; counted in the confusion table under `area`.
    pub(super) fn decisions(&mut self, area: &str, source: &str, dangerous: bool, tally: Tally, goal: &str) {
        let total = tally.total();
        let share = |count| percent(count, total);
        let label = if dangerous { "dangerous" } else { "benign" };
        let stopped = share(tally.denied + tally.held);
        let cells = [share(tally.denied), share(tally.held), share(tally.allowed), stopped];
        let [denied, held, allowed, stopped] = &cells;
        self.row(&[source, label, &total.to_string(), denied, held, allowed, stopped, goal]);
        self.confuse(area, dangerous, tally);
    }

    pub(super) fn confuse(&mut self, area: &str, dangerous: bool, tally: Tally) {
        let at = self.confusion.iter().position(|(known, ..)| known == area).unwrap_or_else(|| {
            self.confusion.push((area.to_owned(), Tally::default(), Tally::default()));
            self.confusion.len() - 1
        });
        if let Some((_, bad, good)) = self.confusion.get_mut(at) {
            if dangerous { bad } else { good }.add(tally);
        }
    }

    /// Remembers how long the answers of an area took.
    pub(super) fn timed(&mut self, area: &str, answers: &Answers) {
        self.took(area, answers.lines.len(), answers.took);
    }

    /// Remembers how long `inputs` inputs of an area took.
    pub(super) fn took(&mut self, area: &str, inputs: usize, time: Duration) {
        match self.times.iter_mut().find(|(known, ..)| known == area) {
            Some((_, count, took)) => {
                *count += inputs;
                *took += time;
            }
            None => self.times.push((area.to_owned(), inputs, time)),
        }
    }

    /// The whole page.
    pub(super) fn page(&self) -> String {
        let mut page = format!("{HEAD}{}", self.body);
        page.push_str(
            "\n## All together\n\n| area | label | denied | held | allowed |\n|---|---|---|---|---|\n",
        );
        for (area, bad, good) in &self.confusion {
            for (label, tally) in [("dangerous", bad), ("benign", good)] {
                let Tally { denied, held, allowed } = tally;
                let _ = writeln!(page, "| {area} | {label} | {denied} | {held} | {allowed} |");
            }
        }
        page.push_str(
            "\nFor texts, *denied* counts what was marked. Times of whole processes, start, reading and printing included:\n\n",
        );
        page.push_str("| area | inputs | microseconds an input |\n|---|---|---|\n");
        for (area, count, took) in &self.times {
            let each = took.as_micros() / (*count).max(1) as u128;
            let _ = writeln!(page, "| {area} | {count} | {each} |");
        }
        page
    }
}
