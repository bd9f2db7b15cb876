//! The address ranges of workspaces' networks: number `n` is the n-th /28 of the server's range.

use std::fmt;
use std::net::Ipv4Addr;

use workspace_core::error::{Error, Result};

/// Where workspaces' networks are when a server's record does not say.
const DEFAULT: &str = "10.200.0.0/16";
/// 16 addresses: network, gateway, broadcast and 13 to use.
const PREFIX: u32 = 28;

/// The range of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NetworkRange {
    first: u32,
    prefix: u32,
}

/// The range of one workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subnet(u32);

impl NetworkRange {
    /// Reads `network_cidr` of a record.
    pub(crate) fn parse(cidr: Option<&str>) -> Result<Self> {
        let cidr = cidr.unwrap_or(DEFAULT);
        let bad = |message: &str| {
            Error::invalid("network_cidr", format!("{cidr:?} {message}")).hint("write it like 10.200.0.0/16")
        };
        let (address, prefix) = cidr.split_once('/').ok_or_else(|| bad("is no address range"))?;
        let address: Ipv4Addr = address.parse().map_err(|_| bad("is no IPv4 address range"))?;
        let prefix: u32 = prefix.parse().map_err(|_| bad("is no address range"))?;
        if !(8..=PREFIX).contains(&prefix) {
            return Err(bad("is too large or too small: its prefix must be 8 to 28"));
        }
        let first = u32::from(address);
        if first.trailing_zeros() < 32 - prefix {
            return Err(bad("does not begin where its prefix says"));
        }
        if !address.is_private() && !is_shared(address) {
            return Err(
                bad("is not private").hint("use a part of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10")
            );
        }
        Ok(Self { first, prefix })
    }

    /// How many networks fit.
    pub(crate) const fn size(self) -> u32 {
        1 << (PREFIX - self.prefix)
    }

    /// The range of a network's number.
    pub(crate) fn subnet(self, slot: u32) -> Result<Subnet> {
        if slot >= self.size() {
            return Err(Error::invalid("network_cidr", format!("network number {slot} is outside of {self}"))
                .hint(format!("the range has room for {} networks: give the server a larger one", self.size())));
        }
        Ok(Subnet(self.first + (slot << (32 - PREFIX))))
    }
}

/// 100.64.0.0/10, RFC 6598.
fn is_shared(address: Ipv4Addr) -> bool {
    u32::from(address) >> 22 == u32::from(Ipv4Addr::new(100, 64, 0, 0)) >> 22
}

impl fmt::Display for NetworkRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.first), self.prefix)
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{PREFIX}", Ipv4Addr::from(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_the_default_range_has_its_own_addresses() {
        let range = NetworkRange::parse(None).unwrap();
        assert_eq!(range.size(), 4096);
        assert_eq!(range.subnet(0).unwrap().to_string(), "10.200.0.0/28");
        assert_eq!(range.subnet(1).unwrap().to_string(), "10.200.0.16/28");
        assert_eq!(range.subnet(17).unwrap().to_string(), "10.200.1.16/28");
        assert_eq!(range.subnet(4095).unwrap().to_string(), "10.200.255.240/28");
        assert_eq!(range.subnet(4096).unwrap_err().field(), Some("network_cidr"));
        let all: std::collections::BTreeSet<_> =
            (0..4096).map(|slot| range.subnet(slot).unwrap().to_string()).collect();
        assert_eq!(all.len(), 4096);
    }

    #[test]
    fn small_ranges_end_early() {
        let range = NetworkRange::parse(Some("192.168.7.32/27")).unwrap();
        assert_eq!(range.subnet(1).unwrap().to_string(), "192.168.7.48/28");
        assert!(range.subnet(2).is_err());
        assert_eq!(NetworkRange::parse(Some("100.64.0.16/28")).unwrap().size(), 1);
    }

    #[test]
    fn ranges_that_can_never_work_are_refused() {
        for cidr in ["", "10.0.0.0", "10.0.0.1/16", "10.0.0.0/29", "10.0.0.0/7", "8.8.0.0/16", "fd00::/64", "x/16"] {
            assert_eq!(NetworkRange::parse(Some(cidr)).unwrap_err().field(), Some("network_cidr"), "{cidr}");
        }
    }
}
