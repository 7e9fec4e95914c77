//! Takes the snapshot that a tool's language is answered from: the sockets of the caller's own network namespace, as those
//! tools see it, held by whatever process. In: a condition. Out: the snapshot with the names of commands and interfaces, and
//! the proc that it was taken of; on standard error what was odd, in lsock's own words. It prints no row.

use std::path::Path;

use crate::output::say;
use crate::plan::Plan;
use crate::proc::{Proc, Task};
use crate::select::Condition;
use crate::snapshot::pressure::ephemeral_ports;
use crate::snapshot::{Snapshot, Take};
use crate::views::notice;
use crate::warn::Warnings;

/// A snapshot, and where it was taken.
pub(super) struct Look {
    /// The proc file system.
    pub(super) proc: Proc,
    /// What was found.
    pub(super) snapshot: Snapshot,
}

/// Opens the proc file system of this PID namespace.
///
/// # Errors
/// One line, without the program's name: it cannot be read.
pub(super) fn open() -> Result<Proc, String> {
    let path = "/proc";
    let proc = Proc::open(Path::new(path)).map_err(|reason| format!("{path}: {reason}"))?;
    if proc.own_pid().is_none() {
        return Err(format!(
            "{path}/self: not there; mount the proc of this PID namespace"
        ));
    }
    Ok(proc)
}

impl Look {
    /// Takes a snapshot of the sockets for which `condition` holds, those that nobody is seen to hold too; who holds them need
    /// not be in it unless `shows_holders`. Sockets that no table lists are in it, too: the tools know nothing of them.
    ///
    /// # Errors
    /// One line, without the program's name: proc cannot be read.
    pub(super) fn take(condition: Condition, shows_holders: bool) -> Result<Self, String> {
        let proc = open()?;
        let own = proc.own_pid().filter(|_| !shows_holders);
        let plan = Plan::of_dialect(condition, true, own);
        Self::take_of(proc, &plan)
    }

    /// Takes a snapshot of those sockets in `proc` for which `condition` holds and that somebody is seen to hold.
    ///
    /// # Errors
    /// As `take`.
    pub(super) fn take_held(proc: Proc, condition: Condition) -> Result<Self, String> {
        Self::take_of(proc, &Plan::of_dialect(condition, false, None))
    }

    /// Does in `proc` what `plan` says.
    fn take_of(proc: Proc, plan: &Plan) -> Result<Self, String> {
        let own: Vec<u32> = proc.own_pid().into_iter().collect();
        let take = Take {
            proc: &proc,
            plan,
            namespaces: &own,
            threads: None,
        };
        let mut warnings = Warnings::default();
        let mut snapshot = take.snapshot(&mut warnings)?;
        snapshot.load_names(&proc, plan, &mut warnings);
        say(&warnings.into_text());
        Ok(Self { proc, snapshot })
    }

    /// Returns true if some process could not be read, or is not even shown.
    pub(super) fn some_unseen(&self) -> bool {
        self.snapshot.joined.some_unseen()
    }

    /// Says on standard error what could not be seen, if anything: where nothing was found the tools are silent, and a script
    /// takes "not permitted" for "not there".
    pub(super) fn say_unseen(&self) {
        if self.some_unseen() {
            let unread = self.snapshot.joined.unread();
            let line = notice::closing(&self.proc, unread, self.snapshot.selected);
            say(&format!("lsock: {line}\n"));
        }
    }

    /// Returns true if the kernel has the file `name` of the caller's network namespace.
    pub(super) fn has_file(&self, name: &str) -> bool {
        let own = Task::process(self.proc.own_pid().unwrap_or(0));
        self.proc.open_file(own, name).is_ok()
    }

    /// Returns the first and the last port that the kernel chooses where a program names none.
    pub(super) fn ephemeral_ports(&self) -> (u16, u16) {
        // (the bounds of ss where nothing tells)
        ephemeral_ports(&self.proc).unwrap_or((1024, 4999))
    }
}
