//! Reads a build log line by line while it arrives, so that a long one never
//! fills memory: a log is all in one JSON document.

use actson::feeder::PushJsonFeeder;
use actson::{JsonEvent, JsonParser};

/// How deep the objects of `result.data` lie.
const DEPTH_OF_A_LINE: usize = 4;

/// A longer one is not read to its end, and neither is the log: a line is
/// held in memory until it is whole.
const MOST_OF_A_LINE: usize = 4 << 20;

/// Takes the bytes of `{"result": {"data": [{"line": "…"}]}}` as they come.
pub(super) struct LogReader<'a> {
    parser: JsonParser<PushJsonFeeder>,
    depth: usize,
    field: String,
    /// Whether what is read now lies in `data`.
    is_in_data: bool,
    /// Whether `data` was read to its end.
    is_whole: bool,
    /// Lines at the beginning that were shown before.
    skip: usize,
    /// Lines met, shown or not.
    met: usize,
    /// What is not JSON is not read on.
    is_broken: bool,
    /// Bytes of what is not whole yet.
    held: usize,
    show: &'a mut dyn FnMut(&str),
}

impl<'a> LogReader<'a> {
    /// Gives `show` each line but the first `skip`, in order.
    pub(super) fn new(skip: usize, show: &'a mut dyn FnMut(&str)) -> Self {
        Self {
            parser: JsonParser::new(PushJsonFeeder::new()),
            depth: 0,
            field: String::new(),
            is_in_data: false,
            is_whole: false,
            skip,
            met: 0,
            is_broken: false,
            held: 0,
            show,
        }
    }

    /// How many lines there were, if it was a log and it did not break off. Counted,
    /// since the `total` of an answer has been seen to differ from its lines.
    pub(super) fn lines(&self) -> Option<usize> {
        self.is_whole.then_some(self.met)
    }

    /// Whether there is no sense in reading on.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while !self.is_broken && !bytes.is_empty() {
            let taken = self.parser.feeder.push_bytes(bytes);
            bytes = &bytes[taken..];
            self.held += taken;
            self.read();
            if MOST_OF_A_LINE < self.held {
                self.stop();
            }
        }
    }

    /// Reads no further: what has come is the log.
    pub(super) fn stop(&mut self) {
        self.is_whole |= self.is_in_data;
        self.is_broken = true;
    }

    fn read(&mut self) {
        loop {
            match self.parser.next_event() {
                Ok(Some(JsonEvent::NeedMoreInput)) => return,
                Ok(Some(event)) => {
                    self.held = 0;
                    self.event(event);
                }
                Ok(None) | Err(_) => {
                    self.is_broken = true;
                    return;
                }
            }
        }
    }

    fn event(&mut self, event: JsonEvent) {
        match event {
            JsonEvent::StartArray => {
                self.depth += 1;
                self.is_in_data |= self.depth + 1 == DEPTH_OF_A_LINE && self.field == "data";
            }
            JsonEvent::StartObject => self.depth += 1,
            JsonEvent::EndArray | JsonEvent::EndObject => {
                self.depth = self.depth.saturating_sub(1);
                let was_in_data = self.is_in_data;
                self.is_in_data &= DEPTH_OF_A_LINE <= self.depth + 1;
                self.is_whole |= was_in_data && !self.is_in_data;
            }
            JsonEvent::FieldName => {
                self.field.clear();
                self.field
                    .push_str(self.parser.current_str().unwrap_or_default());
            }
            JsonEvent::ValueString => {
                let is_line = self.depth == DEPTH_OF_A_LINE && self.field == "line";
                if self.is_in_data && is_line {
                    self.met += 1;
                    if self.skip < self.met {
                        (self.show)(self.parser.current_str().unwrap_or_default());
                    }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(json: &str, skip: usize, size: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let mut show = |line: &str| lines.push(line.to_owned());
        let mut reader = LogReader::new(skip, &mut show);
        for chunk in json.as_bytes().chunks(size) {
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
    fn a_line_without_end_is_not_held_for_ever() {
        let long = |length: usize| {
            let line = "x".repeat(length);
            let json = format!(
                r#"{{"result":{{"data":[{{"line":"1"}},{{"line":"{line}"}},{{"line":"3"}}]}}}}"#
            );
            let mut count = 0;
            let mut show = |_: &str| count += 1;
            let mut reader = LogReader::new(0, &mut show);
            json.as_bytes().chunks(4095).for_each(|it| reader.push(it));
            (reader.lines(), count)
        };
        assert_eq!(long(MOST_OF_A_LINE / 2), (Some(3), 3));
        assert_eq!(long(MOST_OF_A_LINE * 2), (Some(1), 1));
    }

    #[test]
    fn a_log_that_breaks_off_gives_the_lines_before_the_break() {
        let end = LOG.find("a \\\"quoted").unwrap();
        assert_eq!(lines(&LOG[..end], 0, 11), ["Cloning…", ""]);
        assert!(lines("<html>upstream error</html>", 0, 3).is_empty());
    }

    #[test]
    fn lines_lie_in_data_and_nowhere_else() {
        let odd = r#"{"result":{"lines":[{"line":"1"}],"data":[{"line":"2"}],"more":[{"line":"3"}]},
            "data":[{"line":"4"},{"x":{"line":"5"}}]}"#;
        assert_eq!(lines(odd, 0, 9), ["2"]);
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
