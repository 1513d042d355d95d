//! The directory that is served, and nothing outside of it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Opens files below a directory, which no symbolic link leads out of.
#[derive(Debug)]
pub struct Tree {
    #[cfg(target_os = "linux")]
    directory: File,
    path: PathBuf,
}

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
            #[cfg(target_os = "linux")]
            directory: File::open(&path)?,
            path,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens what `path`, which is relative, names. It never blocks on a pipe.
    ///
    /// # Errors
    ///
    /// As open(2), also if a link leads out.
    ///
    /// # Platform notes
    ///
    /// openat2(2) with `RESOLVE_BENEATH` on Linux: the kernel refuses, however quickly
    /// somebody exchanges a directory for a link. Elsewhere, and where a sandbox has no
    /// openat2, the resolved path is looked at first.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        #[cfg(target_os = "linux")]
        match beneath(&self.directory, path) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            opened => return opened,
        }
        self.open_resolved(path)
    }

    fn open_resolved(&self, path: &Path) -> io::Result<File> {
        let path = fs::canonicalize(self.path.join(path))?;
        if !path.starts_with(&self.path) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        // What is neither could block.
        let kind = fs::metadata(&path)?;
        match kind.is_file() || kind.is_dir() {
            true => File::open(path),
            false => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }

    /// The names in the directory at `path` that are not hidden, sorted, at most `limit`,
    /// and whether each is a directory.
    ///
    /// # Errors
    ///
    /// As readdir(3).
    pub fn list(&self, path: &Path, limit: usize) -> io::Result<Vec<(std::ffi::OsString, bool)>> {
        let path = fs::canonicalize(self.path.join(path))?;
        if !path.starts_with(&self.path) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let entries = fs::read_dir(path)?.filter_map(Result::ok);
        let mut names: Vec<_> = entries
            .map(|entry| (entry.file_name(), entry.path().is_dir()))
            .filter(|(name, _)| !name.as_encoded_bytes().starts_with(b"."))
            .take(limit)
            .collect();
        names.sort();
        Ok(names)
    }
}

#[cfg(target_os = "linux")]
fn beneath(directory: &File, path: &Path) -> io::Result<File> {
    use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    let how = OpenHow::new().flags(flags).resolve(resolve);
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
        nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
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
            for path in ["inside.txt", "within"] {
                let mut text = String::new();
                open(&tree, path)
                    .unwrap()
                    .read_to_string(&mut text)
                    .unwrap();
                assert_eq!(text, "open", "{path}");
            }
            for path in ["out", "far", "up/outside.txt", "up", "../outside.txt"] {
                assert!(open(&tree, path).is_err(), "{path}");
            }
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

    #[test]
    fn a_file_is_no_tree() {
        let (scratch, _tree) = planted();
        assert!(Tree::new(&scratch.path().join("outside.txt")).is_err());
    }
}
