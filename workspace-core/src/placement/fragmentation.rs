//! How much GPU is out of reach for the work that is to be expected.
//!
//! After "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient Descent" (USENIX ATC
//! 2023): what is free on a server is stranded for a request when the server cannot take it, for want of cores, memory
//! or GPUs; the measure is the stranded GPU over the requests that are to be expected, weighted by how often they come.

/// What remains of a server with GPUs.
#[derive(Clone, Copy, Debug)]
pub struct GpuRoom<'a> {
    /// Free thousandths of a core.
    pub cpu_millis: u64,
    /// Free memory in MiB.
    pub memory_mib: u64,
    /// The free thousandths of each GPU.
    pub gpu_millis: &'a [u16],
}

/// A kind of request that is to be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypicalRequest {
    /// Thousandths of a core.
    pub cpu_millis: u64,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// GPUs; 0 for work that needs none.
    pub gpus: u32,
    /// The thousandths that it takes of each of them.
    pub gpu_millis: u16,
    /// How often it comes, in any unit.
    pub weight: u64,
}

impl GpuRoom<'_> {
    /// Thousandths of GPUs that are stranded, each times the weight of the request that they are stranded for.
    pub fn stranded(&self, typical: &[TypicalRequest]) -> u64 {
        let free: u64 = self.gpu_millis.iter().map(|&millis| u64::from(millis)).sum();
        if free == 0 {
            return 0;
        }
        typical.iter().map(|request| self.stranded_for(request, free).saturating_mul(request.weight)).sum()
    }

    fn stranded_for(&self, request: &TypicalRequest, free: u64) -> u64 {
        if request.gpus == 0 || request.cpu_millis > self.cpu_millis || request.memory_mib > self.memory_mib {
            return free;
        }
        let (mut enough, mut rest) = (0, 0);
        for &millis in self.gpu_millis {
            if millis >= request.gpu_millis {
                enough += 1;
            } else {
                rest += u64::from(millis);
            }
        }
        if enough < request.gpus { free } else { rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stranded_is_what_a_request_cannot_take() {
        let half = TypicalRequest { cpu_millis: 1_000, memory_mib: 0, gpus: 1, gpu_millis: 500, weight: 2 };
        let none = TypicalRequest { gpus: 0, gpu_millis: 0, weight: 1, ..half };
        let room = GpuRoom { cpu_millis: 1_000, memory_mib: 0, gpu_millis: &[400, 1_000] };
        assert_eq!(room.stranded(&[half]), 2 * 400);
        assert_eq!(room.stranded(&[none]), 1_400);
        assert_eq!(room.stranded(&[TypicalRequest { gpus: 2, ..half }]), 2 * 1_400);
        assert_eq!(GpuRoom { cpu_millis: 999, ..room }.stranded(&[half]), 2 * 1_400);
        assert_eq!(GpuRoom { gpu_millis: &[], ..room }.stranded(&[half, none]), 0);
    }
}
