//! Text for people: a name, and beside it lines of at most 80 columns.

use std::fmt::{self, Formatter};

/// Where the text begins, right of the name.
const INDENT: usize = 11;
const COLUMNS: usize = 80;

/// Writes `name` and, right of it, each text from a new line on.
pub(crate) fn paragraph<const N: usize>(
    f: &mut Formatter<'_>,
    name: &str,
    texts: [&str; N],
) -> fmt::Result {
    write!(f, "{name:<INDENT$}")?;
    for (position, text) in texts.into_iter().enumerate() {
        if position > 0 {
            new_line(f)?;
        }
        wrap(f, text)?;
    }
    Ok(())
}

fn new_line(f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "\n{:INDENT$}", "")
}

/// Writes `text`, broken between words where it would be too wide.
fn wrap(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let mut column = INDENT;
    for (position, word) in text.split(' ').enumerate() {
        let width = word.chars().count();
        if position > 0 && column + 1 + width > COLUMNS {
            new_line(f)?;
            column = INDENT;
        } else if position > 0 {
            f.write_str(" ")?;
            column += 1;
        }
        f.write_str(word)?;
        column += width;
    }
    Ok(())
}
