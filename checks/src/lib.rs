//! A program of a user's, generated and given to cargo, and where the packages are.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs, io};

/// Returns the directory of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).into()
}

/// A package outside of the workspace that depends on one of its crates by path.
#[derive(Debug)]
pub struct Program {
    directory: PathBuf,
}

impl Program {
    /// Writes the package to `directory`: `dependencies` in TOML, where `CRATES` stands for the
    /// directory of the crates, and `source` as its `main.rs`.
    ///
    /// # Errors
    ///
    /// Those of writing the files.
    pub fn write(directory: PathBuf, dependencies: &str, source: &str) -> io::Result<Self> {
        let crates = workspace().join("crates");
        let dependencies = dependencies.replace("CRATES", &crates.to_string_lossy());
        let manifest = format!(
            "[package]\nname = \"program\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [workspace]\n{dependencies}\n"
        );
        fs::create_dir_all(directory.join("src"))?;
        fs::write(directory.join("Cargo.toml"), manifest)?;
        fs::write(directory.join("src/main.rs"), source)?;
        // The versions that the workspace is tested with; cargo removes what is not needed.
        fs::copy(workspace().join("Cargo.lock"), directory.join("Cargo.lock"))?;
        Ok(Self { directory })
    }

    /// Runs cargo in the package, without the network.
    ///
    /// # Errors
    ///
    /// Those of starting cargo.
    pub fn cargo(&self, arguments: &[&str]) -> io::Result<Output> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(arguments).arg("--offline");
        command.current_dir(&self.directory);
        // All programs share what they depend on.
        command.env("CARGO_TARGET_DIR", self.directory.join("../target"));
        command.env("CARGO_PROFILE_DEV_DEBUG", "0");
        command.env_remove("RUSTFLAGS").output()
    }

    /// Returns the names of the packages in its lock file, its own included.
    ///
    /// # Errors
    ///
    /// Those of reading the file.
    pub fn locked(&self) -> io::Result<Vec<String>> {
        let lock = fs::read_to_string(self.directory.join("Cargo.lock"))?;
        let names = lock.lines().filter_map(|line| line.strip_prefix("name = "));
        Ok(names.map(|name| name.trim_matches('"').into()).collect())
    }
}

/// The README's code, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
