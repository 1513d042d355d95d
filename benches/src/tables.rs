//! Tables that fit 80 columns.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// A table with these column heads. The first column is text, the others are numbers.
#[must_use]
pub fn table<H: Into<String>>(heads: impl IntoIterator<Item = H>) -> Table {
    let mut table = Table::new();
    table
        .load_style(ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(heads.into_iter().map(Into::into).collect::<Vec<String>>());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A ratio with as many digits as it has meaning: `0.004`, `0.97`, `15.7`, `157`.
#[must_use]
pub fn ratio(value: f64) -> String {
    match value {
        ..0.095 => format!("{value:.3}"),
        0.095..9.95 => format!("{value:.2}"),
        9.95..99.5 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Nanoseconds as a person reads them: `7.7 ns`, `392 ns`, `18 us`.
#[must_use]
pub fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        ..99.5 => format!("{nanoseconds:.1} ns"),
        99.5..9_950.0 => format!("{nanoseconds:.0} ns"),
        9_950.0..9_950_000.0 => format!("{:.1} us", nanoseconds / 1e3),
        _ => format!("{:.1} ms", nanoseconds / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_mean_something() {
        assert_eq!(ratio(0.0042), "0.004");
        assert_eq!(ratio(0.974), "0.97");
        assert_eq!(ratio(9.96), "10.0");
        assert_eq!(ratio(157.4), "157");
        assert_eq!(duration(7.66), "7.7 ns");
        assert_eq!(duration(18_200.0), "18.2 us");
    }
}
