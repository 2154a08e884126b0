//! Reads a build log line by line while it arrives, so that a long one never
//! fills memory: a log is all in one JSON document.

use actson::feeder::PushJsonFeeder;
use actson::options::JsonParserOptionsBuilder;
use actson::{JsonEvent, JsonParser};

use super::lossy::StringRepair;

/// How deep `result`, its array `data` and an entry of that array lie.
const RESULT: usize = 2;
const DATA: usize = 3;
const ENTRY: usize = 4;

/// Nothing is nested deeper than this; each level takes a byte of memory.
const MAX_DEPTH: usize = 1 << 20;

/// A longer entry is cut here: it is held in memory until it is whole.
const MAX_ENTRY: usize = 4 << 20;

/// Takes the bytes of `{"result": {"data": [{"line": "…"}]}}` as they come.
/// Nothing else in a response is a log: `messages` may hold a `data` too.
pub(super) struct LogReader<'a> {
    repair: StringRepair,
    parser: JsonParser<PushJsonFeeder>,
    depth: usize,
    field: String,
    /// Where what is read now lies.
    place: Place,
    /// Whether `data` was read to its end.
    is_whole: bool,
    /// Lines at the beginning that were shown before.
    skip: usize,
    /// Lines met, shown or not.
    met: usize,
    /// What is not JSON is not read on.
    is_broken: bool,
    show: &'a mut dyn FnMut(&str),
}

#[derive(PartialEq, Eq)]
enum Place {
    Elsewhere,
    InResult,
    InData,
}

impl<'a> LogReader<'a> {
    /// Gives `show` each line but the first `skip`, in order.
    pub(super) fn new(skip: usize, show: &'a mut dyn FnMut(&str)) -> Self {
        let options = JsonParserOptionsBuilder::default().with_max_depth(MAX_DEPTH);
        Self {
            repair: StringRepair::new(MAX_ENTRY),
            parser: JsonParser::new_with_options(PushJsonFeeder::new(), options.build()),
            depth: 0,
            field: String::new(),
            place: Place::Elsewhere,
            is_whole: false,
            skip,
            met: 0,
            is_broken: false,
            show,
        }
    }

    /// How many lines there were, if it was a log and it did not break off.
    /// Counted, since the `total` of a response has been seen to differ from
    /// its lines (trap 10 of the API notes).
    pub(super) fn lines(&self) -> Option<usize> {
        self.is_whole.then_some(self.met)
    }

    /// Whether there is no sense in reading on.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let repaired = self.repair.push(bytes);
        let mut bytes = repaired.as_slice();
        while !self.is_broken && !bytes.is_empty() {
            let taken = self.parser.feeder.push_bytes(bytes);
            bytes = &bytes[taken..];
            self.read();
        }
    }

    /// Reads no further: what has come is the log.
    pub(super) fn stop(&mut self) {
        self.is_whole |= self.place == Place::InData;
        self.is_broken = true;
    }

    fn read(&mut self) {
        loop {
            match self.parser.next_event() {
                Ok(Some(JsonEvent::NeedMoreInput)) => return,
                Ok(Some(event)) => self.event(event),
                Ok(None) | Err(_) => {
                    self.is_broken = true;
                    return;
                }
            }
        }
    }

    fn event(&mut self, event: JsonEvent) {
        match event {
            JsonEvent::StartObject => {
                self.depth += 1;
                if self.depth == RESULT && self.field == "result" {
                    self.place = Place::InResult;
                }
            }
            JsonEvent::StartArray => {
                self.depth += 1;
                let is_data = self.depth == DATA && self.field == "data";
                if self.place == Place::InResult && is_data {
                    self.place = Place::InData;
                }
            }
            JsonEvent::EndArray | JsonEvent::EndObject => {
                self.depth = self.depth.saturating_sub(1);
                if self.place == Place::InData && self.depth < DATA {
                    self.place = Place::InResult;
                    self.is_whole = true;
                }
                if self.depth < RESULT {
                    self.place = Place::Elsewhere;
                }
            }
            JsonEvent::FieldName => {
                self.field.clear();
                // The repair has made it UTF-8.
                self.field
                    .push_str(self.parser.current_str().unwrap_or_default());
            }
            JsonEvent::ValueString => {
                if self.place == Place::InData && self.depth == ENTRY && self.field == "line" {
                    self.entry();
                }
            }
            JsonEvent::NeedMoreInput
            | JsonEvent::ValueInt
            | JsonEvent::ValueFloat
            | JsonEvent::ValueTrue
            | JsonEvent::ValueFalse
            | JsonEvent::ValueNull => {}
        }
    }

    /// An entry is a line, or several with line breaks between them.
    fn entry(&mut self) {
        let entry = self.parser.current_str().unwrap_or_default();
        let entry = entry.strip_suffix('\n').unwrap_or(entry);
        for line in entry.split('\n') {
            self.met += 1;
            if self.skip < self.met {
                (self.show)(line.strip_suffix('\r').unwrap_or(line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::CUT;

    fn lines(json: impl AsRef<[u8]>, skip: usize, size: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let mut show = |line: &str| lines.push(line.to_owned());
        let mut reader = LogReader::new(skip, &mut show);
        for chunk in json.as_ref().chunks(size) {
            reader.push(chunk);
        }
        lines
    }

    const LOG: &str = r#"{"success":true,"result":{"total":9,"data":[
        {"ts":"2026-01-01T00:00:00Z","line":"Cloning…"},{"line":"","line2":"no"},
        {"line":"a \"quoted\" word","meta":{"line":"no"}}],"line":"no"},"errors":[{"line":"no"}]}"#;

    #[test]
    fn each_line_is_read_whatever_pieces_it_comes_in() {
        for size in 1..=LOG.len() {
            let expected = ["Cloning…", "", "a \"quoted\" word"];
            assert_eq!(lines(LOG, 0, size), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn lines_that_were_shown_are_counted_and_not_shown_again() {
        assert_eq!(lines(LOG, 2, 7), ["a \"quoted\" word"]);
    }

    #[test]
    fn a_long_entry_is_cut_and_the_next_ones_are_read() {
        let lengths = |length: usize| {
            let line = "x".repeat(length);
            let json = format!(
                r#"{{"result":{{"data":[{{"line":"1"}},{{"line":"{line}"}},{{"line":"3"}}]}}}}"#
            );
            let mut lengths = Vec::new();
            let mut show = |line: &str| lengths.push(line.len());
            let mut reader = LogReader::new(0, &mut show);
            json.as_bytes().chunks(4095).for_each(|it| reader.push(it));
            assert_eq!(reader.lines(), Some(3));
            lengths
        };
        assert_eq!(lengths(MAX_ENTRY), [1, MAX_ENTRY, 1]);
        assert_eq!(lengths(MAX_ENTRY * 2), [1, MAX_ENTRY + CUT.len(), 1]);
    }

    #[test]
    fn no_byte_of_a_line_makes_it_or_the_next_one_unreadable() {
        let log = b"{\"result\":{\"data\":[{\"line\":\"caf\xe9 \\ud83d\"},{\"li\xe9\":1e999,\"line\":\"\\ud83d\\ude00\"}]}}";
        for size in 1..=log.len() {
            let found = lines(log, 0, size);
            assert_eq!(found, ["caf\u{fffd} \u{fffd}", "😀"], "in pieces of {size}");
        }
    }

    #[test]
    fn an_entry_with_line_breaks_is_several_lines() {
        let log = r#"{"result":{"data":[{"line":"a\nb\r\n\nc"},{"line":"d\n"},{"line":"\n"},{"line":"12%\r15%"}]}}"#;
        let expected = ["a", "b", "", "c", "d", "", "12%\r15%"];
        assert_eq!(lines(log, 0, 9), expected);
        assert_eq!(lines(log, 3, 9), expected[3..]);
    }

    #[test]
    fn a_log_that_breaks_off_gives_the_lines_before_the_break() {
        let end = LOG.find("a \\\"quoted").unwrap();
        assert_eq!(lines(&LOG[..end], 0, 11), ["Cloning…", ""]);
        assert!(lines("<html>upstream error</html>", 0, 3).is_empty());
    }

    #[test]
    fn lines_lie_in_the_data_of_the_result_and_nowhere_else() {
        let odd = r#"{"result":{"lines":[{"line":"1"}],"data":[{"line":"2"}],"more":[{"line":"3"}]},
            "data":[{"line":"4"},{"x":{"line":"5"}}]}"#;
        assert_eq!(lines(odd, 0, 9), ["2"]);
        let deep = "[".repeat(5_000) + &"]".repeat(5_000);
        for no_log in [
            r#"{"messages":{"data":[{"line":"1"}]},"success":true}"#,
            r#"{"result":[{"data":[{"line":"1"}]}]}"#,
            r#"[{"result":{"data":[{"line":"1"}]}}]"#,
            r#"{"x":{"result":{"data":[{"line":"1"}]}}}"#,
            r#"{"result":null,"data":[{"line":"1"}]}"#,
        ] {
            let mut show = |line: &str| panic!("{line} in {no_log}");
            let mut reader = LogReader::new(0, &mut show);
            reader.push(no_log.as_bytes());
            assert_eq!(reader.lines(), None, "{no_log}");
        }
        let odd = format!(r#"{{"x":{deep},"result":{{"y":{deep},"data":[{{"line":"1"}}]}}}}"#);
        assert_eq!(lines(&odd, 0, 99), ["1"]);
    }

    #[test]
    fn only_a_log_that_came_to_its_end_is_one() {
        let read = |json: &str| {
            let mut show = |_: &str| {};
            let mut reader = LogReader::new(0, &mut show);
            reader.push(json.as_bytes());
            reader.lines()
        };
        assert_eq!(read(LOG), Some(3));
        assert_eq!(read(r#"{"result":{"data":[]}}"#), Some(0));
        assert_eq!(read(r#"{"result":{"data":["#), None);
        assert_eq!(read(r#"{"result":{"data":[{"line":"x"},"#), None);
        assert_eq!(read(r#"{"result":{"data":null,"lines":[]}}"#), None);
    }
}
