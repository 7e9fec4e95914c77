"""Compares lsock with a model of /proc that shares nothing with it: `ci/model [N] [--seed S]`.

For each of N trees a World is made up from the seed (`world`), written as a folder that looks like proc (`tree`, `kernel`), and asked
some questions (`ask`); what lsock has to answer is predicted from the truth (`view`, `answer`) and compared with `--json`, `-T`, `-q`,
the exit status and the kinds of messages. Every disagreement is printed with the command that shows it again.

It finds faults whose mend is taken out. Tried in a copy of the tree: change the line, build, `LSOCK=FILE ci/model N --seed S`:

- forged rows (issue 11, 1 and 2): without the first `self.judge(..)` in join/forged.rs, 52 in `300 --seed 5000`: `--seed 5000`: `-j -U` shows a
  listener that a name has made up.
- where no count tells of forged rows the other tables do: without `claims.some_uncounted` there, 4 in `2000 --seed 5000`: `--seed 5415`.
- `--netns X` is the sockets of X (11, 7): without `netns.is_selected` in the join of snapshot/take.rs, 17 in `60 --seed 1`, which are rows of
  sockets of other namespaces.
- a filter decides which namespaces are read (11, 8): with `UnreadNamespaces::None` for `Unvisited`, 2 in `60 --seed 1`: `--seed 5`: `265,257` shows
  `?` for a listener of another namespace.
- `(ptrval)` is a pointer (11, 11): with `is_hex` alone in text/fields.rs, 126 in `60 --seed 1`.
"""

import argparse
import collections
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import answer
import ask
import broken
import tree
import view
import world

NOBODY = 65534


def run(lsock, folder, args, plain):
    options = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if plain and os.getuid() == 0 else {}
    done = subprocess.run([lsock, "--proc", folder, *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, **options)
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")


def check_tree(lsock, top, seed, questions, size):
    """Makes the world of this seed and asks it. Yields a text for each disagreement, and counts what was asked."""
    rng = random.Random(seed)
    made = world.World(rng, size or rng.choice((3, 8, 15, 15, 30, 30, 60, 150)))
    folder = f"{top}/{seed}"
    tree.write(made, folder, rng)
    seen = view.View(made)
    for question in ask.questions(rng, made, seen, questions):
        args = [os.fsencode(word) if isinstance(word, str) else word for word in question.argv]
        status, out, err = run(lsock, folder, args, made.plain_user)
        said = set()
        for wrong in answer.compare(seen, question, status, out, err):
            kind = wrong.split(":")[0]
            # One of a kind is enough to look at.
            yield seed, question, wrong, err.strip(), kind in said
            said.add(kind)


def open_all(folder):
    for path, folders, files in os.walk(folder):
        for name in folders:
            if not os.path.islink(f"{path}/{name}"):
                os.chmod(f"{path}/{name}", 0o755)


def main():
    parser = argparse.ArgumentParser(prog="ci/model", description="compares lsock with a model of /proc on made-up trees")
    parser.add_argument("trees", nargs="?", type=int, default=300, help="how many (default: 300)")
    parser.add_argument("--seed", type=int, help="of the first tree; each one more has one more (default: another each time)")
    parser.add_argument("--questions", type=int, default=5, help="how many for each tree (default: 5)")
    parser.add_argument("--sockets", type=int, help="in each tree (default: 3 to 150)")
    parser.add_argument("--keep", metavar="DIR", help="write the trees to this new folder and leave them there")
    parser.add_argument("--most", type=int, default=10, help="how many disagreements are printed (default: 10)")
    parser.add_argument("--broken", action="store_true", help="in place of trees: each file of one tree, broken in every way")
    parser.add_argument("--write", action="store_true", help="with --broken: write its table anew")
    parser.add_argument("--lsock", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.broken:
        with tempfile.TemporaryDirectory(prefix="lsock-broken-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None) as scratch:
            os.chmod(scratch, 0o755)
            wrong, count = broken.run(shutil.copy(options.lsock, scratch), scratch, options.write)
            open_all(scratch)
        print("\n".join(wrong + [f"ci/model: {count} faults, {len(wrong)} wrong"]))
        return 1 if wrong and not wrong[0].startswith("skipped: ") else 0
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**9)
    print(f"ci/model: {options.trees} trees from --seed {seed}", flush=True)
    # Another user has to be able to read the trees and to run the binary.
    top = options.keep or tempfile.mkdtemp(prefix="lsock-model-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None)
    os.makedirs(top, exist_ok=True)
    os.chmod(top, 0o755)
    lsock = shutil.copy(options.lsock, f"{top}/lsock")
    os.chmod(lsock, 0o755)
    wrong, printed, kinds = 0, 0, collections.Counter()
    try:
        for number in range(options.trees):
            for at, question, text, err, is_repeated in check_tree(lsock, top, seed + number, options.questions, options.sockets):
                wrong += 1
                kinds[text.split("\n")[0].split(":")[0]] += 1
                if printed < options.most and not is_repeated:
                    printed += 1
                    words = " ".join(ask.quoted(word) for word in question.argv)
                    print(f"\n--seed {at}: lsock {words}\n{text}\n  standard error: {err}\n  again: ci/model 1 --seed {at} --keep DIR", flush=True)
            if not options.keep:
                open_all(f"{top}/{seed + number}")
                shutil.rmtree(f"{top}/{seed + number}")
    finally:
        if not options.keep:
            open_all(top)
            shutil.rmtree(top)
    for kind, count in kinds.most_common():
        print(f"{count:6} {kind}")
    print(f"ci/model: {ask.asked} questions, {answer.rows_compared} rows, {wrong} disagreements, {answer.refused} refused; seed {seed}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
