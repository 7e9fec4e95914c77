"""What lsock has to answer to a Question, and where an answer is another.

In: a View, a Question, and what lsock printed. Out: texts, one a disagreement, the first line of which begins with its kind. The exit status
is predicted by what README promises: 3 where something unseen may match, never 1 for it, and never 3 where all was seen.
"""

import json

from view import FIELDS, OneOf

rows_compared = 0
refused = 0


# ---- which rows --------------------------------------------------------------------------------------------------------------


def both(answers):
    """Three-valued `and`: False beats None beats True."""
    answers = list(answers)
    return False if False in [a if a is None else bool(a) for a in answers] else None if None in answers else True


def of_process(ask, row):
    """Whether the process conditions hold of a row."""
    if ask.processes and (row.process is None or not any(holds(row.process) for holds in ask.processes)):
        return False
    if ask.container:
        if row.process is None:
            return None
        if not (row.process.container or "").startswith(ask.container):
            return False
    return True


def in_netns(ask, row, view):
    if ask.netns is None:
        return True
    if row.ns is not None:
        return None if row.is_doubted else row.ns is ask.netns
    # A socket without a row is taken to be of its holder's namespace: of several holders, or threads, any may tell.
    def spaces(process):
        return [ns for _, ns in view.tasks(process)]
    if all(ns is ask.netns for ns in spaces(row.process)):
        return True
    return None if any(ask.netns in spaces(holder.process) for holder in view.holders[row.sock.inode]) else False


def of_row(ask, row):
    answers = [True]
    if ask.tables is not None:
        answers.append(row.table in ask.tables)
    if row.table == "none" and (ask.tables is not None or len(ask.rows) > ask.names_inode or ask.paths and not hasattr(ask, "bare")):
        answers.append(False)
    answers += [holds(row) for holds in ask.rows]
    if row.fields["owner"] == "(kernel)" and not ask.asks_kernel:
        answers.append(False)
    return both(answers)


def of_name(ask, row):
    if not ask.paths:
        return True
    if row.is_apart and any(holds(getattr(row.sock, "shown", row.sock.path)) for holds in ask.paths):
        return None
    is_called = row.table == "unix" and any(holds(row.path) for holds in ask.paths)
    bare = getattr(ask, "bare", None)
    if bare and row.process is not None:
        is_called = is_called or bare in row.process.comm or bare in b" ".join(row.process.args)
    return is_called


def matches(ask, row, view):
    if row.is_suspect:
        # Its name is not to be believed, and what it is instead no table tells.
        return None if row.process is None or of_process(ask, row) is not False else False
    return both([of_process(ask, row), in_netns(ask, row, view), of_name(ask, row), of_row(ask, row)])


# ---- which status ----------------------------------------------------------------------------------------------------------------


def statuses(view, ask, found):
    """The exit statuses that are right where nothing is shown."""
    tables = ask.tables
    hidden = [p for p in view.hidden if not ask.processes or any(holds(p) for holds in ask.processes)]
    hidden = [p for p in hidden if not ask.container or (p.container or "").startswith(ask.container)]
    of_hidden = ask.processes or ask.container
    must, may = False, False
    bare = getattr(ask, "bare", None)
    if hidden:
        may = may or bool(of_hidden) or bare is not None or ask.view == "T"
        # A socket of a row that would do may be held by one of them.
        if of_hidden:
            for row in view.rows:
                if row.sock.inode and row.fields["owner"] == "(hidden)" and both([of_row(ask, row), of_name(ask, row), in_netns(ask, row, view)]):
                    must = True
        # TCP, UDP, SCTP and netlink sockets that were never bound are in no table, nor are those of TCP and SCTP that are but bound. Their
        # protocol says of which IP they are.
        unbound = {"tcp", "udp"} if ask.families else {"tcp", "udp", "netlink"}
        if len(ask.rows) == len(ask.families) and not ask.paths and (tables is None or set(tables) & unbound):
            must = True
        if not ask.excludes_bound and (
                tables is None or set(tables) & {"tcp", "sctp/eps", "icmp"} or (ask.has_uid or ask.families) and "udp" in tables):
            may = True
            must = must or ports_and_tables_only(ask) and (tables is None or "tcp" in tables)
        if ask.names_inode:
            may = True
    for ns, table in view.unread:
        if (tables is None or table in tables) and (ask.netns is None or ask.netns is ns):
            may = True
    for ns in view.world.namespaces:
        if ns.odd and ns.inode in view.members:
            may = True
    # What no table lists may be anything, and so may what two names are claimed for.
    for row in view.rows:
        if row.table == "none" or row.is_doubted or row.is_suspect:
            may = True
            if row.table == "none" and row.is_suspect is False and of_process(ask, row) and in_netns(ask, row, view) and not hidden_by(ask):
                must = True
            if row.is_doubted and not row.is_apart and ask.paths and both([of_process(ask, row), in_netns(ask, row, view), of_row(ask, row)]):
                must = True
    # Who made a socket of unix or netlink its descriptor tells, which leads nowhere in a captured tree.
    if ask.has_uid and any(row.uid is None for row in view.rows):
        may = True
    if must:
        return {3}
    return {1, 3} if may else {1}


def ports_and_tables_only(ask):
    return not ask.names_inode and not ask.paths and bool(ask.rows) and not ask.families and not getattr(ask, "is_filter", False) and \
        not ask.has_uid and not any(str(word).startswith("-i") for word in ask.argv)


def hidden_by(ask):
    """Whether no condition can be asked of a socket in no table, so that nobody can say that it may match."""
    return ask.excludes_bound or not ports_and_tables_only(ask) or ask.tables is not None


# ---- comparing ----------------------------------------------------------------------------------------------------------------------


def brief(fields):
    return " ".join(f"{name}={fields[name]!r}" for name in FIELDS if fields[name] is not None)


def compare(view, ask, status, out, err):
    """Yields what is wrong."""
    err = err.decode() if isinstance(err, bytes) else err
    global refused
    if status == 2 and not out and ("use one of the two" in err or "is meant, write" in err):
        refused += 1
        return
    if b"\x1b" in out or any(ord(c) < 32 and c != "\n" for c in err):
        yield "control character: in the output"
    for line in err.splitlines():
        if not line.startswith("lsock: ") or "panicked" in line:
            yield f"message: not one of lsock's: {line}"
    expected = []
    for row in view.rows:
        holds = matches(ask, row, view)
        if holds is not False:
            expected.append((row, holds is None or row.is_optional))
    if ask.view == "json":
        yield from compare_rows(view, ask, out, expected)
        shown = bool(out)
    elif ask.view == "T":
        yield from compare_pids(out, expected)
        shown = bool(out)
    else:
        if out or err:
            yield f"quiet: it is not: {out!r}"
        shown = status == 0
        if shown and not expected:
            yield "quiet: 0, but nothing matches"
    needs = [row for row, is_optional in expected if not is_optional and (ask.view != "T" or row.process)]
    if needs or shown:
        if status != 0:
            yield f"status: {status}, but something {'is shown' if shown else 'matches: ' + brief(needs[0].fields)}"
        if not shown and needs:
            return
    else:
        right = statuses(view, ask, expected)
        if ask.view == "T":
            # Somebody has what was found, unless the kernel has it.
            right = {3} if any(row.fields["owner"] in ("(hidden)", "(elsewhere)") for row, is_optional in expected if not is_optional) else \
                right | {3} if expected else right
        if status not in right:
            yield f"status: {status} is not {' or '.join(map(str, sorted(right)))}"
    if ask.view != "q":
        yield from compare_messages(view, ask, expected, shown, err)


def compare_pids(out, expected):
    try:
        pids = [int(line) for line in out.split()]
    except ValueError:
        yield f"pids: not numbers: {out!r}"
        return
    if pids != sorted(set(pids)):
        yield f"pids: not once each in order: {pids}"
    must = {row.process.pid for row, is_optional in expected if row.process and not is_optional}
    may = {row.process.pid for row, _ in expected if row.process}
    if must - set(pids):
        yield f"pids: missing {sorted(must - set(pids))}"
    if set(pids) - may:
        yield f"pids: too many {sorted(set(pids) - may)}"


def compare_rows(view, ask, out, expected):
    global rows_compared
    found = {}
    last = (0, 0)
    for line in out.decode("utf-8").splitlines():
        fields = json.loads(line)
        rows_compared += 1
        if list(fields) != FIELDS:
            yield f"fields: {list(fields)}"
            return
        found.setdefault((fields["pid"], fields["fd"], fields["inode"]), []).append(fields)
        place = (fields["pid"] or 1 << 40, fields["fd"] or 0)
        if fields["pid"] is not None and place < last and fields["tid"] is None:
            yield f"order: {place} stands behind {last}"
        last = place
    missing = []
    # The exact ones first, so that one that may be there, or of which something is open, takes none of theirs.
    for row, is_optional in sorted(expected, key=lambda pair: (pair[1], sum(isinstance(one, OneOf) for one in pair[0].fields.values()))):
        rows = found.get((row.fields["pid"], row.fields["fd"], row.fields["inode"]), [])
        same = [one for one in rows if all(row.fields[name] == one[name] for name in FIELDS)]
        if same:
            rows.remove(same[0])
        elif not is_optional:
            missing.append(row)
    left = [one for rows in found.values() for one in rows]
    for row in missing:
        key = ("pid", "fd", "inode")
        near = [one for one in left if all(one[name] == row.fields[name] for name in key)]
        if near:
            nearest = min(near, key=lambda one: sum(not row.fields[name] == one[name] for name in FIELDS))
            left.remove(nearest)
            odd = [f"{name}: {nearest[name]!r} is not {row.fields[name]!r}" for name in FIELDS if not row.fields[name] == nearest[name]]
            yield "row differs: " + "; ".join(odd) + "\n  expected " + brief(row.fields)
        else:
            yield "row missing: " + brief(row.fields)
    doubted = {row.fields["inode"] for row, _ in expected if row.is_doubted}
    for one in left:
        if one["inode"] in doubted and one["local"] == "?":
            continue
        yield "row too many: " + brief(one)


def compare_messages(view, ask, expected, shown, err):
    has_hidden = any(row.fields["owner"] == "(hidden)" for row, is_optional in expected if not is_optional)
    if shown and ask.view == "json" and has_hidden and "could not be read" not in err:
        yield "message: (hidden) is shown and nothing says that a process could not be read"
    if not view.hidden and "could not be read" in err:
        yield "message: all processes could be read"
    if any(row.is_doubted and not row.is_apart and not is_optional for row, is_optional in expected) and "two rows claim one inode" not in err and shown:
        yield "message: a name is not shown, and nothing says why"
    if "claim one inode" in err and not (view.doubted or view.suspect or view.pretends):
        yield "message: no two rows claim one inode"
    if "pretends" in err and not (view.pretends or view.doubted or view.suspect):
        yield "message: nobody pretends"
    if "more rows than sockets" in err and not view.world.forged:
        yield "message: there are no more rows than sockets"
    if not shown and not err.strip():
        yield "message: nothing is shown and nothing is said"
