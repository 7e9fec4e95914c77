//! What PID/status and its neighbours (proc(5)) tell of the rights of a process. In: the text of a file. Out: numbers. It
//! reads no file, and decides nothing.

use crate::text::digits::{decimal32, hex64};

/// The rights of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rights {
    /// Real, effective, saved and file system uid.
    pub(super) uids: [u32; 4],
    /// Real, effective, saved and file system gid.
    pub(super) gids: [u32; 4],
    /// Permitted capabilities.
    pub(super) permitted: u64,
    /// Effective capabilities.
    pub(super) effective: u64,
    /// The capabilities that a program of root would get.
    pub(super) bounding: u64,
    /// True if no program gives it a right that it has not (`no_new_privs`).
    pub(super) no_new_privs: bool,
}

/// The rights of nobody.
pub(super) const NOBODY: Rights = Rights {
    uids: [u32::MAX; 4],
    gids: [u32::MAX; 4],
    permitted: 0,
    effective: 0,
    bounding: 0,
    no_new_privs: false,
};

impl Rights {
    /// Parses PID/status; what is not there is 0.
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut rights = Self::default();
        for line in text.split(|byte| *byte == b'\n') {
            let mut fields = line.split(|byte| *byte == b'\t');
            let name = fields.next().unwrap_or_default();
            match name {
                b"Uid:" => rights.uids = ids(fields),
                b"Gid:" => rights.gids = ids(fields),
                b"CapPrm:" => rights.permitted = capabilities(fields.next()),
                b"CapEff:" => rights.effective = capabilities(fields.next()),
                b"CapBnd:" => rights.bounding = capabilities(fields.next()),
                b"NoNewPrivs:" => rights.no_new_privs = fields.next() == Some(b"1"),
                _ => {}
            }
        }
        rights
    }

    /// Returns the effective uid and gid.
    pub(super) const fn owner(&self) -> (u32, u32) {
        let ([_, uid, ..], [_, gid, ..]) = (self.uids, self.gids);
        (uid, gid)
    }

    /// Returns true if its four uids are one, and its four gids.
    pub(super) fn is_of_one_user(&self) -> bool {
        let (uid, gid) = self.owner();
        self.uids == [uid; 4] && self.gids == [gid; 4]
    }
}

/// Parses four ids.
fn ids<'a>(mut fields: impl Iterator<Item = &'a [u8]>) -> [u32; 4] {
    [(); 4].map(|()| fields.next().and_then(decimal32).unwrap_or(u32::MAX))
}

/// Parses a set of capabilities.
fn capabilities(digits: Option<&[u8]>) -> u64 {
    digits.and_then(hex64).unwrap_or(0)
}

/// How the user namespace of a process looks from this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UserNamespace {
    /// Its root is this uid here.
    RootIs(u32),
    /// Its root is nobody here: it lies outside.
    Outside,
}

impl UserNamespace {
    /// Parses `PID/uid_map` (`user_namespaces(7)`): the first id there, the first here, how many. An id that is none here is
    /// printed as 4294967295.
    ///
    /// ```text
    ///          0       1000          1
    /// ```
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let line = text.split(|byte| *byte == b'\n').next()?;
        let mut fields = line
            .split(|byte| *byte == b' ')
            .filter(|field| !field.is_empty());
        match decimal32(fields.nth(1)?)? {
            u32::MAX => Some(Self::Outside),
            uid => Some(Self::RootIs(uid)),
        }
    }
}

/// Returns true if `PID/uid_map` has every id: outside of it is no user namespace whose processes could not be read.
pub(super) fn is_whole(text: &[u8]) -> bool {
    text.ends_with(b" 0 4294967295\n")
}

/// Returns the profile of `AppArmor` in PID/attr/current, if it is enforced: `docker-default (enforce)`. What other security
/// modules print there is none.
pub(super) fn enforced(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.ends_with(b" (enforce)").then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_read() {
        let text = b"Name:\tUid:\t7\nUid:\t1000\t1001\t1002\t1003\nGid:\t5\t5\t5\t5\nGroups:\t5 \n\
            CapPrm:\t0000000000000400\nCapEff:\t000001ffffffffff\nCapBnd:\t00000000a80425fb\nNoNewPrivs:\t1\n";
        let rights = Rights::parse(text);
        assert_eq!(rights.uids, [1000, 1001, 1002, 1003]);
        assert_eq!(
            (rights.owner(), rights.is_of_one_user()),
            ((1001, 5), false)
        );
        assert_eq!(
            (rights.permitted, rights.effective),
            (1 << 10, (1 << 41) - 1)
        );
        assert_eq!((rights.bounding, rights.no_new_privs), (0xa804_25fb, true));
        let root = Rights::parse(b"Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNoNewPrivs:\t0\n");
        assert!(root.is_of_one_user() && !root.no_new_privs);
        let text = std::fs::read("/proc/self/status").unwrap();
        let uid = std::process::Command::new("id").arg("-u").output().unwrap();
        let uid = String::from_utf8(uid.stdout).unwrap();
        assert_eq!(Rights::parse(&text).owner().0.to_string(), uid.trim());
    }

    #[test]
    fn a_user_namespace_is_inside_or_outside() {
        let parse = |text: &str| UserNamespace::parse(text.as_bytes());
        let whole = "         0          0 4294967295\n";
        assert_eq!(parse(whole), Some(UserNamespace::RootIs(0)));
        // Another one has the same root as its parent, and no other id.
        let of_root = "         0          0          1\n";
        assert_eq!(parse(of_root), parse(whole));
        assert_eq!(
            [whole, of_root].map(|text| is_whole(text.as_bytes())),
            [true, false]
        );
        let rootless = "         0       1000          1\n         1     100000      65536\n";
        assert_eq!(parse(rootless), Some(UserNamespace::RootIs(1000)));
        let outside = "         0 4294967295 4294967295\n";
        assert_eq!(parse(outside), Some(UserNamespace::Outside));
        assert_eq!(parse(""), None);
    }

    #[test]
    fn only_a_profile_that_is_enforced_confines() {
        let docker = &b"docker-default (enforce)\n"[..];
        assert_eq!(enforced(docker), docker.strip_suffix(b"\n"));
        for other in [
            "unconfined\n",
            "mine (complain)\n",
            "system_u:system_r:container_t:s0:c1,c2\0",
            "",
        ] {
            assert_eq!(enforced(other.as_bytes()), None, "{other}");
        }
    }
}
