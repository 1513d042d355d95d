//! How many lines the same programs have over waitset and over others, as a table.
//!
//! The programs are a package of their own, `benches/lines`, with a folder for each library.

use std::fs;
use std::io;
use std::path::Path;

/// The libraries, in the order of the columns; each has a folder.
pub const LIBRARIES: [&str; 6] = ["waitset", "mio", "polling", "calloop", "tokio", "smol"];

/// The programs, with what the table says of them.
const PROGRAMS: [(&str, &str); 3] = [
    ("echo", "TCP echo server"),
    (
        "chat",
        "chat with names, idle timeouts, SIGTERM, work in a thread, a child process",
    ),
    ("ticker", "ticks at a period, so many times"),
];

/// Lines of code: neither blank nor a comment.
#[must_use]
pub fn of_code(text: &str) -> usize {
    let lines = text.lines().map(str::trim);
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with("//");
    lines.filter(is_code).count()
}

/// The table in Markdown, of the programs in `folder`.
///
/// # Errors
///
/// Returns the error of reading a program.
pub fn table(folder: &Path) -> io::Result<String> {
    let mut text = format!("| lines of code | {} |\n", LIBRARIES.join(" | "));
    text.push_str("|---|");
    text.push_str(&"--:|".repeat(LIBRARIES.len()));
    text.push('\n');
    for (program, about) in PROGRAMS {
        text.push_str(&format!("| {about} |"));
        for library in LIBRARIES {
            let path = folder.join(library).join(program).with_extension("rs");
            let lines = of_code(&fs::read_to_string(path)?);
            text.push_str(&format!(" {lines} |"));
        }
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_and_comments_do_not_count() {
        let text = "//! A program.\n\nfn main() {\n    // Nothing.\n    run(); // it\n}\n";
        assert_eq!(of_code(text), 3);
    }
}
