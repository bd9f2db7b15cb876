//! What a session is called.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use crate::error::Result;
use crate::port::SessionNamer;

/// How long a namer may take.
const NAMING: Duration = Duration::from_secs(5);

/// Names sessions by plain rules: the first line of the prompt without what surrounds it, at most 72 characters, cut at
/// a word.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainNamer;

#[async_trait]
impl SessionNamer for PlainNamer {
    async fn title(&self, prompt: &str) -> Result<String> {
        Ok(title(prompt))
    }
}

/// The title that a namer gives, or the plain one.
pub(super) async fn named(namer: &dyn SessionNamer, prompt: &str) -> String {
    match timeout(NAMING, namer.title(prompt)).await {
        Ok(Ok(wish)) if !wish.trim().is_empty() => return title(&wish),
        Ok(Ok(_)) => tracing::warn!("the namer gave no title; the plain rules do"),
        Ok(Err(error)) => tracing::warn!(error = error.chain(), "the namer failed; the plain rules do"),
        Err(_elapsed) => tracing::warn!("the namer takes too long; the plain rules do"),
    }
    title(prompt)
}

fn title(prompt: &str) -> String {
    let line = prompt.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("untitled");
    let line = line.trim_end_matches(['.', '!', '?', ':']);
    if line.chars().count() <= 72 {
        return line.to_owned();
    }
    let cut: String = line.chars().take(72).collect();
    let words = cut.rsplit_once(char::is_whitespace).map_or(cut.as_str(), |(words, _)| words);
    words.trim_end().to_owned()
}

/// A branch: `agent/`, the title in lower case with dashes, and the tail of the session's id, so that two sessions of
/// one title never meet.
pub(super) fn branch(title: &str, session: uuid::Uuid) -> String {
    let mut slug = String::new();
    for c in title.chars().take(40) {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    let id = session.simple().to_string();
    let tail = &id[id.len() - 8..];
    if slug.is_empty() { format!("agent/{tail}") } else { format!("agent/{slug}-{tail}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with this, or never.
    #[derive(Debug)]
    struct Says(Option<Result<String>>);

    #[async_trait]
    impl SessionNamer for Says {
        async fn title(&self, _: &str) -> Result<String> {
            match &self.0 {
                Some(Ok(title)) => Ok(title.clone()),
                Some(Err(error)) => Err(crate::error::Error::new(error.kind(), error.message())),
                None => std::future::pending().await,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_namer_is_asked_and_done_without() {
        let failed = crate::error::Error::new(crate::error::ErrorKind::Internal, "no");
        for (says, expected) in [
            (Some(Ok("A better name.\nand more".to_owned())), "A better name"),
            (Some(Ok(" ".to_owned())), "Add a README"),
            (Some(Err(failed)), "Add a README"),
            (None, "Add a README"),
        ] {
            assert_eq!(named(&Says(says), "Add a README.").await, expected);
        }
        assert_eq!(named(&PlainNamer, "Add a README.").await, "Add a README");
    }

    #[test]
    fn titles_are_the_first_line_and_short() {
        assert_eq!(title("\n  Add a README.\nwith two parts"), "Add a README");
        assert_eq!(title(" \n "), "untitled");
        let long = title(&"word ".repeat(40));
        assert!(long.chars().count() <= 72 && long.ends_with("word"), "{long}");
        assert_eq!(title(&"ü".repeat(100)).chars().count(), 72);
    }

    #[test]
    fn branches_are_names_that_git_takes() {
        let id = uuid::Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(branch("Add a README", id), "agent/add-a-readme-89abcdef");
        assert_eq!(branch("~^: ..", id), "agent/89abcdef");
        assert_eq!(branch("Ärger: tests @{now}", id), "agent/rger-tests-now-89abcdef");
    }
}
