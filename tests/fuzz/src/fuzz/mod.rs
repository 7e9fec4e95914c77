//! The targets, one file each or two that belong together, and what they share: `decode` runs lsock over captured text, `steps`
//! counts what that takes, `naive` reads the same text and filters in the plainest way.

mod containers;
mod decode;
mod dirents;
mod filters;
mod live;
mod naive;
mod records;
mod steps;
mod tables;
mod visible;
mod writers;

pub use containers::containers;
pub use dirents::dirents;
pub use filters::{arguments, filters};
pub use live::live;
pub use records::records;
pub use tables::{cut, tables};
pub use writers::writers;
