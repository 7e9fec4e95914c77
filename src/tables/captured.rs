//! Decodes captured /proc/net text, without a proc. In: a file or standard input: whole tables, one or several; lines as
//! `grep` prints them (`/proc/net/tcp:   1: …`); files below their names (`==> /proc/net/tcp <==`); or single rows; quoted,
//! indented, or behind whatever a tool puts in front of a line. Out: the selected rows, in the order of the text, and the
//! descriptors that `ls` listed. It does not look at the machine that it runs on.
//!
//! A row belongs to the table that is named in front of it, else to the one whose header or name came last, else to the
//! one whose shape it has. A row that stands twice in the text is shown twice, because nothing tells which of them is
//! true. Lines of no known table are counted, and the first one is quoted; so are rows that were cut.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use super::decoder::Decoder;
use super::recognise::by_file;
use crate::cli::Capture;
use crate::proc::{Task, error_text};
use crate::select::rows::RowFilter;
use crate::socket::store::Sockets;
use crate::tables::interfaces::Interfaces;
use crate::text::escape::quoted;
use crate::text::plain::Encoding;
use crate::text::records::Records;
use crate::walk::fds::Holder;
use crate::warn::Warnings;

/// The number of bytes read at a time; the longest line is far shorter.
const BUFFER_LEN: usize = 64 * 1024;

/// What captured text tells beside the rows.
#[derive(Default)]
pub(crate) struct Captured {
    /// The interfaces.
    pub(crate) interfaces: Interfaces,
    /// The descriptors of sockets, each with its task if the text names that.
    pub(crate) holders: Vec<(Option<Task>, Holder)>,
}

impl Capture {
    /// Returns its name for messages.
    fn name(&self) -> &[u8] {
        self.path
            .as_ref()
            .map_or(b"stdin", |path| path.as_os_str().as_bytes())
    }

    /// Reads all of the text, adds the rows that `rows` keeps to `sockets`, and returns what else the text tells.
    ///
    /// # Errors
    /// One line: the file is missing, or cannot be read.
    pub(crate) fn load(
        &self,
        rows: RowFilter<'_>,
        sockets: &mut Sockets,
        warnings: &mut Warnings,
    ) -> Result<Captured, String> {
        let told = |error: io::Error| format!("{}: {}", quoted(self.name()), error_text(&error));
        let source = match &self.path {
            Some(path) => File::open(path),
            None => io::stdin().as_fd().try_clone_to_owned().map(File::from),
        };
        let mut decoder = Decoder::new(self.endian, rows, sockets);
        let file = by_file(self.name());
        decoder.is_one_file = file.is_some();
        decoder.enter(file);
        let (mut buffer, mut source) = (vec![0; BUFFER_LEN], source.map_err(told)?);
        let mut read = |buffer: &mut [u8]| source.read(buffer);
        let mut records = Records::new(&mut read, &mut buffer, 0);
        let (mut encoding, mut is_first, mut room) = (Encoding::Bytes, true, Vec::new());
        while let Some(record) = records.next(None).map_err(told)? {
            let mut line = record.bytes;
            if std::mem::take(&mut is_first) {
                (encoding, line) = Encoding::of(line);
            }
            decoder.take_line(encoding.plain(line, &mut room));
        }
        if let Some(order) = decoder.other_order() {
            let reason = "its loopback addresses are backwards, as 1.0.0.127; try --endian";
            warnings.warn(self.name(), &format!("{reason} {order}"));
        }
        let (captured, unknown) = decoder.finish();
        if let Some(lines) = unknown.text() {
            warnings.warn(self.name(), &lines);
        }
        Ok(captured)
    }
}
