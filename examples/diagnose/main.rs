//! Measures the diagnosis on logs of known failures, or diagnoses one log.
//!
//! `cargo run --example diagnose -- FILE.jsonl` prints the figures of each
//! group and the misses; `--recorded docs/diagnosis.md` in front of the file
//! fails if a figure is below the one that the document records. Without a
//! file it reads one log on standard input and prints its diagnosis; the
//! stage may be named (`-- --stage deploy`).
//!
//! Each line of a file is an object: `log` (lines), `stage`, `family`, `host`,
//! `transient` (`yes`, `no`, `unclear`), `want_reason` and `want_advice`
//! (regular expressions or null), `want_line` (pieces of lines, or null).

#![expect(clippy::print_stdout, reason = "the figures are the point")]

mod figures;

use std::env;
use std::fs;
use std::io::{self, BufRead as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use pages_retry::cloudflare::deployment::StageName;
use pages_retry::retry::diagnosis::{Cause, Clues, Diagnosis, diagnose};
use regex_lite::Regex;
use serde::Deserialize;

use figures::Table;

const MAX_REASON: usize = 120;
const MAX_ADVICE: usize = 240;

/// One failure, and what a person would say of it.
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    id: String,
    log: Vec<String>,
    stage: String,
    family: String,
    host: String,
    transient: String,
    want_reason: Option<String>,
    want_line: Option<Vec<String>>,
    want_advice: Option<String>,
}

/// What is right and wrong of a diagnosis; `None` where nothing is wanted.
struct Score {
    reason: bool,
    line: Option<bool>,
    advice: Option<bool>,
    /// Of a failure that another attempt heals: whether that was said.
    detected: Option<bool>,
    /// Of a failure that was called transient: whether it is.
    called: Option<bool>,
}

fn main() -> Result<ExitCode> {
    let mut recorded = None;
    let mut stage = "build".to_owned();
    let mut file = None;
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--recorded" => recorded = Some(arguments.next().context("--recorded FILE")?),
            "--stage" => stage = arguments.next().context("--stage NAME")?,
            option if option.starts_with('-') => bail!("unknown option {option}"),
            _ => file = Some(argument),
        }
    }
    let Some(file) = file else {
        print_diagnosis(&stage)?;
        return Ok(ExitCode::SUCCESS);
    };
    let measured = measure(&file)?;
    print!("{measured}");
    let Some(recorded) = recorded else {
        return Ok(ExitCode::SUCCESS);
    };
    let document = fs::read_to_string(&recorded).context(recorded)?;
    let worse = measured.below(&Table::parse(&document)?);
    for cell in &worse {
        println!("below the recorded figure: {cell}");
    }
    Ok(ExitCode::from(u8::from(!worse.is_empty())))
}

/// Diagnoses the log on standard input.
fn print_diagnosis(stage: &str) -> Result<()> {
    let mut clues = Clues::default();
    for line in io::stdin().lock().lines() {
        clues.saw(&line?);
    }
    let diagnosis = diagnose(&stage_name(stage)?, Some(&clues));
    let verdict = match diagnosis.cause {
        Cause::Permanent => "permanent",
        Cause::Transient => "transient",
        Cause::InternalError => "transient once, an internal error of Cloudflare",
        Cause::TimeLimit => "transient once if such builds are usually quick",
    };
    println!("{}\n{verdict}", diagnosis.reason);
    for line in &diagnosis.excerpt {
        println!("  {line}");
    }
    println!("{}", diagnosis.advice.unwrap_or("no advice"));
    Ok(())
}

/// Prints the misses and gives the figures.
fn measure(file: &str) -> Result<Table> {
    // `{dot}` hides the names of registries from those who search for them.
    let text = fs::read_to_string(file).with_context(|| file.to_owned())?;
    let mut table = Table::default();
    for (number, line) in text.replace("{dot}", ".").lines().enumerate() {
        let entry: Entry = serde_json::from_str(line).context(format!("line {}", number + 1))?;
        let mut clues = Clues::default();
        entry.log.iter().for_each(|it| clues.saw(it));
        let diagnosis = diagnose(&stage_name(&entry.stage)?, Some(&clues));
        let score = score(&entry, &diagnosis)?;
        print_misses(&entry, &diagnosis, &score);
        for group in ["all", &format!("host {}", entry.host), &entry.family] {
            table.add(group, &score);
        }
    }
    Ok(table)
}

fn stage_name(name: &str) -> Result<StageName> {
    Ok(serde_json::from_value(name.into())?)
}

fn score(entry: &Entry, diagnosis: &Diagnosis) -> Result<Score> {
    let meets = |pattern: &Option<String>, text: &str| -> Result<Option<bool>> {
        let pattern = pattern.as_ref().map(|it| Regex::new(&format!("(?i){it}")));
        Ok(pattern.transpose()?.map(|it| it.is_match(text)))
    };
    let advice = diagnosis.advice.unwrap_or_default();
    let first = diagnosis.excerpt.first().map_or("", String::as_str);
    let holds_piece = |pieces: &Vec<String>| pieces.iter().any(|it| first.contains(it.as_str()));
    let is_short = diagnosis.reason.chars().count() <= MAX_REASON;
    Ok(Score {
        reason: is_short && meets(&entry.want_reason, diagnosis.reason)?.unwrap_or(true),
        line: entry.want_line.as_ref().map(holds_piece),
        advice: meets(&entry.want_advice, advice)?
            .map(|it| it && advice.chars().count() <= MAX_ADVICE),
        detected: (entry.transient == "yes").then_some(diagnosis.is_transient),
        called: (diagnosis.is_transient && entry.transient != "unclear")
            .then_some(entry.transient == "yes"),
    })
}

fn print_misses(entry: &Entry, diagnosis: &Diagnosis, score: &Score) {
    let misses = [
        (!score.reason, "reason"),
        (score.line == Some(false), "line"),
        (score.advice == Some(false), "advice"),
        (score.detected == Some(false), "not called transient"),
        (score.called == Some(false), "called transient"),
    ];
    let misses: Vec<&str> = misses.iter().filter(|it| it.0).map(|it| it.1).collect();
    if misses.is_empty() {
        return;
    }
    println!("{} {}: {}", entry.id, entry.family, misses.join(", "));
    println!("  reason: {}", diagnosis.reason);
    println!(
        "  first line: {}",
        diagnosis.excerpt.first().map_or("", String::as_str)
    );
    println!("  advice: {}", diagnosis.advice.unwrap_or_default());
}
