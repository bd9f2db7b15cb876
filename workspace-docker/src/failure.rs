//! What can go wrong between us and an Engine, and what it means: the one place that maps errors.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bollard::errors::Error as Bollard;
use workspace_core::error::{Error, ErrorKind};

/// Why a call gave nothing.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The Engine answered with an error.
    Refused {
        /// The HTTP status; 500 for an error inside of a stream.
        status: u16,
        /// The Engine's words.
        message: String,
    },
    /// No connection: the Engine never saw the call.
    NotSent(Arc<Bollard>),
    /// The connection broke: the Engine may have seen the call.
    Broken(Arc<Bollard>),
    /// The time was up: the Engine may still carry the call out.
    Late(Duration),
    /// One side's TLS identity was not accepted, or only one side speaks TLS.
    Tls(Arc<Bollard>),
    /// Something other than an Engine answered.
    Stranger(Arc<Bollard>),
    /// The answer makes no sense.
    Malformed(Arc<Bollard>),
}

impl Failure {
    pub(crate) fn is_status(&self, expected: u16) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == expected)
    }

    /// Whether the Engine may have done, or may yet do, what was asked for.
    pub(crate) const fn may_have_happened(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Late(_))
    }

    /// Whether the Engine's words contain this, in whatever case.
    pub(crate) fn says(&self, words: &str) -> bool {
        matches!(self, Self::Refused { message, .. } if message.to_lowercase().contains(words))
    }

    /// As the public error; `what` was tried, such as `create container x`.
    pub(crate) fn into_error(self, server: &str, what: &str) -> Error {
        match self {
            Self::Refused { status, message } => explain(KNOWN, status, &message, server, what),
            Self::NotSent(error) => Error::new(ErrorKind::Unreachable, format!("server {server} is not reachable"))
                .hint("check that the Docker Engine runs and that its endpoint can be reached from here")
                .source(error),
            Self::Stranger(error) => {
                Error::new(ErrorKind::Unreachable, format!("what answers for server {server} is no Docker Engine"))
                    .hint("check the endpoint, and what may answer at its address instead")
                    .source(error)
            }
            Self::Broken(error) => {
                Error::new(ErrorKind::Unreachable, format!("the connection to server {server} broke: could not {what}"))
                    .hint("it may have been carried out; look again when the server answers")
                    .source(error)
            }
            Self::Late(limit) => Error::new(
                ErrorKind::Timeout,
                format!("server {server} took longer than {} s to {what}", limit.as_secs()),
            )
            .hint("it may still be carried out; if this repeats, check the Docker Engine of the server"),
            Self::Tls(error) => Error::new(ErrorKind::TlsRefused, format!("no trusted connection to server {server}"))
                .hint(tls_hint(&error))
                .source(error),
            Self::Malformed(error) => Error::new(
                ErrorKind::Internal,
                format!("server {server} gave an answer that makes no sense: could not {what}"),
            )
            .source(error),
        }
    }
}

impl From<Bollard> for Failure {
    fn from(error: Bollard) -> Self {
        match error {
            Bollard::DockerResponseServerError { status_code, message } => {
                Self::Refused { status: status_code, message }
            }
            Bollard::DockerStreamError { error } => Self::Refused { status: 500, message: error },
            Bollard::RequestTimeoutError => Self::Late(Duration::ZERO),
            Bollard::HttpHeaderNotFoundError(_) => Self::Stranger(Arc::new(error)),
            error if tls_error(&error).is_some() => Self::Tls(Arc::new(error)),
            Bollard::HyperLegacyError { ref err } if err.is_connect() => Self::NotSent(Arc::new(error)),
            Bollard::HyperLegacyError { .. } | Bollard::HyperResponseError { .. } | Bollard::IOError { .. } => {
                Self::Broken(Arc::new(error))
            }
            error => Self::Malformed(Arc::new(error)),
        }
    }
}

/// The TLS error underneath, which `io::Error` hides from `source`.
fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
            .map(|inner| inner as &(dyn StdError + 'static));
        let found = [Some(error), inner].into_iter().flatten().find_map(|error| error.downcast_ref::<rustls::Error>());
        if found.is_some() {
            return found;
        }
        next = inner.or_else(|| error.source());
    }
    None
}

fn tls_hint(error: &Bollard) -> &'static str {
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(_)) => {
            "the server's certificate is not signed by tls.ca, has expired, or is for another name or address"
        }
        Some(rustls::Error::AlertReceived(_)) => {
            "the server refused tls.cert: check that it has not expired and that the server's own authority signed it"
        }
        Some(rustls::Error::InvalidMessage(_)) => "the endpoint does not speak TLS: check the port",
        _ => "check tls.ca, tls.cert and tls.key against the server's daemon.json",
    }
}

/// What an Engine says, and what that means.
struct Known {
    words: &'static str,
    kind: ErrorKind,
    field: Option<&'static str>,
    hint: Option<&'static str>,
}

const fn known(words: &'static str, kind: ErrorKind) -> Known {
    Known { words, kind, field: None, hint: None }
}

impl Known {
    const fn field(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }
}

/// In lower case; the first that fits counts. Seen on Docker 20.10 unless a newer wording is told beside it.
const KNOWN: &[Known] = &[
    known("no space left on device", ErrorKind::DiskFull).hint("free disk on the server, or remove what is not needed"),
    known("disk quota exceeded", ErrorKind::DiskFull).hint("free disk on the server, or remove what is not needed"),
    known("client sent an http request to an https server", ErrorKind::TlsRefused)
        .hint("the endpoint speaks TLS: write it as https:// and give tls"),
    known("no such image", ErrorKind::ImageNotFound).hint("pull the image, or load it on the server"),
    known("invalid option: \"fleet\"", ErrorKind::NotFound).hint("make the volume before the container that mounts it"),
    known("is not running", ErrorKind::NotRunning),
    known("is paused", ErrorKind::NotRunning).hint("unpause the container on the server"),
    known("already in use by container", ErrorKind::ForeignObject),
    known("pool overlaps with other one", ErrorKind::NetworkTaken)
        .hint("another network of the server uses these addresses: remove it, or give the server another network_cidr"),
    known("has active endpoints", ErrorKind::Conflict).hint("remove the containers of the network first"),
    known("volume is in use", ErrorKind::Conflict).hint("remove the containers of the volume first"),
    known("bind source path does not exist", ErrorKind::Invalid)
        .field("storage")
        .hint("make the directory on the server, or use storage \"volume\""),
    known("executable file not found", ErrorKind::ProgramNotFound).hint("check the command against the image"),
    known("no such file or directory: unknown", ErrorKind::ProgramNotFound).hint("check the command against the image"),
    known("permission denied: unknown", ErrorKind::ProgramNotFound).hint("the program is not executable"),
    known("cannot assign requested address", ErrorKind::Conflict)
        .hint("ports are published on the address in the server's endpoint, which the server itself does not have"),
    known("could not select device driver", ErrorKind::Invalid)
        .field("resources.gpus")
        .hint("the server has no GPU runtime: install the NVIDIA container toolkit, or ask for no GPU"),
    known("range of cpus is from", ErrorKind::Invalid).field("resources.cpu_millis"),
    known("minimum memory limit allowed", ErrorKind::Invalid).field("resources.memory_mib"),
    known("invalid reference format", ErrorKind::Invalid).field("image"),
    known("failed to mount local storage", ErrorKind::Conflict)
        .hint("the directory of the volume is gone: check the server's data root"),
];

fn explain(table: &[Known], status: u16, message: &str, server: &str, what: &str) -> Error {
    let words = message.to_lowercase();
    let known = table.iter().find(|known| words.contains(known.words));
    let kind = known.map_or_else(|| kind_of_status(status), |known| known.kind);
    let text = format!("server {server} could not {what}: {}", message.trim().trim_end_matches('.'));
    let error = match known.and_then(|known| known.field) {
        Some(field) => Error::invalid(field, text),
        None => Error::new(kind, text),
    };
    match known.and_then(|known| known.hint) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// What a registry says through the Engine, in lower case; the first that fits counts.
const PULL: &[Known] = &[
    known("no space left on device", ErrorKind::DiskFull).hint("free disk on the server, or remove what is not needed"),
    known("repository does not exist", ErrorKind::ImageNotFound)
        .hint("check the image's name; if it is private, give credentials for its registry"),
    known("manifest unknown", ErrorKind::ImageNotFound).hint("check the image's name and tag"),
    known("no matching manifest", ErrorKind::ImageNotFound)
        .hint("the image is not built for the processor architecture of this server"),
    known("unauthorized", ErrorKind::RegistryRefused).hint("give valid credentials for the registry"),
    known("no basic auth credentials", ErrorKind::RegistryRefused).hint("give credentials for the registry"),
    known("authentication required", ErrorKind::RegistryRefused).hint("give credentials for the registry"),
    known("denied", ErrorKind::RegistryRefused).hint("these credentials may not read the image"),
    known("not found", ErrorKind::ImageNotFound).hint("check the image's name and tag"),
    known("connection refused", ErrorKind::RegistryUnreachable).hint(REACH),
    known("connection reset", ErrorKind::RegistryUnreachable).hint(REACH),
    known("no such host", ErrorKind::RegistryUnreachable).hint(REACH),
    known("server misbehaving", ErrorKind::RegistryUnreachable).hint(REACH),
    known("no route to host", ErrorKind::RegistryUnreachable).hint(REACH),
    known("network is unreachable", ErrorKind::RegistryUnreachable).hint(REACH),
    known("timeout", ErrorKind::RegistryUnreachable).hint(REACH),
    known("request canceled", ErrorKind::RegistryUnreachable).hint(REACH),
    known("http response to https client", ErrorKind::RegistryUnreachable)
        .hint("the registry speaks plain HTTP: list it under insecure-registries in the server's daemon.json"),
    known("x509", ErrorKind::RegistryUnreachable).hint("the server does not trust the registry's certificate"),
    known("eof", ErrorKind::RegistryUnreachable).hint(REACH),
    known("invalid reference format", ErrorKind::Invalid).field("image"),
];

const REACH: &str = "check from the server that the registry of the image answers";

/// The public error of a failed pull.
pub(crate) fn pull_error(failure: Failure, server: &str, image: &str) -> Error {
    let what = format!("pull image {image}");
    match &failure {
        Failure::Refused { status, message } => explain(PULL, *status, message, server, &what),
        _ => failure.into_error(server, &what),
    }
}

const fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        400 => ErrorKind::Invalid,
        404 => ErrorKind::NotFound,
        403 | 409 => ErrorKind::Conflict,
        501 => ErrorKind::Unsupported,
        _ => ErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, message: &str) -> ErrorKind {
        Failure::Refused { status, message: message.to_owned() }.into_error("ws-1", "try").kind()
    }

    #[test]
    fn the_engines_words_decide_before_its_status() {
        assert_eq!(kind(404, "No such image: nope:latest"), ErrorKind::ImageNotFound);
        assert_eq!(kind(404, "No such container: ws-1"), ErrorKind::NotFound);
        assert_eq!(kind(500, "mkdir /var/lib/docker/x: no space left on device"), ErrorKind::DiskFull);
        assert_eq!(kind(400, "Client sent an HTTP request to an HTTPS server."), ErrorKind::TlsRefused);
        assert_eq!(kind(409, "Container abc is not running"), ErrorKind::NotRunning);
        assert_eq!(kind(409, "remove vol: volume is in use - [abc]"), ErrorKind::Conflict);
        assert_eq!(kind(500, "something else"), ErrorKind::Internal);
    }

    #[test]
    fn what_registries_say_is_told_apart() {
        let kind = |message: &str| {
            let failure = Failure::Refused { status: 500, message: message.to_owned() };
            pull_error(failure, "ws-1", "base:1").kind()
        };
        let denied = "pull access denied for base, repository does not exist or may require 'docker login': denied";
        assert_eq!(kind(denied), ErrorKind::ImageNotFound);
        assert_eq!(kind("manifest for r:5000/base:1 not found: manifest unknown"), ErrorKind::ImageNotFound);
        assert_eq!(
            kind("Head \"http://r:5000/v2/base/manifests/1\": no basic auth credentials"),
            ErrorKind::RegistryRefused
        );
        assert_eq!(kind("unauthorized: authentication required"), ErrorKind::RegistryRefused);
        assert_eq!(kind("dial tcp 10.0.0.1:1: connect: connection refused"), ErrorKind::RegistryUnreachable);
        assert_eq!(kind("dial tcp: lookup r: no such host"), ErrorKind::RegistryUnreachable);
        assert_eq!(kind("write /x: no space left on device"), ErrorKind::DiskFull);
    }

    #[test]
    fn the_field_of_a_limit_is_named() {
        let message = "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available".to_owned();
        let error = Failure::Refused { status: 400, message }.into_error("ws-1", "create container x");
        assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("resources.cpu_millis")));
    }
}
