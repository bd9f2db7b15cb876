//! Which URLs a git remote may have. All rules are here; whether its addresses are allowed is in `resolve.rs`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use workspace_core::error::{Error, Result};

/// Longer ones are refused.
const MOST_CHARACTERS: usize = 2048;

/// How a remote is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Smart HTTP over TLS.
    Https,
    /// Smart HTTP in the clear; only where [`UrlPolicy::insecure_http`](crate::UrlPolicy) allows it.
    Http,
    /// A command over ssh.
    Ssh,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
            Self::Ssh => 22,
        }
    }
}

/// The address of a git repository: `https://host/path`, `ssh://user@host/path` or `user@host:path`.
///
/// It never holds a secret: a password, or anything before the `@` of an https URL (where people put tokens), is
/// refused. So are other schemes and remote programs (`file://`, `git://`, `ext::`), local paths and whatever a
/// program could take for an option. No refusal repeats the text, which may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct GitUrl {
    scheme: Scheme,
    user: Option<String>,
    host: String,
    port: Option<u16>,
    path: String,
}

impl GitUrl {
    /// How it is reached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host's name or address, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own when none is written.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(self.scheme.port())
    }

    /// The user of an ssh URL.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The path: from the root for https, as the ssh server's git takes it for ssh.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether who lets us in here is who lets us in there: the same scheme, host, port and user.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        let place = |url: &Self| (url.scheme, url.host.clone(), url.port(), url.user.clone());
        place(self) == place(other)
    }

    /// The URL of a submodule, which may be relative to that of its repository: `./x` is below it, `../x` beside it.
    pub(crate) fn submodule(&self, text: &str) -> Result<Self> {
        if !text.starts_with("./") && !text.starts_with("../") {
            return text.parse();
        }
        let (mut path, mut rest) = (self.path.as_str(), text);
        loop {
            if let Some(next) = rest.strip_prefix("./") {
                rest = next;
            } else if let Some(next) = rest.strip_prefix("../") {
                // Above the first folder there is only another repository of the user, and above that nothing.
                let below = path.rsplit_once('/').map(|(above, _)| above);
                path = below.ok_or_else(|| refused("leads out of its host"))?;
                rest = next;
            } else {
                break;
            }
        }
        Self { path: format!("{path}/{rest}"), ..self.clone() }.to_string().parse()
    }

    /// `host` or `host:port`, as in an HTTP request.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        self.port.map_or(host.clone(), |port| format!("{host}:{port}"))
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        if self.scheme == Scheme::Ssh && !self.path.starts_with('/') {
            if self.path.starts_with('~') {
                return write!(f, "ssh://{user}{}/{}", self.authority(), self.path);
            }
            // A path below the home of the user has no other form.
            return write!(f, "{user}{}:{}", self.authority(), self.path);
        }
        write!(f, "{}://{user}{}{}", self.scheme.name(), self.authority(), self.path)
    }
}

impl fmt::Debug for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitUrl({self})")
    }
}

impl Serialize for GitUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GitUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for GitUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() > MOST_CHARACTERS {
            return Err(refused("is too long"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"'`<>".contains(&byte)) {
            return Err(refused("has a blank, a quote, a backslash or a character outside ASCII")
                .hint("write special characters as %XX and names of hosts as punycode"));
        }
        if text.starts_with('-') {
            return Err(refused("looks like an option"));
        }
        match text.split_once("://") {
            Some((scheme, rest)) => with_scheme(scheme, rest),
            None => like_scp(text),
        }
    }
}

fn refused(what: &str) -> Error {
    Error::invalid("url", format!("the git URL {what}")).hint("use https://host/path or ssh://user@host/path")
}

fn with_scheme(scheme: &str, rest: &str) -> Result<GitUrl> {
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        "ssh" | "git+ssh" | "ssh+git" => Scheme::Ssh,
        _ => return Err(refused("has a scheme that is not allowed")),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, authority),
    };
    if user.is_some() && scheme != Scheme::Ssh {
        return Err(refused("has a user name or a token in it").hint("leave it out and give it as credentials"));
    }
    let (host, port) = host_and_port(place)?;
    let path = if scheme == Scheme::Ssh && path.starts_with("/~") { &path[1..] } else { path };
    Ok(GitUrl { scheme, user: user.map(user_name).transpose()?, host, port, path: checked_path(path)? })
}

/// `user@host:path`, the short form of ssh. A local path has no colon before its first slash.
fn like_scp(text: &str) -> Result<GitUrl> {
    let (place, path) = text
        .rfind(']')
        .map_or_else(|| text.split_once(':'), |end| text[end..].split_once(':').map(|_| text.split_at(end + 1)))
        .filter(|(place, _)| !place.contains('/'))
        .ok_or_else(|| refused("is a local path"))?;
    let path = path.strip_prefix(':').filter(|_| place.ends_with(']')).unwrap_or(path);
    if path.starts_with(':') {
        return Err(refused("names a program to run"));
    }
    let (user, host) = match place.rsplit_once('@') {
        Some((user, host)) => (Some(user_name(user)?), host),
        // `ext::command` was refused above; this also keeps `C:\` and `host:path` apart.
        None => return Err(refused("has neither a scheme nor a user")),
    };
    let (host, port) = host_and_port(host)?;
    if path.starts_with('-') {
        return Err(refused("has a path that looks like an option"));
    }
    Ok(GitUrl { scheme: Scheme::Ssh, user, host, port, path: checked_path(path)? })
}

fn user_name(user: &str) -> Result<String> {
    if user.contains(':') {
        return Err(refused("has a password in it").hint("leave it out and give it as credentials"));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if user.is_empty() || user.starts_with('-') || !user.bytes().all(plain) {
        return Err(refused("has a user name that is not plain"));
    }
    Ok(user.to_owned())
}

fn host_and_port(place: &str) -> Result<(String, Option<u16>)> {
    let wrong_port = || refused("has a port that is no number from 1 to 65535");
    let port_of = |port: &str| port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong_port);
    if let Some(rest) = place.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or_else(|| refused("has no host"))?;
        let host: Ipv6Addr = host.parse().map_err(|_| refused("has a wrong IPv6 address"))?;
        let port = if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or_else(wrong_port)?) };
        return Ok((host.to_string(), port.map(port_of).transpose()?));
    }
    let (host, port) = place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)));
    Ok((host_name(host)?, port.map(port_of).transpose()?))
}

/// A name, or an IPv4 address in its one usual form: `0x7f.1` and `2130706433` are addresses for some resolvers.
fn host_name(host: &str) -> Result<String> {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if host.is_empty() || host.len() > 253 || !host.split('.').all(label) {
        return Err(refused("has no host that can exist"));
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    let like_a_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if like_a_number && host.parse::<Ipv4Addr>().map(IpAddr::V4).is_err() {
        return Err(refused("has a host that is a number but no address"));
    }
    Ok(host)
}

fn checked_path(path: &str) -> Result<String> {
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return Err(refused("has no path"));
    }
    if path.contains(['?', '#']) {
        return Err(refused("has a query or a fragment").hint("leave it out; tokens are given as credentials"));
    }
    let dots = |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if path.split('/').any(dots) {
        return Err(refused("has `.` or `..` in its path"));
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<GitUrl> {
        text.parse()
    }

    #[test]
    fn urls_are_read_and_written() {
        for (text, host, port, path, written) in [
            ("https://github.com/a/b.git", "github.com", 443, "/a/b.git", "https://github.com/a/b.git"),
            ("HTTPS://GitHub.com:8443/a/", "github.com", 8443, "/a", "https://github.com:8443/a"),
            ("https://[2606:4700::1]:8443/a", "2606:4700::1", 8443, "/a", "https://[2606:4700::1]:8443/a"),
            ("ssh://git@host.example/a", "host.example", 22, "/a", "ssh://git@host.example/a"),
            ("ssh://git@host.example:2222/~me/a", "host.example", 2222, "~me/a", "ssh://git@host.example:2222/~me/a"),
            ("git@host.example:a/b.git", "host.example", 22, "a/b.git", "git@host.example:a/b.git"),
            ("git@host.example:/a/b", "host.example", 22, "/a/b", "ssh://git@host.example/a/b"),
            ("git@[2606:4700::1]:a/b", "2606:4700::1", 22, "a/b", "git@[2606:4700::1]:a/b"),
            ("http://host.example./a", "host.example", 80, "/a", "http://host.example/a"),
        ] {
            let url = parse(text).unwrap();
            assert_eq!((url.host(), url.port(), url.path()), (host, port, path), "{text}");
            assert_eq!(url.to_string(), written);
            assert_eq!(parse(written).unwrap(), url, "{text}");
        }
    }

    const WRONG: &[&str] = &[
        "",
        "/srv/git/a",
        "./a",
        "../a",
        "a",
        "a/b:c",
        "C:\\git\\a",
        "host:path",
        "file:///srv/git/a",
        "FILE:///a",
        "git://host/a",
        "ftp://host/a",
        "ext::sh -c id",
        "ext::sh",
        "ext::ssh://a@b/c",
        "fd::17",
        "ext::https://h/a",
        "-u.",
        "--upload-pack=touch /tmp/x",
        "--upload-pack=id",
        "-oProxyCommand=id",
        "ssh://-oProxyCommand=id/a",
        "ssh://-oProxyCommand=id@host/a",
        "-oProxyCommand=id@host:a",
        "git@-oProxyCommand=id:a",
        "git@host:-u",
        "git@host:--upload-pack=id",
        "https://-host/a",
        "https://canary@host/a",
        "https://user:canary@host/a",
        "https://:canary@host/a",
        "https://canary:x-oauth-basic@host/a",
        "ssh://user:canary@host/a",
        "user:canary@host:a",
        "https://host/a?private_token=canary",
        "https://host/a#canary",
        "https:///a",
        "https://host",
        "https://host/",
        "https://host:0/a",
        "https://host:65536/a",
        "https://host:/a",
        "https://host:a/b",
        "https://ho st/a",
        "https://host/a b",
        "https://host/a\nb",
        "https://host/a\0",
        "https://host/../a",
        "https://host/a/%2e%2E/b",
        "https://host/a/./b",
        "https://höst/a",
        "https://[::1/a",
        "https://[fe80::1%25eth0]/a",
        "https://2130706433/a",
        "https://0x7f.1/a",
        "https://127.1/a",
        "https://0177.0.0.1/a",
        "https://host..x/a",
        "https://.host/a",
        "https://h\\@x/a",
        "https://a@b@c/d",
        "ssh://git@host/$(id)/'a'",
        "ssh://git@/a",
        "ssh://@host/a",
        "://host/a",
        "http:host/a",
        "https:/host/a",
    ];

    #[test]
    fn everything_else_is_refused_and_not_repeated() {
        for text in WRONG {
            let Err(error) = parse(text) else { panic!("{text:?} was taken") };
            assert_eq!(error.field(), Some("url"), "{text}");
            assert!(error.next_step().is_some(), "{text}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{text}");
        }
        assert!(parse(&format!("https://host/{}", "a".repeat(3000))).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it_and_what_passes_reads_back(text in "[ -~]{0,60}") {
            if let Ok(url) = parse(&text) {
                proptest::prop_assert_eq!(parse(&url.to_string()).unwrap(), url);
            }
        }

        #[test]
        fn likely_text_reads_back(text in "(https|ssh)://([a-z]{1,3}@)?[a-z.]{1,6}(:[0-9]{1,4})?/[a-z~/%.]{0,8}") {
            if let Ok(url) = parse(&text) {
                proptest::prop_assert_eq!(parse(&url.to_string()).unwrap(), url);
            }
        }
    }

    #[test]
    fn relative_urls_stay_on_their_host() {
        for (parent, text, expected) in [
            ("https://h/team/app.git", "../lib.git", "https://h/team/lib.git"),
            ("https://h:8443/team/app.git", "../../other/lib.git", "https://h:8443/other/lib.git"),
            ("https://h/team/app", "./lib", "https://h/team/app/lib"),
            ("https://h/a", ".././../b", "leads out"),
            ("https://h/a", "../../b", "leads out"),
            ("https://h/a/b", "../c/../../d", "`.` or `..`"),
            ("https://h/a/b", "../%2e%2E/c", "`.` or `..`"),
            ("https://h/a", "../c?token=x", "a query"),
            ("https://h/a", "../a b", "a blank"),
            ("git@h:team/app.git", "../lib.git", "git@h:team/lib.git"),
            ("ssh://git@h:2222/team/app.git", "../lib.git", "ssh://git@h:2222/team/lib.git"),
            ("https://h/a", "https://other/b", "https://other/b"),
            ("https://h/a", "ext::sh -c touch", "a blank"),
            ("https://h/a", "ext::sh", "a program"),
            ("https://h/a", "--upload-pack=x", "an option"),
            ("https://h/a", "file:///etc", "a scheme"),
            ("https://h/a", "/etc", "a local path"),
            ("https://h/a", "..", "a local path"),
        ] {
            let found = parse(parent).unwrap().submodule(text);
            let found = found.map_or_else(|error| error.message().to_owned(), |url| url.to_string());
            assert!(found == expected || (!expected.contains('/') && found.contains(expected)), "{text}: {found}");
        }
    }

    #[test]
    fn only_the_same_place_is_beside() {
        let beside = |a: &str, b: &str| parse(a).unwrap().is_beside(&parse(b).unwrap());
        assert!(beside("https://h/a", "https://H:443/b") && beside("git@h:a", "ssh://git@h/b"));
        for other in ["http://h/a", "https://h:8443/a", "https://h.evil/a", "ssh://git@h/a"] {
            assert!(!beside("https://h/a", other), "{other}");
        }
        assert!(!beside("git@h:a", "root@h:a"));
    }
}
