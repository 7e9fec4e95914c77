//! What comes and goes between two looks. In: what was found now and the time before. Out: a line for each socket and
//! holder that is gone, with `-`, then for each that is new, with `+`, and the time; first of all the whole list.
//!
//! Of the time before, 9 bytes a line are kept here, and its rows by the caller, for the lines of what is gone; of the
//! times before that nothing. A line is the same while its process, descriptor, protocol, inode, ends and state are:
//! a changed state is a `-` and a `+`, and a queue that fills is no news.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cli::Layout;
use crate::collections::index::Index;
use crate::collections::{to_index, to_u32};
use crate::join::{Entry, Owner};
use crate::snapshot::Snapshot;
use crate::text::write::write_short;
use crate::views::json::write_objects;
use crate::views::list::{Columns, write_list};

/// A line of the look before.
#[derive(Clone, Copy)]
struct Known {
    /// Stands for all that makes it the same line.
    hash: u64,
    /// Whether it was printed; what nobody is seen to hold must be there twice.
    is_told: bool,
}

/// What is told of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    /// It was there when the watch began.
    There,
    /// It is new.
    Came,
    /// It is gone.
    Went,
}

impl Event {
    /// Its sign.
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
    /// Whether they are objects.
    is_json: bool,
    /// How lines look.
    layout: Layout,
    /// Their columns, which only grow.
    columns: Columns,
    /// What the hashes depend on, so that nobody can choose a name that passes for another line.
    seed: RandomState,
    /// The lines of the look before, in order.
    known: Vec<Known>,
    /// Where they are by the upper half of their hash; `None` before the first look.
    index: Option<Index>,
}

/// What `known` is indexed by.
fn upper_half(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(0)
}

impl Watch {
    /// A watch that has not yet looked.
    pub(crate) fn new(layout: Layout, is_json: bool) -> Self {
        Self {
            is_json,
            layout,
            columns: Columns::default(),
            seed: RandomState::new(),
            known: Vec::new(),
            index: None,
        }
    }

    /// What stands for `entry`. A socket without an inode is known by its ends, which are unique in one namespace.
    fn hash(&self, found: &Snapshot, entry: &Entry<'_>) -> u64 {
        let task = entry
            .process
            .map(|process| (process.task.pid, process.task.tid));
        let row = &entry.row;
        let netns = (row.inode == 0).then(|| found.netns_inode(entry.socket));
        let socket = (row.inode, row.proto, row.ends, row.state);
        self.seed.hash_one((task, entry.fd, socket, netns))
    }

    /// Writes what is different in `found` from `before`, which is what the last call had as `found`.
    ///
    /// # Errors
    /// What writing to `out` says.
    pub(crate) fn write_round(
        &mut self,
        before: Option<&Snapshot>,
        found: &Snapshot,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let index = self.index.take();
        let mut stays = vec![false; self.known.len()];
        let mut came = Vec::new();
        let mut known = Vec::new();
        for entry in found.entries() {
            let hash = self.hash(found, &entry);
            let is_it = |number: &u32| {
                self.known.get(to_index(*number)).map(|known| known.hash) == Some(hash)
                    && stays.get(to_index(*number)) == Some(&false)
            };
            let mut candidates = index.iter().flat_map(|index| index.find(upper_half(hash)));
            let same = candidates.find(is_it);
            let was_told = same.and_then(|number| {
                *stays.get_mut(to_index(number))? = true;
                self.known.get(to_index(number)).map(|known| known.is_told)
            });
            // A socket that was made or closed between the looks at its process and its table is seen without its holder.
            let is_passing = entry.row.inode != 0
                && matches!(entry.owner, Owner::Elsewhere | Owner::Hidden)
                && index.is_some();
            let is_told = was_told.is_some() || !is_passing;
            came.push(is_told && was_told != Some(true));
            known.push(Known { hash, is_told });
        }
        if let (Some(before), Some(_)) = (before, &index) {
            let told = self.known.iter().map(|known| known.is_told);
            let went = stays.iter().zip(told).map(|(stays, told)| !stays && told);
            let went: Vec<bool> = went.collect();
            self.write_events(before, Event::Went, &went, out)?;
            self.write_events(found, Event::Came, &came, out)?;
        } else {
            self.write_events(found, Event::There, &came, out)?;
        }
        let mut index = Index::with_room(known.len());
        for (number, known) in known.iter().enumerate() {
            index.insert(upper_half(known.hash), to_u32(number));
        }
        (self.index, self.known) = (Some(index), known);
        Ok(())
    }

    /// Writes `event` for those entries of `found` that `is_told` tells.
    fn write_events(
        &mut self,
        found: &Snapshot,
        event: Event,
        is_told: &[bool],
        out: &mut impl Write,
    ) -> io::Result<()> {
        let entries = || {
            let told = found
                .entries()
                .zip(is_told)
                .filter(|(_, is_told)| **is_told);
            told.map(|(entry, _)| entry)
        };
        if self.is_json {
            return write_objects(found, &mut entries(), Some(event.sign()), out);
        }
        if event == Event::There {
            return write_list(found, self.layout, &mut self.columns, out);
        }
        if entries().next().is_none() {
            return Ok(());
        }
        self.columns.choose(found, self.layout);
        self.columns.measure(found, entries());
        let mut before = vec![event.sign(), b' '];
        // A clock before 1970 was never set.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        write_time(&mut before, now.unwrap_or_default().as_secs());
        before.push(b' ');
        self.columns
            .write_lines(found, entries(), &before, Vec::new(), out)
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
        let digits = [part / 10, part % 10].map(|digit| b'0' + u8::try_from(digit).unwrap_or(0));
        write_short(out, &digits);
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
