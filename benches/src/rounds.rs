//! Slices of a few milliseconds, of contestants that take turns.

use std::io;
use std::time::Duration;

use crate::Workload;

/// How long a slice lasts: short enough for a slice and its neighbour to see the same
/// machine, long enough for the clock and the caches.
pub const SLICE: Duration = Duration::from_micros(2_500);

/// The part of a slice that is done untimed before it, after attaching.
pub(crate) const WARM_UP: u64 = 4;

/// Times one slice of `units`: nanoseconds a unit.
///
/// # Errors
///
/// As the workload's.
pub fn slice(workload: &mut dyn Workload, units: u64) -> io::Result<f64> {
    workload.attach()?;
    workload.run(units.div_ceil(WARM_UP))?;
    let taken = workload.run(units)?;
    workload.detach()?;
    Ok(taken.as_nanos() as f64 / units as f64)
}

/// How many units fill a slice of `length`; at least one, however long it lasts.
///
/// # Errors
///
/// As the workload's.
pub fn units_in(workload: &mut dyn Workload, length: Duration) -> io::Result<u64> {
    steps_in(workload, length, 1)
}

/// The same in whole steps of so many units; at least one step.
///
/// # Errors
///
/// As the workload's.
pub fn steps_in(workload: &mut dyn Workload, length: Duration, step: u64) -> io::Result<u64> {
    workload.attach()?;
    let mut units = step;
    let fitting = loop {
        let taken = workload.run(units)?;
        if taken * 4 > length {
            let nanoseconds = taken.as_nanos().max(1) as f64 / units as f64;
            break (length.as_nanos() as f64 / nanoseconds).round() as u64;
        }
        units *= 2;
    };
    workload.detach()?;
    Ok(fitting.max(1).next_multiple_of(step))
}
