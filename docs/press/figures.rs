//! Draws the figures in every language from one source.
//!
//! `figures/NAME.svg` holds the drawing with English labels, `figures/style.css` what all
//! share, `figures/ko.txt` a line `English = Korean` a label.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::{Result, docs, files, named, read, text_of};

const STYLE: &str = "<style/>";

/// Every figure in every language: where it belongs and what it holds.
pub(crate) fn drawn() -> Result<Vec<(PathBuf, String)>> {
    let directory = docs().join("figures");
    let style = read(&directory.join("style.css"))?;
    let table = read(&directory.join("ko.txt"))?;
    let korean = labels(&table)?;
    let mut used = BTreeSet::new();
    let mut all = Vec::new();
    for path in files(&directory, "svg")? {
        let source = read(&path)?;
        if !source.contains(STYLE) {
            return Err(named(&path, &"has no <style/> for the shared style"));
        }
        let english = source.replace(STYLE, &format!("<style>\n{style}</style>"));
        let translated = translate(&english, &korean, &mut used);
        let translated = translated.map_err(|error| named(&path, &error))?;
        let name = path.file_name().unwrap_or_default();
        all.push((text_of("en").join("figures").join(name), english));
        all.push((text_of("ko").join("figures").join(name), translated));
    }
    if let Some(unused) = korean.keys().find(|label| !used.contains(**label)) {
        return Err(format!("figures/ko.txt: no figure says {unused:?}"));
    }
    Ok(all)
}

fn labels(table: &str) -> Result<BTreeMap<&str, &str>> {
    let pair = |line| {
        let pair = str::split_once(line, " = ");
        pair.ok_or_else(|| format!("figures/ko.txt: {line:?} is not English = Korean"))
    };
    table
        .lines()
        .filter(|line| !line.is_empty())
        .map(pair)
        .collect()
}

/// Replaces the text of every element; what has no letter stays, and so does what stands
/// in an element of the class `code`.
fn translate(
    svg: &str,
    labels: &BTreeMap<&str, &str>,
    used: &mut BTreeSet<String>,
) -> Result<String> {
    let mut translated = String::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').ok_or("a tag has no end")?;
        let tag = &rest[start..=end];
        translated.push_str(&rest[..=end]);
        rest = &rest[end + 1..];
        let stop = rest.find('<').unwrap_or(rest.len());
        let text = rest[..stop].trim();
        let is_label = text.contains(char::is_alphabetic)
            && !tag.starts_with("<style")
            && !tag.contains("code")
            && !tag.starts_with("<!--");
        if is_label {
            let label = labels
                .get(text)
                .ok_or_else(|| format!("ko.txt has no {text:?}"))?;
            used.insert(text.to_owned());
            translated.push_str(label);
            rest = &rest[stop..];
        }
    }
    translated.push_str(rest);
    Ok(translated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_translated_and_code_and_numbers_stay() {
        let svg = "<svg><text>yes</text><text class=\"code\">poll</text><text>12</text></svg>";
        let labels = BTreeMap::from([("yes", "예")]);
        let mut used = BTreeSet::new();
        let shown = translate(svg, &labels, &mut used).unwrap();
        assert_eq!(shown, svg.replace("yes", "예"));
        assert!(used.contains("yes"));
        assert!(translate("<text>no</text>", &labels, &mut used).is_err());
    }
}
