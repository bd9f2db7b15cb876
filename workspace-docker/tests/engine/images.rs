//! Images: looking, pulling from a real registry, loading.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what is not there fails the test")]

use std::time::Duration;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::{PushImageOptionsBuilder, RemoveImageOptions, TagImageOptionsBuilder};
use futures::{FutureExt, StreamExt, TryStreamExt};
use workspace_core::error::ErrorKind;
use workspace_core::port::{ImageRef, RegistryCredentials};
use workspace_core::secret::Secret;
use workspace_docker::Call;

use crate::common::{Bench, new_id, plain_spec, tls_spec, variable};

#[derive(serde::Deserialize)]
struct Registry {
    address: String,
    username: String,
    password: String,
}

fn registry() -> Registry {
    serde_json::from_str(&variable("WORKSPACE_TEST_REGISTRY")).expect("the registry of the local fleet")
}

impl Registry {
    fn credentials(&self) -> RegistryCredentials {
        RegistryCredentials {
            registry: self.address.clone(),
            username: self.username.clone(),
            password: Secret::new(self.password.clone()),
        }
    }

    /// Puts the base image there under a new name, and forgets it on the server.
    async fn publish(&self, docker: &Docker) -> ImageRef {
        let repository = format!("{}/team/t{}", self.address, new_id().simple());
        let tag = TagImageOptionsBuilder::new().repo(&repository).tag("1").build();
        docker.tag_image("workspace-base", Some(tag)).await.unwrap();
        let login = DockerCredentials {
            username: Some(self.username.clone()),
            password: Some(self.password.clone()),
            serveraddress: Some(self.address.clone()),
            ..DockerCredentials::default()
        };
        let push = PushImageOptionsBuilder::new().tag("1").build();
        let pushed: Vec<_> = docker.push_image(&repository, Some(push), Some(login)).try_collect().await.unwrap();
        assert!(!pushed.is_empty());
        let image = format!("{repository}:1");
        remove(docker, &image).await;
        ImageRef::new(image)
    }
}

pub(crate) async fn remove(docker: &Docker, image: &str) {
    docker.remove_image(image, None::<RemoveImageOptions>, None).await.unwrap();
}

pub(crate) fn docker() -> Docker {
    Docker::connect_with_http(&plain_spec().endpoint, 30, bollard::API_DEFAULT_VERSION).unwrap()
}

#[tokio::test]
async fn an_image_is_pulled_with_the_right_credentials_only() {
    let (registry, docker) = (registry(), docker());
    let image = registry.publish(&docker).await;
    let bench = Bench::plain(plain_spec()).await;
    assert!(!bench.server.has_image(&image).await.unwrap());

    let error = bench.server.pull_image(&image, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RegistryRefused, "{}", error.chain());
    let wrong = RegistryCredentials { password: Secret::new("wrong?~>"), ..registry.credentials() };
    let error = bench.server.pull_image(&image, Some(&wrong)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RegistryRefused, "{}", error.chain());
    assert!(!error.chain().contains("wrong?"), "a password is shown");
    assert!(!bench.server.has_image(&image).await.unwrap());

    bench.server.pull_image(&image, Some(&registry.credentials())).await.unwrap();
    assert!(bench.server.has_image(&image).await.unwrap());
    remove(&docker, image.as_str()).await;
}

#[tokio::test]
async fn what_a_registry_does_not_have_and_one_that_is_not_there_are_told_apart() {
    let registry = registry();
    let bench = Bench::plain(tls_spec()).await;
    let nobody = ImageRef::new(format!("{}/team/nobody:1", registry.address));
    let error = bench.server.pull_image(&nobody, Some(&registry.credentials())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ImageNotFound, "{}", error.chain());
    let silent = ImageRef::new("127.0.0.1:1/team/base:1");
    let error = bench.server.pull_image(&silent, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RegistryUnreachable, "{}", error.chain());
    assert!(error.is_retryable() && error.next_step().is_some());
    let error = bench.server.pull_image(&ImageRef::new("Not/An/Image"), None).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("image")), "{}", error.chain());
}

#[tokio::test]
async fn pulls_of_one_image_at_once_are_one_and_survive_a_caller() {
    let (registry, docker) = (registry(), docker());
    let image = registry.publish(&docker).await;
    let bench = Bench::plain(plain_spec()).await;
    let credentials = registry.credentials();
    bench.calls.take();
    {
        let mut first = bench.server.pull_image(&image, Some(&credentials));
        let started = futures::poll!(&mut first);
        assert!(started.is_pending());
        let others = futures::future::join_all((0..5).map(|_| bench.server.pull_image(&image, Some(&credentials))));
        let mut others = Box::pin(others);
        assert!(futures::poll!(&mut others).is_pending());
        drop(first);
        for result in others.await {
            result.unwrap();
        }
    }
    assert_eq!(bench.calls.take(), [Call::ImagePull]);
    remove(&docker, image.as_str()).await;
    // One that ended is not joined.
    bench.server.pull_image(&image, Some(&credentials)).await.unwrap();
    assert_eq!(bench.calls.take(), [Call::ImagePull]);
    remove(&docker, image.as_str()).await;
}

#[tokio::test]
async fn an_archive_is_loaded_and_nonsense_is_not() {
    let bench = Bench::plain(plain_spec()).await;
    let docker = docker();
    let name = format!("loaded-{}:1", new_id().simple());
    let (repository, tag) = name.split_once(':').unwrap();
    let tag = TagImageOptionsBuilder::new().repo(repository).tag(tag).build();
    docker.tag_image("workspace-base", Some(tag)).await.unwrap();
    let saved: Vec<_> = docker.export_image(&name).try_collect().await.unwrap();
    remove(&docker, &name).await;
    let image = ImageRef::new(&name);
    assert!(!bench.server.has_image(&image).await.unwrap());
    bench.server.load_image(saved.concat().into()).await.unwrap();
    assert!(bench.server.has_image(&image).await.unwrap());
    remove(&docker, &name).await;
    bench.server.load_image("no archive at all".into()).await.unwrap_err();
}

/// What a dropped pull leaves behind must not be waited for by the next.
#[tokio::test]
async fn a_dropped_pull_can_be_asked_for_again() {
    let (registry, docker) = (registry(), docker());
    let image = registry.publish(&docker).await;
    let bench = Bench::plain(plain_spec()).await;
    let credentials = registry.credentials();
    let mut pull = bench.server.pull_image(&image, Some(&credentials)).into_stream();
    assert!(futures::poll!(pull.next()).is_pending());
    drop(pull);
    let again = bench.server.pull_image(&image, Some(&credentials));
    tokio::time::timeout(Duration::from_secs(30), again).await.expect("in time").unwrap();
    remove(&docker, image.as_str()).await;
}
