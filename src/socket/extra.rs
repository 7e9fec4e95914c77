//! What the languages of other tools show of a row, and lsock does not. In: what the tables tell. Out: the same values, beside
//! the rows of a store that keeps them. It does not know which tool shows what.

/// How much of a row is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Keeps {
    /// The row.
    #[default]
    Rows,
    /// Its detail too.
    Details,
    /// Its detail, and what only other tools show.
    Extras,
}

/// What only other tools show of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extra {
    /// The pointer to the socket, as the kernel disguises it; 0 where it is hidden.
    pub(crate) pointer: u64,
    /// The number of references; 0 where the table does not tell.
    pub(crate) references: u32,
    /// The flags of a unix socket (`SO_ACCEPTCON` is 0x10000); the groups of netlink; of an association of SCTP the state of
    /// its socket.
    pub(crate) flags: u32,
    /// The probes of TCP without an answer: of keepalive, or of a closed window.
    pub(crate) probes: u32,
    /// The place in the order of the tables and of the rows in each: larger than that of each row before it.
    pub(crate) position: u32,
}

impl Extra {
    /// Forgets all but the position, where the row may be forged.
    pub(crate) fn forget(&mut self) {
        *self = Self {
            position: self.position,
            ..Self::default()
        };
    }
}
