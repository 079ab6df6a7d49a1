//! Links in the book lead somewhere.

mod common;

use common::{meld, root};
use std::collections::BTreeMap;
use std::path::Path;

/// The lines of a page that are not code.
fn prose(text: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push(line);
        }
    }
    lines
}

/// What follows `](` up to `)`, without what stands in backquotes.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        let words: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for part in words.split("](").skip(1) {
            found.extend(part.split_once(')').map(|(link, _)| link.to_string()));
        }
    }
    found
}

/// Anchors of the headings, as GitHub makes them: `-1` and so on for a heading that comes again.
fn anchors(text: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut found = Vec::new();
    for line in prose(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let anchor = kept.collect::<String>().to_lowercase().replace(' ', "-");
        let count = seen.entry(anchor.clone()).or_default();
        found.push(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
        *count += 1;
    }
    found
}

#[test]
fn links_of_the_book_lead_somewhere() {
    let mut pages = vec![root().join("README.md")];
    for entry in std::fs::read_dir(root().join("docs")).expect("the book is there") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    pages.sort();
    let read = |path: &Path| std::fs::read_to_string(path).expect("a page can be read");
    let (mut checked, mut broken) = (0, Vec::new());
    for page in &pages {
        for link in links(&read(page)) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            checked += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let folder = page.parent().expect("a page stands in a folder");
            let target = if file.is_empty() { page.clone() } else { folder.join(file) };
            let there = target.exists()
                && (anchor.is_empty() || anchors(&read(&target)).iter().any(|a| a == anchor));
            if !there {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(checked > 10, "{checked} links");
}

/// Figures of `docs/performance.md`, which a change of rules may move a little.
#[test]
fn the_sizes_in_the_book_are_true() {
    let page = std::fs::read_to_string(root().join("docs/performance.md")).expect("the page");
    let table = page.split("\n## Size\n").nth(1).expect("a table of sizes");
    let mut checked = 0;
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let figures: Vec<usize> = cells[2..6]
            .iter()
            .map(|cell| cell.replace(' ', "").parse().expect("a number of bytes"))
            .collect();
        let guests: Vec<String> = cells[1]
            .split('`')
            .skip(1)
            .step_by(2)
            .map(|guest| format!("tests/guests/{guest}.wasm"))
            .collect();
        let size = |guest: &String| root().join(guest).metadata().map_or(0, |file| file.len());
        assert_eq!(guests.iter().map(size).sum::<u64>(), figures[0] as u64, "{row}");
        let forms: [&[&str]; 3] = [&[], &["-O", "size"], &["-O", "size", "--core"]];
        for (options, figure) in forms.into_iter().zip(&figures[1..]) {
            let arguments: Vec<&str> =
                [&["fuse"], &guests.iter().map(String::as_str).collect::<Vec<_>>()[..], options]
                    .concat();
            let size = meld(&arguments).stdout.len();
            assert!(size.abs_diff(*figure) * 20 <= *figure, "{options:?} is {size}: {row}");
        }
        checked += 1;
    }
    assert_eq!(checked, 6);
}

#[test]
fn anchors_are_those_of_headings() {
    let page = "# One: two\n```sh\n# no heading\n```\n## `a b`, c\n## One two\n### One two\n";
    assert_eq!(anchors(page), ["one-two", "a-b-c", "one-two-1", "one-two-2"]);
    assert_eq!(links("see [x](y.md#z), `[a](b)` and\n[u](v)\n"), ["y.md#z", "v"]);
}
