//! Tests of what lsof's options mean, and of what is refused of them. In: command lines. Out: nothing. It runs no lsock.

use super::*;

/// Parses a command line without quotes.
fn options(line: &str) -> Result<Options, Ended> {
    let words: Vec<Vec<u8>> = line
        .split(' ')
        .map(|word| word.as_bytes().to_vec())
        .collect();
    parse(&words, &Users::default)
}

#[test]
fn letters_take_their_values_as_lsofs_own_getopt_does() {
    for line in [
        "-ti:3000",
        "-ti :3000",
        "-i :3000 -t",
        "-nPti :3000",
        "-tw -i :3000",
        "-i:3000 +M -S 3 -t",
    ] {
        let options = options(line).unwrap();
        assert_eq!(
            options.internet,
            [Internet::parse(b":3000").unwrap()],
            "{line}"
        );
        assert_eq!(options.output, Output::Pids, "{line}");
    }
    let line = options("-aPi -p 6,7,^8 -u0,^33 -cjava +c0 -sTCP:LISTEN,^closing -Fpc").unwrap();
    assert!(line.is_and && line.all_internet == Some(b'i') && line.internet.is_empty());
    assert_eq!(
        (line.pids.included, line.pids.excluded),
        (vec![6, 7], vec![8])
    );
    assert_eq!(
        (line.uids.included, line.uids.excluded),
        (vec![0], vec![33])
    );
    assert_eq!(
        (line.states, line.states_excluded),
        (vec![State::LISTEN], vec![State::CLOSING])
    );
    assert_eq!(
        (line.command_width, line.output),
        (None, Output::Fields(b"pc".to_vec()))
    );
    assert_eq!(
        options("-U /run/x -i").unwrap().names,
        [&b"/run/x"[..], b"-i"]
    );
    assert_eq!(options("-i4 -t").unwrap().all_internet, Some(b'4'));
    assert!(
        options("-a -U -F pcn").is_ok_and(|line| line.output == Output::Fields(b"pcn".to_vec()))
    );
}

#[test]
fn what_lists_other_files_is_refused_and_what_is_wrong_is_said_as_lsof_says_it() {
    for line in [
        "-p 6",
        "-n -p 6",
        "-a -p 6 -d cwd",
        "-c java",
        "-nPl",
        "+D /x",
        "+L1",
        "-i -r 1",
        "-N",
        "-i -p 6",
        "-i -s",
        "-sTCP:LISTEN",
        "-a -i -d 3",
        "-i -F",
        "-i -FpR",
        "-i -g",
        "-i -Tqs",
        "-a -i -c /x/",
        "-i4 -i :80",
        "-i -o",
        "-i -V",
        "-u root",
    ] {
        let failure = *options(line).unwrap_err().0;
        assert!(
            failure.status == 1 && failure.text.starts_with("lsof: "),
            "{line}"
        );
        assert!(
            line == "-u root" || failure.text.contains("lsock "),
            "{line}: {}",
            failure.text
        );
    }
    for (line, says) in [
        ("-i 8080", "lsof: unknown protocol name (8080) in: -i 8080"),
        (
            "-i :80-22",
            "lsof: unacceptable port specification in: -i :80-22",
        ),
        ("--tcp", "lsof: illegal option character: -"),
        ("-a -i -u nosuch", "lsof: can't get UID for nosuch"),
        ("-i -sTCP:BOGUS", "lsof: unknown TCP state name: BOGUS"),
        ("-a -i -p 6-7", "lsof: illegal process ID: 6-7"),
        ("-a -i -p", "lsof: no process ID specified"),
        ("-a", "lsof: no select options to AND via -a"),
        ("-i -t -Fp", "lsof: -F and -t are mutually exclusive"),
        ("-i -Fpq", "lsof: unknown field: q"),
        ("-i +c 16", "lsof: +c 16 > what"),
        ("-i +c x", "lsof: +c not followed by width number"),
    ] {
        let failure = *options(line).unwrap_err().0;
        assert!(
            failure.status == 1 && failure.text.starts_with(says),
            "{line}: {}",
            failure.text
        );
        assert!(failure.text.contains("usage:"), "{line}");
    }
    for line in ["-h", "-i -v", "-?"] {
        assert_eq!(options(line).unwrap_err().0.status, 0, "{line}");
    }
}
