//! Running the worker beside the data: a short container of its own.

use bollard::container::LogOutput;
use bollard::errors::Error as Bollard;
use bollard::models::{ContainerCreateBody, HostConfig, Mount as EngineMount};
use bollard::query_parameters::{LogsOptionsBuilder, WaitContainerOptions};
use futures::StreamExt;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::port::{ImageRef, ObjectLabels};

use crate::call::Call;
use crate::container;
use crate::engine::Engine;
use crate::labels;

/// More than this of the program's words is not read.
const MOST_OUTPUT: usize = 64 * 1024;

/// One run of the worker.
pub(crate) struct Run {
    /// The worker image.
    pub(crate) image: ImageRef,
    /// The container's name, of its own.
    pub(crate) name: String,
    /// The subcommand and its arguments.
    pub(crate) arguments: Vec<String>,
    /// Where the data is.
    pub(crate) mount: EngineMount,
    /// Whose the data is.
    pub(crate) labels: ObjectLabels,
}

/// Runs the worker and gives what it wrote to stdout; the container is removed in the end.
pub(crate) async fn run(engine: &Engine, run: Run) -> Result<String> {
    let made = container::make(engine, &run.name, &body(&run), &run.labels).await?;
    let outcome = ended(engine, &made.id, &run).await;
    let removed = container::remove_id(engine, &made.id, &run.name).await;
    let output = outcome?;
    removed?;
    Ok(output)
}

/// Root, since the data's directory may not yet belong to 1000, but with only what owning files needs, and no network.
fn body(run: &Run) -> ContainerCreateBody {
    let capabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER"];
    ContainerCreateBody {
        image: Some(run.image.as_str().to_owned()),
        cmd: Some(run.arguments.clone()),
        user: Some("0:0".to_owned()),
        labels: Some(labels::to_engine(&run.labels)),
        host_config: Some(HostConfig {
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: Some(capabilities.map(str::to_owned).to_vec()),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            network_mode: Some("none".to_owned()),
            readonly_rootfs: Some(true),
            pids_limit: Some(64),
            memory: Some(256 << 20),
            memory_swap: Some(256 << 20),
            init: Some(true),
            mounts: Some(vec![run.mount.clone()]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

async fn ended(engine: &Engine, id: &str, run: &Run) -> Result<String> {
    container::start(engine, id, id, None).await?;
    let what = || format!("run worker {}", run.arguments.first().map_or("", String::as_str));
    let mut answers = engine.docker().wait_container(id, None::<WaitContainerOptions>).boxed();
    let waited = async {
        match answers.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            Some(Err(Bollard::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(error),
            None => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
        }
    };
    let code = engine.call(Call::ContainerWait, waited).await.map_err(|failure| engine.error(failure, what()))?;
    let (stdout, stderr) = output(engine, id).await?;
    if code == 0 {
        return Ok(stdout);
    }
    let words = format!("server {} could not {}: exit code {code}: {}", engine.name(), what(), stderr.trim());
    let full = stderr.to_lowercase().contains("no space left on device");
    Err(Error::new(if full { ErrorKind::DiskFull } else { ErrorKind::Internal }, words))
}

async fn output(engine: &Engine, id: &str) -> Result<(String, String)> {
    let asked = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
    let mut pieces = engine.docker().logs(id, Some(asked)).boxed();
    let read = async {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(piece) = pieces.next().await {
            match piece? {
                LogOutput::StdErr { message } => stderr.extend_from_slice(&message),
                piece => stdout.extend_from_slice(piece.as_ref()),
            }
            if stdout.len() + stderr.len() > MOST_OUTPUT {
                break;
            }
        }
        Ok((stdout, stderr))
    };
    let (stdout, stderr) = engine
        .call(Call::ContainerLogs, read)
        .await
        .map_err(|failure| engine.error(failure, "read what the worker said"))?;
    Ok((String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned()))
}
