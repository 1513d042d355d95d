//! The directions of the dependencies between the workspace's crates.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Who may depend on whom at run time; what stands nowhere here may not.
const ALLOWED: &[(&str, &[&str])] = &[
    ("waitset-core", &[]),
    ("waitset-unix", &["waitset-core"]),
    ("waitset-select", &["waitset-core", "waitset-unix"]),
    ("waitset-poll", &["waitset-core", "waitset-unix"]),
    ("waitset-epoll", &["waitset-core", "waitset-unix"]),
    ("waitset-uring", &["waitset-core", "waitset-unix"]),
    ("waitset-busy", &["waitset-core", "waitset-unix"]),
    ("waitset-conformance", &["waitset-core"]),
    (
        "waitset",
        &[
            "waitset-core",
            "waitset-select",
            "waitset-poll",
            "waitset-epoll",
            "waitset-uring",
            "waitset-busy",
        ],
    ),
    ("waitset-async", &["waitset"]),
];

/// What library crates may take from outside.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("waitset-core", &["serde"]), // optional
    ("waitset-unix", &["libc"]),
    ("waitset-select", &["libc"]),
    ("waitset-poll", &["libc"]),
    ("waitset-epoll", &["libc"]),
    ("waitset-uring", &["io-uring", "libc"]),
    ("waitset-busy", &["libc"]),
    // A dev-dependency of others; seccompiler for filters of system calls.
    (
        "waitset-conformance",
        &["libc", "nix", "proptest", "seccompiler"],
    ),
    // socket2 for streams; tracing is optional, for `TraceReactor`.
    ("waitset", &["libc", "socket2", "tracing"]),
    // blocking, futures-core and hyper are optional.
    (
        "waitset-async",
        &[
            "blocking",
            "futures-core",
            "futures-io",
            "hyper",
            "libc",
            "socket2",
        ],
    ),
];

fn run_time_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let packages = metadata.packages.iter().map(|package| {
        let normal = package.dependencies.iter();
        let normal = normal.filter(|dependency| dependency.kind == DependencyKind::Normal);
        let names = normal.map(|dependency| dependency.name.clone()).collect();
        (package.name.to_string(), names)
    });
    packages.collect()
}

#[test]
fn crates_depend_in_one_direction_and_on_little() {
    let found = run_time_dependencies();
    for ((name, inside), (_, outside)) in ALLOWED.iter().zip(OUTSIDE) {
        for dependency in &found[*name] {
            let dependency = dependency.as_str();
            let is_allowed = inside.contains(&dependency) || outside.contains(&dependency);
            assert!(is_allowed, "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn every_library_crate_stands_in_the_list() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    for package in metadata.packages {
        let is_published = package.publish.is_none();
        let is_listed = ALLOWED.iter().any(|(name, _)| *package.name == *name);
        assert_eq!(is_published, is_listed, "{}", package.name);
    }
}
