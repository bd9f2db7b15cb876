//! Images on an Engine.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use bollard::auth::DockerCredentials;
use bollard::query_parameters::{CreateImageOptionsBuilder, ImportImageOptions};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use workspace_core::error::Result;
use workspace_core::port::{ImageRef, RegistryCredentials};

use crate::call::Call;
use crate::engine::Engine;
use crate::failure::{Failure, pull_error};
use crate::names;

/// Whether the Engine has the image.
pub(crate) async fn has(engine: &Engine, image: &ImageRef) -> Result<bool> {
    names::check_image(image)?;
    match engine.call(Call::ImageInspect, engine.docker().inspect_image(image.as_str())).await {
        Ok(_) => Ok(true),
        Err(failure) if failure.is_status(404) => Ok(false),
        Err(failure) => Err(engine.error(failure, format!("look for image {image}"))),
    }
}

/// Loads an archive of images.
pub(crate) async fn load(engine: &Engine, archive: Bytes) -> Result<()> {
    let progress = engine.docker().import_image(ImportImageOptions::default(), bollard::body_full(archive), None);
    engine.drain(Call::ImageLoad, progress).await.map_err(|failure| engine.error(failure, "load an image archive"))
}

type Flight = BoxFuture<'static, Result<(), Failure>>;

/// An image and who asks for it: another caller's wrong password must not fail mine.
type Key = (String, Option<(String, String)>);

/// The pulls that go on: one per image and credentials.
#[derive(Default)]
pub(crate) struct Pulls(Mutex<BTreeMap<Key, WeakShared<Flight>>>);

impl fmt::Debug for Pulls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pulls")
    }
}

impl Pulls {
    /// Pulls an image, or waits for the pull of it that goes on. It ends when the last of its callers is dropped.
    pub(crate) async fn pull(
        &self,
        engine: &Engine,
        image: &ImageRef,
        credentials: Option<&RegistryCredentials>,
    ) -> Result<()> {
        names::check_image(image)?;
        let flight = self.join(engine, image, credentials);
        flight.await.map_err(|failure| pull_error(failure, engine.name(), image.as_str()))
    }

    fn join(&self, engine: &Engine, image: &ImageRef, credentials: Option<&RegistryCredentials>) -> Shared<Flight> {
        let login = credentials.map(|login| (login.username.clone(), login.password.reveal().to_owned()));
        let key = (image.as_str().to_owned(), login);
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.retain(|_, flight| flight.upgrade().is_some_and(|flight| flight.peek().is_none()));
        if let Some(flight) = flights.get(&key).and_then(WeakShared::upgrade) {
            return flight;
        }
        let flight = fetch(engine.clone(), image.clone(), credentials.map(sent)).boxed().shared();
        flights.extend(flight.downgrade().map(|weak| (key, weak)));
        flight
    }
}

async fn fetch(engine: Engine, image: ImageRef, credentials: Option<DockerCredentials>) -> Result<(), Failure> {
    let (repository, tag) = names::split_image(image.as_str());
    let options = CreateImageOptionsBuilder::new().from_image(repository).tag(tag).build();
    engine.drain(Call::ImagePull, engine.docker().create_image(Some(options), None, credentials)).await
}

fn sent(credentials: &RegistryCredentials) -> DockerCredentials {
    DockerCredentials {
        username: Some(credentials.username.clone()),
        password: Some(credentials.password.reveal().to_owned()),
        serveraddress: Some(credentials.registry.clone()),
        ..DockerCredentials::default()
    }
}
