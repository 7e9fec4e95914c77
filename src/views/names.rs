//! The names of the numbers that tables hold: those of IANA, and those of the kernel as ip, ss and socket(2) write
//! them. In: a number. Out: its name, or nothing if no name is known here. It writes nothing.

/// Returns the name of `number` in `names`.
pub(crate) fn name_of(names: &[(u32, &'static str)], number: u32) -> Option<&'static str> {
    let is_it = |(known, _): &&(u32, _)| *known == number;
    names.iter().find(is_it).map(|(_, name)| *name)
}

/// IP protocol numbers that raw sockets are opened for (IANA).
pub(crate) const IP_PROTOCOLS: &[(u32, &str)] = &[
    (0, "ip"),
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipip"),
    (6, "tcp"),
    (17, "udp"),
    (41, "ipv6"),
    (46, "rsvp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (89, "ospf"),
    (94, "ipip"),
    (103, "pim"),
    (112, "vrrp"),
    (115, "l2tp"),
    (132, "sctp"),
    (136, "udplite"),
    (255, "raw"),
];

/// Netlink families (`include/uapi/linux/netlink.h`).
pub(crate) const NETLINK_FAMILIES: &[(u32, &str)] = &[
    (0, "route"),
    (2, "usersock"),
    (3, "firewall"),
    (4, "sock_diag"),
    (5, "nflog"),
    (6, "xfrm"),
    (7, "selinux"),
    (8, "iscsi"),
    (9, "audit"),
    (10, "fib_lookup"),
    (11, "connector"),
    (12, "netfilter"),
    (15, "kobject_uevent"),
    (16, "generic"),
    (18, "scsitransport"),
    (19, "ecryptfs"),
    (20, "rdma"),
    (21, "crypto"),
    (22, "smc"),
];

/// Ethertypes that packet sockets are opened for (`include/uapi/linux/if_ether.h`).
pub(crate) const ETHERTYPES: &[(u32, &str)] = &[
    (0x0000, "none"),
    (0x0003, "all"),
    (0x0800, "ip"),
    (0x0806, "arp"),
    (0x8100, "vlan"),
    (0x86dd, "ipv6"),
    (0x8863, "pppoe-discovery"),
    (0x888e, "eapol"),
    (0x88cc, "lldp"),
];

/// Timers of TCP by their number in the table (`net/ipv4/tcp_ipv4.c`: `get_tcp4_sock`), as ss names them.
pub(crate) const TIMERS: &[(u32, &str)] =
    &[(1, "on"), (2, "keepalive"), (3, "timewait"), (4, "persist")];

/// Socket types (`include/linux/net.h`), as `--json` names them.
pub(crate) const SOCKET_TYPES: &[(u32, &str)] = &[
    (1, "stream"),
    (2, "dgram"),
    (3, "raw"),
    (5, "seqpacket"),
    (10, "packet"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_name() {
        for names in [
            IP_PROTOCOLS,
            NETLINK_FAMILIES,
            ETHERTYPES,
            TIMERS,
            SOCKET_TYPES,
        ] {
            assert!(names.is_sorted_by(|(one, _), (next, _)| one < next));
            for (number, name) in names {
                assert_eq!(name_of(names, *number), Some(*name));
            }
            assert_eq!(name_of(names, u32::MAX), None);
        }
    }
}
