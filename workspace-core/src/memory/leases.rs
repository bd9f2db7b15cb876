//! The right to act.

use std::time::Duration;

use super::tables::{LeaseRow, Tables};
use crate::clock::Timestamp;
use crate::id::MasterId;
use crate::model::{Fence, Lease};

impl Tables {
    pub(super) fn acquire_lease(&mut self, master: &MasterId, now: Timestamp, ttl: Duration) -> Lease {
        let epoch = self.leases.get(master).map_or(0, |lease| lease.epoch) + 1;
        let until = now.plus(ttl);
        self.leases.insert(master.clone(), LeaseRow { epoch, until: Some(until) });
        self.lease(Fence { master: master.clone(), epoch }, until, now)
    }

    pub(super) fn renew_lease(&mut self, fence: &Fence, now: Timestamp, ttl: Duration) -> Option<Lease> {
        if !self.is_current(fence) {
            return None;
        }
        let until = now.plus(ttl);
        self.leases.insert(fence.master.clone(), LeaseRow { epoch: fence.epoch, until: Some(until) });
        Some(self.lease(fence.clone(), until, now))
    }

    fn lease(&self, fence: Fence, until: Timestamp, now: Timestamp) -> Lease {
        let runs = |lease: &LeaseRow| lease.until.is_some_and(|until| until > now);
        // The one that was just given is there even if it was given for no time at all.
        let live = self.leases.iter().filter(|&(master, lease)| *master == fence.master || runs(lease));
        let masters = live.map(|(master, _)| master.clone()).collect();
        Lease { fence, until, store_now: now, masters }
    }

    pub(super) fn release_lease(&mut self, fence: &Fence) {
        if let Some(lease) = self.leases.get_mut(&fence.master)
            && lease.epoch == fence.epoch
        {
            lease.until = None;
        }
    }
}
