# Turns what `ss -Htunxap` prints of a network namespace into lsock's rows: `PID FD COMMAND PROTO STATE LOCAL PEER RECV-Q SEND-Q`.
# Comes in, each line after a word that says of which kind it is (see `truth` in ci/containers/expect):
#   namespace /proc/PID/ns/pid INODE      the PID namespace of each process
#   /proc/PID/status:NSpid: PID...        its pids, from the outermost namespace to the innermost
#   socket LINE                           a line of ss
# -v seat=inside|host: by which pids holders are named, and -v namespace=INODE, which one is inside.
# -v visible='PID...': the pids whose descriptors may be read, if not all. A holder that is not seen is no holder.
# It judges no row: the comparison does.
BEGIN {
    some = split(visible, pids, " ")
    for (i in pids) may[pids[i]] = 1
    split("ESTAB ESTABLISHED SYN-SENT SYN_SENT SYN-RECV SYN_RECV FIN-WAIT-1 FIN_WAIT1 FIN-WAIT-2 FIN_WAIT2 " \
        "TIME-WAIT TIME_WAIT UNCONN CLOSE CLOSE-WAIT CLOSE_WAIT LAST-ACK LAST_ACK LISTEN LISTEN CLOSING CLOSING", pair, " ")
    for (i = 1; i in pair; i += 2) state_of["tcp", pair[i]] = pair[i + 1]
    state_of["udp", "UNCONN"] = state_of["unix", "UNCONN"] = "UNCONNECTED"
    state_of["udp", "ESTAB"] = "ESTABLISHED"
    state_of["unix", "ESTAB"] = "CONNECTED"
    state_of["unix", "LISTEN"] = "LISTEN"
    state_of["unix", "SYN-SENT"] = "CONNECTING"
    name["u_str"] = "unix"; name["u_dgr"] = "unix-dgram"; name["u_seq"] = "unix-seq"
}

$1 == "namespace" {split($2, path, "/"); in_it[path[3]] = $3 == namespace; next}

$1 ~ /^\/proc\// {split($1, path, "/"); inner[path[3]] = $NF; next}

$1 == "socket" {
    unix = $2 ~ /^u_/
    family = unix ? "unix" : $2
    proto = unix ? name[$2] : $2
    local = $6; peer = unix ? "*" : $7; users = unix ? $10 : $8
    recv = unix ? "-" : $4; send = unix || $3 == "LISTEN" ? "-" : $5
    if (!unix) {
        if (local ~ /^[*[]/) proto = proto "6"
        sub(/^\*:/, "[::]:", local)
        if (local ~ /^\[::ffff:[0-9.]+\]/) {gsub(/^\[::ffff:|\]/, "", local); gsub(/^\[::ffff:|\]/, "", peer)}
        if (peer ~ /:\*$/) peer = "*:*"
    }
    row = proto " " state_of[family, $3] " " local " " peer " " recv " " send
    shown = 0
    # A holder's name comes quoted, and none of the workloads has a blank in its name.
    while (match(users, /\("[^"]*",pid=[0-9]+,fd=[0-9]+\)/)) {
        split(substr(users, RSTART, RLENGTH), part, /[",=)]+/)
        users = substr(users, RSTART + RLENGTH)
        # part: ( NAME pid PID fd FD
        if (seat == "host") pid = part[4]
        else if (in_it[part[4]]) pid = inner[part[4]]
        else continue
        if (some && !(pid in may)) continue
        print pid, part[6], part[2], row
        shown = 1
    }
    if (!shown) print "- - -", row
}
