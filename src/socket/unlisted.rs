//! The protocols that no table lists, by what sockprotoname calls them. In: a name. Out: the address family and the type that a
//! program passes to `socket()`. It asks no kernel: the names are those of PID/net/protocols on Linux 5.10 to 6.18 with every
//! module loaded.

/// Name, family and type, sorted by family; the type is empty where the name does not tell it.
const UNLISTED: [(&str, &str, &str); 40] = [
    ("alg", "alg", "seqpacket"),
    ("ddp", "appletalk", ""),
    ("vcc", "atm", ""),
    ("ax25", "ax25", ""),
    ("caif", "caif", ""),
    ("can_isotp", "can", "dgram"),
    ("can_j1939", "can", "dgram"),
    ("can_raw", "can", "raw"),
    ("ieee-802.15.4-mac", "ieee802154", "dgram"),
    ("ieee-802.15.4-raw", "ieee802154", "raw"),
    ("dccp", "inet", "dccp"),
    ("inet_smc", "inet", "stream"),
    ("l2tp/ip", "inet", "dgram"),
    ("dccpv6", "inet6", "dccp"),
    ("inet6_smc", "inet6", "stream"),
    ("l2tp/ipv6", "inet6", "dgram"),
    ("sctpv6", "inet6", ""),
    ("misdn", "isdn", ""),
    ("iucv", "iucv", ""),
    ("kcm", "kcm", ""),
    ("llc", "llc", ""),
    ("mctp", "mctp", "dgram"),
    ("netrom", "netrom", "seqpacket"),
    ("nfc_llcp", "nfc", ""),
    ("nfc_raw", "nfc", ""),
    ("phonet", "phonet", "dgram"),
    ("pnpipe", "phonet", "seqpacket"),
    ("pppoe", "pppox", ""),
    ("pppol2tp", "pppox", ""),
    ("pptp", "pppox", ""),
    ("qipcrtr", "qipcrtr", "dgram"),
    ("rds", "rds", "seqpacket"),
    ("rose", "rose", "seqpacket"),
    ("rxrpc", "rxrpc", "dgram"),
    ("smc", "smc", "stream"),
    ("smc6", "smc", "stream"),
    ("tipc", "tipc", ""),
    ("vsock", "vsock", ""),
    ("x25", "x25", "seqpacket"),
    ("xdp", "xdp", "raw"),
];

/// Returns family and type of the protocol called `name`, in lower case and without `af_`.
pub(crate) fn family_and_type(name: &[u8]) -> Option<(&'static str, &'static str)> {
    let is_it = |(known, ..): &&(&str, &str, &str)| known.as_bytes() == name;
    let found = UNLISTED.iter().find(is_it);
    found.map(|(_, family, socket_type)| (*family, *socket_type))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::proto::Proto;

    #[test]
    fn every_name_stands_once_and_sorted_by_family() {
        assert!(UNLISTED.is_sorted_by_key(|(_, family, _)| family));
        for (name, family, socket_type) in UNLISTED {
            let same = UNLISTED.iter().filter(|(other, ..)| *other == name);
            assert_eq!(same.count(), 1, "{name}");
            assert_eq!(
                family_and_type(name.as_bytes()),
                Some((family, socket_type))
            );
        }
        // Every kind of socket that was made on a kernel with all modules has a family.
        for made in [
            include_str!("../../tests/captures/k510/manifest.json"),
            include_str!("../../tests/captures/k61/manifest.json"),
        ] {
            let names = made.lines().filter_map(|line| {
                let (_, name) = line.split_once("\"proto\": \"")?;
                name.strip_suffix('"')
            });
            assert!(names.clone().count() > 100);
            for name in names {
                let proto = Proto::from_sockprotoname(name.as_bytes());
                let word = name.to_ascii_lowercase();
                let word = word.strip_prefix("af_").unwrap_or(&word);
                assert!(
                    proto != Proto::Other || family_and_type(word.as_bytes()).is_some(),
                    "{name}"
                );
            }
        }
        // What has a protocol of its own has its family there.
        for proto in Proto::ALL {
            let name = proto.name().as_bytes();
            assert!(family_and_type(name).is_none_or(|(family, _)| family == proto.family()));
        }
    }
}
