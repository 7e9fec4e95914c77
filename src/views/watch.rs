//! The changes between two looks. In: two snapshots. Out: a line for each socket and holder that
//! is gone, with `-`, then for each that is new, with `+`, and the time; at the first look the whole list. It does not
//! look, nor wait between looks.
//!
//! Of the look before, 9 bytes a line are kept here, and its rows by the caller, for the lines of what is gone; of
//! earlier looks nothing. A line is the same while its process, descriptor, protocol, inode, ends and state are: a
//! changed state is a `-` and a `+`, and a queue that fills is no news.

use std::hash::BuildHasher;
use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cli::Layout;
use crate::collections::hash::{Seed, upper_half};
use crate::collections::index::Index;
use crate::collections::{to_index, to_u32};
use crate::join::{Entry, Owner};
use crate::snapshot::Snapshot;
use crate::text::write::write_decimal;
use crate::views::json::write_objects;
use crate::views::list::{Columns, write_list};

/// A line of the look before.
#[derive(Clone, Copy)]
struct Known {
    /// A hash of everything that makes it the same line.
    hash: u64,
    /// True if it was printed: a socket without a visible holder must be there at two looks.
    is_printed: bool,
}

/// The change that a line tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    /// It was there at the first look.
    There,
    /// It is new.
    Came,
    /// It is gone.
    Went,
}

impl Event {
    /// Returns its sign.
    const fn sign(self) -> u8 {
        match self {
            Self::There => b'=',
            Self::Came => b'+',
            Self::Went => b'-',
        }
    }
}

/// The watch.
pub(crate) struct Watch {
    /// True if the output is JSON.
    is_json: bool,
    /// The layout of lines.
    layout: Layout,
    /// The columns, which only grow.
    columns: Columns,
    /// The seed of the hashes, so that nobody can choose a name that passes for another line.
    seed: Seed,
    /// The lines of the look before, in order.
    known: Vec<Known>,
    /// The places in `known`, by the upper half of the hash; `None` before the first look.
    index: Option<Index>,
}

impl Watch {
    /// Returns a watch that has not yet looked.
    pub(crate) fn new(layout: Layout, is_json: bool) -> Self {
        Self {
            is_json,
            layout,
            columns: Columns::default(),
            seed: Seed::new(),
            known: Vec::new(),
            index: None,
        }
    }

    /// Returns the hash of the line of `entry`. A socket without an inode is known by its ends, which are unique in one
    /// namespace.
    fn hash(&self, snapshot: &Snapshot, entry: &Entry<'_>) -> u64 {
        let task = entry.process.map(|process| process.task);
        let task = task.map(|task| (task.pid, task.tid));
        let row = &entry.row;
        let netns = (row.inode == 0).then(|| snapshot.netns_inode(entry.socket));
        let socket = (row.inode, row.proto, row.ends, row.state);
        self.seed.hash_one((task, entry.fd, socket, netns))
    }

    /// Writes the differences of `snapshot` from `before`, which is what the last call had as `snapshot`.
    ///
    /// # Errors
    /// The error of writing to `out`.
    pub(crate) fn write_round(
        &mut self,
        before: Option<&Snapshot>,
        snapshot: &Snapshot,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let index = self.index.take();
        // For each line of the look before: whether it is there again.
        let mut stays = vec![false; self.known.len()];
        // For each line of this look: whether it is printed now.
        let mut came = Vec::new();
        let mut known = Vec::new();
        for entry in snapshot.entries() {
            let hash = self.hash(snapshot, &entry);
            let same = index
                .as_ref()
                .and_then(|index| self.find(index, hash, &stays));
            let was_printed = same.and_then(|at| {
                *stays.get_mut(at)? = true;
                self.known.get(at).map(|known| known.is_printed)
            });
            // A socket that was made or closed between the looks at its process and its table is seen without a holder.
            let is_passing = entry.row.inode != 0
                && matches!(entry.owner, Owner::Elsewhere | Owner::Hidden)
                && index.is_some();
            let is_printed = was_printed.is_some() || !is_passing;
            came.push(is_printed && was_printed != Some(true));
            known.push(Known { hash, is_printed });
        }
        if let (Some(before), Some(_)) = (before, &index) {
            let pairs = self.known.iter().zip(&stays);
            let went = pairs.map(|(known, stays)| known.is_printed && !stays);
            let went: Vec<bool> = went.collect();
            self.write_events(before, Event::Went, &went, out)?;
            self.write_events(snapshot, Event::Came, &came, out)?;
        } else {
            self.write_events(snapshot, Event::There, &came, out)?;
        }
        let mut index = Index::with_room(known.len());
        for (at, known) in known.iter().enumerate() {
            index.insert(upper_half(known.hash), to_u32(at));
        }
        (self.index, self.known) = (Some(index), known);
        Ok(())
    }

    /// Returns the place of a line with `hash` of the look before that no line of this look has taken.
    fn find(&self, index: &Index, hash: u64, stays: &[bool]) -> Option<usize> {
        let mut candidates = index.find(upper_half(hash)).map(to_index);
        candidates.find(|at| {
            self.known.get(*at).map(|known| known.hash) == Some(hash)
                && stays.get(*at) == Some(&false)
        })
    }

    /// Writes `event` for those entries of `snapshot` for which `is_printed` holds true.
    fn write_events(
        &mut self,
        snapshot: &Snapshot,
        event: Event,
        is_printed: &[bool],
        out: &mut impl Write,
    ) -> io::Result<()> {
        let entries = || {
            let pairs = snapshot.entries().zip(is_printed);
            pairs.filter_map(|(entry, is_printed)| is_printed.then_some(entry))
        };
        if self.is_json {
            return write_objects(snapshot, &mut entries(), Some(event.sign()), out);
        }
        if event == Event::There {
            return write_list(snapshot, self.layout, &mut self.columns, out);
        }
        if entries().next().is_none() {
            return Ok(());
        }
        self.columns.fit(snapshot, self.layout, &mut entries());
        let mut before = vec![event.sign(), b' '];
        // A clock before 1970 was never set.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        write_time(&mut before, now.unwrap_or_default().as_secs());
        before.push(b' ');
        let columns = &self.columns;
        columns.write_lines(snapshot, &mut entries(), &before, Vec::new(), out)
    }
}

/// Writes the time of day in UTC: `23:59:59`. No container knows of time zones.
fn write_time(out: &mut Vec<u8>, seconds: u64) {
    let second = u32::try_from(seconds % 86_400).unwrap_or(0);
    for (at, part) in [second / 3600, second / 60 % 60, second % 60]
        .into_iter()
        .enumerate()
    {
        if at > 0 {
            out.push(b':');
        }
        write_decimal(out, part / 10);
        write_decimal(out, part % 10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_utc() {
        for (seconds, text) in [
            (0, "00:00:00"),
            (86_399, "23:59:59"),
            (1_700_000_000, "22:13:20"),
        ] {
            let mut out = Vec::new();
            write_time(&mut out, seconds);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
