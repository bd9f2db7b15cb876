//! Edits of one revision only.

use axum::extract::FromRequestParts;
use http::header;
use http::request::Parts;

use crate::problem::{MALFORMED_REQUEST, Problem};
use crate::state::Api;

/// The revision that `If-Match` demands; `None` when any will do.
pub(crate) struct IfMatch(pub(crate) Option<u64>);

impl FromRequestParts<Api> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        let Some(header) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        revision(header.to_str().unwrap_or_default()).map(Self)
    }
}

/// No revision is 0: a tag that is not ours matches nothing, as a weak one does.
const NEVER: u64 = 0;

fn revision(header: &str) -> Result<Option<u64>, Problem> {
    let header = header.trim();
    if header == "*" {
        return Ok(None);
    }
    let (weak, tag) = header.strip_prefix("W/").map_or((false, header), |tag| (true, tag));
    let text = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).filter(|text| !text.contains('"'));
    match text {
        Some(_) if weak => Ok(Some(NEVER)),
        Some(text) => Ok(Some(text.parse().unwrap_or(NEVER))),
        None => Err(Problem::new(MALFORMED_REQUEST, "If-Match is neither `*` nor one entity tag")
            .field("If-Match")
            .hint("send the ETag of the last answer with its quotes, such as \"3\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::{NEVER, revision};

    #[test]
    fn tags() {
        assert_eq!(revision("*").unwrap(), None);
        assert_eq!(revision("\"3\"").unwrap(), Some(3));
        assert_eq!(revision("W/\"3\"").unwrap(), Some(NEVER));
        assert_eq!(revision("\"abc\"").unwrap(), Some(NEVER));
        for bad in ["", "3", "\"3", "\"3\", \"4\"", "W/3"] {
            assert_eq!(revision(bad).unwrap_err().status().as_u16(), 400, "{bad}");
        }
    }
}
