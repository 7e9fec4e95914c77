//! The targets, one file each or two that belong together, and what they share: `decode` runs lsock over captured text, `steps`
//! counts what that takes, `naive` reads the same text and filters in the plainest way.

mod conntrack;
mod containers;
mod decode;
mod dialect_rows;
mod dialects;
mod dirents;
mod filters;
mod live;
mod naive;
mod records;
mod steps;
mod tables;
mod visible;
mod writers;

use std::io;

pub use conntrack::conntrack;
pub use containers::containers;
pub use dialect_rows::dialect_rows;
pub use dialects::dialects;
pub use dirents::dirents;
pub use filters::{arguments, filters};
pub use live::live;
pub use records::records;
pub use tables::{cut, tables};
pub use writers::writers;

/// Returns a reader of `text` of which each read brings as many bytes as a number made from `seed`: one if that is 0, all that
/// there is room for if it is 255.
fn in_chunks(text: &[u8], seed: u8) -> impl FnMut(&mut [u8]) -> io::Result<usize> {
    let (mut rest, mut state) = (text, u32::from(seed));
    move |buffer| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let most = match seed {
            0 => 1,
            255 => usize::MAX,
            _ => 1 + (state >> 24) as usize,
        };
        let (now, later) = rest.split_at(most.min(rest.len()).min(buffer.len()));
        buffer[..now.len()].copy_from_slice(now);
        rest = later;
        Ok(now.len())
    }
}

/// Returns `data` with a digit for each NUL, which no argument has.
fn without_nul(data: &[u8]) -> Vec<u8> {
    data.iter()
        .map(|byte| if *byte == 0 { b'0' } else { *byte })
        .collect()
}
