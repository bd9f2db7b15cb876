//! The openb trace: Alibaba's GPU cluster of 2023 (Apache-2.0 copy of hkust-adsl/kubernetes-scheduler-simulator).

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use workspace_fleet::error::{Error, Result};
use workspace_fleet::placement::TypicalRequest;

use super::dice::Dice;

/// A server of the trace.
#[derive(Clone, Debug)]
pub struct Node {
    /// Thousandths of a core.
    pub cpu_millis: u64,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Whole GPUs.
    pub gpus: usize,
    /// What kind of GPU.
    pub model: String,
}

/// A request of the trace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pod {
    /// Thousandths of a core.
    pub cpu_millis: u64,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// GPUs.
    pub gpus: usize,
    /// Thousandths of each of them.
    pub gpu_millis: u16,
    /// The kinds of GPU that will do; none says that any will.
    pub models: Vec<String>,
}

impl Pod {
    /// All thousandths of GPUs.
    pub fn gpu_total(&self) -> u64 {
        u64::try_from(self.gpus).unwrap_or(0) * u64::from(self.gpu_millis)
    }

    /// Whether this kind of GPU will do.
    pub fn takes(&self, model: &str) -> bool {
        self.gpus == 0 || self.models.is_empty() || self.models.iter().any(|wanted| wanted == model)
    }
}

/// Servers, the different requests, and each pod as the number of its request.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The servers.
    pub nodes: Vec<Node>,
    /// Different requests.
    pub kinds: Vec<Pod>,
    /// Every pod.
    pub pods: Vec<usize>,
}

impl Trace {
    /// Reads the trace from its directory.
    ///
    /// # Errors
    /// When a file is missing or not what it should be.
    pub fn read(directory: &Path) -> Result<Self> {
        let nodes = rows(&directory.join("openb_node_list_gpu_node.csv"), |row| {
            Some(Node {
                cpu_millis: number(row, 1)?,
                memory_mib: number(row, 2)?,
                gpus: number(row, 3)?,
                model: row.get(4)?.to_string(),
            })
        })?;
        let pods = rows(&directory.join("openb_pod_list_default.csv"), |row| {
            let models = row.get(5)?.split('|').filter(|model| !model.is_empty()).map(str::to_owned).collect();
            let (gpus, gpu_millis) = (number(row, 3)?, number(row, 4)?);
            Some(Pod { cpu_millis: number(row, 1)?, memory_mib: number(row, 2)?, gpus, gpu_millis, models })
        })?;
        let mut numbers: BTreeMap<Pod, usize> = BTreeMap::new();
        let mut kinds = Vec::new();
        let pods = pods.into_iter().map(|pod| {
            *numbers.entry(pod).or_insert_with_key(|pod| {
                kinds.push(pod.clone());
                kinds.len() - 1
            })
        });
        let pods = pods.collect();
        Ok(Self { nodes, kinds, pods })
    }

    /// Thousandths of all GPUs.
    pub fn gpu_total(&self) -> u64 {
        self.nodes.iter().map(|node| u64::try_from(node.gpus).unwrap_or(0) * 1_000).sum()
    }

    /// All pods, and as many drawn with replacement as make 130 % of all GPUs, in a random order.
    pub fn workload(&self, seed: u64) -> Vec<usize> {
        let mut dice = Dice::new(seed);
        let mut pods = self.pods.clone();
        let mut asked: u64 = pods.iter().map(|&pod| self.kinds[pod].gpu_total()).sum();
        while asked * 100 < self.gpu_total() * 130 {
            let pod = self.pods[dice.below(self.pods.len())];
            asked += self.kinds[pod].gpu_total();
            pods.push(pod);
        }
        dice.shuffle(&mut pods);
        pods
    }

    /// What is to be expected on servers with this kind of GPU: what cannot run there finds nothing there.
    pub fn typical(&self, model: &str) -> Vec<TypicalRequest> {
        let mut weights = vec![0; self.kinds.len()];
        for &pod in &self.pods {
            weights[pod] += 1;
        }
        let typical = |(pod, weight): (&Pod, u64)| TypicalRequest {
            cpu_millis: pod.cpu_millis,
            memory_mib: pod.memory_mib,
            gpus: if pod.takes(model) { u32::try_from(pod.gpus).unwrap_or(0) } else { 0 },
            gpu_millis: pod.gpu_millis,
            weight,
        };
        let mut all: Vec<TypicalRequest> = Vec::new();
        let mut without = 0;
        for request in self.kinds.iter().zip(weights).map(typical) {
            if request.gpus == 0 { without += request.weight } else { all.push(request) }
        }
        all.push(TypicalRequest { cpu_millis: 0, memory_mib: 0, gpus: 0, gpu_millis: 0, weight: without });
        all
    }
}

fn rows<T>(path: &Path, parse: impl Fn(&[&str]) -> Option<T>) -> Result<Vec<T>> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::invalid("OPENB_DIR", format!("{name} cannot be read")).source(error))?;
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        parse(&fields).ok_or_else(|| Error::invalid("OPENB_DIR", format!("{name}: no such row is known: {line:?}")))
    };
    text.lines().skip(1).map(row).collect()
}

fn number<T: FromStr>(row: &[&str], column: usize) -> Option<T> {
    let text = row.get(column)?;
    if text.is_empty() { "0".parse().ok() } else { text.parse().ok() }
}
