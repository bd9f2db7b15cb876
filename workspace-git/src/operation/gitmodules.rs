//! What a `.gitmodules` says, as far as it is believed: where a submodule stands, and where it comes from.
//!
//! Read here and not as git's own settings: those can include other files, name programs to run and be overruled by
//! what is in `.git/config`.

/// One section of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    /// Where it stands, relative to the tree.
    pub(super) path: Option<String>,
    /// A URL, or one relative to that of the repository.
    pub(super) url: Option<String>,
}

/// Every section `[submodule "name"]`. The name means nothing here; what cannot be read is left out.
pub(super) fn read(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut is_submodule = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            is_submodule = line.to_ascii_lowercase().starts_with("[submodule \"");
            if is_submodule {
                sections.push(Section::default());
            }
            continue;
        }
        let (Some(section), Some((key, value))) = (sections.last_mut().filter(|_| is_submodule), line.split_once('='))
        else {
            continue;
        };
        let value = unquoted(value.trim());
        match key.trim().to_ascii_lowercase().as_str() {
            "path" => section.path = value,
            "url" => section.url = value,
            _ => {}
        }
    }
    sections
}

/// A value as git writes them: plain, or in quotes with a few escapes. Anything else is none.
fn unquoted(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else {
        return (!value.contains(['"', '\\', '#', ';'])).then(|| value.to_owned());
    };
    let mut text = String::new();
    let mut characters = inner.strip_suffix('"')?.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return None,
            '\\' => text.push(characters.next().filter(|escaped| "\"\\".contains(*escaped))?),
            plain => text.push(plain),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read_as_git_writes_them() {
        let text = "[submodule \"a b\"]\n\tpath = libs/a b\n\turl = ../a.git\n# [submodule \"no\"]\n\
            [core]\n\tpath = /etc\n[Submodule \"c\"]\n  URL=\"https://host/\\\"c\\\\\"\n\tupdate = !touch x\n";
        let section =
            |path: Option<&str>, url: &str| Section { path: path.map(str::to_owned), url: Some(url.to_owned()) };
        assert_eq!(read(text), [section(Some("libs/a b"), "../a.git"), section(None, "https://host/\"c\\")]);
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        for wrong in ["url = \"open", "url = a\"b", "url = \"a\"b\"", "url = \"a\\n\"", "url = a # b", "url", "path"] {
            assert_eq!(read(&format!("[submodule \"x\"]\n{wrong}\n")), [Section::default()], "{wrong}");
        }
        assert_eq!(read("url = https://host/x\n\u{0}\n["), []);
    }
}
