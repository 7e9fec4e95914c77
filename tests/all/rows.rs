//! The kernel's tables as text: the header of each, and rows laid out as its functions print them.
//!
//! What comes in: addresses, states and numbers as a table spells them. What goes out: a line without its newline. What
//! lsock makes of it, it does not know.

/// 0.0.0.0 with port 0: nobody.
pub(crate) const NOBODY: &str = "00000000:0000";
/// The same for IPv6.
pub(crate) const NOBODY6: &str = "00000000000000000000000000000000:0000";
/// Empty queues.
pub(crate) const EMPTY: &str = "00000000:00000000";

/// A container's id; the first twelve digits are how it is shown.
pub(crate) const ID: &str = "54e9a2cefd9454e9a2cefd9454e9a2cefd9454e9a2cefd9454e9a2cefd94abcd";

/// What the document's last loop prints (howto-by-hand.md), word for word; the file's name in front says the table.
pub(crate) const BY_HAND: &str = "\
/proc/net/tcp:   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 607014 1 0000000000000000 100 0 0 10 0
/proc/net/unix:0000000000000000: 00000002 00000000 00000000 0001 03 607015
/proc/net/tcp:   8: 020011AC:1F90 010011AC:D63E 01 00000000:00000000 00:00000000 00000000  1000        0 621793 1 0000000000000000 20 4 20 10 -1
/proc/net/tcp:   4: 020011AC:1F90 010011AC:D63A 01 00000000:00000000 00:00000000 00000000  1000        0 621699 1 0000000000000000 20 4 3 10 -1
/proc/net/tcp:   6: 020011AC:1F90 010011AC:D642 01 00000000:00000000 00:00000000 00000000  1000        0 621807 1 0000000000000000 20 4 21 10 -1
/proc/net/tcp:   0: 00000000:C350 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 608390 1 0000000000000000 100 0 0 10 0
/proc/net/tcp:   3: 020011AC:1F90 010011AC:D646 01 00000000:00000000 00:00000000 00000000  1000        0 621808 1 0000000000000000 20 4 19 10 -1
/proc/net/tcp:   5: 020011AC:1F90 010011AC:D64A 01 00000000:00000000 00:00000000 00000000  1000        0 621809 1 0000000000000000 20 4 21 10 -1
/proc/net/tcp:   9: 020011AC:1F90 010011AC:D64E 01 00000000:00000000 00:00000000 00000000  1000        0 621810 1 0000000000000000 20 4 20 10 -1
/proc/net/unix:0000000000000000: 00000002 00000000 00000000 0001 03 606974
";

/// Every table that lsock knows, with the kernel's own first line, blanks included.
pub(crate) const HEADERS: [(&str, &str); 13] = [
    ("tcp", TCP_HEADER),
    ("tcp6", INET6_HEADER),
    ("udp", UDP_HEADER),
    ("udp6", UDP6_HEADER),
    ("udplite", UDP_HEADER),
    ("udplite6", UDP6_HEADER),
    ("raw", RAW_HEADER),
    ("raw6", UDP6_HEADER),
    ("icmp", UDP_HEADER),
    ("icmp6", UDP6_HEADER),
    (
        "unix",
        "Num       RefCount Protocol Flags    Type St Inode Path\n",
    ),
    (
        "netlink",
        "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n",
    ),
    (
        "packet",
        "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n",
    ),
];

/// Padded to 149 characters, as every row of `tcp` is.
const TCP_HEADER: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n";
/// `tcp6` is not padded.
const INET6_HEADER: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
/// Padded to 127 characters; `udplite` and `icmp` have the same.
const UDP_HEADER: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            \n";
/// `udplite6`, `raw6` and `icmp6` have the same.
const UDP6_HEADER: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";
/// `raw` is not padded.
const RAW_HEADER: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";

/// The first line of a table.
pub(crate) fn header(table: &str) -> &'static str {
    HEADERS
        .iter()
        .find(|(name, _)| *name == table)
        .map(|(_, line)| *line)
        .expect("a table that lsock knows")
}

/// The addresses of `text`, which are words of a little-endian machine, as this machine prints them: the same there, and each
/// word of eight digits in front of `:PORT` swapped on a big-endian one.
pub(crate) fn native(text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    if cfg!(target_endian = "little") {
        return text;
    }
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let mut start = 0;
    while start < text.len() {
        let length = text[start..]
            .iter()
            .take_while(|byte| is_digit(Some(byte)))
            .count();
        let end = start + length;
        let port = text
            .get(end + 1..end + 5)
            .is_some_and(|port| port.iter().all(|byte| is_digit(Some(byte))));
        let is_address = [8, 32].contains(&length)
            && text.get(end) == Some(&b':')
            && port
            && !is_digit(text.get(end + 5));
        if is_address {
            for word in text[start..end].chunks_exact_mut(8) {
                let swapped = [
                    word[6], word[7], word[4], word[5], word[2], word[3], word[0], word[1],
                ];
                word.copy_from_slice(&swapped);
            }
        }
        start = end + 1;
    }
    text
}

/// A row of `tcp` or `tcp6`: addresses and state as the table spells them, `tx:rx`, uid and inode.
pub(crate) fn tcp(
    local: &str,
    remote: &str,
    state: &str,
    queues: &str,
    uid: u32,
    inode: u64,
) -> String {
    let row = format!(
        "   0: {local} {remote} {state} {queues} 00:00000000 00000000 {uid:5}        0 {inode} 1 0000000000000000 20 4 30 10 -1"
    );
    format!("{row:<149}")
}

/// The short row of a socket in `TIME_WAIT` or `SYN_RECV`, which has no inode.
pub(crate) fn tcp_short(local: &str, remote: &str, state: &str) -> String {
    let row = format!(
        "   2: {local} {remote} {state} 00000000:00000000 03:0000176F 00000000     0        0 0 3 0000000000000000"
    );
    format!("{row:<149}")
}

/// A row of `udp`, `udplite`, `raw` or `icmp`, or of their IPv6 tables.
pub(crate) fn udp(
    local: &str,
    remote: &str,
    state: &str,
    queues: &str,
    uid: u32,
    inode: u64,
) -> String {
    let row = format!(
        " 1234: {local} {remote} {state} {queues} 00:00000000 00000000 {uid:5}        0 {inode} 2 0000000000000000 0"
    );
    format!("{row:<127}")
}

/// A row of `unix`; the path may be any bytes, and an empty one is not printed at all.
pub(crate) fn unix(
    flags: &str,
    kind: &str,
    state: &str,
    inode: u64,
    path: impl AsRef<[u8]>,
) -> Vec<u8> {
    let row = format!("0000000000000000: 00000002 00000000 {flags} {kind} {state} {inode:5}");
    let mut row = row.into_bytes();
    if !path.as_ref().is_empty() {
        row.push(b' ');
        row.extend_from_slice(path.as_ref());
    }
    row
}

/// A row of `netlink`: protocol, port id, inode.
pub(crate) fn netlink(protocol: u32, port_id: i64, inode: u64) -> String {
    format!(
        "0000000000000000 {protocol:<3} {port_id:<10} 00000000 0        0        0     2        0        {inode:<8}"
    )
}

/// A row of `packet`: type, protocol in hex, interface's index, inode.
pub(crate) fn packet(kind: u32, protocol: &str, interface: u32, inode: u64) -> String {
    format!(
        "0000000000000000 3      {kind}    {protocol}   {interface}     1 0      0      {inode:<6}"
    )
}

/// A row of `tcp`: a listener on this port of 0.0.0.0, with nobody in its queue.
pub(crate) fn listen(port: u16, inode: u64) -> String {
    let local = format!("00000000:{port:04X}");
    tcp(&local, NOBODY, "0A", EMPTY, 0, inode)
}
