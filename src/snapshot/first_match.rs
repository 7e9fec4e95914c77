//! A look that ends with the first match, for `--quiet` and `--wait`. In: an open proc and the plan. Out: yes or no. It reads
//! no descriptor.

use crate::select::rows::RowFilter;
use crate::snapshot::take::{Take, unreadable};
use crate::socket::extra::Keeps;
use crate::socket::proto::Protos;
use crate::socket::store::Sockets;
use crate::tables::{Modules, Reader};
use crate::walk;
use crate::walk::netns::Namespaces;
use crate::warn::Warnings;

/// Returns true if any row matches for certain, whoever holds it: only the tables are read, no descriptor, and the first
/// match is enough. This is right if the plan says that tables suffice. False says nothing where anything may be unseen.
/// Namespaces that only a thread is in are read last, and only with `of_threads`: to find them costs a call for each thread.
///
/// # Errors
/// One line: proc itself cannot be read.
pub(crate) fn any_row_matches(take: &Take<'_>, of_threads: bool) -> Result<bool, String> {
    let proc = take.proc;
    let mut namespaces = Namespaces::default();
    let (modules, mut buffer) = (Modules::new(), vec![0; walk::BUFFER_LEN]);
    let (mut warnings, mut sockets) = (Warnings::default(), Sockets::new(Keeps::Rows));
    let rows = RowFilter {
        condition: &take.plan.condition,
        connections: false,
        listeners: false,
        inodes: None,
        wildcards: false,
    };
    for of_threads in [false, true].into_iter().filter(|all| !*all || of_threads) {
        let found = namespaces.find_all(proc, of_threads, &mut buffer);
        found.map_err(|error| unreadable(proc, &error))?;
        namespaces.select(proc, take.namespaces);
        let ids = namespaces.ids(|netns| netns.is_selected && !netns.is_loaded);
        let mut reader = Reader::new(proc, rows, &modules, &mut buffer, &mut warnings);
        reader.has_match = Some(false);
        // Listeners of TCP cost the kernel least, and are what most people ask for.
        let (mut first, mut rest) = (Protos::default(), rows.tables());
        if proc.is_live() && rows.condition.may_match_tcp(true) {
            first = rest.intersection(Protos::TCP);
            if reader.only_listeners {
                rest = rest.without(first);
            }
        }
        for (protos, only_listeners) in [(first, true), (rest, reader.only_listeners)] {
            reader.only_listeners = only_listeners;
            for id in &ids {
                let Some(netns) = namespaces.get_mut(*id) else {
                    continue;
                };
                reader.load(*id, &mut netns.members(), protos, None, &mut sockets);
                if reader.has_match == Some(true) {
                    return Ok(true);
                }
                netns.is_loaded = true;
            }
        }
    }
    Ok(false)
}
