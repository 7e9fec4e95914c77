//! The numbers that lsof selects and excludes, of processes (`-p`) or of users (`-u`). In: a list, `1,^2` or `root,^33`. Out: numbers, or
//! what lsof says of a wrong list. It does not know who has them.

use super::arguments::{Ended, wrong};
use crate::dialects::people::Users;
use crate::text::digits::decimal32;

/// Numbers that are selected or excluded (`^`).
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Those that are selected.
    pub(super) included: Vec<u32>,
    /// Those that are excluded.
    pub(super) excluded: Vec<u32>,
}

impl Numbers {
    /// Adds the numbers of `list`, each selected or with `^` excluded: those of processes, or of users where `users` are given.
    pub(super) fn add(&mut self, list: &[u8], users: Option<&Users>) -> Result<(), Ended> {
        for item in list.split(|byte| *byte == b',') {
            let (to, others, text) = match item {
                [] => continue,
                [b'^', text @ ..] => (&mut self.excluded, &self.included, text),
                text => (&mut self.included, &self.excluded, text),
            };
            let by_name = || users?.number(text);
            let Some(number) = decimal32(text).or_else(by_name) else {
                return Err(match users {
                    Some(_) => wrong("can't get UID for %", [text, b""]),
                    None => wrong("illegal process ID: %", [list, b""]),
                });
            };
            if others.contains(&number) {
                let what: &[u8] = if users.is_some() { b"UID" } else { b"PID" };
                return Err(wrong("% % has been included and excluded.", [what, text]));
            }
            to.push(number);
        }
        Ok(())
    }
}
