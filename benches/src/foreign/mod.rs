//! The event loops of C programs - libevent, libev, libuv - as rivals in the chain.
//!
//! They are written in C, in `rivals/`, and built only when asked. A shared object is loaded
//! into this process, so they take turns with the others in one run, on the very same pipes.

mod sys;

use std::env;
use std::ffi::CString;
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use crate::Workload;
use crate::pipes::Pipes;
use crate::settings;
use sys::{Functions, Loop};

/// A library, how it is linked, and its ways to wait.
struct Library {
    name: &'static str,
    /// What pkg-config knows it as, if it does.
    package: &'static str,
    /// How it is linked where pkg-config does not know it: libev ships no file for it.
    link: &'static str,
    /// The package with its headers on Debian, for the message.
    headers: &'static str,
    methods: &'static [&'static str],
    /// Whether its select ends the process beyond FD_SETSIZE: libevent has sets of any
    /// size, but fills them by FD_SET, which aborts where distributions build it with
    /// _FORTIFY_SOURCE.
    aborts_beyond_set_size: bool,
}

const LIBRARIES: [Library; 3] = [
    Library {
        name: "libevent",
        package: "libevent_core",
        link: "-levent_core",
        headers: "libevent-dev",
        methods: &["epoll", "poll", "select"],
        aborts_beyond_set_size: true,
    },
    Library {
        name: "libev",
        package: "libev",
        link: "-lev",
        headers: "libev-dev",
        methods: &["epoll", "poll", "select"],
        aborts_beyond_set_size: false,
    },
    Library {
        name: "libuv",
        package: "libuv",
        link: "-luv",
        headers: "libuv1-dev",
        methods: &["epoll"],
        aborts_beyond_set_size: false,
    },
];

/// A C library's loop over one of its methods, ready to take part.
#[derive(Clone, Debug)]
pub struct Foreign {
    name: String,
    method: CString,
    /// The first descriptor that it does not survive.
    first_deadly: Option<RawFd>,
    functions: Functions,
}

impl Foreign {
    /// The loop of this name as a [`build`] before has left it; that of another process
    /// will do.
    ///
    /// # Errors
    ///
    /// If there is no such loop or nothing was built.
    pub fn built(name: &str) -> io::Result<Self> {
        let missing = || io::Error::other(format!("no loop in C is named {name}"));
        let is_meant = |library: &&Library| name.starts_with(&format!("{}-", library.name));
        let library = LIBRARIES.iter().find(is_meant).ok_or_else(missing)?;
        let functions = Functions::load(&library.object()?)?;
        let mut loops = library.loops(functions);
        loops.find(|one| one.name == name).ok_or_else(missing)
    }

    /// Its name, such as `libev-poll`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of its library, as it says itself.
    #[must_use]
    pub fn version(&self) -> String {
        self.functions.version()
    }

    /// Puts it into the chain with `tokens` active among `pipes`.
    ///
    /// # Errors
    ///
    /// `Unsupported` if it would not survive these descriptors, or if there is no memory.
    pub(crate) fn enter(&self, pipes: Rc<Pipes>, tokens: usize) -> io::Result<Box<dyn Workload>> {
        let highest = (0..pipes.len())
            .map(|index| pipes.descriptors(index).0)
            .max();
        if self
            .first_deadly
            .is_some_and(|first| highest >= Some(first))
        {
            let text = format!("{} ends the process beyond FD_SETSIZE", self.name);
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        Ok(Box::new(Chain {
            around: Loop::new(self.functions, pipes)?,
            method: self.method.clone(),
            tokens,
        }))
    }
}

/// Whether `name` begins as those of a library's loops do.
#[must_use]
pub fn has_library_of(name: &str) -> bool {
    LIBRARIES
        .iter()
        .any(|library| name.starts_with(library.name))
}

/// Builds the loops of all libraries that are installed.
///
/// What cannot be built stands in the second list, with the reason.
#[must_use]
pub fn build() -> (Vec<Foreign>, Vec<Missing>) {
    let mut built = Vec::new();
    let mut missing = Vec::new();
    for library in &LIBRARIES {
        match library.build() {
            Ok(functions) => built.extend(library.loops(functions)),
            Err(reason) => missing.push(Missing {
                library: library.name,
                reason,
            }),
        }
    }
    (built, missing)
}

/// A library that cannot take part.
#[derive(Clone, Debug)]
pub struct Missing {
    /// Its name.
    pub library: &'static str,
    /// Why it is not there.
    pub reason: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} left out: {}", self.library, self.reason)
    }
}

impl Library {
    fn build(&self) -> Result<Functions, String> {
        let said = |error: io::Error| error.to_string();
        let object = self.object().map_err(said)?;
        self.compile(&object)?;
        Functions::load(&object).map_err(said)
    }

    /// Beside this program, so that `cargo clean` takes it too.
    fn object(&self) -> io::Result<PathBuf> {
        let directory = env::current_exe()?.with_file_name("rivals");
        fs::create_dir_all(&directory)?;
        Ok(directory.join(self.name).with_extension("so"))
    }

    /// Compiles `rivals/<name>.c` with the system's C compiler, optimised as distributions
    /// optimise the libraries. Another process may have the last build loaded, so it is
    /// replaced and not overwritten.
    fn compile(&self, object: &Path) -> Result<(), String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("rivals")
            .join(self.name);
        let new = object.with_extension(format!("{}.so", std::process::id()));
        let compiler = settings::compiler();
        let output = Command::new(&compiler)
            .args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"])
            .args(["-shared", "-fPIC", "-o"])
            .arg(&new)
            .arg(source.with_extension("c"))
            .args(self.flags())
            .output()
            .map_err(|error| format!("the C compiler {compiler} does not run: {error}"))?;
        if !output.status.success() {
            return Err(format!(
                "{compiler} says \"{}\"; on Debian, apt install {}",
                first_error(&output),
                self.headers
            ));
        }
        fs::rename(&new, object).map_err(|error| error.to_string())
    }

    fn flags(&self) -> Vec<String> {
        let found = Command::new("pkg-config")
            .args(["--cflags", "--libs", self.package])
            .output();
        match found {
            Ok(output) if output.status.success() => {
                let flags = String::from_utf8_lossy(&output.stdout);
                flags.split_whitespace().map(str::to_owned).collect()
            }
            _ => vec![self.link.to_owned()],
        }
    }

    fn loops(&self, functions: Functions) -> impl Iterator<Item = Foreign> {
        self.methods.iter().map(move |method| Foreign {
            name: format!("{}-{method}", self.name),
            method: CString::new(*method).unwrap_or_default(),
            first_deadly: (self.aborts_beyond_set_size && *method == "select")
                .then_some(libc::FD_SETSIZE as RawFd),
            functions,
        })
    }
}

fn first_error(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let mut lines = text.lines();
    let error = lines.find(|line| line.contains("error") || line.contains("cannot find"));
    error.unwrap_or("it does not say why").trim().to_owned()
}

/// The chain, with the loop and the work in C.
#[derive(Debug)]
struct Chain {
    around: Loop,
    method: CString,
    tokens: usize,
}

impl Workload for Chain {
    fn attach(&mut self) -> io::Result<()> {
        self.around.attach(&self.method)
    }

    fn detach(&mut self) -> io::Result<()> {
        self.around.detach();
        Ok(())
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        let start = Instant::now();
        self.around.run(self.tokens, units);
        Ok(start.elapsed())
    }

    fn verify(&mut self) -> io::Result<()> {
        let events = self.around.pipes().len() * self.tokens;
        let seen = self.around.run_and_count(self.tokens, events as u64);
        assert!(
            seen.iter().all(|times| *times as usize == self.tokens),
            "tokens were lost or told twice: {seen:?}"
        );
        Ok(())
    }

    fn stats(&self) -> Option<Stats> {
        None
    }
}
