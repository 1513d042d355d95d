//! What a TCP echo server brings along over each library: packages, and the CPU time of
//! building all of them.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// A library, and what a program writes into its manifest to have the echo server.
#[derive(Clone, Copy, Debug)]
pub struct Library {
    /// Its name, and that of the folder in `benches/lines`.
    pub name: &'static str,
    dependency: &'static str,
}

/// Those that are compared. A path stands for a version that is not published.
pub const LIBRARIES: [Library; 6] = [
    library("waitset", "waitset = { path = \"CRATES/waitset\" }"),
    library(
        "mio",
        "mio = { version = \"1\", features = [\"net\", \"os-poll\"] }",
    ),
    library("polling", "polling = \"3\""),
    library("calloop", "calloop = \"0.14\""),
    library(
        "tokio",
        "tokio = { version = \"1\", features = [\"io-util\", \"macros\", \"net\", \"rt\"] }",
    ),
    library("smol", "smol = \"2\""),
];

const fn library(name: &'static str, dependency: &'static str) -> Library {
    Library { name, dependency }
}

/// What was found for a library.
#[derive(Clone, Copy, Debug)]
pub struct Footprint {
    /// Packages in the lock file, the program's own left out.
    pub locked: usize,
    /// Packages that are built here, procedural macros and build dependencies included.
    pub built: usize,
    /// CPU time, user and system, of `cargo build` with nothing built before.
    pub debug: Duration,
    /// The same of `cargo build --release`.
    pub release: Duration,
}

impl Library {
    /// Makes a package of the echo server in `folder`, and builds it twice.
    ///
    /// # Errors
    ///
    /// Returns the error of writing the package, and what cargo says if it fails.
    pub fn measure(self, folder: &Path) -> io::Result<Footprint> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = folder.join(self.name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?; // of another run: nothing may be built before
        }
        fs::create_dir_all(folder.join("src"))?;
        let echo = package.join("lines").join(self.name).join("echo.rs");
        fs::copy(echo, folder.join("src/main.rs"))?;
        let crates = package.join("../crates").canonicalize()?;
        let crates = crates.display().to_string();
        fs::write(folder.join("Cargo.toml"), self.manifest(&crates))?;

        cargo(&folder, &["fetch", "--quiet"])?; // what is downloaded is not built
        let lock = fs::read_to_string(folder.join("Cargo.lock"))?;
        let tree = ["tree", "--prefix", "none", "--edges", "normal,build"];
        let tree = cargo(&folder, &[&tree[..], &["--format", "{p}"]].concat())?;
        Ok(Footprint {
            locked: locked(&lock),
            built: distinct(&tree),
            debug: cpu_time(|| cargo(&folder, &["build", "--quiet"]))?,
            release: cpu_time(|| cargo(&folder, &["build", "--quiet", "--release"]))?,
        })
    }

    /// A workspace of its own, wherever the folder is.
    fn manifest(self, crates: &str) -> String {
        let dependency = self.dependency.replace("CRATES", crates);
        format!(
            "[package]\nname = \"footprint-echo\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\n{dependency}\n\n[workspace]\n"
        )
    }
}

/// Packages of a lock file, without the one whose it is.
fn locked(lock: &str) -> usize {
    lock.matches("[[package]]").count().saturating_sub(1)
}

/// Packages of a tree without its root. One that comes again has a mark.
fn distinct(tree: &str) -> usize {
    let lines = tree.lines().map(|line| line.trim_end_matches(" (*)"));
    let mut packages: Vec<&str> = lines.skip(1).filter(|line| !line.is_empty()).collect();
    packages.sort_unstable();
    packages.dedup();
    packages.len()
}

/// Runs cargo there, and returns what it prints.
fn cargo(folder: &Path, arguments: &[&str]) -> io::Result<String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments);
    command.env("CARGO_TARGET_DIR", folder.join("target"));
    let output = command.stdin(Stdio::null()).output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(io::Error::other(
            String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
        )),
    }
}

/// The CPU time of the processes that `work` starts and waits for.
fn cpu_time<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<Duration> {
    let so_far = || -> io::Result<i64> {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        Ok((usage.user_time() + usage.system_time()).num_microseconds())
    };
    let before = so_far()?;
    work()?;
    let micros = so_far()? - before;
    Ok(Duration::from_micros(micros.try_into().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_counted_once_and_without_the_program() {
        let tree = "echo v0.0.0\na v1.0.0\nb v1.0.0\na v1.0.0 (*)\n\n";
        assert_eq!(distinct(tree), 2);
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\n\n[[package]]\nname = \"echo\"\n";
        assert_eq!(locked(lock), 1);
    }

    #[test]
    fn the_time_of_what_is_started_is_counted() {
        let busy = || {
            Command::new("sh")
                .args(["-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"])
                .status()
        };
        assert!(cpu_time(busy).unwrap() > Duration::ZERO);
        assert!(
            LIBRARIES[0]
                .manifest("/there")
                .contains("\"/there/waitset\"")
        );
    }
}
