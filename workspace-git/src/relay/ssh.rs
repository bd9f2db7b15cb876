//! libgit2's plain `git://` on loopback, carried on over ssh.
//!
//! Protocol: gitprotocol-pack(5). `git://` sends one packet that names service and repository, and from there on both
//! transports carry the very same bytes; over ssh the service is a command.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use russh::client::{self, Handle};
use russh::keys::PublicKeyOrCertificate;
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKeyBase64, decode_secret_key};
use russh::{ChannelMsg, ChannelReadHalf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::secret::Secret;

use super::traffic::Traffic;
use super::{CONNECT_LIMIT, Password, answer};
use crate::credentials::{Credentials, HostKey};
use crate::remote::GitRemote;
use crate::url::GitUrl;

/// The first packet is a service, a path and a host: longer ones are none of libgit2's.
const MOST_REQUEST: usize = 4096;
/// More of a server's complaint nobody reads.
const MOST_COMPLAINT: usize = 4096;
/// What is read from libgit2 at once.
const CHUNK: usize = 32 * 1024;

/// The way to one ssh remote.
pub(super) struct Bridge {
    url: GitUrl,
    addresses: Vec<SocketAddr>,
    key: PrivateKeyWithHashAlg,
    host_keys: Vec<HostKey>,
    password: Password,
    traffic: Arc<Traffic>,
}

impl Bridge {
    pub(super) fn new(
        remote: &GitRemote,
        addresses: Vec<SocketAddr>,
        password: Password,
        traffic: Arc<Traffic>,
    ) -> Result<Self> {
        let Credentials::SshKey { private_key, passphrase, host_keys } = &remote.credentials else {
            return Err(Error::invalid("credentials", "an ssh remote is opened by a key").hint("give a private key"));
        };
        // The reason is left out: it could quote the key.
        let key = decode_secret_key(private_key.reveal(), passphrase.as_ref().map(Secret::reveal)).map_err(|_| {
            Error::invalid("credentials", "the private key cannot be read")
                .hint("give an ed25519 or ECDSA key in OpenSSH or PKCS#8 form, and its passphrase if it has one")
        })?;
        let (key, host_keys) = (PrivateKeyWithHashAlg::new(Arc::new(key), None), host_keys.clone());
        Ok(Self { url: remote.url.clone(), addresses, key, host_keys, password, traffic })
    }

    /// Carries one connection of libgit2, which is one command.
    pub(super) async fn carry(self: Arc<Self>, stream: TcpStream) {
        let (mut from_git, mut to_git) = stream.into_split();
        let Some(service) = self.read_request(&mut from_git).await else { return };
        // libgit2's end is closed after what went wrong is known.
        if let Err(error) = self.run(service, from_git, &mut to_git).await {
            self.traffic.found(error);
        }
    }

    /// The service that libgit2 asks for, when it knows the password.
    async fn read_request(&self, from_git: &mut OwnedReadHalf) -> Option<&'static str> {
        let mut length = [0; 4];
        from_git.read_exact(&mut length).await.ok()?;
        let length = usize::from_str_radix(std::str::from_utf8(&length).ok()?, 16).ok()?;
        let mut request = vec![0; length.checked_sub(4).filter(|length| *length <= MOST_REQUEST)?];
        from_git.read_exact(&mut request).await.ok()?;
        let command = std::str::from_utf8(request.split(|byte| *byte == 0).next()?).ok()?;
        let (service, path) = command.split_once(' ')?;
        self.password.strip(path).filter(|rest| rest.is_empty())?;
        ["git-upload-pack", "git-receive-pack"].into_iter().find(|known| *known == service)
    }

    async fn run(&self, service: &str, from_git: OwnedReadHalf, to_git: &mut OwnedWriteHalf) -> Result<()> {
        let session = tokio::time::timeout(CONNECT_LIMIT, self.log_in())
            .await
            .map_err(|_| answer::unreachable(self.url.host()))??;
        let broken = |error| answer::no_connection(self.url.host(), error);
        let _waiting = self.traffic.wait();
        let channel = session.channel_open_session().await.map_err(broken)?;
        channel.exec(true, format!("{service} {}", quoted(self.url.path()))).await.map_err(broken)?;
        let (from_server, to_server) = channel.split();
        let done = AtomicBool::new(false);
        let upload = async {
            self.send(from_git, to_server.make_writer()).await;
            // libgit2 has closed: it has what it wanted. The command now sees its input end, and may complain.
            done.store(true, Ordering::Relaxed);
            let _ = to_server.eof().await;
            std::future::pending::<()>().await;
        };
        let complaint = tokio::select! {
            complaint = self.receive(from_server, to_git) => complaint,
            () = upload => None,
        };
        match complaint {
            Some(complaint) if !done.into_inner() => Err(self.complained(&complaint)),
            _ => Ok(()),
        }
    }

    async fn log_in(&self) -> Result<Handle<Checker>> {
        let checker = Checker { host: self.url.host().to_owned(), host_keys: self.host_keys.clone() };
        let socket = TcpStream::connect(self.addresses.as_slice())
            .await
            .map_err(|error| answer::no_connection(self.url.host(), error))?;
        // Small packets go to and fro before the first object.
        let _ = socket.set_nodelay(true);
        let mut session =
            client::connect_stream(Arc::default(), socket, checker).await.map_err(|failure| match failure {
                Failure::HostKey(error) => error,
                Failure::Ssh(error) => answer::no_connection(self.url.host(), error),
            })?;
        let user = self.url.user().unwrap_or("git");
        let accepted = session
            .authenticate_publickey(user, self.key.clone())
            .await
            .map_err(|error| answer::no_connection(self.url.host(), error))?;
        if accepted.success() {
            return Ok(session);
        }
        Err(Error::new(ErrorKind::RemoteRefused, format!("git host {} does not accept the key", self.url.host()))
            .hint(format!("add the public key at the host for user {user}")))
    }

    async fn send(&self, mut from_git: OwnedReadHalf, mut to_server: impl tokio::io::AsyncWrite + Unpin) {
        let mut chunk = vec![0; CHUNK];
        while let Ok(read @ 1..) = from_git.read(&mut chunk).await {
            self.traffic.count(read);
            if to_server.write_all(&chunk[..read]).await.is_err() {
                return;
            }
        }
    }

    /// Carries what the server says until the command ends; its complaint, when it failed.
    async fn receive(&self, mut from_server: ChannelReadHalf, to_git: &mut OwnedWriteHalf) -> Option<Vec<u8>> {
        let (mut complaint, mut failed) = (Vec::new(), false);
        while let Some(message) = from_server.wait().await {
            match message {
                ChannelMsg::Data { data } => {
                    self.traffic.count(data.len());
                    to_git.write_all(&data).await.ok()?;
                }
                ChannelMsg::ExtendedData { data, .. } => {
                    complaint.extend_from_slice(&data[..data.len().min(MOST_COMPLAINT - complaint.len())]);
                }
                ChannelMsg::ExitStatus { exit_status } => failed = exit_status != 0,
                ChannelMsg::Failure => failed = true,
                _ => {}
            }
        }
        failed.then_some(complaint)
    }

    /// Servers say in words why a command failed; git's own and the big hosts' are known.
    fn complained(&self, complaint: &[u8]) -> Error {
        let (host, words) = (self.url.host(), answer::words(complaint));
        let lower = words.to_ascii_lowercase();
        let missing = ["not found", "does not exist", "does not appear to be a git", "not a git repository", "no such"];
        if missing.iter().any(|phrase| lower.contains(phrase)) {
            return Error::new(ErrorKind::RemoteNotFound, format!("git host {host} has no such repository: {words}"))
                .hint("check the path; some hosts say so too when the key may not see the repository");
        }
        Error::new(ErrorKind::RemoteRefused, format!("git host {host} refused: {words}"))
            .hint("give a key that may read the repository, and for a push write to it")
    }
}

/// The path as one word of a POSIX shell: that is what runs commands at the other end.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// Compares the server's key with those it may have.
struct Checker {
    host: String,
    host_keys: Vec<HostKey>,
}

/// Why there is no session.
#[derive(Debug)]
enum Failure {
    HostKey(Error),
    Ssh(russh::Error),
}

impl From<russh::Error> for Failure {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

impl client::Handler for Checker {
    type Error = Failure;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Failure> {
        let key = shown.public_key();
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        if self.host_keys.iter().any(|known| known.matches(&fingerprint, &key.public_key_base64())) {
            return Ok(true);
        }
        Err(Failure::HostKey(
            Error::new(ErrorKind::RemoteRefused, format!("git host {} shows a host key that is not known", self.host))
                .hint(format!(
                    "its fingerprint is {fingerprint}; add it to `host_keys` once you know that it is right"
                )),
        ))
    }
}

impl std::fmt::Debug for Bridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bridge").field("url", &self.url).finish_non_exhaustive()
    }
}
