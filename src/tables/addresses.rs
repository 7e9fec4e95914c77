//! The addresses that network namespaces have. In: a namespace. Out: each of its own addresses but those of the loopback, with
//! the namespace. Anybody may read them. It knows no interface and no route.

use std::net::IpAddr;

use crate::proc::{NetnsId, Proc};
use crate::tables::interfaces::parse_if_inet6;
use crate::tables::lines::each_line;
use crate::text::addr::parse_ip;
use crate::text::fields::Fields;
use crate::walk::netns::Netns;

/// Adds the addresses of `netns`, called `id`, to `found`; a file that is missing is an empty one.
pub(crate) fn load(
    proc: &Proc,
    (id, netns): (NetnsId, &Netns),
    found: &mut Vec<(IpAddr, NetnsId)>,
) {
    for name in ["net/fib_trie", "net/if_inet6"] {
        let mut last = None;
        // What cannot be read is as good as missing.
        let _ = each_line(proc, netns, name, &mut |record, _| {
            let address = take_line(record.bytes, &mut last);
            let address = address.filter(|address| !address.is_loopback());
            found.extend(address.map(|address| (address, id)));
        });
    }
}

/// Parses a line of either file, and returns the address if it tells one of the namespace's own. In `fib_trie`
/// (`net/ipv4/fib_trie.c`: `fib_trie_seq_show`) an address stands in one line, and what it is in those behind it; `last` is the
/// address of the lines before.
///
/// ```text
///            |-- 172.17.0.2
///               /32 host LOCAL
/// ```
fn take_line(line: &[u8], last: &mut Option<IpAddr>) -> Option<IpAddr> {
    let mut fields = Fields::new(line);
    match (fields.next()?, fields.next()?, fields.next()) {
        (b"|--", address, None) => *last = parse_ip(address),
        (b"/32", b"host", Some(b"LOCAL")) => return *last,
        (b"+--", ..) => *last = None,
        _ => return parse_if_inet6(line).map(|interface| interface.address.into()),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_those_that_the_kernel_calls_so() {
        let text = "Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
     +-- 172.17.0.0/16 2 0 2
        |-- 172.17.0.0
           /16 link UNICAST
        |-- 172.17.0.2
           /32 link UNICAST
           /32 host LOCAL
        |-- 172.17.255.255
           /32 link BROADCAST
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
";
        let mut last = None;
        let lines = text.lines();
        let found: Vec<_> = lines
            .filter_map(|line| take_line(line.as_bytes(), &mut last))
            .map(|address| address.to_string())
            .collect();
        assert_eq!(found, ["127.0.0.1", "172.17.0.2", "fe80::fc:ff:fe00:1"]);
    }
}
