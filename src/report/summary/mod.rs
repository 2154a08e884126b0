//! The step summary: what happened, in Markdown with a picture.
//!
//! Invariant: a function of the result; always under [`MOST`] bytes. What is
//! too long is cut where it stands, so that all the rest stays. Text from
//! outside comes in through [`Escaper`] alone.

mod build_details;
mod escaper;
mod reached;

use std::fmt::Write as _;

use crate::cloudflare::deployment::{Deployment, Stage, StageStatus};
use crate::report::line::{advice, last_line};
use crate::report::summary::build_details::built;
use crate::report::summary::escaper::Escaper;
use crate::run::outcome::{Attempt, Outcome, RunResult};
use crate::run::reachability::Reachability;
use crate::run::verdict::verdict;
use crate::run::wording::{describe, format_duration};
use crate::text::inline;
use crate::text::markup::fence_for;
use crate::text::secrets::Secrets;

/// Bytes; GitHub drops a summary of over 1 MiB as a whole.
const MOST: usize = 100_000;

/// Bytes; Mermaid draws nothing from more than 50,000 characters.
const MOST_GANTT: usize = 40_000;

/// Items of a list, each taken only if the one before was too many.
const SIZES: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

/// Renders the summary of a run, without a secret.
pub fn render(ending: &RunResult, secrets: &Secrets) -> String {
    let mut texts = SIZES
        .into_iter()
        .map(|size| whole(ending, &Escaper::new(secrets, size)));
    // The last one has a few lines of a few bytes each.
    texts.find(|it| it.len() < MOST).unwrap_or_default()
}

fn whole(ending: &RunResult, escaper: &Escaper) -> String {
    let title = title(ending);
    let mut text = headline(ending, &title, escaper);
    text.push_str(&found(ending, escaper));
    text.push_str(&reached::addresses(ending, escaper));
    if ending.attempts.is_empty() {
        let (reason, _, excerpt) = ending.explanation();
        // The title of a failure that was not retried has the reason.
        let reason = reason.filter(|it| !title.contains(it));
        text.push_str(&failure(reason, excerpt, escaper));
        text.push_str(&what_to_do(ending, escaper));
    }
    let (earlier, shown) = escaper.last(&ending.attempts);
    if !earlier.is_empty() {
        let ids = earlier
            .iter()
            .map(|it| escaper.code(it.deployment.short_id()));
        let _ = write!(text, "Earlier attempts: {}\n\n", escaper.names(ids));
    }
    for (n, attempt) in (1 + earlier.len()..).zip(shown) {
        // The one attempt that the title is about needs no title of its own.
        if 1 < ending.attempts.len() || !title.contains(attempt.deployment.short_id()) {
            text.push_str(&attempt_title(ending, n, attempt, escaper));
        }
        text.push_str(&failure(attempt.reason, &attempt.excerpt, escaper));
        if n == ending.attempts.len() {
            text.push_str(&what_to_do(ending, escaper));
        }
        let checked = ending.reachability.as_ref();
        let checked = checked.filter(|_| n == ending.attempts.len());
        text.push_str(&stages(ending, attempt, checked, escaper));
    }
    text.push_str(&gantt(ending, 1 + earlier.len(), shown, escaper));
    text.push_str(&built(ending, escaper));
    text
}

/// The last line of the log, without the addresses: they follow as links.
fn title(ending: &RunResult) -> String {
    if let Outcome::UsageError { .. } = ending.outcome {
        // The problems follow as a list.
        return "Error".to_owned();
    }
    let mut title = last_line(ending);
    if let Outcome::Unreachable { .. } = ending.outcome {
        // The address is what the line is about.
        return title;
    }
    for (_, address) in links(ending) {
        let address = inline(&address);
        if address.starts_with("https://") {
            title = title.replace(&address, "");
        }
    }
    title.trim_end_matches([':', ' ']).to_owned()
}

fn headline(ending: &RunResult, title: &str, escaper: &Escaper) -> String {
    let symbol = match (ending.outcome.is_good(), ending.fails) {
        (true, _) => "✅",
        (false, true) => "❌",
        (false, false) => "⚠️",
    };
    let mut text = format!("### {symbol} {}", escaper.prose(title));
    for (name, address) in links(ending) {
        if let Some(link) = escaper.link(&name, &address) {
            let _ = write!(text, " · {link}");
        }
    }
    text.push_str("\n\n");
    if let Outcome::UsageError { problems } = &ending.outcome {
        let (problems, more) = escaper.first(problems);
        for problem in problems {
            let _ = writeln!(text, "- {}", escaper.prose(problem));
        }
        if 0 < more {
            let _ = writeln!(text, "- and {more} more");
        }
        text.push('\n');
    }
    text
}

/// What a dry run found: the deployment that a run would retry.
fn found(ending: &RunResult, escaper: &Escaper) -> String {
    let original = ending.original.as_ref();
    match original.filter(|_| ending.outcome == Outcome::DryRun) {
        Some(it) => format!("**Found:** {}\n\n", escaper.prose(&describe(it))),
        None => String::new(),
    }
}

/// Advice, unless it is no more than one of the links.
fn what_to_do(ending: &RunResult, escaper: &Escaper) -> String {
    let is_link = |it: &String| {
        let mut links = links(ending).into_iter();
        links.any(|(_, address)| it.ends_with(&address))
    };
    match advice(ending).filter(|it| !is_link(it)) {
        Some(advice) => format!("**What to do:** {}\n\n", escaper.prose(&advice)),
        None => String::new(),
    }
}

/// Where a reader may want to go: names and addresses.
fn links(ending: &RunResult) -> Vec<(String, String)> {
    let mut links = Vec::new();
    // The site of what was to be retried says nothing of how the run ended.
    let is_site_of_target = matches!(
        ending.outcome,
        Outcome::NothingToRetry { .. } | Outcome::Unreachable { .. }
    );
    let is_shown = !ending.attempts.is_empty() || is_site_of_target;
    let ended_without_site = matches!(
        ending.outcome,
        Outcome::Failed { .. }
            | Outcome::Canceled { .. }
            | Outcome::Skipped { .. }
            | Outcome::Deleted
    );
    let is_shown = is_shown && !ended_without_site;
    if let Some(deployment) = ending.deployment().filter(|it| is_shown && has_site(it)) {
        links.push(("Site".to_owned(), deployment.url.clone()));
    }
    if let Outcome::Skipped {
        superseded_by: Some((id, url)),
        ..
    } = &ending.outcome
    {
        links.push((format!("Site of {id}"), url.clone()));
    }
    // With bad input the project may not be known.
    if !ending.project_name.is_empty() {
        links.push(("Dashboard".to_owned(), ending.dashboard_url()));
    }
    links
}

/// Whether a deployment serves its site, or may still come to.
fn has_site(deployment: &Deployment) -> bool {
    let is_broken = |it: &Stage| matches!(it.status, StageStatus::Failure | StageStatus::Canceled);
    matches!(verdict(deployment), None | Some(Outcome::Deployed))
        && !deployment.stages_by_latest().iter().any(is_broken)
}

fn attempt_title(ending: &RunResult, n: usize, attempt: &Attempt, escaper: &Escaper) -> String {
    let deployment = &attempt.deployment;
    let mut text = format!("#### Attempt {n}: {}", escaper.code(deployment.short_id()));
    let page = RunResult::page(&ending.project_name, &deployment.id);
    let site = has_site(deployment).then_some(("Site", &deployment.url));
    for (name, address) in site.into_iter().chain([("Dashboard", &page)]) {
        if let Some(link) = escaper.link(name, address) {
            let _ = write!(text, " · {link}");
        }
    }
    text.push_str("\n\n");
    text
}

/// Why a deployment failed, with the lines of the build log that tell most.
fn failure(reason: Option<&str>, excerpt: &[String], escaper: &Escaper) -> String {
    let mut text = String::new();
    if let Some(reason) = reason {
        let _ = write!(text, "**Why:** {}\n\n", escaper.prose(reason));
    }
    let (lines, _) = escaper.first(excerpt);
    let lines: Vec<_> = lines.iter().map(|it| escaper.log_line(it)).collect();
    let lines = lines.join("\n");
    if !lines.is_empty() {
        let fence = fence_for(&lines);
        let _ = write!(text, "{fence}text\n{lines}\n{fence}\n\n");
    }
    text
}

/// A table of the stages of one attempt, if one has begun, with what they
/// usually take, if that is known.
fn stages(
    ending: &RunResult,
    attempt: &Attempt,
    checked: Option<&Reachability>,
    escaper: &Escaper,
) -> String {
    let stages = attempt.deployment.stages_by_latest();
    if stages.iter().all(|it| it.status == StageStatus::Idle) {
        return String::new();
    }
    let (shown, more) = escaper.first(&stages);
    let usually = |stage: &Stage| ending.usual.median(&stage.name).map(format_duration);
    let is_usual_known = shown.iter().any(|it| usually(it).is_some());
    let mut rows = vec![
        ["stage", "result", "time", "usually"].map(str::to_owned),
        ["---"; 4].map(str::to_owned),
    ];
    rows.extend(shown.iter().map(|stage| {
        [
            escaper.markdown(&stage.name.to_string()),
            result(&stage.status, escaper),
            escaper.optional(stage.duration().map(format_duration)),
            escaper.optional(usually(stage)),
        ]
    }));
    if 0 < more {
        rows.push([
            format!("and {more} more"),
            String::new(),
            String::new(),
            String::new(),
        ]);
    }
    rows.extend(checked.map(reached::row));
    let columns = if is_usual_known { 4 } else { 3 };
    let rows = rows
        .iter()
        .map(|it| format!("| {} |\n", it[..columns].join(" | ")));
    rows.collect::<String>() + "\n"
}

fn result(status: &StageStatus, escaper: &Escaper) -> String {
    match status {
        StageStatus::Idle => "·".to_owned(),
        StageStatus::Active => "… running".to_owned(),
        StageStatus::Success => "✓".to_owned(),
        StageStatus::Failure => "✗ failed".to_owned(),
        StageStatus::Canceled => "⊘ canceled".to_owned(),
        StageStatus::Skipped => "» skipped".to_owned(),
        StageStatus::Other(word) => escaper.markdown(word),
    }
}

/// The stages on a time line, a section for each attempt from the `first` on
/// of which a stage has ended.
fn gantt(ending: &RunResult, first: usize, attempts: &[Attempt], escaper: &Escaper) -> String {
    let last = ending.attempts.len();
    let sections = (first..).zip(attempts).map(|(n, attempt)| {
        let stages = attempt.deployment.stages_by_latest();
        let (stages, _) = escaper.first(&stages);
        if stages.iter().all(|it| it.ended_on.is_none()) {
            return String::new();
        }
        let mut tasks: String = stages.iter().filter_map(|it| task(it, escaper)).collect();
        if let Some(reachability) = ending.reachability.as_ref().filter(|_| n == last) {
            tasks.extend(reached::task(&attempt.deployment, reachability));
        }
        // Longer names would lie on the tasks.
        format!("    section attempt {n}\n{tasks}")
    });
    let sections: Vec<String> = sections.collect();
    let mut length = 0;
    let shown = sections.iter().rev().take_while(|it| {
        length += it.len();
        length < MOST_GANTT
    });
    let sections = sections[sections.len() - shown.count()..].concat();
    if sections.is_empty() {
        return String::new();
    }
    format!(
        "```mermaid\ngantt\n    dateFormat x\n    axisFormat %H:%M:%S\n    todayMarker off\n{sections}```\n\n"
    )
}

/// A stage that has begun. Of one that still runs only the start is known.
fn task(stage: &Stage, escaper: &Escaper) -> Option<String> {
    let tag = match stage.status {
        StageStatus::Success => "",
        StageStatus::Failure | StageStatus::Canceled => "crit, ",
        StageStatus::Active => "milestone, ",
        StageStatus::Idle | StageStatus::Skipped | StageStatus::Other(_) => "done, ",
    };
    let start = stage.started_on?.timestamp_millis();
    let end = match (stage.ended_on, &stage.status) {
        (Some(end), _) => end.timestamp_millis().max(start),
        (None, StageStatus::Active) => start,
        (None, _) => return None,
    };
    let took = stage
        .duration()
        .map_or_else(|| "running".to_owned(), format_duration);
    // A name cannot hold the sign of `<1s`.
    let took = took.replace('<', "under ");
    let name = escaper.mermaid(&format!("{} {took}", stage.name));
    Some(format!("    {name} : {tag}{start}, {end}\n"))
}

#[cfg(test)]
mod tests;
