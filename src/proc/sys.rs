//! The system calls that std does not offer, each as one safe function: openat, getdents64, readlinkat, fstatfs,
//! getxattr, the identity with which files are looked at, standard output, and for what lasts longer signal and poll; in
//! `start` how the program begins, in `stat` what stat(2) tells. In: an open folder and a path below it, which ends with
//! NUL. Out: bytes in the caller's buffer, or the kernel's errno. It does not know what is read. These are the only files
//! with `unsafe` in them.
#![allow(
    unsafe_code,
    reason = "the kernel is reached through C functions; every block says why it is sound"
)]

pub(crate) mod start;
mod stat;

use std::ffi::{CStr, c_char, c_int, c_long, c_short, c_uint, c_ulong, c_void};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

pub(crate) use stat::Stat;

/// `O_RDONLY | O_CLOEXEC | O_NONBLOCK`, the same on every architecture of Rust's musl targets but MIPS. A fifo in a captured
/// tree is an empty file then; to the files of proc it makes no difference.
const OPEN_FILE: c_int = 0o2_004_000;
/// `O_DIRECTORY`, which differs between architectures.
const OPEN_DIRECTORY: c_int = if cfg!(any(
    target_arch = "aarch64",
    target_arch = "arm",
    target_arch = "powerpc",
    target_arch = "powerpc64"
)) {
    0o40_000
} else {
    0o200_000
};
/// What tells one kind of file system from another; it has 32 bits on s390x alone of the 64-bit architectures.
#[cfg(not(target_arch = "s390x"))]
type Magic = c_ulong;
#[cfg(target_arch = "s390x")]
type Magic = c_uint;
/// `PROC_SUPER_MAGIC` (`include/uapi/linux/magic.h`).
const PROC_SUPER_MAGIC: Magic = 0x9fa0;

/// musl's `struct statfs`, with some room behind it.
#[repr(C)]
#[derive(Default)]
struct StatFs {
    /// Which kind of file system it is.
    magic: Magic,
    /// Sizes and counts.
    rest: [u64; 15],
}

// SAFETY: these are the C library's functions with their types as POSIX and Linux have them; each caller keeps to what
// its manual page asks for.
unsafe extern "C" {
    fn fstatfs(file: c_int, out: *mut StatFs) -> c_int;
    fn openat(dir: c_int, path: *const c_char, flags: c_int, ...) -> c_int;
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn readlinkat(dir: c_int, path: *const c_char, buffer: *mut c_char, len: usize) -> isize;
    fn getxattr(path: *const c_char, name: *const c_char, value: *mut c_void, len: usize) -> isize;
    fn setfsuid(uid: c_uint) -> c_int;
    fn setfsgid(gid: c_uint) -> c_int;
    fn signal(signal: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn alarm(seconds: c_uint) -> c_uint;
    fn getauxval(kind: c_ulong) -> *const [u8; 16];
    fn write(file: c_int, bytes: *const c_void, len: usize) -> isize;
    fn poll(fds: *mut PollFd, count: c_ulong, milliseconds: c_int) -> c_int;
    fn ioctl(file: c_int, request: c_ulong, ...) -> c_int;
    fn _exit(status: c_int) -> !;
    fn sysconf(name: c_int) -> c_long;
    // musl has the 64-bit call under its short name.
    #[cfg_attr(target_env = "musl", link_name = "getdents")]
    fn getdents64(dir: c_int, buffer: *mut c_void, len: usize) -> isize;
}

/// Returns the count in a C function's answer, or errno where the answer is negative.
fn count(answer: isize) -> io::Result<usize> {
    usize::try_from(answer).map_err(|_| io::Error::last_os_error())
}

/// Opens `path` below `dir` with `flags`.
fn open_at(dir: BorrowedFd<'_>, path: &CStr, flags: c_int) -> io::Result<OwnedFd> {
    // SAFETY: `dir` is open for the length of the call, and `path` ends with NUL. Assumption: `flags` has no O_CREAT,
    // so no mode is read.
    let fd = unsafe { openat(dir.as_raw_fd(), path.as_ptr(), flags) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made `fd` for this process, and nothing else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Opens the file `path` below `dir` for reading.
///
/// # Errors
/// errno of openat(2); ENOENT and ESRCH: gone meanwhile; EACCES and EPERM: not permitted.
pub(crate) fn open_file_at(dir: BorrowedFd<'_>, path: &CStr) -> io::Result<File> {
    open_at(dir, path, OPEN_FILE).map(File::from)
}

/// Opens the folder `path` below `dir` for reading its entries.
///
/// # Errors
/// As `open_file_at`; ENOTDIR where it is no folder.
pub(crate) fn open_dir_at(dir: BorrowedFd<'_>, path: &CStr) -> io::Result<OwnedFd> {
    open_at(dir, path, OPEN_FILE | OPEN_DIRECTORY)
}

/// Reads the next entries of `dir` (`struct linux_dirent64`, for `dirent::names`) into `buffer`, and returns how many
/// bytes are used; 0 is the end. A buffer of 8 KiB holds 256 to 340 descriptors.
///
/// # Errors
/// errno of getdents64(2); ENOENT: the process went away while its folder was read.
pub(crate) fn read_dir(dir: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: `dir` is open for the length of the call, and the kernel writes at most `buffer.len()` bytes to `buffer`,
    // which is borrowed for the call alone.
    count(unsafe { getdents64(dir.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) })
}

/// Reads the link `path` below `dir` into `buffer`, and returns the bytes of its target, cut where `buffer` ends.
///
/// It is called once for each descriptor, so the system call is made in place and not by the C library's function: with
/// the kernel's mitigation "Safe RET" (`/sys/devices/system/cpu/vulnerabilities/spec_rstack_overflow`), a return from
/// the function that made a system call makes the next one slower by 0.4 µs. In place it takes 15 to 18 % less CPU at
/// 100,000 descriptors.
///
/// # Errors
/// errno of readlinkat(2); ENOENT: closed meanwhile; EACCES: the process may not be read; EINVAL: no NUL.
#[inline(always)]
pub(crate) fn read_link_at<'a>(
    dir: BorrowedFd<'_>,
    path: &[u8],
    buffer: &'a mut [u8],
) -> io::Result<&'a [u8]> {
    if path.last() != Some(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: `dir` is open for the length of the call, `path` ends with NUL, and the kernel writes at most
    // `buffer.len()` bytes to `buffer`.
    let answer = unsafe {
        call_readlinkat(
            dir.as_raw_fd(),
            path.as_ptr(),
            buffer.as_mut_ptr(),
            buffer.len(),
        )
    };
    if let Ok(len) = usize::try_from(answer) {
        return Ok(buffer.get(..len).unwrap_or_default());
    }
    let errno = answer.checked_neg().map(c_int::try_from);
    Err(io::Error::from_raw_os_error(
        errno.and_then(Result::ok).unwrap_or(0),
    ))
}

/// Calls readlinkat(2), and returns a length, or errno as a negative number.
///
/// # Safety
/// `path` must end with NUL, and `len` bytes at `buffer` must be writable and borrowed by nobody else.
#[inline(always)]
unsafe fn call_readlinkat(dir: c_int, path: *const u8, buffer: *mut u8, len: usize) -> isize {
    let answer;
    // SAFETY: the caller answers for the pointers. Assumption: the kernel changes no register but those named here and
    // no memory but `len` bytes at `buffer` (syscall(2), "Architecture calling conventions"), and uses no stack of ours.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") 267_isize => answer,
            in("rdi") dir,
            in("rsi") path,
            in("rdx") buffer,
            in("r10") len,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    // SAFETY: as for x86_64; `svc 0` keeps all registers but x0.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!(
            "svc 0",
            in("x8") 78_usize,
            inlateout("x0") isize::try_from(dir).unwrap_or(-1) => answer,
            in("x1") path,
            in("x2") buffer,
            in("x3") len,
            options(nostack),
        );
    }
    // SAFETY: the caller answers for the pointers, and the C function sets errno where it returns -1.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    unsafe {
        answer = match readlinkat(dir, path.cast(), buffer.cast(), len) {
            -1 => isize::try_from(-io::Error::last_os_error().raw_os_error().unwrap_or(0))
                .unwrap_or(-1),
            len => len,
        };
    }
    answer
}

/// Returns true if `dir` is in a proc file system of Linux, and not in a folder that is laid out like one; `None` where
/// fstatfs(2) is denied.
pub(crate) fn is_proc(dir: BorrowedFd<'_>) -> Option<bool> {
    let mut out = StatFs::default();
    // SAFETY: `dir` is open for the length of the call, and all that is written is a `struct statfs`. Assumption: that
    // has at most 120 bytes in musl and the kernel on every 64-bit architecture, and `out` has 128.
    let failed = unsafe { fstatfs(dir.as_raw_fd(), &raw mut out) };
    (failed == 0).then_some(out.magic == PROC_SUPER_MAGIC)
}

/// Reads the extended attribute `name` of the file behind `path`, links followed, into `buffer`.
///
/// # Errors
/// errno of getxattr(2); ENOENT: closed meanwhile; ENODATA and EOPNOTSUPP: no such attribute here.
pub(crate) fn read_xattr<'a>(
    path: &CStr,
    name: &CStr,
    buffer: &'a mut [u8],
) -> io::Result<&'a [u8]> {
    // SAFETY: both strings end with NUL, and the kernel writes at most `buffer.len()` bytes to `buffer`, which is
    // borrowed for the call alone.
    let len = count(unsafe {
        getxattr(
            path.as_ptr(),
            name.as_ptr(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
        )
    })?;
    Ok(buffer.get(..len).unwrap_or_default())
}

/// Returns 16 random bytes, which the kernel has put beside the program's arguments (getauxval(3)). They cost no call: a
/// sandbox may deny getrandom(2) and have no /dev. Before Linux 2.6.29 they are zero.
pub(crate) fn random_bytes() -> [u8; 16] {
    /// `AT_RANDOM` (`include/uapi/linux/auxvec.h`).
    const RANDOM: c_ulong = 25;
    // SAFETY: for this kind the answer is null, or points to 16 bytes that live as long as the program. Assumption: nobody
    // writes to them; the C library has taken its own from them before the program began.
    unsafe { getauxval(RANDOM).as_ref() }
        .copied()
        .unwrap_or_default()
}

/// Standard output. std's takes a descriptor that is closed for one that everything was written to.
pub(crate) struct Output;

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // SAFETY: the kernel reads at most `bytes.len()` bytes of `bytes`, which is borrowed for the call alone.
        count(unsafe { write(1, bytes.as_ptr().cast(), bytes.len()) })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A borrowed identity: while it lives, this thread looks at files as somebody else. Nothing but access to files depends
/// on it: no signals, no rights over processes, no other threads.
pub(crate) struct BorrowedIdentity {
    /// The gid and uid to go back to.
    before: [c_uint; 2],
}

impl BorrowedIdentity {
    /// Takes on `uid` and `gid` for files. Returns `None` where that is not permitted (`CAP_SETUID`, `CAP_SETGID`).
    pub(crate) fn take_on(uid: u32, gid: u32) -> Option<Self> {
        /// No valid id: setting it changes nothing and returns the present one.
        const ASK: c_uint = c_uint::MAX;
        // SAFETY: both calls take a number and touch no memory. Assumption: they change this thread alone, because musl
        // makes the bare system calls.
        let (before, now) = unsafe {
            let before = [setfsgid(gid), setfsuid(uid)].map(c_int::cast_unsigned);
            let now = [setfsgid(ASK), setfsuid(ASK)].map(c_int::cast_unsigned);
            (before, now)
        };
        let borrowed = Self { before };
        // Where only one of the two was taken on, dropping `borrowed` gives it back.
        (now == [gid, uid]).then_some(borrowed)
    }
}

impl Drop for BorrowedIdentity {
    fn drop(&mut self) {
        let [gid, uid] = self.before;
        // The uid comes first, because with it the rights over files come back.
        // SAFETY: as in `take_on`.
        unsafe {
            setfsuid(uid);
            setfsgid(gid);
        }
    }
}

/// The kernel's `struct pollfd`.
#[repr(C)]
struct PollFd {
    /// The descriptor.
    fd: c_int,
    /// Events to wait for. Errors and the end are reported in any case.
    events: c_short,
    /// Events that came.
    revents: c_short,
}

/// `_SC_NPROCESSORS_ONLN`, the same number in musl and glibc.
const PROCESSORS: c_int = 84;

/// Returns the number of processors that the scheduler may run this process on; musl counts those of its affinity.
pub(crate) fn processors() -> usize {
    // SAFETY: `sysconf` takes a number, and returns -1 for one that it does not know.
    let answer = unsafe { sysconf(PROCESSORS) };
    usize::try_from(answer).unwrap_or(1)
}

/// `SIGINT`, `SIGALRM` and `SIGTERM`, the same on every architecture of Rust's musl targets.
const STOP_SIGNALS: [c_int; 3] = [2, 14, 15];
/// How long the round that a signal interrupts may still take, in seconds.
const LAST_ROUND_MAX: c_uint = 1;

/// True once a signal asked the program to stop.
static IS_STOPPED: AtomicBool = AtomicBool::new(false);

/// Notes that the program is to stop. The second time, or when the time is up, it ends the program at once: then a round
/// hangs in an output that nobody reads. All rounds before it are whole, because each is flushed.
extern "C" fn stop(_: c_int) {
    if IS_STOPPED.swap(true, Ordering::Relaxed) {
        // SAFETY: `_exit` takes a number, and may be called in a signal handler (signal-safety(7)).
        unsafe { _exit(0) }
    }
    // SAFETY: `alarm` takes a number, and may be called in a signal handler (signal-safety(7)).
    unsafe { alarm(LAST_ROUND_MAX) };
}

/// Makes `SIGINT` and `SIGTERM` end the program with status 0 after the round that they interrupt: ask `is_stopped`.
pub(crate) fn catch_stop_signals() {
    for number in STOP_SIGNALS {
        // The answer, the handler before, is of no use. The call cannot fail for these numbers.
        // SAFETY: `stop` has the type of a handler, lives as long as the program, and uses nothing but an atomic and two
        // calls that are allowed in a handler. Assumption: calls that the signal interrupts are restarted (musl and
        // glibc pass SA_RESTART to sigaction), so that no read fails with EINTR.
        unsafe { signal(number, stop) };
    }
}

/// Returns true if a signal came since `catch_stop_signals`.
pub(crate) fn is_stopped() -> bool {
    IS_STOPPED.load(Ordering::Relaxed)
}

/// Waits until `time` is over, a signal comes, or the reader of `output` goes away. Returns true if the reader did. Where
/// poll(2) is denied, only the time ends the wait.
pub(crate) fn wait_beside(output: Option<BorrowedFd<'_>>, time: Duration) -> bool {
    let mut asked = PollFd {
        // The kernel passes over a negative descriptor.
        fd: output.map_or(-1, |output| output.as_raw_fd()),
        events: 0,
        revents: 0,
    };
    let milliseconds = c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: `asked` is one `struct pollfd`, as the count says, and lives for the length of the call.
    let answer = unsafe { poll(&raw mut asked, 1, milliseconds) };
    if answer < 0 && !is_stopped() {
        // std's sleep would panic where that is denied too.
        thread::park_timeout(time);
    }
    answer > 0
}

/// `TIOCGWINSZ`, which differs between architectures.
const WINDOW_SIZE: c_ulong = if cfg!(any(target_arch = "powerpc", target_arch = "powerpc64")) {
    0x4008_7468
} else {
    0x5413
};

/// Returns how many columns the terminal has that standard output is; `None` where it is none, or does not tell.
pub(crate) fn terminal_width() -> Option<usize> {
    // Rows, columns, and their sizes in pixels (`struct winsize`).
    let mut size = [0_u16; 4];
    // SAFETY: the kernel writes one `struct winsize`, of four numbers of 16 bits, to `size`, which lives for the length of
    // the call, or nothing where the descriptor is no terminal.
    let answer = unsafe { ioctl(1, WINDOW_SIZE, &raw mut size) };
    let [_, columns, ..] = size;
    (answer == 0 && columns > 0).then_some(usize::from(columns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_link_is_cut_where_the_buffer_ends() {
        let proc = File::open("/proc").unwrap();
        let mut buffer = [0; 4];
        let whole = std::process::id().to_string();
        let seen = read_link_at(proc.as_fd(), b"self\0", &mut buffer).unwrap();
        assert!(whole.as_bytes().starts_with(seen));
        let error = |name: &[u8]| read_link_at(proc.as_fd(), name, &mut [0; 4]).unwrap_err();
        assert_eq!(error(b"no-such-link\0").raw_os_error(), Some(2));
        assert_eq!(error(b"uptime\0").raw_os_error(), Some(22));
        assert_eq!(error(b"self").kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_folder_that_looks_like_proc_is_none() {
        let is_proc_at = |path| is_proc(File::open(path).unwrap().as_fd());
        let seen = ["/proc/self/fd", "/proc", "/", "/sys"].map(is_proc_at);
        assert_eq!(seen, [true, true, false, false].map(Some));
    }

    #[test]
    fn a_reader_that_goes_away_ends_the_wait() {
        let (reader, writer) = std::io::pipe().unwrap();
        let start = std::time::Instant::now();
        assert!(!wait_beside(
            Some(writer.as_fd()),
            Duration::from_millis(20)
        ));
        assert!(start.elapsed() >= Duration::from_millis(20));
        drop(reader);
        assert!(wait_beside(Some(writer.as_fd()), Duration::from_mins(1)));
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn errors_are_the_kernels() {
        let proc = File::open("/proc").unwrap();
        let error = open_dir_at(proc.as_fd(), c"self/no-such-folder").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(open_dir_at(proc.as_fd(), c"self/exe").is_err());
        let error =
            read_xattr(c"/proc/self/exe", c"system.sockprotoname", &mut [0; 32]).unwrap_err();
        assert!(matches!(error.raw_os_error(), Some(61 | 95)), "{error}");
    }
}
