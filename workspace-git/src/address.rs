//! Which addresses a git remote may have: those of the public internet, and those that the operator allows.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use workspace_core::error::{Error, Result};

/// A range of addresses, such as `10.20.0.0/16` or `fd00:1::/64`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    prefix: u8,
}

impl AddressRange {
    const fn v4(first: [u8; 4], prefix: u8) -> Self {
        Self { first: IpAddr::V4(Ipv4Addr::new(first[0], first[1], first[2], first[3])), prefix }
    }

    const fn v6(first: [u16; 2], prefix: u8) -> Self {
        Self { first: IpAddr::V6(Ipv6Addr::new(first[0], first[1], 0, 0, 0, 0, 0, 0)), prefix }
    }

    /// Whether the address lies in the range. An IPv4 address that is written as IPv6 is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                same_prefix(u128::from(first.to_bits()) << 96, u128::from(address.to_bits()) << 96, self.prefix)
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => same_prefix(first.to_bits(), address.to_bits(), self.prefix),
            _ => false,
        }
    }
}

fn same_prefix(a: u128, b: u128, prefix: u8) -> bool {
    (a ^ b).checked_shr(128 - u32::from(prefix)).unwrap_or(0) == 0
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl fmt::Debug for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AddressRange {
    type Err = Error;

    /// Reads `address/prefix`, or an address alone.
    fn from_str(text: &str) -> Result<Self> {
        let (first, prefix) = text.split_once('/').map_or((text, None), |(first, prefix)| (first, Some(prefix)));
        let range = first.parse::<IpAddr>().ok().and_then(|first| {
            let most = if first.is_ipv4() { 32 } else { 128 };
            let prefix = prefix.map_or(Ok(most), str::parse).ok().filter(|prefix| *prefix <= most)?;
            Some(Self { first, prefix })
        });
        range.ok_or_else(|| {
            Error::invalid("allow", format!("`{text}` is no range of addresses")).hint("write it like 10.20.0.0/16")
        })
    }
}

impl Serialize for AddressRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AddressRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The special ranges of IPv4: IANA's registry (RFC 6890 and what followed), with multicast and the reserved end.
const SPECIAL_V4: [(AddressRange, &str); 16] = [
    (AddressRange::v4([0, 0, 0, 0], 8), "this network"),
    (AddressRange::v4([10, 0, 0, 0], 8), "private"),
    (AddressRange::v4([100, 64, 0, 0], 10), "carrier-grade NAT"),
    (AddressRange::v4([127, 0, 0, 0], 8), "loopback"),
    (AddressRange::v4([169, 254, 0, 0], 16), "link-local"),
    (AddressRange::v4([172, 16, 0, 0], 12), "private"),
    (AddressRange::v4([192, 0, 0, 0], 24), "protocol assignments"),
    (AddressRange::v4([192, 0, 2, 0], 24), "documentation"),
    (AddressRange::v4([192, 88, 99, 0], 24), "6to4 relay"),
    (AddressRange::v4([192, 168, 0, 0], 16), "private"),
    (AddressRange::v4([198, 18, 0, 0], 15), "benchmarking"),
    (AddressRange::v4([198, 51, 100, 0], 24), "documentation"),
    (AddressRange::v4([203, 0, 113, 0], 24), "documentation"),
    (AddressRange::v4([224, 0, 0, 0], 4), "multicast"),
    (AddressRange::v4([168, 63, 129, 16], 32), "cloud metadata"),
    (AddressRange::v4([240, 0, 0, 0], 4), "reserved"),
];

/// The special ranges inside the one block of IPv6 that is routed in public, `2000::/3`.
const SPECIAL_V6: [(AddressRange, &str); 4] = [
    (AddressRange::v6([0x2001, 0], 23), "protocol assignments"),
    (AddressRange::v6([0x2001, 0x0db8], 32), "documentation"),
    (AddressRange::v6([0x2002, 0], 16), "6to4"),
    (AddressRange::v6([0x3fff, 0], 20), "documentation"),
];

const PUBLIC_V6: AddressRange = AddressRange::v6([0x2000, 0], 3);

/// Why the address is none of the public internet; nothing when it is one.
///
/// IPv4 inside IPv6 (mapped, compatible, NAT64) is judged as that IPv4 address or refused as a whole.
pub(crate) fn special_range(address: IpAddr) -> Option<&'static str> {
    let named = |ranges: &[(AddressRange, &'static str)], address| {
        ranges.iter().find(|(range, _)| range.contains(address)).map(|(_, name)| *name)
    };
    match address.to_canonical() {
        IpAddr::V4(_) => named(&SPECIAL_V4, address),
        IpAddr::V6(v6) => match v6.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let [a, b] = high.to_be_bytes();
                let [c, d] = low.to_be_bytes();
                named(&SPECIAL_V4, IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
            }
            [0xfe80..=0xfebf, ..] => Some("link-local"),
            [0xfc00..=0xfdff, ..] => Some("private"),
            [0xff00..=0xffff, ..] => Some("multicast"),
            [0, 0, 0, 0, 0, 0, 0, 1] => Some("loopback"),
            _ if !PUBLIC_V6.contains(address) => Some("reserved"),
            _ => named(&SPECIAL_V6, address),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_public_are_found_in_every_disguise() {
        let special = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "100::1",
            "5f00::1",
        ];
        for text in special {
            assert!(special_range(text.parse().unwrap()).is_some(), "{text}");
        }
    }

    #[test]
    fn public_addresses_pass() {
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "140.82.121.3",
            "172.15.255.255",
            "172.32.0.0",
            "198.17.255.255",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ];
        for text in public {
            assert_eq!(special_range(text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn ranges_contain_what_they_should() {
        let contains =
            |range: &str, address: &str| range.parse::<AddressRange>().unwrap().contains(address.parse().unwrap());
        assert!(contains("10.20.0.0/16", "10.20.255.1"));
        assert!(!contains("10.20.0.0/16", "10.21.0.1"));
        assert!(contains("10.20.0.0/16", "::ffff:10.20.0.1"));
        assert!(contains("192.168.1.7", "192.168.1.7") && !contains("192.168.1.7", "192.168.1.8"));
        assert!(contains("fd00:1::/64", "fd00:1::9") && !contains("fd00:1::/64", "fd00:1:0:1::9"));
        assert!(contains("0.0.0.0/0", "1.2.3.4") && !contains("0.0.0.0/0", "::1"));
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0/8", "a/8", "10.0.0.0/-1"] {
            assert!(wrong.parse::<AddressRange>().is_err(), "{wrong}");
        }
    }
}
