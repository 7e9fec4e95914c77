//! Does what the command line says: looks once, until something matches, or again and again; or decodes captured text.
//! In: the options. Out: the view on standard output, what was odd on standard error, and the exit status. It reads no
//! table and lays out no line: `snapshot` and `views` do.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::cli::{Looks, Options, View};
use crate::join::Owner;
use crate::output::{say, write_out};
use crate::plan::Plan;
use crate::proc::{Proc, sys};
use crate::snapshot::{Again, Snapshot, Take, any_row_matches};
use crate::status::Status;
use crate::text::escape::quoted;
use crate::views::watch::Watch;
use crate::views::{self, notice, silence};
use crate::warn::Warnings;

/// Looks for the sockets and shows them, as often as is asked.
///
/// # Errors
/// One line, without the program's name: proc cannot be read at all, or the output failed.
pub(crate) fn run(options: &Options) -> Result<Status, String> {
    let plan = Plan::of(options);
    if let Some(capture) = &options.capture {
        let mut warnings = Warnings::default();
        let snapshot = Snapshot::captured(&plan, capture, &mut warnings)?;
        return show(None, &snapshot, None, options, &plan, warnings);
    }
    let proc = Proc::open(&options.proc).map_err(|reason| {
        let path = options.proc.as_os_str().as_encoded_bytes();
        format!("{}: {reason}", quoted(path))
    })?;
    let take = Take {
        proc: &proc,
        plan: &plan,
        namespaces: &options.namespaces,
        threads: options.threads,
    };
    match options.looks {
        Looks::Once => once(&take, options),
        Looks::Wait(limit) => wait(&take, options, limit),
        Looks::Watch(pause) => watch(&take, options, pause),
    }
}

/// Looks once and shows what there is. Where only the exit status is wanted, a match in the tables is the answer.
fn once(take: &Take<'_>, options: &Options) -> Result<Status, String> {
    let is_quiet = options.view == View::Quiet;
    if is_quiet && take.plan.tables_suffice && any_row_matches(take, false)? {
        return Ok(Status::Shown);
    }
    let mut warnings = Warnings::default();
    let snapshot = take.snapshot(&mut warnings)?;
    finish(snapshot, take, options, warnings)
}

/// The first pause between two looks of `wait`.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest of these pauses.
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// Looks until something matches, for `limit` at most, and shows it.
fn wait(take: &Take<'_>, options: &Options, limit: Option<Duration>) -> Result<Status, String> {
    let start = Instant::now();
    let mut pause = PAUSE_MIN;
    let is_quiet = options.view == View::Quiet;
    // The first process of a container is deaf to signals that it does not catch.
    if std::process::id() == 1 {
        sys::catch_stop_signals();
    }
    // The first look is a whole one: what is awaited may be there already.
    let mut is_whole = true;
    loop {
        let left = limit.map(|limit| limit.saturating_sub(start.elapsed()));
        let is_last = left == Some(Duration::ZERO) || sys::is_stopped();
        let asks_tables = take.plan.tables_suffice && (is_quiet || !(is_whole || is_last));
        let is_match = asks_tables && any_row_matches(take, true)?;
        if is_match && is_quiet {
            return Ok(Status::Shown);
        }
        if is_match || is_whole || is_last {
            let mut warnings = Warnings::default();
            let snapshot = take.snapshot(&mut warnings)?;
            if is_last || is_shown(&snapshot, options, take.plan) {
                return finish(snapshot, take, options, warnings);
            }
        }
        sys::wait_beside(None, left.unwrap_or(pause).min(pause));
        pause = (pause * 3 / 2).min(PAUSE_MAX);
        is_whole = !take.plan.tables_suffice;
    }
}

/// Shows the list, then what comes and goes, until a signal says that it is enough, or nobody reads any more.
fn watch(take: &Take<'_>, options: &Options, pause: Duration) -> Result<Status, String> {
    sys::catch_stop_signals();
    let mut watch = Watch::new(options.layout, options.json);
    let mut before: Option<Snapshot> = None;
    loop {
        let mut warnings = Warnings::default();
        let mut now = take.snapshot(&mut warnings)?;
        now.load_names(take.proc, take.plan, &mut warnings);
        let is_read = write_out(|out| watch.write_round(before.as_ref(), &now, out))?;
        // What is odd is said once, beside the first list.
        if before.is_none() {
            let again = look_again(&now, take, options);
            let status = Status::of(&now, again.as_ref(), options.view, take.plan);
            let proc = Some(take.proc);
            let mut text = said(
                proc,
                &now,
                again.as_ref(),
                options,
                take.plan,
                status,
                warnings,
            );
            if status != Status::Shown {
                text.truncate(text.trim_end().len());
                text.push_str("; watching\n");
            }
            say(&text);
        }
        before = Some(now);
        if !is_read
            || sys::is_stopped()
            || sys::wait_beside(Some(io::stdout().as_fd()), pause)
            || sys::is_stopped()
        {
            return Ok(Status::Shown);
        }
    }
}

/// Loads the names that the view needs, if it prints anything, and shows the snapshot.
fn finish(
    mut snapshot: Snapshot,
    take: &Take<'_>,
    options: &Options,
    mut warnings: Warnings,
) -> Result<Status, String> {
    let again = look_again(&snapshot, take, options);
    if again.is_none() && options.view != View::Quiet {
        snapshot.load_names(take.proc, take.plan, &mut warnings);
    }
    let proc = Some(take.proc);
    show(
        proc,
        &snapshot,
        again.as_ref(),
        options,
        take.plan,
        warnings,
    )
}

/// Returns true if `snapshot` has anything to show.
fn is_shown(snapshot: &Snapshot, options: &Options, plan: &Plan) -> bool {
    Status::of(snapshot, None, options.view, plan) == Status::Shown
}

/// Looks again if nothing is shown: to say why, or because the exit status depends on it.
fn look_again(snapshot: &Snapshot, take: &Take<'_>, options: &Options) -> Option<Again> {
    let is_needed = match Status::of(snapshot, None, options.view, take.plan) {
        Status::Shown | Status::Failed => false,
        Status::NothingMatched => options.view != View::Quiet || take.may_be_elsewhere(snapshot),
        Status::CannotTell(_) => options.view != View::Quiet,
    };
    // Where proc cannot be read any more, there is only less to say.
    is_needed.then(|| take.again(snapshot, options).ok())?
}

/// Prints the snapshot, then says what was odd; returns the exit status. `--quiet` says nothing at all.
fn show(
    proc: Option<&Proc>,
    snapshot: &Snapshot,
    again: Option<&Again>,
    options: &Options,
    plan: &Plan,
    warnings: Warnings,
) -> Result<Status, String> {
    let status = Status::of(snapshot, again, options.view, plan);
    if options.view == View::Quiet {
        return Ok(status);
    }
    if status == Status::Shown {
        write_out(|out| views::write(snapshot, options, out))?;
    }
    say(&said(
        proc, snapshot, again, options, plan, status, warnings,
    ));
    Ok(status)
}

/// Returns the text for standard error: what was odd, then at most one line. If nothing is shown, it says what was looked
/// at; else what could not be seen, where that matters for what is asked or shown.
fn said(
    proc: Option<&Proc>,
    snapshot: &Snapshot,
    again: Option<&Again>,
    options: &Options,
    plan: &Plan,
    status: Status,
    warnings: Warnings,
) -> String {
    let mut text = warnings.into_text();
    let is_asked = !plan.needs.is_all_processes() || plan.condition.may_match_rowless(None);
    let line = if status != Status::Shown {
        if options.capture.is_some() && !text.is_empty() {
            // The warnings have said why no row is shown.
            return text;
        }
        silence::line(proc, snapshot, again, options, status)
    } else if let Some(proc) = proc
        && snapshot.joined.some_unseen()
        && (is_asked || snapshot.has_owner(Owner::Hidden))
    {
        notice::closing(proc, snapshot.joined.unread(), snapshot.selected)
    } else {
        return text;
    };
    text.push_str("lsock: ");
    text.push_str(&line);
    text.push('\n');
    text
}
