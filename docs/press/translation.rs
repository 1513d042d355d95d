//! Whether a translated chapter says what the English one says today.
//!
//! A translation carries the hash of the English text it was made from. What is spliced
//! is left out of the hash: a new recording makes no translation old.

use std::path::PathBuf;

use crate::{Result, docs, files, quote, read, splice, text_of, write_if_changed};

const MARK: &str = "<!-- translates: ";

/// The repository's README in Korean, which is translated like a chapter.
const README: &str = "README.ko.md";

/// The English text and the translation called `name`: a chapter, or `README.ko.md`.
fn pair(name: &str) -> (PathBuf, PathBuf) {
    if name == README {
        let root = docs().parent().unwrap_or(docs());
        return (root.join("README.md"), root.join(README));
    }
    (text_of("en").join(name), text_of("ko").join(name))
}

/// The texts whose translation was made from an English one that has changed since.
///
/// # Errors
///
/// If a file can't be read.
pub fn outdated() -> Result<Vec<String>> {
    let chapters = files(&text_of("en"), "md")?;
    let names = chapters
        .iter()
        .filter_map(|path| path.file_name()?.to_str());
    let mut old = Vec::new();
    for name in names.chain([README]) {
        let (english, translation) = pair(name);
        if name != "SUMMARY.md" && translation.exists() {
            let mark = mark_for(&read(&english)?)?;
            if !read(&translation)?.contains(&mark) {
                old.push(name.to_owned());
            }
        }
    }
    Ok(old)
}

/// Notes in the translation called `name` that it says what the English one says now.
///
/// # Errors
///
/// If one of the two can't be read or written.
pub fn stamp(name: &str) -> Result<()> {
    let (english, translation) = pair(name);
    let mark = mark_for(&read(&english)?)?;
    let text = read(&translation)?;
    let kept: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with(MARK))
        .collect();
    let text = format!("{}\n\n{mark}\n", kept.join("\n").trim_end());
    write_if_changed(&translation, &text).map(|_| ())
}

fn mark_for(english: &str) -> Result<String> {
    let words = quote::without(&splice::without_spliced(english))?;
    let hash = fnv1a(words.as_bytes());
    Ok(format!("{MARK}{hash:016x} -->"))
}

/// FNV-1a, whose values stay the same from one toolchain to the next.
fn fnv1a(bytes: &[u8]) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, fold)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv1a_as_published() {
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn a_new_recording_makes_no_translation_old_but_a_new_word_does() {
        let mark = |body: &str, word: &str| {
            let quoted = format!("<!-- quote: x -->{body}<!-- /quote -->");
            let text = format!("{word} {quoted}\n<!-- begin: run x -->\n{body}\n<!-- end -->\n");
            mark_for(&text).unwrap()
        };
        assert_eq!(mark("1", "a"), mark("2", "a"));
        assert_ne!(mark("1", "a"), mark("1", "b"));
    }
}
