//! Fills the marks in the chapters.

use std::path::PathBuf;

use crate::{
    LANGUAGES, Recording, Result, docs, figures, files, measured, named, quote, read, text_of,
    write_if_changed,
};

const BEGIN: &str = "<!-- begin: ";
const END: &str = "<!-- end -->";
/// How the README ends what the instrument puts there.
const RECORD_END: &str = "<!-- end: record -->";

/// Fills every mark of every chapter and writes the figures in every language.
///
/// Returns the files that changed.
///
/// # Errors
///
/// If a mark names a program, a region or a recording that is not there, or a figure
/// holds a text without translation.
pub fn splice() -> Result<Vec<PathBuf>> {
    let mut changed = Vec::new();
    for (path, text) in spliced()? {
        if write_if_changed(&path, &text)? {
            changed.push(path);
        }
    }
    Ok(changed)
}

/// Every file that `splice` writes, with what it would hold.
pub(crate) fn spliced() -> Result<Vec<(PathBuf, String)>> {
    let mut all = figures::drawn()?;
    for language in LANGUAGES {
        for path in files(&text_of(language), "md")? {
            let text = fill(&read(&path)?).and_then(|text| quote::fill(&text));
            all.push((path.clone(), text.map_err(|error| named(&path, &error))?));
        }
    }
    for path in readmes() {
        let text = quote::fill(&read(&path)?).map_err(|error| named(&path, &error))?;
        all.push((path, text));
    }
    Ok(all)
}

/// The repository's READMEs, which quote figures; the instrument fills their marks.
fn readmes() -> [PathBuf; 2] {
    let root = docs().parent().unwrap_or(docs());
    ["README.md", "README.ko.md"].map(|name| root.join(name))
}

/// `text` with what stands between its marks replaced.
fn fill(text: &str) -> Result<String> {
    let mut filled = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        filled.push_str(line);
        filled.push('\n');
        let Some(what) = mark(line) else { continue };
        if !lines.by_ref().any(|line| line == END) {
            return Err(format!("{line} has no {END}"));
        }
        filled.push_str(&block(what)?);
        filled.push_str(END);
        filled.push('\n');
    }
    Ok(filled)
}

/// What a line that begins a mark asks for.
fn mark(line: &str) -> Option<&str> {
    line.strip_prefix(BEGIN)?.strip_suffix(" -->")
}

/// The marks in `text`, in order.
pub(crate) fn marks(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(mark)
}

/// `text` without what was spliced into it.
pub(crate) fn without_spliced(text: &str) -> String {
    let mut kept = String::new();
    let mut is_inside = false;
    for line in text.lines() {
        is_inside &= line != END && line != RECORD_END;
        if !is_inside {
            kept.push_str(line);
            kept.push('\n');
        }
        is_inside |= mark(line).is_some();
    }
    kept
}

fn block(what: &str) -> Result<String> {
    let words: Vec<_> = what.split(' ').collect();
    match words.as_slice() {
        // The command and what it printed, or one of the two.
        ["run", name] => {
            let recording = Recording::load(name)?;
            let (command, output) = (recording.command(), recording.merged()?);
            Ok(format!("```console\n$ {command}\n{output}```\n"))
        }
        ["command", name] => {
            let recording = Recording::load(name)?;
            Ok(format!("```console\n$ {}\n```\n", recording.command()))
        }
        ["output", name] => {
            let output = Recording::load(name)?.merged()?;
            Ok(format!("```text\n{output}```\n"))
        }
        ["machine"] => {
            let text = read(&docs().join("record/machine.txt"))?;
            Ok(format!("```text\n{text}```\n"))
        }
        ["crossovers"] => Ok(format!("```text\n{}```\n", measured::crossovers()?)),
        ["measured", ..] => measured::tables(what.trim_start_matches("measured ")),
        ["program", file, region] => {
            let source = read(&docs().join("programs").join(file))?;
            let language = match file.rsplit('.').next() {
                Some("rs") => "rust,ignore",
                Some(extension) => extension,
                None => "",
            };
            let code = region_of(&source, region).ok_or_else(|| {
                format!("programs/{file} has no region between [{region}] and [/{region}]")
            })?;
            Ok(format!("```{language}\n{code}```\n"))
        }
        _ => Err(format!("no mark is called {what:?}")),
    }
}

/// The lines between a line that ends in `[name]` and one that ends in `[/name]`.
fn region_of(source: &str, name: &str) -> Option<String> {
    let (begin, end) = (format!("[{name}]"), format!("[/{name}]"));
    let mut lines = source.lines();
    lines.find(|line| line.ends_with(&begin))?;
    let mut region: Vec<&str> = Vec::new();
    loop {
        let line = lines.next()?;
        if line.ends_with(&end) {
            break;
        }
        region.push(line);
    }
    let indents = region.iter().filter(|line| !line.trim().is_empty());
    let indents = indents.map(|line| line.len() - line.trim_start().len());
    let indent = indents.min().unwrap_or(0);
    let region = region.iter().map(|line| line.get(indent..).unwrap_or(""));
    Some(region.map(|line| format!("{line}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_cut_out_and_moved_to_the_left() {
        let source = "x\n    // [a]\n    one\n\n      two\n    // [/a]\ny\n";
        assert_eq!(region_of(source, "a").unwrap(), "one\n\n  two\n");
        assert_eq!(region_of(source, "b"), None);
    }

    #[test]
    fn a_mark_without_end_is_refused() {
        assert!(fill("<!-- begin: run x -->\ntext\n").is_err());
        assert!(fill("<!-- begin: what is this -->\n<!-- end -->\n").is_err());
        assert_eq!(fill("text\n").unwrap(), "text\n");
    }
}
