//! The way to a server, which can be cut in the middle of what goes over it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes bytes to a server and back, from an address of the same machine.
#[derive(Clone)]
pub(crate) struct Cable {
    address: SocketAddr,
    server: SocketAddr,
    /// How many bytes still pass; `None` is all.
    left: Arc<Mutex<Option<usize>>>,
}

impl Cable {
    /// To the server of an endpoint such as `http://10.97.1.1:8333`.
    pub(crate) fn to(endpoint: &str) -> Self {
        let server: SocketAddr = endpoint.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind((server.ip(), 0)).unwrap();
        let cable = Self { address: listener.local_addr().unwrap(), server, left: Arc::default() };
        let passing = cable.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(passing.server) else { continue };
                let (Ok(from), Ok(to)) = (server.try_clone(), client.try_clone()) else { continue };
                let (there, back) = (passing.clone(), passing.clone());
                thread::spawn(move || there.pass(client, server));
                thread::spawn(move || back.pass(from, to));
            }
        });
        cable
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// After so many bytes nothing passes any more.
    pub(crate) fn break_after(&self, bytes: usize) {
        *self.left.lock().unwrap() = Some(bytes);
    }

    /// Whether it was cut: all that may pass has passed.
    pub(crate) fn is_broken(&self) -> bool {
        *self.left.lock().unwrap() == Some(0)
    }

    pub(crate) fn mend(&self) {
        *self.left.lock().unwrap() = None;
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let passes = self.take(read);
            if to.write_all(&buffer[..passes]).is_err() || passes < read {
                break;
            }
        }
        for stream in [from, to] {
            // The other side may have ended it already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn take(&self, wanted: usize) -> usize {
        let mut left = self.left.lock().unwrap();
        let Some(all) = left.as_mut() else { return wanted };
        let passes = wanted.min(*all);
        *all -= passes;
        passes
    }
}
