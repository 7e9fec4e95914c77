"""Disagreements that are known and not yet mended: each a name, a reason and a test. Take one out when its mend is in.

In: a View, a Question, and a text of `answer`. Out: whether it is one of these.
"""

import json


def is_forged_claim(view, ask, wrong):
    """Whether it is about a socket that another table lists, which is not read, and that a name claims to be a unix row of."""
    is_apart = any(row.sock.inode == claim.inode and row.ns is not claim.ns for claim in view.world.forged for row in view.rows)
    if not (ask.rows or ask.paths or ask.tables or ask.netns or is_apart and (ask.processes or ask.container)):
        return False
    if wrong.startswith("pids: too many"):
        pids = json.loads(wrong.removeprefix("pids: too many "))
        forged = view.pretends
        return all(any(holder.process.pid == pid for inode in forged for holder in view.holders.get(inode, ())) for pid in pids)
    if "inode=" not in wrong:
        return False
    inode = int(wrong.split("inode=", 1)[1].split()[0])
    return inode in view.pretends


PENDING = (
    ("in a captured tree without a count of sockets a forged row is believed where the table that has the true one is not read",
     lambda view, ask, wrong: wrong.startswith(("row too many", "row differs", "row missing", "pids: too many")) and is_forged_claim(view, ask, wrong)),
    ("the same, with -q",
     lambda view, ask, wrong: wrong.startswith("quiet: 0") and bool(view.pretends)),
)


hits = dict.fromkeys((name for name, _ in PENDING), 0)


def covers(view, ask, wrong):
    for name, test in PENDING:
        if test(view, ask, wrong):
            hits[name] += 1
            return True
    return False
