//! A bad network between a master and a real Engine: it knows where requests and answers begin, and asks a judge what
//! becomes of each.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What becomes of a request or of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Pass,
    /// The connection ends.
    Cut,
    /// Nothing more is heard on this connection until the network is well again; then it ends.
    Silence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The request has not reached the Engine.
    Asked,
    /// The Engine has done it; its answer has not reached the master.
    Answered,
}

/// Judges by the first line of a request, such as `POST /v1.41/containers/create?name=..`.
pub(crate) type Judge = Arc<dyn Fn(&str, Moment) -> Fate + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    engine: String,
    judge: Arc<Mutex<Option<Judge>>>,
}

/// One connection: what its last request was, until its answer begins.
#[derive(Default)]
struct Exchange {
    request: Mutex<Option<String>>,
    upgraded: Mutex<bool>,
}

impl Proxy {
    /// In front of the Engine at this endpoint, which speaks plain HTTP.
    pub(crate) fn start(endpoint: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let engine = endpoint.strip_prefix("http://").unwrap().to_owned();
        let proxy = Self { address: listener.local_addr().unwrap(), engine, judge: Arc::default() };
        let passing = proxy.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let passing = passing.clone();
                thread::spawn(move || passing.connect(client));
            }
        });
        proxy
    }

    /// From now on this judge decides.
    pub(crate) fn judge(&self, judge: impl Fn(&str, Moment) -> Fate + Send + Sync + 'static) {
        *self.judge.lock().unwrap() = Some(Arc::new(judge));
    }

    /// Everything passes again, and what was silent ends.
    pub(crate) fn heal(&self) {
        *self.judge.lock().unwrap() = None;
    }

    fn connect(self, client: TcpStream) {
        let Ok(engine) = TcpStream::connect(&self.engine) else { return };
        let exchange = Arc::new(Exchange::default());
        let (Ok(from), Ok(to)) = (engine.try_clone(), client.try_clone()) else { return };
        let (answers, answering) = (self.clone(), Arc::clone(&exchange));
        thread::spawn(move || answers.pass(from, to, &answering, Moment::Answered));
        self.pass(client, engine, &exchange, Moment::Asked);
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, exchange: &Exchange, moment: Moment) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..read];
            if let Some(line) = exchange.begins(bytes, moment) {
                match self.fate(&line, moment) {
                    Fate::Pass => {}
                    Fate::Cut => break,
                    Fate::Silence => {
                        self.wait_for_health();
                        break;
                    }
                }
            }
            if to.write_all(bytes).is_err() {
                break;
            }
        }
        for stream in [from, to] {
            // The other side may have ended it already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn fate(&self, line: &str, moment: Moment) -> Fate {
        // Not held while it judges: a judge may take its time.
        let judge = self.judge.lock().unwrap().clone();
        judge.map_or(Fate::Pass, |judge| judge(line, moment))
    }

    fn wait_for_health(&self) {
        while self.judge.lock().unwrap().is_some() {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Exchange {
    /// The first line of the request that begins here, or that is answered here. Clients send one after the other, and
    /// each begins with a write of its own; after an upgrade there are no more.
    fn begins(&self, bytes: &[u8], moment: Moment) -> Option<String> {
        if *self.upgraded.lock().unwrap() {
            return None;
        }
        let line = || String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned();
        if moment == Moment::Asked {
            let methods: [&[u8]; 5] = [b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE "];
            methods.iter().find(|method| bytes.starts_with(method))?;
            *self.request.lock().unwrap() = Some(line());
            return Some(line());
        }
        *self.upgraded.lock().unwrap() = bytes.starts_with(b"HTTP/1.1 101");
        self.request.lock().unwrap().take()
    }
}
