//! Several pipes that are ready at once, and read.

use crate::Contestant;
use crate::pipes::Pipes;

/// Writes a byte to each of the next `count` pipes of the random cycle from `at` on, waits
/// for all of them and reads them. `seen` is told which.
#[inline]
pub(super) fn burst<C: Contestant>(
    contestant: &mut C,
    pipes: &Pipes,
    at: &mut usize,
    count: u64,
    mut seen: impl FnMut(usize),
) {
    for _ in 0..count {
        pipes.write(*at);
        *at = pipes.next(*at);
    }
    let mut to_read = count;
    while to_read > 0 {
        contestant.turn(|index| {
            pipes.read(index);
            to_read -= 1;
            seen(index);
        });
    }
}
