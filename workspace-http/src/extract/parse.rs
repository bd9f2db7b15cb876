//! JSON and query text into types, with the field that is wrong.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_json::error::Category;

use crate::problem::{Code, MALFORMED_JSON, Problem, UNKNOWN_FIELD};

/// Reads a JSON body: one object.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // A list would be read as the fields in their order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        serde_json::from_slice::<Value>(bytes).map_err(|error| malformed(&error))?;
        return Err(wrong_field(".", "the body is not a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        match error.inner().classify() {
            // A field may look wrong before the text turns out to be no JSON at all.
            Category::Data => match serde_json::from_slice::<IgnoredAny>(bytes) {
                Ok(_) => wrong_field(&path, &error.inner().to_string()),
                Err(error) => malformed(&error),
            },
            _ => malformed(error.inner()),
        }
    })?;
    reader.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// Reads a query string. An empty value is one that was not given: `?wait=&limit=10`.
pub(super) fn query<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let given: Vec<&str> = text.split('&').filter(|pair| !pair.ends_with('=')).collect();
    let given = given.join("&");
    let reader = serde_urlencoded::Deserializer::new(form_urlencoded::parse(given.as_bytes()));
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let path = error.path().to_string();
        wrong_field(&path, &error.inner().to_string())
    })
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(MALFORMED_JSON, format!("the body is not JSON: {error}")).hint("send one JSON object")
}

fn wrong_field(path: &str, message: &str) -> Problem {
    // The place is told by the field, not by line and column.
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let named = |prefix: &str| message.strip_prefix(prefix).and_then(|rest| rest.split('`').next());
    if let Some(name) = named("unknown field `") {
        let (_, expected) = message.split_once(", ").unwrap_or_default();
        let problem = Problem::new(UNKNOWN_FIELD, format!("there is no field `{name}`")).field(inside(path, name));
        return if expected.is_empty() { problem } else { problem.hint(expected) };
    }
    let field = named("missing field `").map_or_else(|| path.to_owned(), |name| inside(path, name));
    let code = Code::of(workspace_core::error::ErrorKind::Invalid);
    if field == "." {
        return Problem::new(code, message.to_owned()).hint("send one JSON object");
    }
    Problem::new(code, format!("{field}: {message}")).field(field)
}

/// The path of a field inside of what `path` names, which may name the field already.
fn inside(path: &str, name: &str) -> String {
    if path == "." {
        name.to_owned()
    } else if path == name || path.ends_with(&format!(".{name}")) {
        path.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only its reading is tried")]
        name: String,
        #[serde(default)]
        #[expect(dead_code, reason = "only its reading is tried")]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its reading is tried")]
        amount: u64,
    }

    fn refused(text: &str) -> (u16, &'static str, Option<String>) {
        let problem = json::<Outer>(text.as_bytes()).unwrap_err();
        (problem.status().as_u16(), problem.code(), problem.wrong_field().map(str::to_owned))
    }

    #[test]
    fn the_field_is_named() {
        let field = |name: &str| Some(name.to_owned());
        assert_eq!(refused(r#"{"name":"a","colour":1}"#), (422, "unknown_field", field("colour")));
        assert_eq!(refused(r#"{"name":"a","inner":{"amount":1,"b":2}}"#), (422, "unknown_field", field("inner.b")));
        assert_eq!(refused(r#"{"name":"a","inner":{"amount":-1}}"#), (422, "invalid", field("inner.amount")));
        assert_eq!(refused(r#"{"name":"a","inner":{}}"#), (422, "invalid", field("inner.amount")));
        assert_eq!(refused(r#"{"name":5}"#), (422, "invalid", field("name")));
        assert_eq!(refused("{}"), (422, "invalid", field("name")));
        for text in ["5", "null", "[]", "[\"a\", null]"] {
            assert_eq!(refused(text), (422, "invalid", None), "{text}");
        }
        let problem = serde_json::to_value(json::<Outer>(b"[]").unwrap_err().document()).unwrap();
        assert_eq!(problem["detail"], "the body is not a JSON object");
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for text in ["", "{", "{\"name\":\"a\"} x", "name=a", "{\"name\": \u{7}}"] {
            assert_eq!(refused(text), (400, "malformed_json", None), "{text:?}");
        }
    }
}
