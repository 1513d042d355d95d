//! A directory of a test's own, which is gone when the test is over.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that is removed when this is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Scratch {
    /// An empty directory.
    ///
    /// # Panics
    ///
    /// If it cannot be made.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it makes a directory")]
    pub fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    /// An empty directory in this one.
    ///
    /// # Panics
    ///
    /// If it cannot be made.
    #[must_use]
    pub fn within(directory: &Path) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("waitset-{}-{number}", std::process::id());
        let path = directory.join(name);
        fs::create_dir_all(&path).expect("the directory can be written to");
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, and the directories it is in.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.0.join(name);
        let directory = path.parent().expect("it is in the scratch directory");
        fs::create_dir_all(directory).expect("the scratch directory can be written to");
        fs::write(path, bytes).expect("the scratch directory can be written to");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
