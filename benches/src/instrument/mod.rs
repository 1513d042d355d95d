//! The instrument: mechanisms in shuffled rounds, with the noise beside every figure.
//!
//! [`plan`] says what is measured, [`measure`] measures a cell of it, [`data`] is what is
//! kept. [`run`] reads a run back, [`cell`] judges it; [`terminal`], [`csv`], [`report`],
//! [`recommend`] and [`diff`] say what comes of it.

pub mod cell;
pub mod csv;
pub mod data;
pub mod diff;
pub mod environment;
pub mod groups;
pub mod kept;
pub mod literature;
pub mod measure;
pub mod meter;
pub mod plan;
pub mod progress;
pub mod recommend;
pub mod report;
pub mod run;
pub mod terminal;
