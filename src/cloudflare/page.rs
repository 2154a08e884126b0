//! Pages of the list of deployments, and how far the list has been read.
//!
//! What the API says about the whole list counts, never the number of rows: a
//! page may be shorter than requested, and a filter may take rows out of it
//! after the list was cut into pages.

use std::cmp::Reverse;

use serde::Deserialize;
use serde_json::Value;

use super::deployment::Deployment;
use super::lenient::lenient;

/// The envelope's `result_info`. Each field may be missing.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct ResultInfo {
    #[serde(default, deserialize_with = "lenient")]
    per_page: Option<usize>,
    #[serde(default, deserialize_with = "lenient")]
    total_count: Option<usize>,
    #[serde(default, deserialize_with = "lenient")]
    total_pages: Option<usize>,
}

/// A page of the list, the newest first whatever order the API keeps. One
/// deployment that cannot be read hides no other.
#[derive(Debug, Default)]
pub struct Page {
    pub deployments: Vec<Deployment>,
    /// Whether older ones may follow on the next page.
    pub has_next: bool,
    /// How many rows the page had, those that cannot be read among them.
    pub rows: usize,
    pub info: ResultInfo,
}

impl Page {
    /// Page `number` of the list, counted from 1.
    pub(super) fn new(rows: Vec<Value>, info: ResultInfo, number: usize) -> Self {
        let count = rows.len();
        let deployments = rows.into_iter().map(serde_json::from_value);
        let mut deployments: Vec<Deployment> = deployments.filter_map(Result::ok).collect();
        deployments.sort_by_key(|it| Reverse(it.created_on));
        Self {
            deployments,
            has_next: info.has_next(number, count),
            rows: count,
            info,
        }
    }
}

impl ResultInfo {
    /// Whether anything says that pages follow page `number`, which had so many
    /// `rows`. Where nothing is said, only an empty page is the last.
    fn has_next(self, number: usize, rows: usize) -> bool {
        let per_page = self.per_page.filter(|it| 0 < *it).unwrap_or(rows);
        let so_far = number.saturating_mul(per_page);
        match (self.total_pages, self.total_count) {
            (None, None) => 0 < rows,
            (pages, count) => {
                let is_short = |count: usize| 0 < so_far && so_far < count;
                pages.is_some_and(|it| number < it) || count.is_some_and(is_short)
            }
        }
    }
}

/// Follows the reading of a list, page after page.
#[derive(Debug, Default)]
pub struct Reading {
    rows: usize,
}

/// What is known of a list after a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Older deployments may follow: read the next page.
    Middle,
    /// Everything has been read.
    End,
    /// Nothing more comes, though the API never said that this is everything.
    Unclear,
}

impl Reading {
    /// Takes in the next page; `has_new` is whether it held a deployment that
    /// was on no page before.
    pub fn read(&mut self, page: &Page, has_new: bool) -> Position {
        self.rows += page.rows;
        let is_repeated = 0 < page.rows && !has_new;
        match (page.info.total_count, page.info.total_pages) {
            _ if is_repeated => Position::Unclear,
            _ if page.has_next => Position::Middle,
            (Some(total), _) if total <= self.rows => Position::End,
            // The pages were shorter than `per_page` says: look behind the
            // last one.
            (Some(_), _) if 0 < page.rows => Position::Middle,
            (None, Some(_)) => Position::End,
            (Some(_) | None, _) => Position::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Reads a list whose pages have so many rows, until its end. Returns how
    /// many pages were read, and what is known then.
    fn read(rows: &[usize], info: &Value) -> (usize, Position) {
        let info = ResultInfo::deserialize(info).unwrap();
        let mut reading = Reading::default();
        for number in 1..=20 {
            let count = rows.get(number - 1).copied().unwrap_or_default();
            let page = Page::new(vec![json!({"id": "x"}); count], info, number);
            let position = reading.read(&page, true);
            if position != Position::Middle {
                return (number, position);
            }
        }
        panic!("the list {rows:?} has no end");
    }

    #[test]
    fn the_list_metadata_shows_its_end() {
        use Position::{End, Unclear};
        let cases: [(&[usize], Value, usize, Position); 14] = [
            (
                &[25, 5],
                json!({"page": 1, "per_page": 25, "total_count": 30, "total_pages": 2}),
                2,
                End,
            ),
            (
                &[25],
                json!({"per_page": 25, "total_count": 25, "total_pages": 1}),
                1,
                End,
            ),
            (
                &[],
                json!({"per_page": 25, "total_count": 0, "total_pages": 0}),
                1,
                End,
            ),
            // Pages are shorter than requested.
            (
                &[10, 10, 5],
                json!({"per_page": 10, "total_count": 25, "total_pages": 3}),
                3,
                End,
            ),
            (
                &[10, 10, 5],
                json!({"per_page": 10, "total_count": 25}),
                3,
                End,
            ),
            (&[10, 10, 5], json!({"total_pages": 3}), 3, End),
            (&[10, 10, 5], json!({"total_count": 25}), 4, End),
            // They are, and the API does not know.
            (
                &[10, 10, 5],
                json!({"per_page": 25, "total_count": 25, "total_pages": 1}),
                3,
                End,
            ),
            // A filter has taken rows out of the pages.
            (
                &[3, 0, 7],
                json!({"per_page": 25, "total_count": 75, "total_pages": 3}),
                4,
                Unclear,
            ),
            (&[0, 0, 7], json!({"total_pages": 3}), 3, End),
            // Nothing is said.
            (&[10, 10, 5], json!({}), 4, Unclear),
            (&[25], Value::Null, 2, Unclear),
            (
                &[3],
                json!({"per_page": "?", "total_count": -1, "total_pages": {}}),
                2,
                Unclear,
            ),
            (&[], json!({}), 1, Unclear),
        ];
        for (rows, info, pages, position) in cases {
            let info = if info.is_null() { json!({}) } else { info };
            assert_eq!(read(rows, &info), (pages, position), "{rows:?} {info}");
        }
    }

    #[test]
    fn a_repeated_page_is_no_progress() {
        let info = ResultInfo {
            total_pages: Some(9),
            ..ResultInfo::default()
        };
        let page = Page::new(vec![json!({"id": "x"})], info, 1);
        let mut reading = Reading::default();
        assert_eq!(reading.read(&page, true), Position::Middle);
        assert_eq!(reading.read(&page, false), Position::Unclear);
    }

    #[test]
    fn a_page_is_sorted_and_one_invalid_row_hides_no_other() {
        let rows = vec![
            json!({"id": "old", "created_on": "2026-01-01T00:00:00Z"}),
            json!("odd"),
            json!({"id": "new", "created_on": "2026-01-02T00:00:00Z"}),
        ];
        let page = Page::new(rows, ResultInfo::default(), 1);
        let ids: Vec<_> = page.deployments.iter().map(|it| it.id.as_str()).collect();
        assert_eq!((ids.as_slice(), page.rows), (["new", "old"].as_slice(), 3));
    }
}
