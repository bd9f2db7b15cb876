//! What a session is called, by plain rules.

/// A title: the first line of the prompt without what surrounds it, at most 72 characters, cut at a word.
pub(super) fn title(prompt: &str) -> String {
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
