//! What the tools call users and commands. In: numbers, tasks. Out: login names out of /etc/passwd, and the first word of a
//! command line. Where these are missing there is no name, and that is no error. It escapes nothing.

use std::fs::File;
use std::io::Read;

use crate::proc::{Proc, Task};
use crate::text::digits::decimal32;

/// The users of /etc/passwd, which is read only if a tool shows or selects users.
#[derive(Default)]
pub(crate) struct Users {
    /// The text of the file; empty where there is none.
    text: Vec<u8>,
}

impl Users {
    /// Reads /etc/passwd, if it is there.
    pub(super) fn load() -> Self {
        let mut users = Self::default();
        // Slim images have no such file: then users are numbers.
        if let Ok(mut file) = File::open("/etc/passwd") {
            let _ = file.read_to_end(&mut users.text);
        }
        users
    }

    /// Returns the login name of `uid`: the first line that has the number.
    pub(super) fn name(&self, uid: u32) -> Option<&[u8]> {
        self.lines()
            .find_map(|(name, number)| (number == Some(uid)).then_some(name))
    }

    /// Returns the number of the user `name`.
    pub(super) fn number(&self, name: &[u8]) -> Option<u32> {
        self.lines()
            .find_map(|(known, number)| (known == name).then_some(number)?)
    }

    /// Returns the name and the number of each line: `root:x:0:0:…`.
    fn lines(&self) -> impl Iterator<Item = (&[u8], Option<u32>)> {
        let lines = self.text.split(|byte| *byte == b'\n');
        lines.map(|line| {
            let mut fields = line.split(|byte| *byte == b':');
            let name = fields.next().unwrap_or_default();
            (name, fields.nth(1).and_then(decimal32))
        })
    }
}

/// Reads the first word of the command line of `task` into `buffer`; empty where it has none, or may not be read.
pub(super) fn first_word<'a>(proc: &Proc, task: Task, buffer: &'a mut [u8]) -> &'a [u8] {
    let process = Task::process(task.pid);
    let line = proc.read_file(process, "cmdline", buffer);
    let line = line.unwrap_or_default();
    line.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_user_counts_and_broken_lines_do_not() {
        let text =
            b"root:x:0:0:root:/root:/bin/sh\nbroken\nno:x:number:\nwww:x:33:33::/:\ntoor:x:0:0::/:";
        let users = Users {
            text: text.to_vec(),
        };
        assert_eq!(users.name(0), Some(&b"root"[..]));
        assert_eq!(users.name(33), Some(&b"www"[..]));
        assert_eq!(users.name(34), None);
        assert_eq!(users.number(b"toor"), Some(0));
        assert_eq!(users.number(b"broken"), None);
        assert_eq!(users.number(b"no"), None);
        assert_eq!(Users::default().name(0), None);
    }
}
