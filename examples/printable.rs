//! Text from a peer, made safe to print.

use std::fmt::{self, Display, Formatter};

/// Shows `text` on one line that a terminal displays and does not obey.
///
/// A terminal takes control characters for commands, and format characters can make a line
/// read like another one (U+202E, a right-to-left override, for example). So every character
/// that is not printable is written as in a Rust literal: those of the general categories Cc,
/// Cf, Co, Cn, Zl, Zp, and Zs except the space. A backslash is doubled, so that an escape
/// cannot be forged. Quotes and accents stay as they are.
#[must_use]
pub fn printable(text: &str) -> impl Display {
    Printable(text)
}

struct Printable<'a>(&'a str);

impl Display for Printable<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(QUOTES) {
            // `escape_debug` would escape the quote as well.
            let text = part.trim_end_matches(QUOTES);
            write!(formatter, "{}{}", text.escape_debug(), &part[text.len()..])?;
        }
        Ok(())
    }
}

const QUOTES: [char; 2] = ['\'', '"'];

/// Returns `true` if a terminal shows a character, or a space, and does not obey it: for text
/// that other people read, without the characters that are not printable.
#[must_use]
pub fn is_printable(one: char) -> bool {
    let is_space = one.is_whitespace() && !one.is_control() && !SEPARATORS.contains(&one);
    // `escape_debug` leaves a combining mark as it is only after another character.
    let shown: String = ['x', one].into_iter().collect();
    is_space || one == '\\' || printable(&shown).to_string() == shown
}

/// They begin a line and a paragraph.
const SEPARATORS: [char; 2] = ['\u{2028}', '\u{2029}'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_printed() {
        let controls = ('\0'..=' ')
            .chain('\u{7f}'..='\u{a0}')
            .filter(|c| *c != ' ');
        let format = "\u{ad}\u{61c}\u{200b}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202b}\
                      \u{202c}\u{202d}\u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}\
                      \u{fff9}\u{e0001}\u{e007f}\u{1680}\u{2003}\u{202f}\u{3000}";
        for character in controls.chain(format.chars()) {
            for text in [format!("{character}"), format!("a'{character}b")] {
                let shown = printable(&text).to_string();
                assert!(!shown.contains(character), "{character:?}: {shown}");
                assert!(shown.contains('\\'), "{character:?}: {shown}");
            }
        }
    }

    #[test]
    fn what_remains_of_a_line_is_what_can_be_read() {
        let remains = |text: &str| {
            text.chars()
                .filter(|one| is_printable(*one))
                .collect::<String>()
        };
        assert_eq!(remains("A\x1bn\u{9b}n\u{202e}a\u{2028}\r\n"), "Anna");
        for text in [
            "it's \"so\" \\o/",
            "e\u{301}te\u{301}",
            "नमस्ते, 한국어",
            "a\u{3000}b",
        ] {
            assert_eq!(remains(text), text);
        }
    }

    #[test]
    fn what_can_be_read_stays_and_an_escape_cannot_be_forged() {
        for text in ["", "it's \"fine\"", "e\u{301}'", "한국어, ä, 🎉", "''"] {
            assert_eq!(printable(text).to_string(), text);
        }
        assert_eq!(printable("\\u{1b}\n").to_string(), "\\\\u{1b}\\n");
    }
}
