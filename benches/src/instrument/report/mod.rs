//! A run as one page of HTML that needs nothing else: no network, no script.

mod bars;
mod curves;
mod figures;
mod heat;
mod page;
mod paper;
mod tables;
mod words;

pub use page::page;
