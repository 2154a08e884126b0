//! The figures of each group, as a Markdown table that can be read back.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, Result, ensure};

use crate::Score;

/// What is counted of each log, as the columns of the table.
const COLUMNS: [&str; 5] = [
    "reason",
    "first line",
    "advice",
    "detected",
    "really transient",
];

#[derive(Clone, Copy, Default)]
struct Cell {
    right: u32,
    counted: u32,
}

/// The figures by group.
#[derive(Default)]
pub(crate) struct Table {
    rows: BTreeMap<String, [Cell; COLUMNS.len()]>,
}

impl Table {
    pub(crate) fn add(&mut self, group: &str, score: &Score) {
        let row = self.rows.entry(group.to_owned()).or_default();
        let scores = [
            Some(score.reason),
            score.line,
            score.advice,
            score.detected,
            score.called,
        ];
        for (cell, score) in row.iter_mut().zip(scores) {
            cell.right += u32::from(score == Some(true));
            cell.counted += u32::from(score.is_some());
        }
    }

    /// Reads the last table of a document that has these columns.
    pub(crate) fn parse(document: &str) -> Result<Self> {
        let head = head();
        let (_, table) = document
            .rsplit_once(&head)
            .context("no table with these figures")?;
        let mut rows = BTreeMap::new();
        for line in table.lines().skip(2).take_while(|it| it.starts_with('|')) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            ensure!(
                cells.len() == COLUMNS.len() + 1,
                "the row {line} has other columns"
            );
            let mut row = [Cell::default(); COLUMNS.len()];
            for (cell, text) in row.iter_mut().zip(&cells[1..]) {
                let (right, counted) = text.split_once('/').context("a cell without `/`")?;
                *cell = Cell {
                    right: right.parse()?,
                    counted: counted.parse()?,
                };
            }
            rows.insert(cells[0].to_owned(), row);
        }
        ensure!(!rows.is_empty(), "the table is empty");
        Ok(Self { rows })
    }

    /// The cells whose share is below that of another table.
    pub(crate) fn below(&self, recorded: &Self) -> Vec<String> {
        let mut below = Vec::new();
        for (group, expected) in &recorded.rows {
            let Some(row) = self.rows.get(group) else {
                below.push(format!("{group} is missing"));
                continue;
            };
            for ((name, cell), expected) in COLUMNS.iter().zip(row).zip(expected) {
                let is_below = cell.right * expected.counted < expected.right * cell.counted
                    || cell.counted == 0 && expected.counted != 0;
                if is_below {
                    below.push(format!("{group}, {name}: {cell} instead of {expected}"));
                }
            }
        }
        below
    }
}

fn head() -> String {
    format!("| group | {} |", COLUMNS.join(" | "))
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.right, self.counted)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", head())?;
        writeln!(f, "|{}", " --- |".repeat(COLUMNS.len() + 1))?;
        for (group, row) in &self.rows {
            let cells: Vec<String> = row.iter().map(ToString::to_string).collect();
            writeln!(f, "| {group} | {} |", cells.join(" | "))?;
        }
        Ok(())
    }
}
