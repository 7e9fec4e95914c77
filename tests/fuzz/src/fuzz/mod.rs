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
