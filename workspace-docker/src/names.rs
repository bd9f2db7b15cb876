//! Names of objects on an Engine. They become parts of URLs, so nothing but these characters may be in them.

use workspace_core::error::{Error, Result};
use workspace_core::port::ImageRef;

/// Checks the name of a container, volume or network; `field` is where it came from.
pub(crate) fn check(field: &str, name: &str) -> Result<()> {
    let first = name.chars().next().is_some_and(|first| first.is_ascii_alphanumeric());
    let rest = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter));
    if first && rest && (2..=128).contains(&name.len()) {
        return Ok(());
    }
    Err(Error::invalid(field, format!("{name:?} is no name for an object on a server"))
        .hint("use 2 to 128 letters, digits, '_', '.' and '-', beginning with a letter or digit"))
}

/// Checks the name of an image: `[host[:port]/]path[:tag][@digest]`.
pub(crate) fn check_image(image: &ImageRef) -> Result<()> {
    let name = image.as_str();
    let letters = |letter: char| letter.is_ascii_alphanumeric() || "_.-:/@".contains(letter);
    let parts = name.split('/').all(|part| part.chars().next().is_some_and(|first| first.is_ascii_alphanumeric()));
    if name.len() <= 512 && name.chars().all(letters) && parts {
        return Ok(());
    }
    Err(Error::invalid("image", format!("{name:?} is no name of an image"))
        .hint("write it as in 'docker pull', such as registry.example.org/team/base:1.2"))
}

/// The repository and the tag or digest of an image's name.
pub(crate) fn split_image(name: &str) -> (&str, &str) {
    if let Some((repository, digest)) = name.split_once('@') {
        return (repository, digest);
    }
    // A colon before the last slash belongs to the registry's port.
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_place_in_a_url() {
        for name in ["", "a", "../x", "a/b", "a?b", "a b", "-ab", "ä1", "a%2fb"] {
            assert_eq!(check("name", name).unwrap_err().field(), Some("name"), "{name}");
        }
        for name in ["", "../../containers/x", "a/../b", "a?b", "a b", "/a", "a//b", "a#b"] {
            assert_eq!(check_image(&ImageRef::new(name)).unwrap_err().field(), Some("image"), "{name}");
        }
        check("name", "ws-0190-g1").unwrap();
        check_image(&ImageRef::new("localhost:5000/team/base_x:1.2-rc@sha256:abc")).unwrap();
    }

    #[test]
    fn tags_digests_and_ports_are_told_apart() {
        assert_eq!(split_image("base"), ("base", "latest"));
        assert_eq!(split_image("base:1"), ("base", "1"));
        assert_eq!(split_image("host:5000/base"), ("host:5000/base", "latest"));
        assert_eq!(split_image("host:5000/base:1"), ("host:5000/base", "1"));
        assert_eq!(split_image("base@sha256:ab"), ("base", "sha256:ab"));
    }
}
