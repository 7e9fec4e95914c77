//! What stat(2) tells of a file. In: a path, or an open file. Out: those of its fields that proc gives a meaning, or the
//! kernel's errno. It never asks by statx(2), which tells no more and is denied with EPERM by the seccomp profiles of older
//! container engines (Docker before 18.04, libseccomp before 2.3.3).

use std::fs::File;
use std::io;
use std::path::Path;

/// What stat(2) tells of a file.
#[derive(Clone, Copy)]
pub(crate) struct Stat {
    /// The file system.
    pub(crate) dev: u64,
    /// The inode.
    pub(crate) ino: u64,
    /// The kind of file, and who may do what.
    mode: u32,
    /// The number of links.
    pub(crate) nlink: u64,
    /// The owner.
    pub(crate) uid: u32,
    /// The group.
    pub(crate) gid: u32,
    /// The size.
    pub(crate) size: u64,
}

impl Stat {
    /// Returns true if the file is a socket with a path.
    pub(crate) const fn is_socket(&self) -> bool {
        self.mode & 0o170_000 == 0o140_000
    }
}

/// On 64-bit machines std asks by newfstatat and fstat, as musl does.
#[cfg(not(target_arch = "x86"))]
mod call {
    use super::{File, Path, Stat, io};
    use std::fs::Metadata;
    use std::os::unix::fs::MetadataExt;

    impl From<Metadata> for Stat {
        fn from(told: Metadata) -> Self {
            Self {
                dev: told.dev(),
                ino: told.ino(),
                mode: told.mode(),
                nlink: told.nlink(),
                uid: told.uid(),
                gid: told.gid(),
                size: told.size(),
            }
        }
    }

    impl Stat {
        /// Asks for the file at `path`, links followed.
        ///
        /// # Errors
        /// errno of stat(2).
        pub(crate) fn of_path(path: &Path) -> io::Result<Self> {
            std::fs::metadata(path).map(Self::from)
        }

        /// Asks for `file`.
        ///
        /// # Errors
        /// errno of fstat(2).
        pub(crate) fn of_file(file: &File) -> io::Result<Self> {
            file.metadata().map(Self::from)
        }
    }
}

/// On 32-bit machines musl asks by statx, and by nothing else where the answer is EPERM.
#[cfg(target_arch = "x86")]
mod call {
    use super::{File, Path, Stat, io};
    use std::ffi::{CStr, CString, c_int, c_long};
    use std::os::fd::AsRawFd;
    use std::os::unix::ffi::OsStrExt;

    /// The kernel's `struct stat64` (`arch/x86/include/uapi/asm/stat.h`): 96 bytes, numbers of 64 bits aligned to 4.
    #[repr(C)]
    #[derive(Default)]
    struct Stat64 {
        /// (0) `st_dev`
        dev: u64,
        /// (8) padding, half of the inode
        before_mode: [u32; 2],
        /// (16) `st_mode`
        mode: u32,
        /// (20) `st_nlink`
        nlink: u32,
        /// (24) `st_uid`
        uid: u32,
        /// (28) `st_gid`
        gid: u32,
        /// (32) `st_rdev` and padding
        before_size: [u32; 3],
        /// (44) `st_size`
        size: u64,
        /// (52) blocks and times
        before_ino: [u32; 9],
        /// (88) `st_ino`
        ino: u64,
    }

    // SAFETY: this is the C library's function with its type as the manual has it.
    unsafe extern "C" {
        fn syscall(number: c_long, ...) -> c_long;
    }

    /// Asks for `path` below `dir`; with `flags` for `dir` itself.
    fn ask(dir: c_int, path: &CStr, flags: c_int) -> io::Result<Stat> {
        /// `fstatat64` (`arch/x86/entry/syscalls/syscall_32.tbl`).
        const FSTATAT64: c_long = 300;
        let mut told = Stat64::default();
        // SAFETY: `path` ends with NUL, and the kernel writes a `struct stat64` to `told`, which is one.
        match unsafe { syscall(FSTATAT64, dir, path.as_ptr(), &raw mut told, flags) } {
            0 => Ok(Stat {
                dev: told.dev,
                ino: told.ino,
                mode: told.mode,
                nlink: told.nlink.into(),
                uid: told.uid,
                gid: told.gid,
                size: told.size,
            }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    impl Stat {
        /// Asks for the file at `path`, links followed.
        ///
        /// # Errors
        /// errno of fstatat64(2).
        pub(crate) fn of_path(path: &Path) -> io::Result<Self> {
            /// `AT_FDCWD`.
            const HERE: c_int = -100;
            ask(HERE, &CString::new(path.as_os_str().as_bytes())?, 0)
        }

        /// Asks for `file`.
        ///
        /// # Errors
        /// errno of fstatat64(2).
        pub(crate) fn of_file(file: &File) -> io::Result<Self> {
            /// `AT_EMPTY_PATH`.
            const ITSELF: c_int = 0x1000;
            ask(file.as_raw_fd(), c"", ITSELF)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_file_is_told_as_std_tells_it() {
        let path = std::env::current_exe().unwrap();
        let told = std::fs::metadata(&path).unwrap();
        let file = File::open(&path).unwrap();
        for stat in [Stat::of_path(&path).unwrap(), Stat::of_file(&file).unwrap()] {
            assert_eq!((stat.dev, stat.ino), (told.dev(), told.ino()));
            assert_eq!((stat.nlink, stat.size), (told.nlink(), told.size()));
            assert_eq!((stat.uid, stat.gid), (told.uid(), told.gid()));
            assert_eq!((stat.mode, stat.is_socket()), (told.mode(), false));
        }
        let missing = Stat::of_path(Path::new("/no/such")).err().unwrap();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
