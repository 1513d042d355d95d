//! The scenarios, one a file.

pub mod all_ready;
pub mod chain;
pub mod connections;
pub mod echo;
pub mod one_ready;
pub mod register;
pub mod toggle;
pub mod wake;
