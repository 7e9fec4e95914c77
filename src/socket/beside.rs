//! `Beside`, what does not fit the 24 bytes of a stored row: queues that are not empty, addresses of IPv6 and names. In: these
//! parts of a row. Out: the numbers by which a stored row has them, and the parts by their numbers. It knows no row.

use std::net::{IpAddr, Ipv6Addr};

use crate::collections::{to_index, to_u32};
use crate::socket::proto::EndsKind;
use crate::text::addr::mapped;

/// Stands for queues neither of which the table tells.
pub(super) const UNTOLD: u32 = u32::MAX;

/// The queues of a row, received and sent; `None` for one that the table does not tell.
type Queues = (Option<u32>, Option<u32>);

/// What lies beside the rows of a store.
#[derive(Default)]
pub(super) struct Beside {
    /// The queues of rows that have one which is not empty.
    queues: Vec<Queues>,
    /// The IPv6 addresses, local and remote in turn.
    addresses: Vec<Ipv6Addr>,
    /// The names, one behind the other.
    names: Vec<u8>,
}

/// How much was there before something was appended, which moves the places of that.
pub(super) struct Places {
    /// The number of queues.
    pub(super) queues: u32,
    /// The number of addresses.
    pub(super) addresses: u32,
    /// The length of all names.
    pub(super) names: u32,
}

impl Beside {
    /// Returns the number of these queues: 0 where both are empty, as most are; `UNTOLD` where the table tells neither; else
    /// their place plus one.
    #[inline(always)]
    pub(super) fn put_queues(&mut self, rx: Option<u32>, tx: Option<u32>) -> u32 {
        match (rx, tx) {
            (Some(0), Some(0)) => 0,
            (None, None) => UNTOLD,
            queues => {
                self.queues.push(queues);
                to_u32(self.queues.len())
            }
        }
    }

    /// Returns the queues that `put_queues` gave this number.
    #[inline(always)]
    pub(super) fn queues(&self, number: u32) -> Queues {
        if number == 0 {
            return (Some(0), Some(0));
        }
        let at = to_index(number).wrapping_sub(1);
        self.queues.get(at).copied().unwrap_or_default()
    }

    /// Returns what a row of this kind has of two addresses: of IPv4 themselves, else the places where they are put.
    #[inline(always)]
    pub(super) fn put_addresses(
        &mut self,
        kind: EndsKind,
        local: IpAddr,
        remote: IpAddr,
    ) -> (u32, u32) {
        if let (EndsKind::Inet4, IpAddr::V4(local), IpAddr::V4(remote)) = (kind, local, remote) {
            return (local.to_bits(), remote.to_bits());
        }
        let at = to_u32(self.addresses.len());
        self.addresses.extend([local, remote].map(mapped));
        (at, at + 1)
    }

    /// Returns the address at this place.
    #[inline(always)]
    pub(super) fn address(&self, at: u32) -> Ipv6Addr {
        let address = self.addresses.get(to_index(at)).copied();
        address.unwrap_or(Ipv6Addr::UNSPECIFIED)
    }

    /// Returns the place where `name` is put, and its length.
    pub(super) fn put_name(&mut self, name: &[u8]) -> (u32, u32) {
        let at = to_u32(self.names.len());
        // Before Linux 4.15, and in gVisor, the NULs of an abstract name are themselves printed.
        let names = name
            .iter()
            .map(|byte| if *byte == 0 { b'@' } else { *byte });
        self.names.extend(names);
        (at, to_u32(name.len()))
    }

    /// Returns the name of this length at this place.
    #[inline(always)]
    pub(super) fn name(&self, at: u32, len: u32) -> &[u8] {
        let rest = self.names.get(to_index(at)..).unwrap_or_default();
        rest.get(..to_index(len)).unwrap_or_default()
    }

    /// Takes all of `other`, and returns by how much its numbers grow here.
    pub(super) fn append(&mut self, other: &mut Self) -> Places {
        let places = Places {
            queues: to_u32(self.queues.len()),
            addresses: to_u32(self.addresses.len()),
            names: to_u32(self.names.len()),
        };
        self.queues.append(&mut other.queues);
        self.addresses.append(&mut other.addresses);
        self.names.append(&mut other.names);
        places
    }
}
