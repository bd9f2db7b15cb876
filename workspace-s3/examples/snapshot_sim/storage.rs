//! A storage as one client has it: the objects are shared, the line is the client's own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::fate::{Fate, Fates};

/// How long a slow request is under way: longer than what follows takes when it does not wait.
const SLOW: Duration = Duration::from_millis(4);

/// The line of one client, cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    objects: Arc<InMemory>,
    fates: Fates,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    requests: AtomicU64,
    faults: AtomicU64,
    dead: AtomicBool,
}

impl Line {
    pub(crate) fn new(objects: &Arc<InMemory>, fates: Fates) -> Self {
        Self { objects: Arc::clone(objects), fates, state: Arc::default() }
    }

    /// Whether the client died: what it says afterwards, nobody hears.
    pub(crate) fn is_dead(&self) -> bool {
        self.state.dead.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn faults(&self) -> u64 {
        self.state.faults.load(Ordering::SeqCst)
    }

    /// Carries a request out as its fate wants.
    async fn carry<T>(&self, request: impl Future<Output = Result<T>>) -> Result<T> {
        let fate = self.fates.of(self.state.requests.fetch_add(1, Ordering::SeqCst));
        if self.is_dead() {
            return Err(broken());
        }
        self.state.faults.fetch_add(u64::from(fate != Fate::Done), Ordering::SeqCst);
        match fate {
            Fate::Done => request.await,
            Fate::Refused => Err(broken()),
            Fate::Unanswered => request.await.and(Err(broken())),
            Fate::Slow => {
                tokio::time::sleep(SLOW).await;
                if self.is_dead() { Err(broken()) } else { request.await }
            }
            Fate::DiesBefore => {
                self.state.dead.store(true, Ordering::SeqCst);
                Err(broken())
            }
            Fate::DiesAfter => {
                let done = request.await;
                self.state.dead.store(true, Ordering::SeqCst);
                done.and(Err(broken()))
            }
        }
    }
}

fn broken() -> Error {
    Error::Generic { store: "simulated", source: "the line broke".into() }
}

fn never_used() -> Error {
    Error::NotImplemented { operation: "it is not used".to_owned(), implementer: "simulated".to_owned() }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("simulated")
    }
}

#[async_trait]
impl ObjectStore for Line {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.carry(self.objects.put_opts(location, payload, options)).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.carry(self.objects.get_opts(location, options)).await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (line, listed) = (self.clone(), self.objects.list(prefix));
        let listing = async move { line.carry(listed.try_collect::<Vec<_>>()).await };
        stream::once(listing).map_ok(|all| stream::iter(all.into_iter().map(Ok))).try_flatten().boxed()
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (line, deleted) = (self.clone(), self.objects.delete_stream(locations));
        let deletion = async move { line.carry(deleted.try_collect::<Vec<_>>()).await };
        stream::once(deletion).map_ok(|all| stream::iter(all.into_iter().map(Ok))).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(never_used())
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(never_used())
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(never_used())
    }
}
