//! Searches the socket at the other end of another one among several that may be it. In: a connection as one end has it,
//! and where that is. Out: the number of the socket at its other end, or nothing where two are as good. It reads nothing,
//! and does not know which connection is to be looked for.

use crate::join::by_key::Key;
use crate::join::peers::Peers;
use crate::proc::NetnsId;
use crate::socket::connection::Connection;
use crate::socket::state::State;
use crate::socket::store::Sockets;

/// A search for the socket at the other end of another.
///
/// A socket of the same namespace comes first, and the other end on the loopback can only be there. Where two namespaces both
/// have such a socket, as two networks with the same addresses may, nothing is found.
pub(super) struct Search<'a> {
    /// Where the sockets are looked up.
    pub(super) peers: &'a Peers,
    /// The rows.
    pub(super) sockets: &'a Sockets,
    /// The namespace of the socket whose other end is searched for.
    pub(super) home: NetnsId,
    /// The best socket that was found, behind its rank.
    best: Option<((bool, bool, bool), u32)>,
    /// True if another namespace has such a socket too.
    is_ambiguous: bool,
}

impl<'a> Search<'a> {
    /// Returns a search for the other end of socket `number`.
    pub(super) fn new(peers: &'a Peers, sockets: &'a Sockets, number: u32) -> Self {
        Self {
            peers,
            sockets,
            home: sockets.netns(number),
            best: None,
            is_ambiguous: false,
        }
    }

    /// Notes the socket that has the ends of `connection`, as it is in the namespace `place`, in reverse. If only one
    /// namespace is `believed`, it must be there.
    #[inline(never)]
    pub(super) fn look(
        &mut self,
        connection: &Connection,
        place: NetnsId,
        believed: Option<NetnsId>,
    ) {
        let believed = if connection.is_loopback() {
            Some(place)
        } else {
            believed
        };
        let wanted = Key::Connection(None, connection.reversed());
        let near = believed.unwrap_or(self.home);
        let by_key = self.peers.by_key.as_ref();
        let found = by_key.and_then(|by_key| by_key.find_near(wanted, near, self.sockets));
        if let Some(found) = found {
            self.is_ambiguous |= found.is_shared && believed.is_none();
            self.take(found.number, believed);
        }
    }

    /// Notes socket `number`, which must be in the namespace `believed` if there is one.
    #[inline(never)]
    pub(super) fn take(&mut self, number: u32, believed: Option<NetnsId>) {
        let netns = self.sockets.netns(number);
        if believed.is_some_and(|believed| believed != netns) {
            return;
        }
        let is_held = self.peers.holder(number).is_some();
        let is_alive = self.sockets.row(number).state != State::TIME_WAIT;
        let rank = (netns == self.home, is_held, is_alive);
        if let Some((known, other)) = self.best {
            self.is_ambiguous |= self.sockets.netns(other) != netns;
            if known >= rank {
                return;
            }
        }
        self.best = Some((rank, number));
    }

    /// Returns the socket that was found, unless two are as good.
    pub(super) fn found(&self) -> Option<u32> {
        let best = self
            .best
            .filter(|((is_home, ..), _)| *is_home || !self.is_ambiguous);
        best.map(|(_, number)| number)
    }
}
