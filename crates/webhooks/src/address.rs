//! Which addresses a webhook may be sent to: those that are global unicast, and in no block that has a purpose of its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The blocks of the IANA IPv4 Special-Purpose Address Registry (RFC 6890 and its successors), whether they are reachable or not,
/// multicast (RFC 5771) and what is reserved. Nobody runs a receiver in any of them.
const SPECIAL_V4: [(Ipv4Addr, u32); 17] = [
    // This network (RFC 791), private use (RFC 1918), shared by carriers (RFC 6598), loopback (RFC 1122).
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link local (RFC 3927): the metadata of instances and tasks, the daemon of traces.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    // Assignments of the IETF (RFC 6890), documentation (RFC 5737), AS112 (RFC 7535), AMT (RFC 7450), 6to4 relays (RFC 7526).
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(192, 175, 48, 0), 24),
    // Benchmarks (RFC 2544), documentation (RFC 5737).
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast (RFC 5771), reserved (RFC 1112), broadcast (RFC 919).
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// What of [`GLOBAL_UNICAST_V6`] is not for a receiver, as the IANA IPv6 Special-Purpose Address Registry has it.
const SPECIAL_V6: [(Ipv6Addr, u32); 5] = [
    // Assignments of the IETF (RFC 2928), with Teredo (RFC 4380), benchmarks (RFC 5180) and ORCHID (RFC 7343).
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation (RFC 3849, RFC 9637), 6to4 (RFC 3056), AS112 (RFC 7534).
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// All that has been assigned as global unicast (IANA IPv6 Address Space, RFC 4291). Loopback, unique local with `fd00:ec2::254`,
/// link local, multicast, NAT64 (RFC 6052, RFC 8215) and addresses that hold one of IPv4 (RFC 4291) lie outside of it.
const GLOBAL_UNICAST_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Whether this is an address that the whole Internet shares.
pub fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|block| is_in_v4(address, *block)),
        IpAddr::V6(address) => {
            is_in_v6(address, GLOBAL_UNICAST_V6) && !SPECIAL_V6.iter().any(|block| is_in_v6(address, *block))
        }
    }
}

fn is_in_v4(address: Ipv4Addr, (block, prefix): (Ipv4Addr, u32)) -> bool {
    (address.to_bits() ^ block.to_bits()).leading_zeros() >= prefix
}

fn is_in_v6(address: Ipv6Addr, (block, prefix): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ block.to_bits()).leading_zeros() >= prefix
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(addresses: &[&str], expected: bool) {
        for address in addresses {
            assert_eq!(is_global(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn no_special_block_of_ipv4_is_global() {
        // The first and the last address of each block.
        check(&["0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255"], false);
        check(&["127.0.0.0", "127.0.0.1", "127.255.255.255", "169.254.0.0", "169.254.255.255"], false);
        check(&["169.254.169.254", "169.254.170.2", "169.254.79.129", "169.254.169.123"], false);
        check(&["172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.255", "192.0.2.0", "192.0.2.255"], false);
        check(&["192.31.196.0", "192.31.196.255", "192.52.193.0", "192.52.193.255", "192.88.99.0"], false);
        check(&["192.88.99.255", "192.168.0.0", "192.168.255.255", "192.175.48.0", "192.175.48.255"], false);
        check(&["198.18.0.0", "198.19.255.255", "198.51.100.0", "198.51.100.255", "203.0.113.0"], false);
        check(&["203.0.113.255", "224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255"], false);
    }

    #[test]
    fn what_lies_beside_a_special_block_is_global() {
        check(&["1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"], true);
        check(&["128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0"], true);
        check(&["192.0.3.0", "192.31.195.255", "192.31.197.0", "192.88.98.255", "192.167.255.255"], true);
        check(&["192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0"], true);
        check(&["223.255.255.255", "8.8.8.8", "93.184.215.14"], true);
        check(&["2001:200::1", "2001:db7::1", "2001:db9::1", "2003::1", "2606:4700::1111", "3ffe::1"], true);
    }

    #[test]
    fn no_special_block_of_ipv6_is_global() {
        // Unspecified, loopback, with an address of IPv4 inside in both forms, NAT64 in both prefixes.
        check(&["::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::ffff:0:10.0.0.1"], false);
        check(&["64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::8.8.8.8", "64:ff9b:1::10.0.0.1"], false);
        // Discard-only, dummy prefix, IETF's with Teredo and ORCHID, documentation, 6to4 of a private address, AS112, SRv6.
        check(&["100::", "100:0:0:1::1", "2001::1", "2001:0:7f00:1::1", "2001:10::1", "2001:20::1"], false);
        check(&["2001:1ff:ffff::1", "2001:db8::1", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "2002:808:808::1"], false);
        check(&["2620:4f:8000::1", "3fff::1", "3fff:fff::1", "5f00::1"], false);
        // Unique local, instance metadata, link local, site local, multicast.
        check(&["fc00::1", "fd00:ec2::254", "fdff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ffff::1"], false);
    }

    proptest! {
        #[test]
        fn what_std_knows_not_to_be_global_is_not(bits: u32, bits_v6: u128) {
            let address = Ipv4Addr::from_bits(bits);
            let is_special = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_multicast() || address.is_broadcast() || address.is_documentation()
                || address.is_unspecified();
            prop_assert!(!(is_special && is_global(IpAddr::V4(address))), "{}", address);
            let address = Ipv6Addr::from_bits(bits_v6);
            let is_special = address.is_loopback() || address.is_multicast() || address.is_unique_local()
                || address.is_unicast_link_local() || address.to_ipv4().is_some();
            prop_assert!(!(is_special && is_global(IpAddr::V6(address))), "{}", address);
        }
    }
}
