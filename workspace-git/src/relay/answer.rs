//! What a remote's answer means to the user.

use std::error::Error as StdError;

use http::StatusCode;
use workspace_core::error::{Error, ErrorKind};

/// At most this much of a server's own words is shown.
const MOST_WORDS: usize = 300;

/// No connection, no TLS, or a connection that broke.
pub(super) fn no_connection(host: &str, error: impl StdError + Send + Sync + 'static) -> Error {
    if is_about_tls(&error) {
        return Error::new(ErrorKind::TlsRefused, format!("the certificate of git host {host} is not trusted"))
            .hint("check the host's name, and that its certificate authority is among the trusted ones")
            .source(error);
    }
    unreachable(host).source(error)
}

/// TLS errors come wrapped in I/O errors, whose `source` skips what they wrap.
fn is_about_tls(error: &(dyn StdError + 'static)) -> bool {
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>()
        || wrapped.is_some_and(|wrapped| is_about_tls(wrapped))
        || error.source().is_some_and(is_about_tls)
}

pub(super) fn unreachable(host: &str) -> Error {
    Error::new(ErrorKind::RemoteUnreachable, format!("git host {host} cannot be reached"))
        .hint("check the host's name and port, and that the server with the project may reach it")
}

/// An HTTP status that is no success.
pub(super) fn refused(host: &str, status: StatusCode, with_credentials: bool) -> Error {
    let error = |kind, what: &str| Error::new(kind, format!("git host {host} {what}"));
    match (status, with_credentials) {
        (StatusCode::UNAUTHORIZED, false) => error(ErrorKind::RemoteRefused, "wants credentials for this repository")
            .hint("give a token; some hosts say so too when the repository does not exist"),
        (StatusCode::UNAUTHORIZED, true) => error(ErrorKind::RemoteRefused, "does not accept the credentials")
            .hint("check user name and token, and that the token has not expired"),
        (StatusCode::FORBIDDEN, _) => error(ErrorKind::RemoteRefused, "forbids this")
            .hint("give a token that may read the repository, and for a push write to it"),
        (StatusCode::NOT_FOUND | StatusCode::GONE, _) => error(ErrorKind::RemoteNotFound, "has no such repository")
            .hint("check the path; some hosts say so too when the token may not see the repository"),
        (status, _) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            error(ErrorKind::RemoteUnreachable, &format!("answers {}", status.as_u16())).hint("try again later")
        }
        (status, _) => error(ErrorKind::RemoteRefused, &format!("answers {}", status.as_u16()))
            .hint("check that the URL is that of a git repository"),
    }
}

/// A web page where a repository was expected.
pub(super) fn no_git(host: &str) -> Error {
    Error::new(ErrorKind::RemoteNotFound, format!("git host {host} answers, but not as git does"))
        .hint("check the path: this looks like a web page, not a repository")
}

/// A server's words, made fit to be shown: one line, nothing but printable characters, not too many.
pub(crate) fn words(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let plain: String = text.chars().map(|c| if c.is_control() || c == '\u{fffd}' { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MOST_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_plain_line() {
        assert_eq!(words(b"  ERROR:\x1b[31m\tno\r\n\xffsuch  repo\0"), "ERROR: [31m no such repo");
        assert_eq!(words(&b"x".repeat(5000)).len(), MOST_WORDS);
    }
}
