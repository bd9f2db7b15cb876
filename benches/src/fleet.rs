//! The real servers that the benchmarks run on.

use serde_json::Value;
use workspace_fleet::error::{Error, ErrorKind, Result};
use workspace_fleet::{ServerSpec, TlsMaterial, secret::Secret};

/// The servers of the environment variable `WORKSPACE_SERVERS`, as `fleet/up` prints them.
///
/// # Errors
/// When the variable is missing or not what `fleet/up` prints.
pub fn servers() -> Result<Vec<ServerSpec>> {
    let text = std::env::var("WORKSPACE_SERVERS").map_err(|_| {
        Error::invalid("WORKSPACE_SERVERS", "the variable is not set").hint("run it with `make bench-overhead`")
    })?;
    let list: Vec<Value> = serde_json::from_str(&text)
        .map_err(|error| Error::invalid("WORKSPACE_SERVERS", "the variable is no JSON array").source(error))?;
    list.iter().map(server).collect()
}

fn server(value: &Value) -> Result<ServerSpec> {
    let text = |value: &Value, field: &str| {
        value[field].as_str().map(str::to_owned).ok_or_else(|| Error::invalid(field, "the field is missing"))
    };
    let mut spec = ServerSpec::new(text(value, "name")?, text(value, "endpoint")?);
    spec.allow_insecure = value["allow_insecure"].as_bool().unwrap_or(false);
    if value["tls"].is_object() {
        let tls = &value["tls"];
        let key = Secret::new(text(tls, "key")?);
        spec.tls = Some(TlsMaterial { ca: text(tls, "ca")?, cert: text(tls, "cert")?, key });
    }
    Ok(spec)
}

/// An error for a benchmark that cannot go on.
pub fn broken(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Internal, message)
}
