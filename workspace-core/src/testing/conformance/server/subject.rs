//! What the rules need to know of the server that they try.

use crate::id::FleetId;
use crate::port::ImageRef;

/// What the rules need to know of the server that they try.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The fleet whose objects they make; nobody else may use it.
    pub fleet: FleetId,
    /// An image that the server has, with `sh` and the usual small programs; busybox is enough.
    pub image: ImageRef,
    /// An image that neither the server nor a registry has.
    pub missing_image: ImageRef,
    /// A command that idles until it is stopped.
    pub idle: Vec<String>,
    /// A shell: the line to run is added as its last argument.
    pub shell: Vec<String>,
}

impl Subject {
    /// `image` with a shell at `sh`, and an idle command that ends when it is asked to.
    pub fn new(fleet: FleetId, image: ImageRef) -> Self {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Self {
            fleet,
            image,
            missing_image: ImageRef::new("workspace-conformance-no-such-image:none"),
            idle: words(&["sleep", "1000"]),
            shell: words(&["sh", "-c"]),
        }
    }
}
