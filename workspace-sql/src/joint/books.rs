//! The room of servers while claims are decided one after the other.

use std::collections::BTreeMap;

use uuid::Uuid;
use workspace_core::model::ReservationPart;
use workspace_core::port::Refused;
use workspace_core::resources::Resources;

use crate::change::Claim;

/// What holds what: the key of a live reservation.
type Hold = (Uuid, &'static str);

/// The locked rows of servers, and what holders have.
#[derive(Debug, Default)]
pub(super) struct Books {
    servers: BTreeMap<Uuid, Account>,
    held: BTreeMap<Hold, Uuid>,
}

/// A server's row and what is claimed of it.
#[derive(Debug)]
pub(super) struct Account {
    active: bool,
    free: Resources,
    /// How many claims were granted.
    pub(super) claims: u64,
    /// What they add up to.
    pub(super) claimed: Resources,
    /// Whether each of them would do with a server that takes no new work.
    pub(super) forced: bool,
}

/// A granted claim: the `nth` of its server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) server: Uuid,
    pub(super) holder: Uuid,
    pub(super) part: ReservationPart,
    pub(super) resources: Resources,
    pub(super) nth: u64,
}

impl Books {
    pub(super) fn add_server(&mut self, id: Uuid, active: bool, free: Resources) {
        let (claims, claimed, forced) = (0, Resources::default(), true);
        self.servers.insert(id, Account { active, free, claims, claimed, forced });
    }

    pub(super) fn add_held(&mut self, holder: Uuid, part: &'static str, server: Uuid) {
        self.held.insert((holder, part), server);
    }

    /// The servers with granted claims, in the order of ids.
    pub(super) fn accounts(&self) -> impl Iterator<Item = (Uuid, &Account)> {
        self.servers.iter().filter(|(_, account)| account.claims > 0).map(|(id, account)| (*id, account))
    }

    /// Decides the claims of one change, all or none, by the rules of the single claim.
    pub(super) fn decide(&mut self, claims: &[Claim], grants: &mut Vec<Grant>) -> Result<(), Refused> {
        let before = grants.len();
        for claim in claims {
            match self.claim(claim) {
                Ok(grant) => grants.extend(grant),
                Err(refused) => {
                    for grant in grants.drain(before..).rev() {
                        self.take_back(&grant);
                    }
                    return Err(refused);
                }
            }
        }
        Ok(())
    }

    /// Nothing is granted to a holder that has it already.
    fn claim(&mut self, claim: &Claim) -> Result<Option<Grant>, Refused> {
        let (server, hold) = (claim.server.as_uuid(), (claim.holder, claim.part.name()));
        if let Some(on) = self.held.get(&hold) {
            return if *on == server { Ok(None) } else { Err(Refused::InUse) };
        }
        let account = self.servers.get_mut(&server).ok_or(Refused::ServerClosed)?;
        if !account.active && !claim.forced {
            return Err(Refused::ServerClosed);
        }
        // As the columns keep them.
        let resources = claim.resources.zip(Resources::default(), |amount, _| amount.min(i64::MAX.unsigned_abs()));
        if let dimension @ Some(_) = resources.first_over(&account.free) {
            return Err(Refused::Capacity { dimension });
        }
        account.free = account.free.minus(resources);
        account.claimed = account.claimed.plus(resources);
        account.claims += 1;
        account.forced &= claim.forced;
        self.held.insert(hold, server);
        Ok(Some(Grant { server, holder: claim.holder, part: claim.part, resources, nth: account.claims }))
    }

    fn take_back(&mut self, grant: &Grant) {
        self.held.remove(&(grant.holder, grant.part.name()));
        if let Some(account) = self.servers.get_mut(&grant.server) {
            account.free = account.free.plus(grant.resources);
            account.claimed = account.claimed.minus(grant.resources);
            account.claims -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use workspace_core::id::ServerId;
    use workspace_core::resources::Dimension;

    use super::*;

    const PLACE: Resources = Resources { cpu_millis: 0, memory_mib: 0, disk_gib: 0, slots: 1, gpus: 0 };

    fn claim(server: u128, holder: u128) -> Claim {
        let (server, holder) = (ServerId::from_uuid(Uuid::from_u128(server)), Uuid::from_u128(holder));
        Claim { server, holder, part: ReservationPart::Compute, resources: PLACE, forced: false }
    }

    fn books() -> Books {
        let mut books = Books::default();
        books.add_server(Uuid::from_u128(1), true, Resources { slots: 2, ..PLACE });
        books.add_server(Uuid::from_u128(2), false, PLACE);
        books
    }

    #[test]
    fn claims_stop_at_the_room() {
        let (mut books, mut grants) = (books(), Vec::new());
        let full = Refused::Capacity { dimension: Some(Dimension::Slots) };
        assert_eq!(books.decide(&[claim(1, 10)], &mut grants), Ok(()));
        assert_eq!(books.decide(&[claim(1, 10)], &mut grants), Ok(()), "a repeated claim is one claim");
        assert_eq!(books.decide(&[claim(2, 10)], &mut grants), Err(Refused::InUse));
        assert_eq!(books.decide(&[claim(1, 11)], &mut grants), Ok(()));
        assert_eq!(books.decide(&[claim(1, 12)], &mut grants), Err(full));
        assert_eq!(grants.iter().map(|grant| grant.nth).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_refused_change_takes_nothing() {
        let (mut books, mut grants) = (books(), Vec::new());
        assert_eq!(books.decide(&[claim(1, 10), claim(2, 11)], &mut grants), Err(Refused::ServerClosed));
        assert_eq!((books.accounts().count(), grants.len()), (0, 0));
        assert_eq!(books.decide(&[claim(1, 10), claim(1, 11)], &mut grants), Ok(()), "all of the room is there again");
    }

    #[test]
    fn closed_servers_take_forced_claims_only() {
        let (mut books, mut grants) = (books(), Vec::new());
        assert_eq!(books.decide(&[Claim { forced: true, ..claim(2, 10) }], &mut grants), Ok(()));
        assert!(books.accounts().all(|(_, account)| account.forced));
        assert_eq!(books.decide(&[claim(3, 11)], &mut grants), Err(Refused::ServerClosed), "no such server");
    }
}
