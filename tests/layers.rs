//! Checks the layers of `src` against the table in ARCHITECTURE.md: a folder imports
//! only those that its row lists, and there are no import cycles between files. A file
//! may use the types of the `mod.rs` above it.

#![expect(clippy::unwrap_used, reason = "a test fails where it is wrong")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// One import, as `file:line` and the path of the module that it names.
struct Import {
    place: String,
    from: Vec<String>,
    to: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let nested = |it: PathBuf| if it.is_dir() { files(&it) } else { vec![it] };
    let mut files: Vec<_> = entries.flat_map(nested).collect();
    files.retain(|it| it.extension().is_some_and(|it| it == "rs") && !it.ends_with("tests.rs"));
    files.sort();
    files
}

/// `src/retry/mod.rs` is `["retry"]`, `src/env.rs` is `["env"]`.
fn module(file: &Path) -> Vec<String> {
    let path = file.strip_prefix(root()).unwrap().with_extension("");
    let parts = path.iter().map(|it| it.to_str().unwrap().to_owned());
    parts.filter(|it| it != "mod").collect()
}

/// Each path in the code that starts with `crate::`, `super::` or `self::`, with its
/// line. A group in braces yields several paths.
fn paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|it| it.is_alphanumeric() || it == '_' || it == ':') {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            expand("", &code[at..], &mut |path| {
                found.push((line, path.to_owned()));
            });
        }
    }
    found
}

/// Calls `take` for each path of a use tree; returns the length of the tree in `text`.
fn expand(prefix: &str, text: &str, take: &mut dyn FnMut(&str)) -> usize {
    let is_name = |it: char| it.is_alphanumeric() || matches!(it, '_' | ':' | '*');
    let end = text.find(|it| !is_name(it)).unwrap_or(text.len());
    let path = format!("{prefix}{}", &text[..end]);
    if !text[end..].starts_with('{') || !path.ends_with("::") {
        take(&path);
        return end;
    }
    let mut at = end + 1;
    while at < text.len() && !text[at..].starts_with('}') {
        let rest = &text[at..];
        at += match rest.chars().next() {
            Some(first) if is_name(first) => expand(&path, rest, take),
            Some(first) => first.len_utf8(),
            None => break,
        };
    }
    at + 1
}

fn imports() -> Vec<Import> {
    let files = files(&root());
    let modules: BTreeSet<_> = files.iter().map(|it| module(it)).collect();
    let mut imports = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let code: String = code
            .lines()
            .map(|it| it.split("//").next().unwrap().to_owned() + "\n")
            .collect();
        let from = module(file);
        for (line, path) in paths(&code) {
            let mut to = match path.split("::").next() {
                Some("crate") => Vec::new(),
                Some("self") => from.clone(),
                _ => from[..from.len().saturating_sub(1)].to_vec(),
            };
            to.extend(path.split("::").skip(1).map(str::to_owned));
            // Keep the longest prefix that is a module; the rest is an item in it.
            while !to.is_empty() && !modules.contains(&to) {
                to.pop();
            }
            if !to.is_empty() && to != from {
                let place = format!(
                    "src/{}:{line}",
                    file.strip_prefix(root()).unwrap().display()
                );
                let from = from.clone();
                imports.push(Import { place, from, to });
            }
        }
    }
    imports
}

/// The rows of the table in ARCHITECTURE.md: each layer and what it may import.
fn allowed() -> BTreeMap<String, Vec<String>> {
    let file = root().join("../ARCHITECTURE.md");
    let text = fs::read_to_string(file).unwrap();
    let (_, table) = text.split_once("| layer | may import |").unwrap();
    let names = |cell: &str| -> Vec<String> {
        let names = cell.split('`').skip(1).step_by(2);
        names.map(str::to_owned).collect()
    };
    let mut allowed = BTreeMap::new();
    for row in table.lines().skip(2).take_while(|it| it.starts_with('|')) {
        let cells: Vec<_> = row.split('|').collect();
        for layer in names(cells[1]) {
            allowed.insert(layer, names(cells[2]));
        }
    }
    allowed
}

#[test]
fn each_layer_imports_only_what_its_row_allows() {
    let allowed = allowed();
    let layers: BTreeSet<_> = files(&root())
        .iter()
        .map(|it| module(it)[0].clone())
        .collect();
    let layers: BTreeSet<_> = layers
        .into_iter()
        .filter(|it| !["lib", "main"].contains(&it.as_str()))
        .collect();
    assert_eq!(
        layers,
        allowed.keys().cloned().collect(),
        "the rows of the table"
    );
    let imports = imports();
    assert!(
        100 < imports.len(),
        "too few imports were found: {}",
        imports.len()
    );
    let forbidden = imports.iter().filter(|it| {
        let (from, to) = (&it.from[0], &it.to[0]);
        from != to
            && allowed
                .get(from)
                .is_some_and(|allowed| !allowed.contains(to))
    });
    let forbidden: Vec<_> = forbidden
        .map(|it| {
            format!(
                "{}: `{}` must not import `{}`",
                it.place,
                it.from[0],
                it.to.join("::")
            )
        })
        .collect();
    assert!(forbidden.is_empty(), "{}", forbidden.join("\n"));
}

#[test]
fn there_are_no_import_cycles_between_files() {
    let mut graph: BTreeMap<Vec<String>, BTreeMap<Vec<String>, String>> = BTreeMap::new();
    for Import { place, from, to } in imports() {
        // An import of a parent module does not count.
        if !from.starts_with(&to) {
            graph.entry(from).or_default().entry(to).or_insert(place);
        }
    }
    // Remove files without remaining imports: they cannot be part of a cycle.
    loop {
        let left: BTreeSet<_> = graph.keys().cloned().collect();
        let before: usize = graph.values().map(BTreeMap::len).sum();
        for to in graph.values_mut() {
            to.retain(|it, _| left.contains(it));
        }
        graph.retain(|_, to| !to.is_empty());
        if graph.values().map(BTreeMap::len).sum::<usize>() == before {
            break;
        }
    }
    let circle: Vec<_> = graph
        .values()
        .flat_map(|to| {
            to.iter()
                .map(|(to, place)| format!("{place} imports {}", to.join("::")))
        })
        .collect();
    assert!(circle.is_empty(), "{}", circle.join("\n"));
}
