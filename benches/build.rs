//! Hands the compiler's version to the records.

use std::env;
use std::process::Command;

#[allow(
    clippy::disallowed_macros,
    reason = "how a build script speaks to cargo"
)]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(compiler).arg("--version").output();
    let version = output.ok().and_then(|it| String::from_utf8(it.stdout).ok());
    let version = version.as_deref().map_or("unknown rustc", str::trim);
    println!("cargo:rustc-env=COMPILED_BY={version}");
}
