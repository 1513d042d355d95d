//! The event loop, on every mechanism.

mod alone;
mod borrowing;
mod channels;
mod children;
mod fairness;
mod groups;
mod identity;
mod matrix;
mod mechanisms;
mod mutable;
mod nested;
mod panics;
mod reentrancy;
mod refusals;
mod remotes;
mod signals;
mod sources;
mod streams;
mod sys;
mod timers;
