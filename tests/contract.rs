//! `action.yml`, the README's tables and `--help` name the same inputs,
//! defaults, variables, outputs and exit codes, in the same order.

#![expect(
    clippy::disallowed_methods,
    reason = "tests wait, write files and start programs"
)]

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

const ACTION: &str = include_str!("../action.yml");
const README: &str = include_str!("../README.md");
const DOCKERFILE: &str = include_str!("../Dockerfile");

/// The properties of an input that all three must agree on.
#[derive(Debug, PartialEq, Eq)]
struct Input {
    name: String,
    default: Option<String>,
    falls_back_to: Vec<String>,
    is_required: bool,
}

/// An input or output of `action.yml`: its name, and its keys with their values.
type Entry = (String, BTreeMap<String, String>);

/// Returns the output of `--help`.
fn help() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pages-retry"))
        .arg("--help")
        .env_clear()
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "--help: {}", output.status);
    String::from_utf8(output.stdout).expect("help is text")
}

/// The rows of a section of `--help`: name and meaning. A section is a line
/// that is not indented, then lines of `  NAME  MEANING`; a meaning continues
/// on lines that are indented further.
fn help_rows(help: &str, section: &str) -> Vec<(String, String)> {
    let lines = help
        .lines()
        .skip_while(|it| !it.starts_with(section))
        .skip(1)
        .map_while(|it| it.strip_prefix("  "));
    let mut rows: Vec<(String, String)> = Vec::new();
    for line in lines {
        if let Some(more) = line.strip_prefix("    ") {
            let (_, meaning) = rows.last_mut().expect("a row to continue");
            meaning.push(' ');
            meaning.push_str(more.trim());
            continue;
        }
        let row = line.split_once("  ");
        let (name, meaning) = row.unwrap_or_else(|| panic!("no two columns in {section}"));
        rows.push((name.to_owned(), meaning.trim().to_owned()));
    }
    assert!(!rows.is_empty(), "--help has no rows in {section}:\n{help}");
    rows
}

fn help_inputs() -> Vec<Input> {
    let rows = help_rows(&help(), "Inputs");
    let input = |(name, meaning): (String, String)| Input {
        name,
        default: tag(&meaning, "[default: "),
        falls_back_to: words(&tag(&meaning, "[falls back to: ").unwrap_or_default()),
        is_required: meaning.starts_with("Required"),
    };
    rows.into_iter().map(input).collect()
}

fn tag(meaning: &str, opening: &str) -> Option<String> {
    let (_, rest) = meaning.split_once(opening)?;
    let (value, _) = rest.split_once(']')?;
    Some(value.to_owned())
}

/// Splits a list at its commas and removes the backticks.
fn words(list: &str) -> Vec<String> {
    let words = list.split(',').map(|it| it.trim().trim_matches('`'));
    words
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The entries of a top-level key of `action.yml`. Supports only the part of YAML that
/// the file uses: indentation by two and four spaces; plain, quoted and folded text.
fn action_entries(section: &str) -> Vec<Entry> {
    let lines = ACTION
        .lines()
        .skip_while(|it| *it != format!("{section}:"))
        .skip(1)
        .take_while(|it| it.is_empty() || it.starts_with(' '));
    let mut entries: Vec<Entry> = Vec::new();
    let mut last_key = String::new();
    for line in lines.filter(|it| !it.trim().is_empty()) {
        let text = line.trim_start();
        let entry = entries.last_mut();
        match (line.len() - text.len(), entry, text.split_once(':')) {
            (2, _, Some((name, ""))) => entries.push((name.to_owned(), BTreeMap::new())),
            (4, Some((_, keys)), Some((key, value))) => {
                key.clone_into(&mut last_key);
                let value = value.trim().trim_matches('"');
                let value = value.trim_start_matches(">-");
                keys.insert(key.to_owned(), value.to_owned());
            }
            (6, Some((_, keys)), _) => {
                let value = keys.get_mut(&last_key).expect("text under a key");
                value.push(' ');
                value.push_str(text);
            }
            _ => panic!("action.yml has a line that this test cannot read: {line}"),
        }
    }
    assert!(!entries.is_empty(), "action.yml has no {section}");
    entries
}

/// The cells of each row of the README's table under a heading.
fn readme_rows(heading: &str) -> Vec<Vec<String>> {
    let rows = README
        .lines()
        .skip_while(|it| *it != format!("## {heading}"))
        .skip_while(|it| !it.starts_with("|---"))
        .skip(1)
        .map_while(|it| it.strip_prefix('|'));
    let rows: Vec<Vec<_>> = rows
        .map(|row| row.split('|').map(|it| it.trim().to_owned()).collect())
        .collect();
    assert!(!rows.is_empty(), "the README has no table under {heading}");
    rows
}

fn readme_inputs() -> Vec<Input> {
    let rows = readme_rows("Inputs");
    let input = |row: Vec<String>| Input {
        name: code(&row[0]),
        default: Some(&row[1])
            .filter(|it| it.starts_with('`'))
            .map(|it| code(it)),
        falls_back_to: words(&row[2]),
        is_required: row[1] == "required",
    };
    rows.into_iter().map(input).collect()
}

/// The text between two backticks.
fn code(cell: &str) -> String {
    let text = cell.strip_prefix('`').and_then(|it| it.strip_suffix('`'));
    text.unwrap_or_else(|| panic!("not in backticks: {cell}"))
        .to_owned()
}

/// The distinct numbers in the texts, in ascending order.
fn numbers<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<u8> {
    let mut numbers: Vec<_> = texts
        .flat_map(|it| it.split(|it: char| !it.is_ascii_digit()))
        .filter_map(|it| it.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn names<T>(rows: Vec<(String, T)>) -> Vec<String> {
    rows.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn the_action_has_the_inputs_and_defaults_of_the_program() {
    let default = |(name, mut keys): Entry| (name, keys.remove("default"));
    let action: Vec<_> = action_entries("inputs").into_iter().map(default).collect();
    let help: Vec<_> = help_inputs()
        .into_iter()
        .map(|it| (it.name, it.default))
        .collect();
    assert_eq!(action, help);
}

#[test]
fn the_action_requires_inputs_without_a_fallback_variable() {
    let is_required = |(_, keys): &Entry| keys.get("required").is_some_and(|it| it == "true");
    let action = action_entries("inputs")
        .into_iter()
        .filter(is_required)
        .collect();
    let help = help_inputs().into_iter();
    let help = help.filter(|it| it.is_required && it.falls_back_to.is_empty());
    assert_eq!(names(action), help.map(|it| it.name).collect::<Vec<_>>());
}

#[test]
fn the_action_names_the_variables_that_an_input_falls_back_to() {
    for ((name, keys), input) in action_entries("inputs").iter().zip(help_inputs()) {
        for variable in input.falls_back_to {
            assert!(
                keys["description"].contains(&variable),
                "{name}: {variable}"
            );
        }
    }
}

#[test]
fn the_action_describes_each_input_and_output() {
    for (name, keys) in [action_entries("inputs"), action_entries("outputs")].concat() {
        let description = keys.get("description").map_or("", String::as_str);
        assert!(15 < description.len(), "{name}: {description:?}");
    }
}

#[test]
fn the_readme_has_the_inputs_of_the_program() {
    assert_eq!(readme_inputs(), help_inputs());
}

#[test]
fn the_action_and_the_readme_have_the_outputs_of_the_program() {
    let help = names(help_rows(&help(), "Outputs"));
    let readme: Vec<_> = readme_rows("Outputs")
        .iter()
        .map(|it| code(&it[0]))
        .collect();
    assert_eq!(names(action_entries("outputs")), help);
    assert_eq!(readme, help);
}

#[test]
fn the_readme_has_the_exit_codes_of_the_program() {
    let help = names(help_rows(&help(), "Exit codes"));
    let readme = readme_rows("Statuses and exit codes");
    assert_eq!(
        numbers(readme.iter().map(|it| &it[1])),
        numbers(help.iter())
    );
}

#[test]
fn the_action_names_each_status_of_the_readme() {
    let (_, status) = &action_entries("outputs")[0];
    let (_, list) = status["description"]
        .split_once(": ")
        .expect("a list of words");
    let list = list.replace(" or ", " ");
    let mut readme: Vec<_> = readme_rows("Statuses and exit codes")
        .iter()
        .map(|it| code(&it[0]))
        .collect();
    readme.dedup();
    assert_eq!(words(&list), readme);
}

#[test]
fn the_action_starts_what_the_image_starts() {
    let entrypoint = ACTION
        .lines()
        .find_map(|it| it.trim().strip_prefix("entrypoint: "));
    let entrypoint = entrypoint.expect("action.yml names the program");
    assert!(DOCKERFILE.ends_with(&format!("\nENTRYPOINT [\"{entrypoint}\"]\n")));
}

#[test]
fn the_native_action_has_the_inputs_and_outputs_of_the_other() {
    let native = include_str!("../native/action.yml");
    let section = |text: &str, from: &str, to: &str| {
        let (_, text) = text.split_once(from).expect("the section begins");
        text.split_once(to).expect("the section ends").0.to_owned()
    };
    let inputs = |text| section(text, "\ninputs:\n", "\noutputs:\n");
    assert_eq!(inputs(native), inputs(ACTION));
    let outputs = section(native, "\noutputs:\n", "\nruns:\n");
    let values = outputs
        .lines()
        .filter_map(|it| it.strip_prefix("    value: "));
    let expected = names(action_entries("outputs"));
    let expected = expected
        .iter()
        .map(|it| format!("${{{{ steps.retry.outputs.{it} }}}}"));
    assert_eq!(values.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    let described = outputs.lines().filter(|it| !it.starts_with("    value: "));
    let described: Vec<_> = described.collect();
    assert_eq!(
        described.join("\n"),
        section(ACTION, "\noutputs:\n", "\nruns:\n").trim_end()
    );
    for name in names(action_entries("inputs")) {
        let handed = format!(
            "        INPUT_{}: ${{{{ inputs.{name} }}}}\n",
            name.to_uppercase()
        );
        assert!(native.contains(&handed), "{name} is not handed over");
    }
}

/// The workflows that the README shows.
fn readme_workflows() -> Vec<&'static str> {
    let blocks = README.split("\n```yaml\n").skip(1);
    let blocks = blocks.map(|it| it.split("```\n").next().unwrap_or_default());
    blocks.collect()
}

/// The lines of `with:` in a workflow that uses the action once.
fn given(workflow: &str) -> BTreeMap<&str, &str> {
    let lines = workflow.lines();
    let lines = lines.skip_while(|it| it.trim() != "with:").skip(1);
    let lines = lines.map_while(|it| it.strip_prefix("          "));
    lines.filter_map(|it| it.split_once(": ")).collect()
}

#[test]
fn each_workflow_of_the_readme_sets_the_required_inputs_and_no_unknown_ones() {
    let inputs = names(action_entries("inputs"));
    let workflows = readme_workflows();
    assert!(5 <= workflows.len(), "{workflows:?}");
    for workflow in workflows {
        let given = given(workflow);
        for name in given.keys() {
            assert!(inputs.iter().any(|it| it == name), "{name} in {workflow}");
        }
        for input in help_inputs() {
            let has_it = given.contains_key(input.name.as_str());
            assert!(
                has_it || !input.is_required,
                "no {} in {workflow}",
                input.name
            );
        }
        assert!(given["api_token"].contains("secrets."), "{workflow}");
    }
}

#[test]
fn the_readme_shows_the_native_action_with_the_inputs_of_the_other() {
    let workflows = readme_workflows();
    let native = workflows.iter().find(|it| it.contains("/native@"));
    assert_eq!(given(native.expect("it is shown")), given(workflows[0]));
}

/// The uppercase name that follows each `prefix` in a text.
fn after<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    let pieces = text.split(prefix).skip(1);
    let is_name = |it: char| it.is_ascii_uppercase() || it == '_';
    let names = pieces.map(|it| it.split(|it| !is_name(it)).next().unwrap_or_default());
    names.collect()
}

#[test]
fn each_example_names_inputs_and_outputs_that_exist() {
    let upper = |names: Vec<String>| -> Vec<String> {
        names.iter().map(|it| it.to_ascii_uppercase()).collect()
    };
    let inputs = upper(names(action_entries("inputs")));
    let outputs = upper(names(action_entries("outputs")));
    let files = fs::read_dir("examples/ci").expect("the tests run in the checkout");
    let files: Vec<_> = files.map(|it| it.expect("a file").path()).collect();
    assert!(10 <= files.len(), "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).expect("an example is text");
        let settings = text.split("settings:").skip(1).flat_map(|it| {
            let rows = it.lines().skip(1);
            let rows = rows.take_while(|it| it.starts_with("      "));
            let rows = rows.filter(|it| !it.starts_with("       "));
            rows.filter_map(|it| Some(it.trim().split_once(':')?.0.to_ascii_uppercase()))
        });
        let given = after(&text, "INPUT_").into_iter().map(str::to_owned);
        for name in given.chain(settings) {
            assert!(inputs.contains(&name), "{}: {name}", file.display());
        }
        let used = after(&text, "PAGES_RETRY_");
        for name in &used {
            let is_known = outputs.iter().any(|it| it == name);
            assert!(is_known, "{}: {name}", file.display());
        }
        let has_both = used.contains(&"STATUS") && used.contains(&"URL");
        assert!(has_both, "{} uses no outputs", file.display());
    }
}
