//! Tests of the host parsers on which other tests rely.

#![expect(
    clippy::disallowed_methods,
    reason = "tests wait, write files and start programs"
)]

use test_support::parsers::{
    Reader, act, azure, bitbucket, buildkite, circleci, cloudbuild, drone, github, gitlab, hostile,
    jenkins, teamcity,
};

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// A table with lines that trigger nothing would prove nothing.
#[test]
fn every_hostile_line_triggers_an_action_unless_it_is_sanitized() {
    assert!(60 <= hostile::TABLE.len());
    for hostile in hostile::TABLE {
        assert!(
            !hostile.reader.acts(hostile.text).is_empty(),
            "{}: {} does nothing",
            hostile.tries,
            hostile.text.escape_debug()
        );
    }
}

#[test]
fn no_reader_acts_on_an_ordinary_line() {
    for line in [
        "added 12 packages in 3s",
        "src/a.rs: std::fmt::Debug",
        "## Heading",
        "[error] ---- x",
        "\x1b[32mgreen\x1b[0m",
        "-----",
        "https://a.example/#[x]",
    ] {
        for reader in Reader::ALL {
            assert_eq!(reader.acts(line), [""; 0], "{line}");
        }
    }
}

#[test]
fn github_sees_a_line_end_at_a_lone_return() {
    assert_eq!(
        github::read("a\r\nb\rc\n\nd").shown,
        ["a", "b", "c", "", "d"]
    );
}

#[test]
fn github_reads_properties_and_escapes() {
    let log = github::read("::error title=a%3Ab%2Cc,file=,line=1::50%25%0Aof 250A%250A\n");
    assert_eq!(log.annotations.len(), 1);
    assert_eq!(log.annotations[0].title(), Some("a:b,c"));
    assert_eq!(log.annotations[0].message, "50%\nof 250A%0A");
    assert_eq!(
        log.annotations[0].properties,
        pairs(&[("title", "a:b,c"), ("line", "1")])
    );
}

#[test]
fn github_ignores_commands_until_the_token_comes() {
    let log = github::read("::stop-commands::t0ken\n::error::a\n##[error]b\n::T0KEN::\n::error::c");
    assert_eq!(log.annotations.len(), 1);
    assert_eq!(log.annotations[0].message, "c");
    assert!(!log.fails_step());
}

#[test]
fn github_ends_the_step_at_a_bad_token() {
    for token in ["", "pause-logging", "Add-Mask"] {
        let log = github::read(&format!("::stop-commands::{token}\nnever shown"));
        assert!(log.fails_step());
        assert!(log.shown.is_empty());
    }
}

#[test]
fn github_masks_from_then_on_each_line_of_a_secret() {
    let log = github::read("one\n::add-mask::one%0A two \none two\n::notice::two::one");
    assert_eq!(log.shown, ["one", "*** ***", "##[notice]***::***"]);
}

#[test]
fn github_keeps_ten_annotations_of_a_kind_and_4096_characters_of_each() {
    let message = "ä".repeat(5000);
    let log = github::read(&format!("::error::{message}\n").repeat(11));
    assert_eq!(log.annotations.len(), 10);
    assert_eq!(log.annotations[0].message.chars().count(), 4096);
    assert_eq!(log.shown[10].chars().count(), "##[error]".len() + 5000);
}

#[test]
fn github_reads_an_output_from_the_log_and_finds_the_groups() {
    let log = github::read("::group::a\nx\n::endgroup::\n::group::b\n::set-output name=U::1");
    assert_eq!(log.output("u"), Some("1"));
    assert_eq!(log.groups(), (vec!["a", "b"], false));
}

#[test]
fn github_reads_output_files_by_its_grammar() {
    for (text, expected) in [
        (
            "a=1\n\nb<<E\nx\n\ny\nE\nc=d<<e\n",
            vec![("a", "1"), ("b", "x\n\ny"), ("c", "d<<e")],
        ),
        ("k<<E\nE", vec![("k", "")]),
        ("k<<E\n\nE\n", vec![("k", "")]),
        ("k<<E\r\nv\r\nE\r\n", vec![("k", "v\r")]),
        ("\u{feff} k = v ", vec![(" k ", " v ")]),
    ] {
        let file = github::files::outputs(text);
        assert_eq!(file.error, None);
        assert_eq!(file.records, pairs(&expected), "{text:?}");
    }
    assert_eq!(github::files::outputs("a=1\nA=2").get("a"), Some("2"));
}

#[test]
fn github_fails_the_step_for_a_bad_output_file_and_keeps_earlier_outputs() {
    for (text, error) in [
        ("a=1\nb\n", "Invalid format 'b'"),
        ("a=1\nb<<E\nx\n", "Matching delimiter not found 'E'"),
        ("a=1\nb<<E\nx", "EOF marker missing"),
        ("a=1\n=x\n", "without a name"),
        ("a=1\n<<E\nE\n", "must not be empty"),
        ("a=1\nb<<\nE\n", "must not be empty"),
    ] {
        let file = github::files::outputs(text);
        assert_eq!(file.records, pairs(&[("a", "1")]));
        assert!(file.error.unwrap().contains(error), "{text:?}");
    }
}

#[test]
fn github_drops_a_summary_over_a_mebibyte_whole() {
    assert_eq!(github::files::summary(""), Ok(None));
    let most = "x".repeat(1024 * 1024);
    assert_eq!(github::files::summary(&most), Ok(Some(most.as_str())));
    assert!(github::files::summary(&(most + "x")).is_err());
}

#[test]
fn act_matches_the_longest_name_and_gitea_the_shortest() {
    let name = |line, dialect| act::read(line, dialect)[0].name.clone();
    assert_eq!(name("::error::a::b", act::Dialect::Act), "error::a");
    assert_eq!(name("::error::a::b", act::Dialect::Gitea), "error");
    let acts = act::read("::error a=1,b=2=3::x\n  ::error::x", act::Dialect::Act);
    assert_eq!(acts.len(), 1);
    assert_eq!(acts[0].properties, pairs(&[("a", "1")]));
    assert_eq!(acts[0].data, "x");
}

#[test]
fn act_rejects_a_blank_line_in_an_output_file() {
    let value = act::output_file("a=1\nb<<E\nx\ny\nE\n");
    assert_eq!(value, Ok(pairs(&[("a", "1"), ("b", "x\ny")])));
    assert!(act::output_file("a=1\n\nb=2\n").is_err());
}

#[test]
fn gitlab_pairs_sections() {
    let start = "\x1b[0Ksection_start:1:log[collapsed=true]\r\x1b[0KBuild log\n";
    let end = "\x1b[0Ksection_end:2:log\r\x1b[0K\n";
    assert_eq!(gitlab::sections(start)[0].options, ["collapsed=true"]);
    assert_eq!(
        gitlab::pairs(&[start, end].concat()),
        Ok(vec!["log".to_owned()])
    );
    assert!(gitlab::pairs(start).is_err());
    assert!(gitlab::pairs(end).is_err());
    assert!(gitlab::pairs(&[start, end, start, end].concat()).is_err());
    assert!(gitlab::sections("section_start:1:a b\r\x1b[0K").is_empty());
}

#[test]
fn gitlab_rejects_a_whole_dotenv_report_for_one_line() {
    let report = gitlab::dotenv("A = \"1\" \nA=2=3\nB=");
    assert_eq!(report, Ok(pairs(&[("A", "2=3"), ("B", "")])));
    let big = format!("A={}", "x".repeat(5 * 1024));
    for bad in ["A=1\n\nB=2\n", "# c\nA=1\n", "A-B=1\n", "A=$B\n", &big] {
        assert!(gitlab::dotenv(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn azure_reads_output_variables() {
    let log = "x ##vso[task.setvariable variable=URL;isOutput=true]a%AZP253Bb%0A\n\
               ##vso[task.setvariable variable=other]x\n";
    assert_eq!(azure::output_variables(log), pairs(&[("URL", "a%3Bb\n")]));
    assert_eq!(azure::read(log).len(), 2);
}

#[test]
fn teamcity_reads_messages_between_disabled_ones() {
    let log = "x ##teamcity[a name='it|'s |[1|]|n|0x00e4' b = '2'] ##teamcity[b 'one']\n\
               ##teamcity[disableServiceMessages]\n##teamcity[c]\n\
               ##teamcity[enableServiceMessages]\n##teamcity[d x='[']\n";
    let messages = teamcity::read(log);
    let names: Vec<&str> = messages.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(
        names,
        ["a", "b", "disableServiceMessages", "enableServiceMessages"]
    );
    assert_eq!(messages[0].get("name"), Some("it's [1]\nä"));
    assert_eq!(messages[0].get("b"), Some("2"));
    assert_eq!(messages[1].get(""), Some("one"));
}

#[test]
fn buildkite_knows_groups_by_the_start_of_a_line() {
    use buildkite::Act::{Collapsed, Dim, Open, OpenPrevious};
    let acts = buildkite::read("--- a\n +++ b\n+++ c\n~~~ d\n^^^ +++\n---e\n\x1b[1;31m--- f\n");
    let title = str::to_owned;
    assert_eq!(
        acts,
        [
            Collapsed(title("a")),
            Open(title("c")),
            Dim(title("d")),
            OpenPrevious,
            Collapsed(title("f"))
        ]
    );
}

#[test]
fn circleci_values_are_those_that_bash_reads() {
    let file = "export A=\"x \\\"y\\\" \\\\ \\$z\"\nexport B='a\nb'\\''c $d `e`'\nexport C=''\n";
    let variables = circleci::bash_env(file).unwrap();
    let values: Vec<&str> = variables.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["x \"y\" \\ $z", "a\nb'c $d `e`", ""]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bash_env");
    std::fs::write(&path, file).unwrap();
    if let Some(by_bash) = circleci::by_bash(&path, &["A", "B", "C"]) {
        assert_eq!(by_bash, values);
    }
    for bad in [
        "export A=\"$B\"\n",
        "export A=\"`b`\"\n",
        "A=1\n",
        "export A='1' b\n",
        "export A='1",
    ] {
        assert!(circleci::bash_env(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn bitbucket_and_harness_allow_one_line_per_value() {
    let expected = Ok(pairs(&[("A", "1=2"), ("B", "")]));
    assert_eq!(bitbucket::output_variables("A=1=2\nB=\n"), expected);
    assert_eq!(drone::output_file("A=1=2\nB=\n"), expected);
    for bad in ["A=1\n\nB=2\n", "A=1\nevil\n", "A-B=1\n", "A=1\rB=2\n"] {
        assert!(drone::output_file(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn cloud_build_takes_4_kb() {
    assert_eq!(cloudbuild::step_output(&[b'x'; 5000]).len(), 4096);
    assert_eq!(cloudbuild::step_output(b"x"), b"x");
}

#[test]
fn jenkins_reads_properties_as_java_does() {
    let text =
        "# c\n\n ! c\na=1\nb : x\\ty\\u00e4\\\\\nc\\ d=e \\\n   f\ng h\ni\nC=https://a.b/#x\n";
    assert_eq!(
        jenkins::properties(text),
        pairs(&[
            ("a", "1"),
            ("b", "x\tyä\\"),
            ("c d", "e f"),
            ("g", "h"),
            ("i", ""),
            ("C", "https://a.b/#x"),
        ])
    );
}
