//! What the models run on. They run the real code: the packages in `core/`, `waitset/` and
//! `async/` build the sources of the crates, with `--cfg waitset_model` from `cfg.rs`, so that
//! the crates themselves do not depend on the model checker.

mod sleeper;

pub use sleeper::Sleeper;
