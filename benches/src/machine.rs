//! Where the figures come from.

use std::fmt;
use std::fs;
use std::thread;

use nix::sys::utsname::uname;
use serde::{Deserialize, Serialize};

/// Processor and kernel, as far as the system tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's model.
    pub processor: String,
    /// How many of its cores this process may use.
    pub cores: usize,
    /// The kernel's name and release.
    pub kernel: String,
    /// The architecture this program was built for.
    pub architecture: String,
}

impl Machine {
    /// This machine.
    #[must_use]
    pub fn here() -> Self {
        Self {
            processor: processor().unwrap_or_else(|| "unknown processor".to_owned()),
            cores: thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel().unwrap_or_else(|| std::env::consts::OS.to_owned()),
            architecture: std::env::consts::ARCH.to_owned(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = if self.cores == 1 { "core" } else { "cores" };
        write!(
            f,
            "{}, {} {cores}, {}, {}",
            self.processor, self.cores, self.architecture, self.kernel
        )
    }
}

/// Linux says it in `/proc/cpuinfo` (proc(5)), on most architectures.
fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    let (_, model) = line.split_once(':')?;
    Some(model.trim().to_owned())
}

fn kernel() -> Option<String> {
    let name = uname().ok()?;
    let (system, release) = (name.sysname().to_str()?, name.release().to_str()?);
    // What follows the numbers names a distribution's or a provider's build.
    let numbers = release.split('-').next()?;
    Some(format!("{system} {numbers}"))
}
