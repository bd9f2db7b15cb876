//! Secrets in what is said.

use serde_json::Value;
use workspace_core::job::{JobRequest, JobStep};
use workspace_core::model::GitAccess;

/// What stands in the place of a secret.
const MASK: &[u8] = b"***";

/// Shorter texts are no secrets but words such as `true` or `main`: masking those would spoil every report.
const SHORTEST: usize = 6;

/// Values of a JSON secret whose names contain one of these are secrets by themselves.
const SECRET_NAMES: [&str; 4] = ["secret", "token", "password", "private"];

/// The texts that are never said.
#[derive(Debug)]
pub(super) struct Masks {
    /// Without the empty one.
    texts: Vec<Vec<u8>>,
    /// Whether a text begins with this byte.
    first: [bool; 256],
}

impl Masks {
    /// Every secret of a request, and what is a secret inside of one.
    pub(super) fn of(request: &JobRequest) -> Self {
        let mut texts: Vec<String> = Vec::new();
        for secret in request.secrets() {
            texts.extend([secret.to_owned(), secret.trim().to_owned()]);
            if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(secret) {
                collect(&value, false, &mut texts);
            }
        }
        for access in request.steps.iter().filter_map(JobStep::access) {
            match access {
                GitAccess::Token(token) => {
                    texts.extend(token.reveal().split_once(':').map(|(_name, token)| token.to_owned()));
                }
                // Any line of a key is as good as the key.
                GitAccess::SshKey(key) => {
                    let lines = key.private_key.reveal().lines().map(str::trim);
                    texts.extend(lines.filter(|line| !line.starts_with("-----")).map(ToOwned::to_owned));
                }
            }
        }
        Self::new(texts)
    }

    fn new(texts: impl IntoIterator<Item = String>) -> Self {
        let mut texts: Vec<Vec<u8>> =
            texts.into_iter().filter(|text| text.len() >= SHORTEST).map(String::into_bytes).collect();
        texts.sort_unstable();
        texts.dedup();
        let mut first = [false; 256];
        for byte in texts.iter().filter_map(|text| text.first()) {
            if let Some(begins) = first.get_mut(usize::from(*byte)) {
                *begins = true;
            }
        }
        Self { texts, first }
    }

    /// Masks what there is so far, and answers how much of it is settled: the rest may be the beginning of a secret,
    /// unless nothing follows.
    pub(super) fn mask(&self, bytes: &[u8], last: bool, masked: &mut Vec<u8>) -> usize {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if !self.first.get(usize::from(byte)).is_some_and(|begins| *begins) {
                masked.push(byte);
                at += 1;
                continue;
            }
            match self.secret_at(bytes, at, last) {
                Found::Begun => return at,
                Found::Until(end) => {
                    masked.extend_from_slice(MASK);
                    at = end;
                }
                Found::Nothing => {
                    masked.push(byte);
                    at += 1;
                }
            }
        }
        at
    }

    /// Where the secrets end that begin here: several that overlap are one.
    fn secret_at(&self, bytes: &[u8], start: usize, last: bool) -> Found {
        let (mut end, mut at) = (start, start);
        while at <= end {
            let rest = bytes.get(at..).unwrap_or_default();
            for text in &self.texts {
                if rest.starts_with(text) {
                    end = end.max(at + text.len());
                } else if !last && !rest.is_empty() && text.starts_with(rest) {
                    return Found::Begun;
                }
            }
            at += 1;
            if at >= end {
                break;
            }
        }
        if end > start { Found::Until(end) } else { Found::Nothing }
    }

    /// Masks a whole text.
    pub(super) fn text(&self, text: &str) -> String {
        let mut masked = Vec::with_capacity(text.len());
        self.mask(text.as_bytes(), true, &mut masked);
        // A secret is whole characters, so what is left is too.
        String::from_utf8_lossy(&masked).into_owned()
    }

    /// Masks every text in a value.
    pub(super) fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(name, value)| (self.text(&name), self.value(value))).collect()
            }
            other => other,
        }
    }
}

enum Found {
    /// No secret begins here.
    Nothing,
    /// What is here may become one.
    Begun,
    /// One that ends before this place.
    Until(usize),
}

/// The texts in a JSON secret that are secrets by their name or by that of what holds them.
fn collect(value: &Value, named: bool, texts: &mut Vec<String>) {
    match value {
        Value::String(text) if named => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, named, texts)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let lower = name.to_ascii_lowercase();
                collect(value, named || SECRET_NAMES.iter().any(|part| lower.contains(part)), texts);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use workspace_core::job::GitRemote;
    use workspace_core::model::SshKey;
    use workspace_core::secret::Secret;

    use super::*;

    fn masks(texts: &[&str]) -> Masks {
        Masks::new(texts.iter().map(|&text| text.to_owned()))
    }

    fn streamed(masks: &Masks, pieces: &[&str]) -> String {
        let (mut held, mut said) = (Vec::new(), Vec::new());
        for piece in pieces {
            held.extend_from_slice(piece.as_bytes());
            let settled = masks.mask(&held, false, &mut said);
            held.drain(..settled);
        }
        masks.mask(&held, true, &mut said);
        String::from_utf8(said).unwrap()
    }

    #[test]
    fn a_secret_is_masked_wherever_it_is_cut() {
        let masks = masks(&["canary-1234", "canary"]);
        let text = "a canary-1234 and canaries, canary-123";
        for first in 0..text.len() {
            for second in first..text.len() {
                let said = streamed(&masks, &[&text[..first], &text[first..second], &text[second..]]);
                assert_eq!(said, "a *** and canaries, ***-123", "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn secrets_that_overlap_are_masked_as_one() {
        let masks = masks(&["abcdef", "defghi", "hijklm"]);
        assert_eq!(streamed(&masks, &["xabcdefghijklmx"]), "x***x");
        assert_eq!(streamed(&masks, &["xabcde", "fghij", "klmx"]), "x***x");
        assert_eq!(masks.text("abcdefabcdef"), "******");
    }

    #[test]
    fn short_words_stay_readable() {
        assert_eq!(masks(&["", "true", "12345"]).text("true 12345"), "true 12345");
    }

    #[test]
    fn what_is_inside_a_secret_is_one_too() {
        let storage = r#"{"s3":{"endpoint":"http://storage:8333","secret_access_key":"inner-key","session_token":"inner-token"}}"#;
        let policy = Value::Null;
        let remote = |access| GitRemote {
            url: "https://h/r".into(),
            branch: None,
            submodules: false,
            access: Some(access),
            policy: policy.clone(),
        };
        let key = SshKey {
            private_key: Secret::new("-----BEGIN KEY-----\nfirst-line-of-it\nsecond-line\n-----END KEY-----\n"),
            passphrase: Some(Secret::new("open-sesame")),
            host_keys: vec!["SHA256:x".to_owned()],
        };
        let pull = JobStep::Pull(remote(GitAccess::Token(Secret::new("somebody:git-canary"))));
        let clone = JobStep::Clone(remote(GitAccess::SshKey(key)));
        let place = serde_json::json!({
            "project": "0193f1a0-0000-7000-8000-000000000001", "data_generation": 1,
            "id": "0193f1a0-0000-7000-8000-00000000000a",
        });
        let restore = JobStep::Restore {
            storage: Secret::new(storage),
            place: serde_json::from_value(place).unwrap(),
            merge: false,
            dry_run: false,
        };
        let masks = Masks::of(&JobRequest::new("/workspace", 1, vec![pull, clone, restore]));
        let said = "inner-key inner-token git-canary somebody http://storage:8333";
        assert_eq!(masks.text(said), "*** *** *** somebody http://storage:8333");
        assert_eq!(masks.text("second-line of KEY, open-sesame"), "*** of KEY, ***");
        let value = serde_json::json!({"a inner-key": ["x git-canary", 1, {"b": "inner-token"}]});
        assert_eq!(masks.value(value), serde_json::json!({"a ***": ["x ***", 1, {"b": "***"}]}));
    }
}
