//! The internet sockets that lsof's `-i` selects. In: its value, `[46][TCP|UDP|UDPLITE][@ADDRESS][:PORTS]`, and rows. Out: a
//! specification, or what lsof says of one that is wrong; and whether it selects a row. It looks up no name of a host or service.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::arguments::{Ended, wrong};
use crate::select::{Condition, Endpoint, Family, RowTest};
use crate::socket::proto::{Proto, Protos};
use crate::socket::{Row, Side, is_end};
use crate::text::addr::unmapped;
use crate::text::digits::decimal32;

/// The protocols of lsof's internet sockets, with their names.
pub(super) static PROTOCOLS: [(&[u8], Protos); 3] = [
    (b"TCP", Protos::TCP),
    (b"UDP", Protos::of(&[Proto::Udp, Proto::Udp6])),
    (b"UDPLITE", Protos::of(&[Proto::Udplite, Proto::Udplite6])),
];

/// All protocols of `PROTOCOLS`.
pub(super) const INTERNET: Protos = Protos::TCP.union(Protos::UDP);

/// What one `-i` with a value selects.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Internet {
    /// The family of the addresses, in which v4-mapped ones are IPv4; `None` for both.
    family: Option<Family>,
    /// The protocols.
    protos: Protos,
    /// The address of an end; `None` for any.
    address: Option<IpAddr>,
    /// The ports of the same end; empty for any.
    ports: Vec<RangeInclusive<u16>>,
}

impl Internet {
    /// Parses the value of `-i`.
    ///
    /// # Errors
    /// What lsof says of a wrong one.
    pub(super) fn parse(value: &[u8]) -> Result<Self, Ended> {
        let mut spec = Self {
            family: None,
            protos: INTERNET,
            address: None,
            ports: Vec::new(),
        };
        let mut rest = value;
        if let [digit @ (b'4' | b'6'), more @ ..] = rest {
            spec.family = Some(if *digit == b'4' {
                Family::V4
            } else {
                Family::V6
            });
            rest = more;
        }
        let is_end = |byte: &u8| matches!(byte, b'@' | b':');
        let name_len = rest.iter().position(is_end).unwrap_or(rest.len());
        let (name, rest) = rest.split_at_checked(name_len).unwrap_or_default();
        if !name.is_empty() {
            let mut known = PROTOCOLS.iter();
            match known.find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                Some((_, protos)) => spec.protos = *protos,
                None => {
                    return Err(wrong("unknown protocol name (%) in: -i %", [name, value]));
                }
            }
        }
        let ports = match rest {
            [b'@', host @ ..] => {
                let (host, ports) = split_host(host).unwrap_or_default();
                spec.set_address(host, value)?;
                ports
            }
            rest => rest,
        };
        if let [b':', list @ ..] = ports {
            for item in list.split(|byte| *byte == b',') {
                spec.ports.push(parse_ports(item, value)?);
            }
        } else if name.is_empty() && spec.address.is_none() {
            return Err(wrong(
                "incomplete Internet address specification: -i %",
                [value, b""],
            ));
        }
        Ok(spec)
    }

    /// Sets the address, which is of the family that was asked for; 0.0.0.0 is any of IPv4.
    fn set_address(&mut self, host: &[u8], value: &[u8]) -> Result<(), Ended> {
        let text = std::str::from_utf8(host).unwrap_or_default();
        let address = text.parse::<IpAddr>().map(unmapped);
        match address {
            Ok(address) if address.is_ipv4() || !address.is_unspecified() => {
                let family = Family::of(address);
                if self
                    .family
                    .replace(family)
                    .is_some_and(|asked| asked != family)
                {
                    let digit = if address.is_ipv4() { b"4" } else { b"6" };
                    return Err(wrong("IPv% addresses are prohibited: -i %", [digit, value]));
                }
                self.address = Some(address).filter(|address| !address.is_unspecified());
                Ok(())
            }
            Err(_) if !host.is_empty() && !host.contains(&b':') => Err(wrong(
                "lsock looks up no names of hosts, write an address: unknown host name (%) in: -i %",
                [host, value],
            )),
            _ => Err(wrong(
                "unacceptable Internet address in: -i %",
                [value, b""],
            )),
        }
    }

    /// Returns true if it selects `row`.
    pub(crate) fn has(&self, row: &Row<'_>) -> bool {
        let Some((local, remote)) = row.ends.inet() else {
            return false;
        };
        let is_it = |(address, port): (IpAddr, u16)| {
            self.family
                .is_none_or(|family| family == Family::of(address))
                && self.address.is_none_or(|asked| asked == unmapped(address))
                && (self.ports.is_empty() || self.ports.iter().any(|ports| ports.contains(&port)))
        };
        // Without a peer there is no other end.
        self.protos.has(row.proto) && (is_it(local) || is_end(remote) && is_it(remote))
    }

    /// Returns a condition that holds for every row that it selects, and maybe for others.
    pub(super) fn bound(&self) -> Condition {
        let proto = Condition::Row(RowTest::Proto(self.protos));
        if self.ports.is_empty() {
            return proto;
        }
        let end = Endpoint::of_ports(self.ports.clone());
        let port = Condition::Row(RowTest::End(Side::Either, end));
        Condition::All(vec![proto, port])
    }
}

/// Splits `ADDRESS:PORTS`, or `[ADDRESS]:PORTS`, behind the host.
fn split_host(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (host, rest) = match text {
        [b'[', more @ ..] => {
            let len = more.iter().position(|byte| *byte == b']')?;
            (more.get(..len)?, more.get(len + 1..)?)
        }
        text => {
            let len = text.iter().position(|byte| *byte == b':');
            text.split_at_checked(len.unwrap_or(text.len()))?
        }
    };
    // In brackets stands nothing but IPv6, and IPv6 nowhere else.
    let is_v6 = host.contains(&b':');
    let is_whole = matches!(rest, [] | [b':', ..]) && is_v6 == text.starts_with(b"[");
    is_whole.then_some((host, rest))
}

/// Parses a port or a range of ports.
fn parse_ports(item: &[u8], value: &[u8]) -> Result<RangeInclusive<u16>, Ended> {
    let port = |digits: &[u8]| decimal32(digits).and_then(|port| u16::try_from(port).ok());
    let len = item
        .iter()
        .position(|byte| *byte == b'-')
        .unwrap_or(item.len());
    let (first, last) = item.split_at_checked(len).unwrap_or_default();
    match (port(first), port(last.get(1..).unwrap_or(first))) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        (None, _) if first.iter().any(u8::is_ascii_alphabetic) => Err(wrong(
            "lsock reads no /etc/services, write the number: unknown service % in: -i %",
            [item, value],
        )),
        _ => Err(wrong(
            "unacceptable port specification in: -i %",
            [value, b""],
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::Ends;
    use crate::socket::state::State;

    /// Returns a row of `proto` between these ends.
    fn row(proto: Proto, local: (&str, u16), remote: (&str, u16)) -> Row<'static> {
        let end = |(address, port): (&str, u16)| (address.parse().unwrap(), port);
        Row {
            inode: 7,
            proto,
            state: State::LISTEN,
            rx_queue: None,
            tx_queue: None,
            ends: Ends::Inet {
                local: end(local),
                remote: end(remote),
            },
        }
    }

    // The answers are lsof 4.95's.
    #[test]
    fn a_specification_selects_what_it_selects_in_lsof() {
        let listener = row(Proto::Tcp6, ("::", 8080), ("::", 0));
        let mapped = row(
            Proto::Tcp6,
            ("::ffff:172.17.0.2", 8080),
            ("::ffff:172.17.0.2", 54846),
        );
        let local = row(Proto::Tcp, ("127.0.0.1", 5432), ("0.0.0.0", 0));
        let dns = row(Proto::Udp, ("0.0.0.0", 53), ("0.0.0.0", 0));
        let lite = row(Proto::Udplite, ("127.0.0.1", 53), ("0.0.0.0", 0));
        let rows = [listener, mapped, local, dns, lite];
        for (spec, selected) in [
            (":8080", "110 00"),
            ("tcp:8080", "110 00"),
            ("4:8080", "010 00"),
            ("6:8080", "100 00"),
            ("4TCP@172.17.0.2", "010 00"),
            ("@[::ffff:172.17.0.2]", "010 00"),
            ("@127.0.0.1:5432", "001 00"),
            ("TCP@0.0.0.0:5432", "001 00"),
            ("@127.0.0.1", "001 01"),
            ("udp", "000 10"),
            ("UdpLite", "000 01"),
            (":53", "000 11"),
            (":1-53,5432,54846", "011 11"),
            (":0", "000 00"),
        ] {
            let spec_row = Internet::parse(spec.as_bytes()).unwrap();
            let seen: Vec<bool> = rows.iter().map(|row| spec_row.has(row)).collect();
            let known: Vec<bool> = selected
                .bytes()
                .filter(|byte| *byte != b' ')
                .map(|byte| byte == b'1')
                .collect();
            assert_eq!(seen, known, "{spec}");
            for row in rows.iter().filter(|row| spec_row.has(row)) {
                assert!(
                    spec_row
                        .bound()
                        .matches_row(row, &crate::socket::Detail::default(), &|| false),
                    "{spec}"
                );
            }
        }
    }

    #[test]
    fn what_lsof_refuses_is_refused_in_its_words() {
        for (spec, what) in [
            ("8080", "unknown protocol name (8080) in:"),
            ("46", "unknown protocol name (6) in:"),
            ("tcp6:22", "unknown protocol name (tcp6) in:"),
            ("", "incomplete Internet address specification:"),
            ("@0.0.0.0", "incomplete Internet address specification:"),
            ("@", "unacceptable Internet address in:"),
            ("TCP@:22", "unacceptable Internet address in:"),
            ("@::1", "unacceptable Internet address in:"),
            ("@[::1", "unacceptable Internet address in:"),
            ("@[::]", "unacceptable Internet address in:"),
            ("@[fe80::1%eth0]", "unacceptable Internet address in:"),
            ("6@127.0.0.1", "IPv4 addresses are prohibited:"),
            ("4@[::1]", "IPv6 addresses are prohibited:"),
            (":", "unacceptable port specification in:"),
            (":80-22", "unacceptable port specification in:"),
            (":22-", "unacceptable port specification in:"),
            (":22:23", "unacceptable port specification in:"),
            (":99999", "unacceptable port specification in:"),
            (":22,80,x", "unknown service x in:"),
            ("tcp:http", "unknown service http in:"),
            ("@localhost", "unknown host name (localhost) in:"),
            ("@127.0.0", "unknown host name (127.0.0) in:"),
        ] {
            let error = Internet::parse(spec.as_bytes()).unwrap_err().0.text;
            assert!(
                error.contains(&format!("{what} -i {spec}\n")),
                "{spec}: {error}"
            );
        }
    }
}
