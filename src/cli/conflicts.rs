//! Options that contradict each other. In: the options that were given. Out: one line that names two of them and says
//! why both cannot be. An option that only has nothing to do, such as `-H` beside `--json`, is none: scripts may keep it.

/// Two options, by their long names, and the reason.
type Conflict = (&'static str, &'static str, &'static str);

/// All of them.
const CONFLICTS: [Conflict; 17] = [
    ("--quiet", "--json", "one prints nothing at all"),
    ("--quiet", "--pids", "one prints nothing at all"),
    ("--quiet", "--summary", "one prints nothing at all"),
    ("--quiet", "--peers", "one prints nothing at all"),
    ("--quiet", "--watch", "one prints nothing at all"),
    ("--pids", "--json", "one prints process ids alone"),
    ("--pids", "--summary", "one prints process ids alone"),
    ("--pids", "--peers", "one prints process ids alone"),
    ("--pids", "--watch", "one prints process ids alone"),
    ("--summary", "--peers", "one prints totals alone"),
    ("--summary", "--watch", "one prints totals alone"),
    ("--wait", "--watch", "one ends when something matches"),
    ("--decode", "--pids", "captured text tells no process"),
    (
        "--decode",
        "--proc",
        "captured text is read in place of proc",
    ),
    ("--decode", "--peers", "captured text tells no process"),
    ("--decode", "--watch", "captured text does not change"),
    ("--decode", "--wait", "captured text does not change"),
];

/// Those options that were given and may contradict another.
#[derive(Debug, Default)]
pub(crate) struct Given(Vec<&'static str>);

impl Given {
    /// That `option`, by its long name, was given.
    pub(crate) fn add(&mut self, option: &'static str) {
        self.0.push(option);
    }

    /// Whether `option` was given.
    pub(crate) fn has(&self, option: &str) -> bool {
        self.0.contains(&option)
    }

    /// Looks for a contradiction.
    ///
    /// # Errors
    /// One line, without the program's name.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (one, other, why) in CONFLICTS {
            if self.has(one) && self.has(other) {
                return Err(format!("'{one}' and '{other}': {why}; leave one out"));
            }
        }
        Ok(())
    }
}
