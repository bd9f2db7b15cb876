//! Making things fit into a line.

use serde_json::{Map, Value};

/// The longest text that stays in a report that is too long.
const SHORT: usize = 200;

/// What a character takes inside a JSON string, in bytes.
fn encoded(letter: char) -> usize {
    match letter {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    }
}

/// The most of a text that takes at most `room` bytes as JSON, up to the end of a line where that is not less than
/// half of it; and the rest. At least one character.
pub(super) fn split(text: &str, room: usize) -> (&str, &str) {
    let (mut used, mut line) = (0, None);
    for (at, letter) in text.char_indices() {
        used += encoded(letter);
        if used > room && at > 0 {
            let end = line.filter(|line| *line >= at / 2).unwrap_or(at);
            return text.split_at(end);
        }
        if letter == '\n' {
            line = Some(at + 1);
        }
    }
    (text, "")
}

/// What is left of a text that takes at most `room` bytes as JSON.
pub(super) fn shorten(text: &str, room: usize) -> String {
    let (kept, rest) = split(text, room);
    if rest.is_empty() { kept.to_owned() } else { format!("{kept}..") }
}

/// A report that is too long for a line, without what is long in it.
pub(super) fn without_long_parts(report: &Value) -> Value {
    let short = |value: &Value| match value {
        Value::Array(_) | Value::Object(_) => false,
        Value::String(text) => text.len() <= SHORT,
        _ => true,
    };
    let fields = report.as_object().into_iter().flatten();
    let mut kept: Map<_, _> = fields
        .filter(|(name, value)| name.len() <= SHORT && short(value))
        .take(SHORT / 10)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    kept.insert("shortened".to_owned(), Value::Bool(true));
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_preferably_lines() {
        assert_eq!(split("abcdef", 4), ("abcd", "ef"));
        assert_eq!(split("ab\ndef", 6), ("ab\n", "def"));
        assert_eq!(split("a\nbcdefgh", 8), ("a\nbcdef", "gh"));
        assert_eq!(split("üüü", 5), ("üü", "ü"));
        assert_eq!(split("\u{1}\u{1}", 6), ("\u{1}", "\u{1}"));
        assert_eq!(split("ü", 1), ("ü", ""));
        assert_eq!(split("", 1), ("", ""));
        let text = "\"\\\n\r\t\u{8}\u{c}\u{0}\u{1f}\u{7f}ü€😀x";
        let counted: usize = text.chars().map(encoded).sum();
        assert_eq!(serde_json::to_string(text).unwrap().len(), counted + 2);
    }

    #[test]
    fn a_long_report_keeps_its_numbers() {
        let report = serde_json::json!({"files": 3, "version": "1-a", "changes": [1, 2], "text": "x".repeat(999)});
        let kept = serde_json::json!({"files": 3, "version": "1-a", "shortened": true});
        assert_eq!(without_long_parts(&report), kept);
    }
}
