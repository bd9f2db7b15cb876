//! Filling the submodules of a tree, where somebody asked for that.

use std::path::Path;

use workspace_core::error::{Error, ErrorKind, Result};

use crate::blocking::blocking;
use crate::credentials::Credentials;
use crate::operation::{self, Submodule};
use crate::remote::GitRemote;
use crate::sync::GitSync;
use crate::url::GitUrl;

/// Submodules of submodules, down to here.
const MOST_DEEP: usize = 5;
/// How many there may be in all: a repository that is its own submodule has no end.
const MOST: u64 = 100;

/// What submodules brought.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filled {
    /// How many there are.
    pub(crate) count: u64,
    /// How many bytes went over the wire for them.
    pub(crate) bytes: u64,
}

impl GitSync {
    /// Brings every submodule to the commit that its repository names, and those in it; nothing where nobody asked for
    /// that. Every URL is held against the rules that the remote's own is held against.
    pub(crate) async fn fill_submodules(&self, tree: &Path) -> Result<Filled> {
        let mut filled = Filled::default();
        let mut open = Vec::from_iter(self.submodules.then(|| (tree.to_owned(), self.remote.url.clone(), 1)));
        while let Some((tree, parent, depth)) = open.pop() {
            for submodule in blocking(move || operation::submodules(&tree)).await? {
                let of = |error| of_submodule(&submodule, &error);
                filled.count += 1;
                if depth > MOST_DEEP || filled.count > MOST {
                    let most = format!("there are more than {MOST} submodules, or some more than {MOST_DEEP} deep");
                    return Err(Error::new(ErrorKind::Invalid, most).hint("clone without submodules"));
                }
                let url = parent.submodule(&submodule.url).map_err(of)?;
                if !submodule.is_there {
                    let (wanted, text) = (submodule.clone(), url.to_string());
                    let there = self.for_submodule(url.clone());
                    let bytes = there.online(move |line| operation::fill_submodule(line, &wanted, &text)).await;
                    filled.bytes += bytes.map_err(of)?;
                }
                open.push((submodule.folder.clone(), url, depth + 1));
            }
        }
        Ok(filled)
    }

    /// The way to a submodule. Who we are is told only where the remote is: the same scheme, host, port and user.
    fn for_submodule(&self, url: GitUrl) -> Self {
        let is_same = self.remote.url.is_beside(&url);
        let credentials = if is_same { self.remote.credentials.clone() } else { Credentials::None };
        let mut there = self.clone();
        there.remote = GitRemote { url, branch: None, credentials };
        there
    }
}

/// The same error, saying whose it is.
fn of_submodule(submodule: &Submodule, error: &Error) -> Error {
    let hint = error.next_step().unwrap_or("clone without submodules");
    Error::new(error.kind(), format!("submodule {}: {}", submodule.name, error.chain())).hint(hint)
}
