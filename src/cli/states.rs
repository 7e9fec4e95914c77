//! Parses the names of states, as lsof, ss and netstat spell them. In: a word of the command line. Out: states, or the
//! condition that a name of ss's stands for, or one line that quotes the word. It knows no option.

use crate::cli::values::wrong;
use crate::select::{Condition, RowTest};
use crate::socket::proto::Protos;
use crate::socket::state::State;

/// The protocols that have states, as lsof has them in front.
static STATEFUL: &[(&str, Protos)] = &[
    ("TCP", Protos::TCP),
    ("UDP", Protos::UDP),
    ("UNIX", Protos::UNIX),
    ("SCTP", Protos::SCTP),
];

/// Other spellings of states.
static OTHER_STATES: &[(&str, State)] = &[
    ("ESTAB", State::ESTABLISHED),
    ("UNCONN", State::UNCONNECTED),
    ("IDLE", State::UNCONNECTED),
    ("LISTENING", State::LISTEN),
    ("FIN_WAIT_1", State::FIN_WAIT1),
    ("FIN_WAIT_2", State::FIN_WAIT2),
    ("SYN_RECEIVED", State::SYN_RECV),
    ("SYN_RCVD", State::SYN_RECV),
    ("CLOSED", State::CLOSE),
];

/// Parses a state or a list of them, with lsof's protocol in front or without: `LISTEN`, `TCP:LISTEN,ESTABLISHED`.
/// Understands the spellings of ss and netstat too.
pub(super) fn parse_states(word: &[u8]) -> Result<Vec<(Protos, State)>, String> {
    let mut parts = word.rsplitn(2, |byte| *byte == b':');
    let names = parts.next().unwrap_or_default();
    let protos = match parts.next() {
        None => Protos::ALL,
        Some(proto) => {
            let is_it = |(name, _): &&(&str, Protos)| proto.eq_ignore_ascii_case(name.as_bytes());
            let known = STATEFUL.iter().find(is_it);
            let advice =
                "not a protocol with states; write TCP:, UDP:, UNIX: or SCTP:, as in TCP:LISTEN";
            known.ok_or_else(|| wrong(word, advice))?.1
        }
    };
    let mut states = Vec::new();
    for name in names.split(|byte| *byte == b',') {
        let state = match parse_state_name(name) {
            // TCP has no state UNCONNECTED: what is not connected there is in CLOSE.
            Some(State::UNCONNECTED) if protos == Protos::TCP => State::CLOSE,
            Some(state) => state,
            None => {
                return Err(wrong(
                    word,
                    "not a state; write LISTEN, ESTABLISHED, CLOSE_WAIT or another word of STATE",
                ));
            }
        };
        states.push((protos, state));
    }
    Ok(states)
}

/// Parses the name of a state; `None` if there is none.
fn parse_state_name(word: &[u8]) -> Option<State> {
    let known = State::NAMES.iter().filter(|(_, name)| *name != "-");
    let known = known.map(|(state, name)| (*name, *state));
    let mut known = known.chain(OTHER_STATES.iter().copied());
    let found = known.find(|(name, _)| is_spelled(word, name.as_bytes()));
    found.map(|(_, state)| state)
}

/// Returns true if `name` is `known`, in capitals or not, with dashes or underscores.
fn is_spelled(name: &[u8], known: &[u8]) -> bool {
    let plain = |byte: &u8| {
        if *byte == b'-' {
            b'_'
        } else {
            byte.to_ascii_uppercase()
        }
    };
    name.len() == known.len()
        && name
            .iter()
            .zip(known)
            .all(|(one, other)| plain(one) == *other)
}

/// ss's names for several states: the name, true if it means all states but these, and the states.
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
    Some(if is_negated {
        Condition::Not(Box::new(any))
    } else {
        any
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_known_in_every_tools_spelling() {
        assert_eq!(
            parse_states(b"TCP:LISTEN"),
            Ok(vec![(Protos::TCP, State::LISTEN)])
        );
        assert_eq!(
            parse_states(b"estab,time-wait"),
            Ok(vec![
                (Protos::ALL, State::ESTABLISHED),
                (Protos::ALL, State::TIME_WAIT)
            ])
        );
        for wrong in [&b""[..], b"-", b"OPEN", b"X:LISTEN", b"LISTEN,"] {
            assert!(parse_states(wrong).is_err());
        }
    }
}
