//! Where a run was made, as far as the system tells.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::resource::{Resource, getrlimit};
use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// What a figure depends on and does not say itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// The processor's model.
    pub processor: String,
    /// How many cores this process may use.
    pub cores: usize,
    /// The kernel's name and release.
    pub kernel: String,
    /// The architecture the program was built for.
    pub architecture: String,
    /// What the kernel does against the processor's flaws: entering the kernel costs more
    /// with it, and every mechanism enters the kernel.
    pub mitigations: BTreeMap<String, String>,
    /// How the processor's frequency is chosen.
    pub governor: String,
    /// Descriptors this process may open, soft limit, before the instrument raised it.
    pub descriptors_soft: u64,
    /// Descriptors this process may open, hard limit.
    pub descriptors_hard: u64,
    /// The crates that took part, and the compiler.
    pub versions: BTreeMap<String, String>,
    /// The commit, with a `+` if there were changes that are not committed.
    pub commit: String,
    /// The command, as the program was called.
    pub command: Vec<String>,
    /// When, in seconds since 1970.
    pub started_unix_s: u64,
}

/// Crates whose version is recorded.
const CRATES: [&str; 6] = ["waitset", "mio", "polling", "nix", "libc", "io-uring"];

impl Environment {
    /// This process on this machine. Call it before the limits are raised.
    #[must_use]
    pub fn here() -> Self {
        let machine = Machine::here();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or_default();
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            processor: machine.processor,
            cores: machine.cores,
            kernel: machine.kernel,
            architecture: machine.architecture,
            mitigations: mitigations(),
            governor: governor(),
            descriptors_soft: soft,
            descriptors_hard: hard,
            versions: versions(),
            commit: commit(),
            command: command(),
            started_unix_s: since.map_or(0, |since| since.as_secs()),
        }
    }

    /// What makes figures of two runs incomparable, as sentences; none if they are of one
    /// machine and kernel.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let facts = |of: &Self| {
            let mitigations = of.mitigations.iter();
            let mitigations: Vec<_> = mitigations
                .map(|(flaw, it)| format!("{flaw}: {it}"))
                .collect();
            [
                ("processor", of.processor.clone()),
                ("architecture", of.architecture.clone()),
                ("cores", of.cores.to_string()),
                ("kernel", of.kernel.clone()),
                ("governor", of.governor.clone()),
                ("mitigations", mitigations.join("; ")),
            ]
        };
        let pairs = facts(self).into_iter().zip(facts(other));
        pairs
            .filter(|((_, one), (_, other))| one != other)
            .map(|((fact, one), (_, other))| format!("{fact}: {one} there, {other} here"))
            .collect()
    }

    /// The mitigations that are at work, in a few words.
    #[must_use]
    pub fn mitigations_in_short(&self) -> String {
        let at_work = |(_, state): &(&String, &String)| state.starts_with("Mitigation");
        let names = self
            .mitigations
            .iter()
            .filter(at_work)
            .map(|(flaw, _)| flaw.replace('_', " "));
        match names.collect::<Vec<_>>() {
            names if !names.is_empty() => format!("against {}", names.join(", ")),
            _ if self.mitigations.is_empty() => "not told".to_owned(),
            _ => "none at work".to_owned(),
        }
    }
}

/// Linux has a file a flaw: sysfs-devices-system-cpu(ABI).
fn mitigations() -> BTreeMap<String, String> {
    let Ok(files) = fs::read_dir("/sys/devices/system/cpu/vulnerabilities") else {
        return BTreeMap::new();
    };
    let told = files.flatten().filter_map(|file| {
        let state = fs::read_to_string(file.path()).ok()?;
        let state = state.trim().to_owned();
        let flaw = file.file_name().into_string().ok()?;
        (state != "Not affected").then_some((flaw, state))
    });
    told.collect()
}

fn governor() -> String {
    let path = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    fs::read_to_string(path).map_or_else(|_| "not told".to_owned(), |text| text.trim().to_owned())
}

fn versions() -> BTreeMap<String, String> {
    let lock = include_str!("../../../Cargo.lock");
    let found = CRATES
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), version(lock, name)?)));
    let compiler = (
        "rustc".to_owned(),
        env!("COMPILED_BY").replacen("rustc ", "", 1),
    );
    found.chain([compiler]).collect()
}

/// The version of a crate in a lock file: the line after its name.
fn version(lock: &str, name: &str) -> Option<String> {
    let after = lock.split(&format!("name = \"{name}\"\n")).nth(1)?;
    let value = after.lines().next()?.strip_prefix("version = ")?;
    Some(value.trim_matches('"').to_owned())
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let directory = env!("CARGO_MANIFEST_DIR");
        let output = Command::new("git")
            .args(["-C", directory])
            .args(arguments)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    let is_changed = git(&["status", "--porcelain"]).is_some_and(|text| !text.is_empty());
    format!("{commit}{}", if is_changed { "+" } else { "" })
}

/// The command line, without where the program lies and where it writes to.
fn command() -> Vec<String> {
    let program = env!("CARGO_PKG_NAME").to_owned();
    [program]
        .into_iter()
        .chain(without_files(env::args().skip(1)))
        .collect()
}

fn without_files(arguments: impl Iterator<Item = String>) -> Vec<String> {
    let names_file = |argument: &str| matches!(argument, "--json" | "--csv" | "--html");
    let mut kept = Vec::new();
    let mut is_file = false;
    for argument in arguments {
        let is_kept = !is_file && !names_file(&argument);
        is_file = !is_file && names_file(&argument);
        if is_kept {
            kept.push(argument);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_here_does_not_differ_from_itself_and_another_kernel_does() {
        let here = Environment::here();
        assert_eq!(here.differences(&here), Vec::<String>::new());
        let there = Environment {
            kernel: "Linux 2.6.25".to_owned(),
            ..here.clone()
        };
        let told = here.differences(&there);
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("2.6.25"), "{told:?}");
    }

    #[test]
    fn a_command_is_kept_without_the_files_it_wrote() {
        let given = [
            "compare",
            "--json",
            "a",
            "--full",
            "--html",
            "b",
            "--scenario",
            "wake",
        ];
        let kept = without_files(given.into_iter().map(str::to_owned));
        assert_eq!(kept, ["compare", "--full", "--scenario", "wake"]);
    }

    #[test]
    fn the_versions_of_the_rivals_are_in_the_lock_file() {
        let versions = versions();
        assert_eq!(versions.len(), CRATES.len() + 1, "{versions:?}");
        assert!(versions["mio"].starts_with("1."), "{versions:?}");
    }
}
