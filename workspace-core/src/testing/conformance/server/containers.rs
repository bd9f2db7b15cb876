//! Rules of containers: made, started, stopped, removed.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::rig::{PATIENCE, Rig, refused, works};
use super::subject::Subject;
use crate::error::ErrorKind;
use crate::port::{ContainerStatus, Created, Server};

/// A container is made once and adopted by who makes it again; it is not started by that.
pub async fn making_is_idempotent(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.idle();
    assert_eq!(rig.inspect(&spec.name).await, None, "a container that was not made is not there");
    rig.create(&spec).await;
    let again = works("create again", server.create_container(&spec).await);
    assert_eq!(again, Created::Adopted, "a container with the same labels is adopted");
    let state = rig.inspect(&spec.name).await.expect("a container that was made is there");
    assert_eq!((state.name.as_str(), state.status), (spec.name.as_str(), ContainerStatus::Created), "it is made only");
    assert_eq!(state.labels, Some(spec.labels.clone()), "it carries its labels");
    assert_eq!((state.started_at, state.finished_at), (None, None), "it was never started");
    works("start", server.start_container(&spec.name, None).await);
    let running = works("create a running one", server.create_container(&spec).await);
    assert_eq!(running, Created::Adopted, "a running container is adopted");
    rig.remove(&spec).await;
}

/// Of many who make the same container at once, one makes it and the others adopt it.
pub async fn many_makers_make_one(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.idle();
    let made = join_all((0..8).map(|_| server.create_container(&spec))).await;
    let new = made.into_iter().map(|made| works("create at once", made)).filter(|made| *made == Created::New);
    assert_eq!(new.count(), 1, "one of many makes it");
    rig.remove(&spec).await;
}

/// Starting a running container leaves it as it is.
pub async fn starting_is_idempotent(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.idle();
    rig.start(&spec).await;
    let first = rig.reaches(&spec.name, ContainerStatus::Running).await;
    assert!(first.started_at.is_some(), "its start is told");
    assert_eq!(first.exit_code, None, "a running container has no exit code");
    works("start again", server.start_container(&spec.name, None).await);
    let second = rig.reaches(&spec.name, ContainerStatus::Running).await;
    assert_eq!(second.started_at, first.started_at, "a running container is not started anew");
    rig.remove(&spec).await;
}

/// Stopping ends a container; one that does not run, was never started or does not exist is stopped already.
pub async fn stopping_is_idempotent(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.idle();
    works("stop a missing one", server.stop_container(&spec.name, subject.fleet, Duration::from_secs(1)).await);
    rig.create(&spec).await;
    works("stop a new one", server.stop_container(&spec.name, subject.fleet, Duration::from_secs(1)).await);
    works("start", server.start_container(&spec.name, None).await);
    works("stop", server.stop_container(&spec.name, subject.fleet, Duration::from_secs(1)).await);
    let state = rig.inspect(&spec.name).await.expect("a stopped container is there");
    assert_eq!(state.status, ContainerStatus::Exited, "a stopped container has ended when stop answers");
    assert!(state.finished_at.is_some() && state.exit_code.is_some(), "end and code are told");
    works("stop again", server.stop_container(&spec.name, subject.fleet, Duration::from_secs(1)).await);
    rig.remove(&spec).await;
}

/// Removing takes a container away; a missing one is removed already, also with many at once.
pub async fn removing_is_idempotent(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.idle();
    works("remove a missing one", server.remove_container(&spec.name, subject.fleet).await);
    rig.create(&spec).await;
    let removed = join_all((0..6).map(|_| server.remove_container(&spec.name, subject.fleet))).await;
    for removed in removed {
        works("remove at once", removed);
    }
    assert_eq!(rig.inspect(&spec.name).await, None, "a removed container is gone when remove answers");
    works("remove again", server.remove_container(&spec.name, subject.fleet).await);
    rig.create(&spec).await;
    rig.remove(&spec).await;
}

/// A running container is ended and removed.
pub async fn running_containers_are_removed(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.line("trap '' TERM; while true; do sleep 1; done");
    rig.start(&spec).await;
    let started = Instant::now();
    rig.remove(&spec).await;
    assert_eq!(rig.inspect(&spec.name).await, None, "a running container is removed");
    assert!(started.elapsed() < PATIENCE, "removing does not wait for a program that does not listen");
}

/// A container that ended by itself tells its code.
pub async fn ended_containers_tell_their_code(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    for code in [0, 7] {
        let spec = rig.line(&format!("exit {code}"));
        rig.start(&spec).await;
        let state = rig.reaches(&spec.name, ContainerStatus::Exited).await;
        assert_eq!(state.exit_code, Some(code), "its code is told");
        assert!(state.started_at <= state.finished_at && state.finished_at.is_some(), "its times are told in order");
        assert!(!state.out_of_memory, "it did not run out of memory");
        rig.remove(&spec).await;
    }
}

/// A container that ended starts again.
pub async fn ended_containers_start_again(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.idle();
    rig.start(&spec).await;
    works("stop", server.stop_container(&spec.name, subject.fleet, Duration::from_secs(1)).await);
    works("start again", server.start_container(&spec.name, None).await);
    rig.reaches(&spec.name, ContainerStatus::Running).await;
    rig.remove(&spec).await;
}

/// Stopping asks the program to end, which then tells its own code.
pub async fn stopping_asks_first(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.line("trap 'echo asked; exit 42' TERM; echo ready; while true; do sleep 0.1; done");
    rig.start(&spec).await;
    says(&rig, &spec.name, "ready\n").await;
    works("stop", server.stop_container(&spec.name, subject.fleet, Duration::from_secs(20)).await);
    let state = rig.reaches(&spec.name, ContainerStatus::Exited).await;
    assert_eq!(state.exit_code, Some(42), "a program that is asked ends by itself");
    assert_eq!(rig.log(&spec.name, None).await.0, "ready\nasked\n", "and says so");
    rig.remove(&spec).await;
}

/// Waits until the log is this.
async fn says(rig: &Rig<'_>, name: &str, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    while rig.log(name, None).await.0 != text {
        assert!(Instant::now() < deadline, "the container says {text:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A program that does not listen is ended after the grace.
pub async fn stopping_ends_what_does_not_listen(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.line("trap '' TERM; echo ready; while true; do sleep 0.1; done");
    rig.start(&spec).await;
    says(&rig, &spec.name, "ready\n").await;
    let started = Instant::now();
    works("stop", server.stop_container(&spec.name, subject.fleet, Duration::from_secs(1)).await);
    assert!(started.elapsed() >= Duration::from_millis(900), "the grace is kept: {:?}", started.elapsed());
    let state = rig.inspect(&spec.name).await.expect("the container is there");
    assert_eq!((state.status, state.exit_code), (ContainerStatus::Exited, Some(137)), "it was ended");
    rig.remove(&spec).await;
}

/// The input of a start is written to stdin, which is then closed.
pub async fn input_is_written_and_closed(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let mut spec = rig.line("read line; echo \"got $line\"; cat; echo end");
    spec.open_stdin = true;
    rig.create(&spec).await;
    let input = Bytes::from("first\nsecond\n");
    works("start with input", server.start_container(&spec.name, Some(input)).await);
    rig.reaches(&spec.name, ContainerStatus::Exited).await;
    assert_eq!(rig.log(&spec.name, None).await.0, "got first\nsecond\nend\n", "input is written and closed");
    rig.remove(&spec).await;
}

/// A container gets its environment and starts in its folder.
pub async fn environment_and_folder_are_kept(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let mut spec = rig.line("echo \"$NAME\"; pwd");
    spec.env.insert("NAME".to_owned(), "a \"b\" $c".to_owned());
    spec.working_dir = Some("/tmp".to_owned());
    rig.start(&spec).await;
    rig.reaches(&spec.name, ContainerStatus::Exited).await;
    assert_eq!(rig.log(&spec.name, None).await.0, "a \"b\" $c\n/tmp\n", "environment and folder are kept");
    rig.remove(&spec).await;
}

/// A container whose program does not exist does not run: its start is refused, or it ends with 127, where an init
/// process of the engine finds out. It can be removed.
pub async fn missing_programs_do_not_run(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let mut spec = rig.idle();
    spec.command = vec!["no-such-program-here".to_owned()];
    rig.create(&spec).await;
    match server.start_container(&spec.name, None).await {
        Ok(()) => {
            let state = rig.reaches(&spec.name, ContainerStatus::Exited).await;
            assert_eq!(state.exit_code, Some(127), "its code says that there is no program");
        }
        refusal => {
            refused("no such program", refusal, ErrorKind::ProgramNotFound);
            let state = rig.inspect(&spec.name).await.expect("the container is there");
            assert_ne!(state.status, ContainerStatus::Running, "it does not run");
        }
    }
    rig.remove(&spec).await;
}

/// What needs a container says that there is none.
pub async fn missing_containers_are_told(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.idle();
    refused("no container", server.start_container(&spec.name, None).await, ErrorKind::NotFound);
    let logs = server.container_logs(&spec.name, crate::port::LogOptions::default()).await;
    refused("no container", logs.map(|_| ()), ErrorKind::NotFound);
}

/// An image that is neither there nor in a registry is told as such.
pub async fn missing_images_are_told(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    assert!(works("has_image", server.has_image(&subject.image).await), "the server has the image of the rules");
    let missing = &subject.missing_image;
    assert!(!works("has_image", server.has_image(missing).await), "the server does not have the missing image");
    let mut spec = rig.idle();
    spec.image = missing.clone();
    let error = refused("no such image", server.create_container(&spec).await, ErrorKind::ImageNotFound);
    assert!(error.next_step().is_some(), "a missing image comes with a hint");
    assert_eq!(rig.inspect(&spec.name).await, None, "nothing was made of a missing image");
}

/// A running container shows what it uses; one that does not run has nothing to show.
pub async fn containers_show_what_they_use(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.line("while true; do :; done");
    rig.start(&spec).await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let stats = works("stats", server.container_stats(&spec.name).await);
        if stats.cpu_nanos > 0 && stats.cpu_millis > 0 && stats.memory_bytes > 0 && stats.pids >= 1 {
            break;
        }
        assert!(Instant::now() < deadline, "a busy container uses something: {stats:?}");
        sleep(Duration::from_millis(50)).await;
    }
    works("stop", server.stop_container(&spec.name, subject.fleet, Duration::ZERO).await);
    refused("it does not run", server.container_stats(&spec.name).await, ErrorKind::NotRunning);
    rig.remove(&spec).await;
}
