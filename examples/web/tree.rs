//! The directory that is served, and nothing outside of it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::dir::{Dir, Entry, Type};
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

/// Opens files below a directory, which no symbolic link leads out of.
///
/// There is one rule: a link is followed wherever it leads, absolute or not, and refused
/// where it ends outside.
#[derive(Debug)]
pub struct Tree {
    directory: File,
    path: PathBuf,
}

/// What is in a directory.
#[derive(Debug)]
pub struct Listing {
    /// The first names in order, and whether each is a directory.
    pub names: Vec<(OsString, bool)>,
    /// How many names there are.
    pub total: usize,
}

/// Reading never waits: neither for somebody who writes to a pipe nor for somebody who has a
/// lease on a file.
const READ: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_CLOEXEC)
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY);

/// How often a file is tried to be opened before a passing error is told: a rename elsewhere
/// disturbs a few per cent of attempts.
const ATTEMPTS: usize = 16;

impl Tree {
    /// The tree below `path`.
    ///
    /// # Errors
    ///
    /// As open(2); `NotADirectory` if it is none.
    pub fn new(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        fs::read_dir(&path)?;
        Ok(Self {
            directory: File::open(&path)?,
            path,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file or directory that `path`, which is relative, leads to. It never blocks.
    ///
    /// # Errors
    ///
    /// As open(2), also `EXDEV` if a link leads out. `EAGAIN`, `EINTR` and `ESTALE` pass, and
    /// are told only if several attempts met them.
    ///
    /// # Platform notes
    ///
    /// openat2(2) with `RESOLVE_BENEATH` on Linux: the kernel refuses, however quickly
    /// somebody exchanges a directory for a link. It refuses absolute links and links that
    /// leave the tree to come back, too. For these, where a sandbox has no openat2, and
    /// elsewhere, realpath(3) says where a path leads, and openat(2) opens that name by name,
    /// following no link.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        let mut opened = self.open_once(path);
        for _ in 1..ATTEMPTS {
            match &opened {
                Err(error) if is_passing(error) => opened = self.open_once(path),
                _ => break,
            }
        }
        opened
    }

    fn open_once(&self, path: &Path) -> io::Result<File> {
        #[cfg(target_os = "linux")]
        match beneath(&self.directory, path) {
            Err(error) if leaves_it_open(&error) => {}
            opened => return opened,
        }
        self.open_resolved(path)
    }

    fn open_resolved(&self, path: &Path) -> io::Result<File> {
        let path = self.resolve(path)?;
        let mut names: Vec<_> = path.iter().collect();
        let last = names.pop().unwrap_or(OsStr::new("."));
        let mut directory = self.directory.try_clone()?;
        for name in names {
            directory = open_in(&directory, name, SEARCH)?;
        }
        open_in(&directory, last, READ)
    }

    /// Where a path leads, as a path below the root without any link.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let path = fs::canonicalize(self.path.join(path))?;
        let below = path.strip_prefix(&self.path);
        let below = below.map_err(|_| io::Error::from_raw_os_error(libc::EXDEV))?;
        Ok(below.to_owned())
    }

    /// Returns `true` if a path leads to a directory, readable or not.
    #[must_use]
    pub fn is_directory(&self, path: &Path) -> bool {
        let resolved = self.resolve(path);
        resolved.is_ok_and(|path| self.path.join(path).is_dir())
    }

    /// Returns `true` if there is such a name, whatever it leads to.
    #[must_use]
    pub fn has(&self, path: &Path) -> bool {
        fs::symlink_metadata(self.path.join(path)).is_ok()
    }

    /// Lists the names in the directory at `path` that are not hidden: the first `limit` of
    /// them in order. No more than these are in memory.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and readdir(3).
    pub fn list(&self, path: &Path, limit: usize) -> io::Result<Listing> {
        let mut directory = Dir::from_fd(self.open(path)?.into())?;
        let (mut first, mut total) = (BTreeMap::new(), 0);
        for entry in directory.iter() {
            let entry: Entry = entry?;
            let name = entry.file_name().to_bytes();
            if name.starts_with(b".") {
                continue;
            }
            total += 1;
            first.insert(OsStr::from_bytes(name).to_owned(), entry.file_type());
            if first.len() > limit {
                first.pop_last();
            }
        }
        let is_directory = |name: &OsString, kind| match kind {
            Some(Type::Symlink) | None => self.is_directory(&path.join(name)),
            kind => kind == Some(Type::Directory),
        };
        let names = first.into_iter().map(|(name, kind)| {
            let is_directory = is_directory(&name, kind);
            (name, is_directory)
        });
        let names = names.collect();
        Ok(Listing { names, total })
    }
}

/// To go through a directory takes no permission to read it.
#[cfg(target_os = "linux")]
const SEARCH: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);
#[cfg(not(target_os = "linux"))]
const SEARCH: OFlag = READ;

fn open_in(directory: &File, name: &OsStr, flags: OFlag) -> io::Result<File> {
    let flags = flags | OFlag::O_NOFOLLOW;
    match openat(directory, name, flags, Mode::empty()) {
        Ok(file) => Ok(File::from(file)),
        // A moment ago it was there, and no link: somebody is changing the tree.
        Err(nix::Error::ELOOP | nix::Error::ENOENT | nix::Error::ENOTDIR) => {
            Err(io::Error::from_raw_os_error(libc::EAGAIN))
        }
        Err(error) => Err(error.into()),
    }
}

fn is_passing(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    matches!(number, Some(libc::EAGAIN | libc::EINTR | libc::ESTALE))
}

/// Whether the kernel's refusal says nothing of where a path leads: it left the root on its
/// way, went through a link of /proc, or there is no openat2. A filter in a sandbox says so
/// with `EPERM` if it is older than the call.
#[cfg(target_os = "linux")]
fn leaves_it_open(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    matches!(
        number,
        Some(libc::EXDEV | libc::ELOOP | libc::ENOSYS | libc::EPERM)
    )
}

#[cfg(target_os = "linux")]
fn beneath(directory: &File, path: &Path) -> io::Result<File> {
    use nix::fcntl::{OpenHow, ResolveFlag, openat2};

    let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    let how = OpenHow::new().flags(READ).resolve(resolve);
    let path = match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    };
    Ok(File::from(openat2(directory, path, how)?))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::thread;

    use super::*;
    use crate::web::scratch::Scratch;

    /// A tree with a link within it, links out of it and a pipe.
    fn planted() -> (Scratch, Tree) {
        let scratch = Scratch::new();
        scratch.write("outside.txt", b"secret");
        scratch.write("root/inside.txt", b"open");
        let root = scratch.path().join("root");
        symlink("inside.txt", root.join("within")).unwrap();
        symlink("../outside.txt", root.join("out")).unwrap();
        symlink(scratch.path().join("outside.txt"), root.join("far")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink(root.join("inside.txt"), root.join("absolute")).unwrap();
        symlink("../root/inside.txt", root.join("back")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        scratch.write("root/sub/.keep", b"");
        symlink("../inside.txt", root.join("sub/above")).unwrap();
        symlink(root.join("sub"), root.join("directory")).unwrap();
        let magic = Path::new("/proc/self/root").join(root.strip_prefix("/").unwrap());
        symlink(magic.join("inside.txt"), root.join("magic")).unwrap();
        nix::unistd::mkfifo(&root.join("pipe"), Mode::S_IRWXU).unwrap();
        let tree = Tree::new(&root).unwrap();
        (scratch, tree)
    }

    type Open = fn(&Tree, &str) -> io::Result<File>;
    const WAYS: [Open; 2] = [
        |tree, path| tree.open(Path::new(path)),
        |tree, path| tree.open_resolved(Path::new(path)),
    ];

    #[test]
    fn a_link_is_followed_within_the_tree_and_not_out_of_it() {
        let (_scratch, tree) = planted();
        for open in WAYS {
            let within = [
                "inside.txt",
                "within",
                "absolute",
                "back",
                "up/root/inside.txt",
            ];
            let below = ["sub/above", "directory/above"];
            let magic = ["magic"].into_iter().filter(|_| cfg!(target_os = "linux"));
            for path in within.into_iter().chain(below).chain(magic) {
                let mut text = String::new();
                open(&tree, path)
                    .unwrap()
                    .read_to_string(&mut text)
                    .unwrap();
                assert_eq!(text, "open", "{path}");
            }
            for path in ["out", "far", "up/outside.txt", "up", "../outside.txt"] {
                let error = open(&tree, path).unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::EXDEV), "{path}");
            }
            for (path, number) in [
                ("loop", libc::ELOOP),
                ("missing", libc::ENOENT),
                ("inside.txt/x", libc::ENOTDIR),
                (&*"x".repeat(256), libc::ENAMETOOLONG),
            ] {
                let error = open(&tree, path).unwrap_err();
                assert_eq!(error.raw_os_error(), Some(number), "{path}");
            }
            assert!(open(&tree, "").unwrap().metadata().unwrap().is_dir());
        }
        assert!(tree.list(Path::new("up"), 9).is_err());
    }

    #[test]
    fn a_pipe_that_nobody_writes_to_blocks_nobody() {
        let (_scratch, tree) = planted();
        for open in WAYS {
            let answer = open(&tree, "pipe");
            assert!(answer.is_err() || !answer.unwrap().metadata().unwrap().is_file());
        }
    }

    /// Somebody renames other files all the time, which disturbs the way through `..`.
    #[test]
    fn a_rename_elsewhere_makes_nothing_absent() {
        let (scratch, tree) = planted();
        let [one, two] = ["one", "two"].map(|name| scratch.path().join(name));
        fs::write(&one, b"").unwrap();
        let (has_begun, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Relaxed) {
                    fs::rename(&one, &two).unwrap();
                    fs::rename(&two, &one).unwrap();
                    has_begun.store(true, Relaxed);
                }
            });
            while !has_begun.load(Relaxed) {
                thread::yield_now();
            }
            let failed = WAYS.map(|open| {
                let errors = (0..5000).filter_map(|_| open(&tree, "sub/above").err());
                errors.map(|error| error.raw_os_error()).collect::<Vec<_>>()
            });
            is_over.store(true, Relaxed);
            for numbers in failed {
                assert!(numbers.len() < 50, "{} of 5000", numbers.len());
                assert!(numbers.iter().all(|number| *number == Some(libc::EAGAIN)));
            }
        });
    }

    #[test]
    fn what_was_resolved_and_is_gone_is_looked_for_again() {
        let (scratch, _tree) = planted();
        let directory = File::open(scratch.path().join("root")).unwrap();
        for name in ["missing", "within"] {
            let error = open_in(&directory, OsStr::new(name), READ).unwrap_err();
            assert!(is_passing(&error), "{name}: {error}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_sandbox_without_openat2_changes_nothing() {
        use waitset_conformance::refusing;

        let (_scratch, tree) = planted();
        for errno in [libc::ENOSYS, libc::EPERM] {
            let text = refusing(&[libc::SYS_openat2], errno, || {
                let opened = tree.open(Path::new("absolute"));
                io::read_to_string(opened.unwrap()).unwrap()
            });
            assert_eq!(text.unwrap(), "open");
        }
    }

    #[test]
    fn the_first_names_are_listed_in_order_however_many_there_are() {
        let (scratch, tree) = planted();
        for number in (0..50).rev() {
            scratch.write(&format!("root/many/{number:02}"), b"");
        }
        symlink("..", scratch.path().join("root/many/0 link")).unwrap();
        symlink("../..", scratch.path().join("root/many/1 out")).unwrap();
        scratch.write("root/many/0/x", b"");
        let listing = tree.list(Path::new("many"), 4).unwrap();
        let names = listing.names.iter();
        let names: Vec<_> = names
            .map(|(name, is)| (name.to_str().unwrap(), *is))
            .collect();
        let first = [("0", true), ("0 link", true), ("00", false), ("01", false)];
        assert_eq!((names, listing.total), (first.to_vec(), 53));
        let all = tree.list(Path::new("many"), 1000).unwrap();
        assert_eq!((all.names.len(), all.total), (53, 53));
        assert!(all.names.contains(&("1 out".into(), false)));
    }

    #[test]
    fn a_file_is_no_tree() {
        let (scratch, _tree) = planted();
        assert!(Tree::new(&scratch.path().join("outside.txt")).is_err());
    }
}
