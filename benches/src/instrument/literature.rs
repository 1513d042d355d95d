//! What others measured, to be shown beside what is measured here.

use super::cell::{Cell, median};
use crate::tables::ratio;

/// A table that was published: a figure for each mechanism and number of descriptors.
struct Published {
    group: &'static str,
    year: &'static str,
    descriptors: &'static [usize],
    /// Mechanisms with their figures; the last is what the others are compared with.
    rows: &'static [(&'static str, &'static [f64])],
}

/// M. Kerrisk, The Linux Programming Interface (2010), table 63-9: seconds of processor
/// time for 100,000 operations on Linux 2.6.25.
const KERRISK: Published = Published {
    group: "kerrisk",
    year: "2010",
    descriptors: &[10, 100, 1000, 10_000],
    rows: &[
        ("poll", &[0.61, 2.9, 35.0, 990.0]),
        ("select", &[0.73, 3.0, 35.0, 930.0]),
        ("epoll", &[0.41, 0.42, 0.53, 0.66]),
    ],
};

/// A ratio that was published and the same here, for each cell of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `poll/epoll, 2010`.
    pub head: String,
    /// A figure a cell; empty where there is none.
    pub figures: Vec<String>,
}

/// Rows of ratios, then and here in turns; none where nobody has published.
#[must_use]
pub fn beside(cells: &[&Cell]) -> Vec<Row> {
    let published = cells
        .first()
        .filter(|cell| cell.scenario() == KERRISK.group);
    let Some((published, (base, base_then))) = published
        .and(KERRISK.rows.last())
        .map(|base| (&KERRISK, base))
    else {
        return Vec::new();
    };
    let others = published.rows.iter().filter(|(name, _)| name != base);
    others
        .flat_map(|(name, then)| {
            let then = cells.iter().map(|cell| {
                let place = published.place_of(cell.n())?;
                Some(then[place] / base_then[place])
            });
            let here = cells.iter().map(|cell| {
                let (one, other) = (cell.of(name)?, cell.of(base)?);
                Some(median(one) / median(other))
            });
            [
                row(format!("{name}/{base}, {}", published.year), then),
                row(format!("{name}/{base}, here"), here),
            ]
        })
        .collect()
}

fn row(head: String, ratios: impl Iterator<Item = Option<f64>>) -> Row {
    Row {
        head,
        figures: ratios.map(|it| it.map_or(String::new(), ratio)).collect(),
    }
}

impl Published {
    /// The column that a cell of `n` descriptors stands beside: of the same size but for a
    /// few, which the usual limit of descriptors asks for.
    fn place_of(&self, n: usize) -> Option<usize> {
        let is_near = |size: &usize| n.abs_diff(*size) * 20 <= *size;
        self.descriptors.iter().position(is_near)
    }
}

#[cfg(test)]
mod tests {
    use super::super::data::Samples;
    use super::*;

    fn cell(n: usize, poll: f64) -> Cell {
        let samples = |contestant: &str, figure: f64| Samples {
            scenario: "kerrisk".to_owned(),
            number: n.to_string(),
            n,
            contestant: contestant.to_owned(),
            figures: vec![figure],
            ..Samples::default()
        };
        Cell {
            contestants: vec![samples("poll", poll), samples("epoll", 100.0)],
        }
    }

    #[test]
    fn the_published_ratio_stands_beside_ours_of_the_same_size() {
        let (small, other, large) = (cell(10, 120.0), cell(50, 200.0), cell(9900, 9_000.0));
        let rows = beside(&[&small, &other, &large]);
        assert_eq!(rows[0].head, "poll/epoll, 2010");
        assert_eq!(rows[0].figures, ["1.49", "", "1500"]);
        assert_eq!(rows[1].figures, ["1.20", "2.00", "90.0"]);
        assert_eq!(rows[3].figures, ["", "", ""], "select took no part");
    }

    #[test]
    fn where_nobody_published_there_is_no_row() {
        let mut other = cell(10, 120.0);
        other.contestants[0].scenario = "one_ready".to_owned();
        assert_eq!(beside(&[&other]), []);
        assert_eq!(beside(&[]), []);
    }
}
