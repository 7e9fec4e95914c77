//! The functions of the table of options. In: the value of one option, or the selector that is short for it. Out: what it
//! asks for, set in `Options`, or one line that quotes the value. It knows no letter and no name.

use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::ends::{parse_end, parse_internet, parse_ports};
use crate::cli::values::{
    parse_container, parse_endian, parse_inodes, parse_namespaces, parse_pause, parse_pids,
    parse_seconds, parse_states, parse_table, parse_threads, parse_uids, wrong,
};
use crate::cli::{Capture, Looks, Options};
use crate::collections::sort::sort_dedup;
use crate::proc::is_denied;
use crate::select::{Condition, Endpoint, Family, ProcessTest, RowTest};
use crate::socket::Side;
use crate::socket::proto::Protos;

/// The functions of the table: each sets what one option, or the selector that is short for it, asks for.
#[expect(
    clippy::unnecessary_wraps,
    reason = "a row takes one type of function, and most values are parsed"
)]
impl Options {
    /// Selects sockets of these protocols too.
    pub(super) fn add_protos(&mut self, protos: Protos) {
        self.named = self.named.union(protos);
        self.select("protocol", RowTest::Proto(protos));
    }

    /// Selects sockets of the tables of this list too.
    pub(super) fn add_tables(&mut self, word: &[u8]) -> Result<(), String> {
        self.add_tables_of("protocol", word)
    }

    /// Selects sockets of the families of this list too.
    pub(super) fn add_families(&mut self, word: &[u8]) -> Result<(), String> {
        self.add_tables_of("family", word)
    }

    /// Adds the tables of this list to those of their kind.
    pub(super) fn add_tables_of(&mut self, kind: &'static str, word: &[u8]) -> Result<(), String> {
        for table in word.split(|byte| *byte == b',') {
            let protos = parse_table(table)?;
            self.named = self.named.union(protos);
            self.select(kind, RowTest::Proto(protos));
        }
        Ok(())
    }

    /// Selects sockets of this family too.
    pub(super) fn add_family(&mut self, family: Family) {
        self.select("family", RowTest::Family(family));
    }

    /// Selects the internet sockets too that lsof's specification describes.
    pub(super) fn add_internet(&mut self, word: &[u8]) -> Result<(), String> {
        self.selection.add("protocol", parse_internet(word)?);
        Ok(())
    }

    /// Selects ports of either end.
    pub(super) fn add_ports(&mut self, word: &[u8]) -> Result<(), String> {
        self.add_ports_of("port", Side::Either, word)
    }

    /// Selects ports of this end.
    pub(super) fn add_local_ports(&mut self, word: &[u8]) -> Result<(), String> {
        self.add_ports_of("local port", Side::Local, word)
    }

    /// Selects ports of the other end.
    pub(super) fn add_remote_ports(&mut self, word: &[u8]) -> Result<(), String> {
        self.add_ports_of("remote port", Side::Remote, word)
    }

    /// Selects ports of the end on `side`.
    pub(super) fn add_ports_of(
        &mut self,
        kind: &'static str,
        side: Side,
        word: &[u8],
    ) -> Result<(), String> {
        let end = Endpoint {
            prefix: None,
            ports: parse_ports(word)?,
        };
        self.select(kind, RowTest::End(side, end));
        Ok(())
    }

    /// Selects an address of either end, perhaps with ports.
    pub(super) fn add_end(&mut self, word: &[u8]) -> Result<(), String> {
        self.select("address", RowTest::End(Side::Either, parse_end(word)?));
        Ok(())
    }

    /// Selects a path or abstract name of unix sockets.
    pub(super) fn add_path(&mut self, word: &[u8]) -> Result<(), String> {
        self.select("path", RowTest::Path(word.to_vec()));
        Ok(())
    }

    /// Selects inodes.
    pub(super) fn add_inodes(&mut self, word: &[u8]) -> Result<(), String> {
        for inode in parse_inodes(word)? {
            self.select("inode", RowTest::Inode(inode));
        }
        Ok(())
    }

    /// Selects states.
    pub(super) fn add_states(&mut self, word: &[u8]) -> Result<(), String> {
        for (protos, state) in parse_states(word)? {
            self.select("state", RowTest::State(protos, state));
        }
        Ok(())
    }

    /// Selects owners.
    pub(super) fn add_uids(&mut self, word: &[u8]) -> Result<(), String> {
        for uid in parse_uids(word)? {
            self.select("uid", RowTest::Uid(uid));
        }
        Ok(())
    }

    /// Selects network namespaces.
    pub(super) fn add_namespaces(&mut self, word: &[u8]) -> Result<(), String> {
        self.namespaces.extend(parse_namespaces(word)?);
        Ok(())
    }

    /// Selects processes by id.
    pub(super) fn add_pids(&mut self, word: &[u8]) -> Result<(), String> {
        let mut pids = parse_pids(word)?;
        sort_dedup(&mut pids);
        self.select_process("pid", ProcessTest::Pids(pids));
        Ok(())
    }

    /// Selects processes by a word in their command's name or line.
    pub(super) fn add_word(&mut self, word: &[u8]) -> Result<(), String> {
        self.select_process("word", ProcessTest::Word(word.to_vec()));
        Ok(())
    }

    /// Selects processes by the beginning of their command's name.
    pub(super) fn add_prefix(&mut self, word: &[u8]) -> Result<(), String> {
        if let [b'/' | b'^' | b'-', ..] = word {
            return Err(wrong(word, "not the beginning of a command's name"));
        }
        self.select_process("command", ProcessTest::Prefix(word.to_vec()));
        Ok(())
    }

    /// Selects processes by the beginning of their container's id.
    pub(super) fn add_container(&mut self, word: &[u8]) -> Result<(), String> {
        let prefix = parse_container(word)?;
        self.select_process("container", ProcessTest::Container(prefix));
        Ok(())
    }

    /// Adds a question about sockets to those of its kind.
    pub(super) fn select(&mut self, kind: &'static str, test: RowTest) {
        self.selection.add(kind, Condition::Row(test));
    }

    /// Adds a question about processes to those of its kind.
    fn select_process(&mut self, kind: &'static str, test: ProcessTest) {
        self.selection.add(kind, Condition::Process(test));
    }

    /// Looks again and again, each second if no pause is given.
    pub(super) fn set_watch(&mut self, pause: Option<&[u8]>) -> Result<(), String> {
        let pause = pause.map_or(Ok(Duration::from_secs(1)), parse_pause);
        self.looks = Looks::Watch(pause?);
        Ok(())
    }

    /// Looks until something matches, for ever if no limit is given.
    pub(super) fn set_wait(&mut self, limit: Option<&[u8]>) -> Result<(), String> {
        self.looks = Looks::Wait(limit.map(parse_seconds).transpose()?);
        Ok(())
    }

    /// Decodes a file, or standard input if none or `-` is given.
    pub(super) fn set_capture(&mut self, file: Option<&[u8]>) -> Result<(), String> {
        let file = file.filter(|file| *file != b"-");
        self.capture = Some(Capture {
            path: file.map(|file| PathBuf::from(OsStr::from_bytes(file))),
            endian: self.endian,
        });
        Ok(())
    }

    /// Sets the byte order of captured text, whether `--decode` was read before or comes after.
    pub(super) fn set_endian(&mut self, word: &[u8]) -> Result<(), String> {
        self.endian = parse_endian(word)?;
        if let Some(capture) = &mut self.capture {
            capture.endian = self.endian;
        }
        Ok(())
    }

    /// Reads another proc file system.
    pub(super) fn set_proc(&mut self, word: &[u8]) -> Result<(), String> {
        self.proc = PathBuf::from(OsStr::from_bytes(word));
        Ok(())
    }

    /// Limits the number of threads.
    pub(super) fn set_threads(&mut self, word: &[u8]) -> Result<(), String> {
        self.threads = Some(parse_threads(word)?);
        Ok(())
    }
}

/// Returns true if the argument after `--decode` is its file: `-`, or a file that exists. A unix socket is none: its path
/// selects. So does a path that does not exist, unless standard input is a terminal: then the name is mistyped.
pub(super) fn is_file(word: &[u8]) -> bool {
    match Path::new(OsStr::from_bytes(word)).metadata() {
        Ok(file) => !file.file_type().is_socket(),
        // It is there, or stat(2) is denied: opening it tells why.
        Err(error) if is_denied(&error) => true,
        Err(_) => word == b"-" || word.starts_with(b"/") && io::stdin().is_terminal(),
    }
}
