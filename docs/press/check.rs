//! What can be wrong with a book and seen without a reader.

use std::path::Path;

use crate::{LANGUAGES, Result, chapter, files, glossary, read, sentence, splice, text_of};

/// Every fault of the book, a line each; none if it is right.
///
/// # Errors
///
/// If a file can't be read or a mark can't be filled.
pub fn check() -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for (path, text) in splice::spliced()? {
        if read(&path).is_ok_and(|old| old != text) || !path.exists() {
            faults.push(shown(&path) + ": run `cargo run -p waitset-book -- splice`");
        }
        if path.extension().is_some_and(|extension| extension == "svg") {
            faults.extend(
                figure(&text)
                    .into_iter()
                    .map(|fault| shown(&path) + ": " + fault),
            );
        }
    }
    faults.extend(glossary::faults()?);
    faults.extend(sentence::faults()?);
    for (number, language) in LANGUAGES.iter().enumerate() {
        let directory = text_of(language);
        let summary = read(&directory.join("SUMMARY.md"))?;
        for path in files(&directory, "md")? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let text = read(&path)?;
            let mut found = links(&path, &text)?;
            found.extend(prose(&text));
            if name != "SUMMARY.md" && !summary.contains(&format!("({name})")) {
                found.push("stands in no SUMMARY.md".to_owned());
            }
            if chapter::is_chapter(&name) {
                found.extend(chapter::missing(number, &text));
                found.extend(glossary::unlisted(&splice::without_spliced(&text))?);
            }
            found.extend(differences(language, &name, &text)?);
            faults.extend(found.iter().map(|fault| shown(&path) + ": " + fault));
        }
    }
    Ok(faults)
}

fn shown(path: &Path) -> String {
    path.strip_prefix(crate::docs())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// A figure has a name and a description, and is an image to a screen reader.
fn figure(svg: &str) -> Option<&'static str> {
    let needed = [
        "role=\"img\"",
        "aria-labelledby=\"title desc\"",
        "<title id=\"title\">",
        "<desc id=\"desc\">",
    ];
    let is_missing = needed.iter().any(|part| !svg.contains(part));
    is_missing.then_some("needs role=\"img\" and a title and desc that it is labelled by")
}

/// Code that is not spliced in, and images without a text.
fn prose(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let text = splice::without_spliced(text);
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            faults.push(format!(
                "code that is not spliced in, near line {}",
                number + 1
            ));
        }
        if line.contains("![](") {
            faults.push(format!("an image without alternative: {line}"));
        }
    }
    let unclosed = text.split("\n\n").filter_map(unclosed_emphasis);
    faults.extend(unclosed.map(|words| {
        let line = words.lines().last().unwrap_or(words);
        format!("an emphasis that Markdown does not close: {line}")
    }));
    faults
}

/// Stars after a mark and before a letter close nothing (CommonMark, section 6.2), which
/// Korean particles bring about: `*(a)*는`. What stands before such stars in the paragraph.
fn unclosed_emphasis(paragraph: &str) -> Option<&str> {
    let is_mark = |c: char| !c.is_alphanumeric() && c != '`';
    let is_hangul = |c: char| ('가'..='힣').contains(&c);
    let mut is_open = false;
    let mut rest = 0;
    while let Some(found) = paragraph[rest..].find('*') {
        let start = rest + found;
        let after = paragraph[start..].trim_start_matches('*');
        rest = paragraph.len() - after.len();
        if is_open && paragraph[..start].ends_with(is_mark) && after.starts_with(is_hangul) {
            return Some(&paragraph[..rest]);
        }
        is_open = !is_open;
    }
    None
}

/// Links to files and headings that are not there.
fn links(path: &Path, text: &str) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let directory = path.parent().unwrap_or(path);
    for target in targets(text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (file, heading) = target.split_once('#').unwrap_or((target, ""));
        let file = if file.is_empty() {
            path.to_owned()
        } else {
            directory.join(file)
        };
        if !file.exists() {
            faults.push(format!("a link to {target}, which is not there"));
        } else if !heading.is_empty() && !headings(&read(&file)?).any(|slug| slug == heading) {
            faults.push(format!("a link to {target}, a heading that is not there"));
        }
    }
    Ok(faults)
}

/// What stands in the round brackets of `[text](target)`.
pub(crate) fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("](").filter_map(|(index, _)| {
        let rest = &text[index + 2..];
        rest.get(..rest.find(')')?)
    })
}

/// The anchors of the headings, as mdBook and code hosts make them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().filter(|line| line.starts_with('#'));
    lines.map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().replace(' ', "-")
    })
}

/// A translated chapter shows the same figures, programs and runs as the English one.
fn differences(language: &str, name: &str, text: &str) -> Result<Vec<String>> {
    if language == LANGUAGES[0] || name == "SUMMARY.md" {
        return Ok(Vec::new());
    }
    let english = text_of(LANGUAGES[0]).join(name);
    if !english.exists() {
        return Ok(vec!["translates a chapter that is not there".to_owned()]);
    }
    let english = read(&english)?;
    let mut faults = Vec::new();
    if !splice::marks(text).eq(splice::marks(&english)) {
        faults.push("shows other programs or runs than the English one".to_owned());
    }
    let images = |text: &str| text.matches("](figures/").count();
    if images(text) != images(&english) {
        faults.push("shows other figures than the English one".to_owned());
    }
    let headings = |text: &str| text.lines().filter(|line| line.starts_with("## ")).count();
    if headings(text) != headings(&english) {
        faults.push("has another number of headings than the English one".to_owned());
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_is_typed_into_a_chapter_is_found() {
        assert_eq!(prose("```c\nint x;\n```\n").len(), 2);
        let spliced = "<!-- begin: run x -->\n```console\n$ x\n```\n<!-- end -->\n";
        assert!(prose(spliced).is_empty());
    }

    #[test]
    fn emphasis_that_a_particle_keeps_open_is_found() {
        assert!(unclosed_emphasis("이것은 *(가)*는 틀림").is_some());
        assert!(unclosed_emphasis("이것은 *CPU\n%*는 틀림").is_some());
        assert_eq!(
            unclosed_emphasis("이것은 **가**는 (*나*(다))*라*입니다"),
            None
        );
    }

    #[test]
    fn broken_links_are_found() {
        let here = crate::docs().join("src/en/SUMMARY.md");
        let text = "[a](SUMMARY.md) [b](#summary) [c](gone.md) [d](#gone)\n";
        assert_eq!(links(&here, text).unwrap().len(), 2);
    }

    #[test]
    fn a_figure_without_description_is_found() {
        assert!(figure("<svg role=\"img\"></svg>").is_some());
    }
}
