//! A small tree that changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use workspace_core::testing::sim::Dice;

/// Every file with its bytes.
pub(crate) type Picture = BTreeMap<PathBuf, Vec<u8>>;

/// Changes a few of a dozen files.
pub(crate) fn change(root: &Path, dice: &Dice) -> io::Result<()> {
    for _ in 0..=dice.below(3) {
        let file = root.join(format!("folder-{}", dice.below(3))).join(format!("file-{}", dice.below(4)));
        if dice.chance(250) && file.exists() {
            fs::remove_file(file)?;
            continue;
        }
        fs::create_dir_all(file.parent().unwrap_or(root))?;
        let length = dice.below(20_000);
        // Some contents come again: nothing of them is sent twice.
        let kind = dice.below(6);
        let bytes: Vec<u8> = (0..length).map(|at| u8::try_from((at * (kind + 7) + kind) % 251).unwrap_or(0)).collect();
        fs::write(file, bytes)?;
    }
    Ok(())
}

pub(crate) fn picture(root: &Path) -> io::Result<Picture> {
    let (mut picture, mut folders) = (Picture::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path)?;
                picture.insert(path.strip_prefix(root).map_err(io::Error::other)?.to_owned(), bytes);
            }
        }
    }
    Ok(picture)
}
