//! Counters in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use workspace_core::orchestrator::FleetSummary;

/// Upper bounds of the buckets of durations, in milliseconds.
const BUCKETS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 30_000];

/// What was counted of the requests.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<Series, Count>>,
}

/// What is counted apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    route: String,
    method: String,
    status: u16,
}

#[derive(Clone, Debug, Default)]
struct Count {
    requests: u64,
    micros: u64,
    buckets: [u64; BUCKETS.len()],
}

impl Metrics {
    /// Counts an answered request; of a stream, the time until it began.
    pub(crate) fn count(&self, method: &Method, route: &str, status: u16, took: Duration) {
        // Names that a client invents would be series that never end.
        let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let method = if known.contains(method) { method.as_str() } else { "other" };
        let series = Series { route: route.to_owned(), method: method.to_owned(), status };
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let count = requests.entry(series).or_default();
        count.requests += 1;
        count.micros = count.micros.saturating_add(micros);
        for (bucket, bound) in count.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(micros <= bound * 1_000);
        }
    }

    /// The page; without the fleet's part when the store does not answer.
    pub(crate) fn page(&self, fleet: Option<&FleetSummary>) -> String {
        let mut page = String::new();
        if let Some(fleet) = fleet {
            gauge(&mut page, "workspace_servers", "Servers by availability.", "availability", &fleet.servers);
            gauge(&mut page, "workspace_workspaces", "Workspaces by status.", "status", &fleet.workspaces);
        }
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        head(&mut page, "workspace_http_requests_total", "counter", "Answered requests.");
        for (series, count) in &requests {
            let labels = series.labels();
            let _ = writeln!(page, "workspace_http_requests_total{{{labels}}} {}", count.requests);
        }
        head(&mut page, "workspace_http_request_duration_seconds", "histogram", "Time until the answer began.");
        for (series, count) in &requests {
            histogram(&mut page, &series.labels(), count);
        }
        page
    }
}

impl Series {
    fn labels(&self) -> String {
        format!("route=\"{}\",method=\"{}\",status=\"{}\"", self.route, self.method, self.status)
    }
}

fn head(page: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn gauge(page: &mut String, name: &str, help: &str, label: &str, values: &BTreeMap<&'static str, usize>) {
    head(page, name, "gauge", help);
    for (value, count) in values {
        let _ = writeln!(page, "{name}{{{label}=\"{value}\"}} {count}");
    }
}

fn histogram(page: &mut String, labels: &str, count: &Count) {
    let name = "workspace_http_request_duration_seconds";
    for (bound, requests) in BUCKETS.iter().zip(count.buckets) {
        let le = seconds(bound * 1_000);
        let _ = writeln!(page, "{name}_bucket{{{labels},le=\"{le}\"}} {requests}");
    }
    let _ = writeln!(page, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", count.requests);
    let _ = writeln!(page, "{name}_sum{{{labels}}} {}", seconds(count.micros));
    let _ = writeln!(page, "{name}_count{{{labels}}} {}", count.requests);
}

/// Microseconds as seconds, without trailing zeros.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_in_its_buckets() {
        let metrics = Metrics::default();
        metrics.count(&Method::GET, "/x/{id}", 200, Duration::from_millis(7));
        let page = metrics.page(None);
        let labels = "route=\"/x/{id}\",method=\"GET\",status=\"200\"";
        for line in [
            format!("workspace_http_requests_total{{{labels}}} 1"),
            format!("workspace_http_request_duration_seconds_bucket{{{labels},le=\"0.005\"}} 0"),
            format!("workspace_http_request_duration_seconds_bucket{{{labels},le=\"0.01\"}} 1"),
            format!("workspace_http_request_duration_seconds_bucket{{{labels},le=\"30\"}} 1"),
            format!("workspace_http_request_duration_seconds_sum{{{labels}}} 0.007"),
        ] {
            assert!(page.contains(&line), "{line} is not in\n{page}");
        }
    }
}
