//! `worker job`.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::panic;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use workspace_fleet::local::{JobEnd, JobSetup, ProcessHost, serve_job_stdio};

/// Names the file with the certificate authorities to trust.
const AUTHORITIES: &str = "SSL_CERT_FILE";

/// How long threads that still clean up may take after the job.
const CLEAN_UP: Duration = Duration::from_secs(3);

/// Serves the job on stdin and stdout, and answers with the exit code.
pub(crate) fn serve() -> io::Result<u8> {
    let own_authorities = shipped_authorities();
    let named = std::env::var_os(AUTHORITIES).map(PathBuf::from);
    if let Some(file) = &own_authorities
        && !named.as_ref().is_some_and(|named| named.is_file())
    {
        // The libraries look into the environment, which only a new program image may have otherwise.
        return Err(Command::new(std::env::current_exe()?).arg("job").env(AUTHORITIES, file).exec());
    }
    // What a thread that breaks would say may hold a secret.
    panic::set_hook(Box::new(|broken| {
        let place = broken.location().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(io::stderr(), "worker: a thread broke at {place}");
    }));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let end = runtime.block_on(async {
        let mut setup = JobSetup::new(ProcessHost::adopting()?, Arc::new(crate::WorkerSteps));
        if let Some(tree) = std::env::var_os("WORKSPACE_ROOT") {
            setup = setup.tree(PathBuf::from(tree));
        }
        // Agents trust whom their own image trusts.
        if own_authorities == named {
            setup = setup.hide(AUTHORITIES);
        }
        serve_job_stdio(setup).await
    });
    runtime.shutdown_timeout(CLEAN_UP);
    let end = end?;
    if let JobEnd::Refused(error) = &end {
        writeln!(io::stderr(), "worker: {error}")?;
    }
    Ok(end.exit_code())
}

/// The authorities that the worker image has beside the program: other images may have none.
fn shipped_authorities() -> Option<PathBuf> {
    let file = std::env::current_exe().ok()?.with_file_name("ca-certificates.crt");
    file.is_file().then_some(file)
}
