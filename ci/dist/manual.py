#!/usr/bin/env python3
"""Makes the man page and the completions of three shells from src/cli/help.txt, which stays the one truth.

    manual.py HELP VERSION DATE OUTDIR

In: the help text, a version, a date (YYYY-MM-DD) and a folder. Out, in the folder: lsock.1, lsock.bash, _lsock (zsh) and
lsock.fish. That each option which they offer is one is for the caller to try: `options` has them, a line each.
"""

import re
import sys
from pathlib import Path

# An option as the help writes it: its name, then the value that it takes, if any: `--uid N`, `--wait[=SECONDS]`, `-i SPEC`.
OPTION = re.compile(r"(--?[A-Za-z0-9][A-Za-z0-9-]*|\+[A-Za-z])(\[=[A-Z]+\]|\[[A-Z]+:\][A-Z]+|[= ][A-Z][A-Z|]*(?![A-Za-z])|[= ][a-z]+(?:\|[a-z]+)+)?")
# What stands between two options of a line.
BETWEEN = re.compile(r",? {1,2}(?=[-+])")
# The options that a line of words names, such as the selectors' long forms at the end of their lines.
LONG = re.compile(r"--[a-z][a-z0-9-]+")
# How far in the text beside an option begins.
TEXT_AT = 26


class Option:
    """One option: its names, and the value behind it as the help spells it; `optional` if the value may be left out."""

    def __init__(self, names, value, text):
        self.names = names
        self.optional = value.startswith("[=")
        self.value = value.strip("[]= ")
        self.text = text

    def short(self):
        return [name[1:] for name in self.names if not name.startswith("--")]

    def long(self):
        return [name[2:] for name in self.names if name.startswith("--")]


def split_options(line):
    """Returns the groups of names with their values that `line` begins with, and the text behind them."""
    groups, at = [], 0
    while match := OPTION.match(line, at):
        names, value = [match[1]], match[2] or ""
        groups.append((names, value))
        at = match.end()
        between = BETWEEN.match(line, at)
        if not between:
            break
        at = between.end()
    return groups, line[at:].strip()


def joined(groups):
    """Puts a letter and the long name behind it together: `-t`, `--tcp` are one option, `-u`, `--udp` the next."""
    out = []
    for names, value in groups:
        is_long = names[0].startswith("--")
        if is_long and out and not out[-1][0][-1].startswith("--") and not out[-1][1].startswith(" "):
            out[-1] = (out[-1][0] + names, out[-1][1] or value)
        else:
            out.append((names, value))
    return out


def sections(text):
    """Yields each section's title and lines; the title of what comes first is empty."""
    title, lines = "", []
    for line in text.splitlines():
        if re.match(r"[A-Za-z].*:($| )", line) and not lines_open(lines):
            yield title, lines
            title, _, rest = line.partition(":")
            lines = [rest.strip()] if rest.strip() else []
        else:
            lines.append(line)
    yield title, lines


def lines_open(lines):
    """Returns true while a paragraph goes on: a line with a colon in it begins no section then."""
    return bool(lines) and lines[-1] != "" and not lines[-1].startswith(" ")


def options_of(text):
    """Returns every option that the help has a line for, or names in passing, such as the selectors' long forms."""
    found, waiting = [], []
    for line in text.splitlines():
        if line.startswith("  -"):
            groups, said = split_options(line[2:])
            # Options whose line has no text share that of the next line.
            waiting = [option for option in waiting if not option.text]
            waiting += [Option(names, value, said) for names, value in joined(groups)]
            found += [option for option in waiting if option not in found]
        elif line.startswith(" " * (TEXT_AT - 2)) and waiting:
            waiting = [option for option in waiting if option in found[-len(waiting):]]
            for option in waiting:
                option.text = f"{option.text} {line.strip()}".strip()
            continue
        else:
            waiting = []
        for option in waiting:
            option.text = option.text or (waiting[-1].text if waiting else "")
    known = {name for option in found for name in option.names}
    for line in text.split("Which sockets:")[0].splitlines():
        # Before the first section of options only selectors are told of, and each of them takes a value.
        for name in LONG.findall(line):
            if name not in known:
                found.append(Option([name], " VALUE", " ".join(line.split()).replace(name, "").strip()))
                known.add(name)
    return found


def offered(options):
    """Returns the options that are worth offering: those that do something, each name once."""
    out, seen = [], set()
    for option in options:
        names = [name for name in option.names if name not in seen and not name.startswith("+")]
        if names and not re.match(r"accepted|refused|beside", option.text):
            out.append(Option(names, f"[={option.value}]" if option.optional else option.value, option.text))
            seen.update(names)
    return out


def plain(text):
    """Returns `text` as roff prints it: backslashes, hyphens and a leading dot are characters."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    return "\\&" + text if text.startswith((".", "'")) else text


def man(text, version, date):
    """Returns the man page: each section of the help, its options as tagged paragraphs."""
    name, _, about = text.splitlines()[0].partition(": ")
    out = [f'.TH LSOCK 1 "{date}" "lsock {version}" "User Commands"', ".SH NAME", f"{name} \\- {plain(about)}"]
    for title, lines in sections("\n".join(text.splitlines()[1:])):
        if title == "Usage":
            out += [".SH SYNOPSIS", ".nf", plain(lines[0]), ".fi", ".SH DESCRIPTION"]
            lines = lines[1:]
        elif title:
            out.append(f".SH {plain(title.upper())}")
        out += man_lines(lines)
    out += [".SH SEE ALSO", ".BR ss (8),", ".BR lsof (8),", ".BR netstat (8),", ".BR proc (5)"]
    return "\n".join(out) + "\n"


def man_lines(lines):
    """Returns the roff of a section's lines: options are tagged, other indented lines stand as they are."""
    out, is_table = [], False
    for line in lines:
        indented, is_option = line.startswith("  "), line.startswith("  -")
        goes_on = line.startswith(" " * (TEXT_AT - 2)) and not is_table
        if is_table and not (indented and not is_option):
            out.append(".EE")
            is_table = False
        if not line.strip():
            out.append(".PP")
        elif is_option:
            said = split_options(line[2:])[1]
            head = line[2:].rstrip()
            head = head[: len(head) - len(said)].rstrip() if said else head
            out += [".TP", f".B {plain(head)}"] + ([plain(said)] if said else [])
        elif goes_on or not indented:
            out.append(plain(line.strip()))
        else:
            if not is_table:
                out.append(".EX")
                is_table = True
            out.append(plain(line))
    return out + ([".EE"] if is_table else [])


# The words that an option's value is one of.
WORDS = {"endian": "big little", "as": "lsof ss netstat", "by": "process remote local state container", "state": "established syn-sent syn-recv fin-wait-1 fin-wait-2 time-wait closed close-wait last-ack listening closing"}
# The options whose value is a file or a folder.
PLACES = {"decode": "file", "proc": "folder"}


def bash(options):
    """Returns bash's completion."""
    words = sorted({name for option in options for name in option.names})
    cases = [f"        --{name}) COMPREPLY=($(compgen -W '{words_of}' -- \"$word\")); return ;;" for name, words_of in sorted(WORDS.items())
             if f"--{name}" in words]
    cases += [f"        --{name}) COMPREPLY=($(compgen -{'d' if kind == 'folder' else 'f'} -- \"$word\")); return ;;" for name, kind in sorted(PLACES.items())
              if f"--{name}" in words]
    return "\n".join(
        ["# bash completion of lsock, made from its help.", "_lsock() {", '    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}']
        + ['    [ "$word" = = ] && word=', '    [ "$before" = = ] && before=${COMP_WORDS[COMP_CWORD - 2]}', '    case $before in']
        + cases
        + ["    esac", f"    COMPREPLY=($(compgen -W '{' '.join(words)}' -- \"$word\"))", "}", "complete -o default -F _lsock lsock", ""]
    )


def quoted(text):
    """Returns `text` in single quotes for zsh and fish, without what _arguments takes for its own."""
    return re.sub(r"[\[\]:\\']", " ", text).strip()


def zsh(options):
    """Returns zsh's completion."""
    out = ["#compdef lsock", "# zsh completion of lsock, made from its help.", "_arguments -s \\"]
    for option in options:
        for name in option.names:
            spec = f"*{name}"
            if option.value:
                is_long = name.startswith("--")
                spec += ("=-" if option.optional and is_long else "=" if is_long else "")
            spec += f"[{quoted(option.text) or name}]"
            if option.value:
                bare = name[2:]
                action = f"({WORDS[bare]})" if bare in WORDS else {"file": "_files", "folder": "_files -/"}.get(PLACES.get(bare), " ")
                spec += f"{':' if not option.optional else '::'}{quoted(option.value).lower()}:{action}"
            out.append(f"  '{spec}' \\")
    out.append("  '*:selector: '")
    return "\n".join(out) + "\n"


def fish(options):
    """Returns fish's completion."""
    out = ["# fish completion of lsock, made from its help."]
    for option in options:
        words = [f"-s {name}" for name in option.short() if len(name) == 1] + [f"-l {name}" for name in option.long()]
        if not words:
            continue
        line = f"complete -c lsock {' '.join(words)}"
        known = next((WORDS[name] for name in option.long() if name in WORDS), "")
        if known:
            line += f" -x -a '{known}'"
        elif any(name in PLACES for name in option.long()):
            line += " -r"
        elif option.value and not option.optional:
            line += " -x"
        out.append(f"{line} -d '{quoted(option.text)}'")
    return "\n".join(out) + "\n"


def main():
    help_file, version, date, folder = sys.argv[1:]
    text = Path(help_file).read_text()
    options = offered(options_of(text))
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    (out / "options").write_text("".join(f"{name}\n" for option in options for name in option.names))
    (out / "lsock.1").write_text(man(text, version, date))
    (out / "lsock.bash").write_text(bash(options))
    (out / "_lsock").write_text(zsh(options))
    (out / "lsock.fish").write_text(fish(options))


if __name__ == "__main__":
    main()
