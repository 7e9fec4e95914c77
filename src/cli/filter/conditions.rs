//! The conditions that the words of ss's filter stand for. In: ports, and the name of a state. Out: a condition. It reads
//! no grammar.

use crate::cli::values::parse_state_name;
use crate::select::{Condition, Endpoint, Ports, RowTest};
use crate::socket::Side;
use crate::socket::proto::Protos;
use crate::socket::state::State;

/// Returns an end with any address and one of `ports`.
pub(super) fn of_any_address(ports: Ports) -> Endpoint {
    Endpoint {
        prefix: None,
        ports,
    }
}

/// Returns the condition that the port on `side` is one of `ports`; 0, which stands for none, is what no other is.
pub(super) fn of_ports(ports: Ports, side: Side) -> Condition {
    let of = |ports| Condition::Row(RowTest::End(side, of_any_address(ports)));
    match ports.as_slice() {
        [] => Condition::default(),
        [range] if *range.end() == 0 => not(of(Vec::from([1..=u16::MAX]))),
        _ => of(ports),
    }
}

/// Returns the condition that `condition` does not hold.
pub(super) fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

/// ss's names that stand for several states, because sockets of other kinds have others, or as "not one of these".
static STATES: &[(&[u8], bool, &[State])] = &[
    (b"all", true, &[]),
    (
        b"established",
        false,
        &[State::ESTABLISHED, State::CONNECTED],
    ),
    (b"syn-sent", false, &[State::SYN_SENT, State::CONNECTING]),
    (b"closing", false, &[State::CLOSING, State::DISCONNECTING]),
    (b"close", false, CLOSED),
    (b"closed", false, CLOSED),
    (b"unconnected", false, CLOSED),
    (
        b"connected",
        true,
        &[State::CLOSE, State::UNCONNECTED, State::NONE, State::LISTEN],
    ),
    (
        b"synchronized",
        true,
        &[
            State::CLOSE,
            State::UNCONNECTED,
            State::NONE,
            State::LISTEN,
            State::SYN_SENT,
            State::CONNECTING,
        ],
    ),
    (b"bucket", false, &[State::SYN_RECV, State::TIME_WAIT]),
    (b"big", true, &[State::SYN_RECV, State::TIME_WAIT]),
];

/// What ss calls closed: a socket that is not connected, or that has no states.
const CLOSED: &[State] = &[State::CLOSE, State::UNCONNECTED, State::NONE];

/// Returns the condition that the socket is in a state of ss's; `None` if there is no such state.
pub(super) fn parse_state(word: &[u8]) -> Option<Condition> {
    let mut known = STATES.iter();
    let known = known.find(|(name, ..)| name.eq_ignore_ascii_case(word));
    let one;
    let (is_negated, states) = if let Some((_, is_negated, states)) = known {
        (*is_negated, *states)
    } else {
        one = [parse_state_name(word)?];
        (false, &one[..])
    };
    let mut parts = Vec::new();
    for state in states {
        parts.push(Condition::Row(RowTest::State(Protos::ALL, *state)));
    }
    let any = Condition::Any(parts);
    Some(if is_negated { not(any) } else { any })
}
