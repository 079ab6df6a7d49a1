//! Names in messages.

/// How many names a list in a message holds.
const MAX_LISTED: usize = 12;

/// How much of a name stands in a path, in characters.
pub(crate) const MAX_SEGMENT: usize = 80;

/// From what length on, in bytes, paths lose their beginning.
pub(crate) const MAX_PATH: usize = 400;

/// A name of an input as a part of a path, on one line whatever it holds: at most [`MAX_SEGMENT`]
/// characters between the quotes, and no part of an escape.
pub(crate) fn quoted(name: &str) -> String {
    let (mut text, mut length) = (String::from('"'), 0);
    for c in name.chars() {
        let escaped = match c {
            '\'' => c.to_string(),
            c => c.escape_debug().to_string(),
        };
        length += escaped.chars().count();
        if length > MAX_SEGMENT {
            break;
        }
        text += &escaped;
    }
    text + "\""
}

/// Names in backquotes, separated by commas, without the many after the first few.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    let mut text = String::new();
    for (i, name) in names.iter().take(MAX_LISTED).enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        text += &format!("{comma}`{}`", name.as_ref());
    }
    match names.len().saturating_sub(MAX_LISTED) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// [`list`], as the subject of a sentence: of two both, of more all.
pub(crate) fn all(names: &[String]) -> String {
    let quantity = if names.len() == 2 { "both" } else { "all" };
    format!("{} {quantity}", list(names))
}

/// [`list`], the names that look most like `name` first.
pub(crate) fn nearest(name: &str, mut names: Vec<&str>) -> String {
    names.sort_by_cached_key(|other| distance(name, other));
    list(&names)
}

/// The candidate whose name is most like `name`, if one is alike enough to be what was meant: the
/// same but for a version, or at most a third of its characters others.
pub(crate) fn most_like<'n, T>(
    name: &str,
    candidates: impl Iterator<Item = (&'n str, T)>,
) -> Option<(&'n str, T)> {
    fn bare(name: &str) -> &str {
        name.split_once('@').map_or(name, |(bare, _)| bare)
    }
    let alike = |other: &str| match bare(name) == bare(other) {
        true => 0,
        false => distance(name, other),
    };
    let candidates = candidates.map(|candidate| (alike(candidate.0), candidate));
    let near = candidates.min_by_key(|(distance, _)| *distance);
    near.filter(|(distance, _)| *distance <= name.chars().count() / 3).map(|(_, near)| near)
}

/// How many characters have to be inserted, removed, replaced or exchanged to make `b` of `a`. Only
/// the beginnings of long names count, which bounds the time.
fn distance(a: &str, b: &str) -> usize {
    const MAX: usize = 64;
    let [a, b] = [a, b].map(|name| name.chars().take(MAX).collect::<String>());
    strsim::damerau_levenshtein(&a, &b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_come_first() {
        assert_eq!(
            nearest("greet", vec!["memory", "great", "greet2"]),
            "`great`, `greet2`, `memory`"
        );
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn only_alike_names_are_suggested() {
        let check = |name, expect| {
            let candidates = ["a:b/clock@1.0.0", "a:b/files", "greet"].into_iter();
            let near = most_like(name, candidates.map(|name| (name, ())));
            assert_eq!(near.map(|(name, ())| name), expect, "{name}");
        };
        check("a:b/clock@2.0.0", Some("a:b/clock@1.0.0"));
        check("a:b/clock", Some("a:b/clock@1.0.0"));
        check("a:b/file", Some("a:b/files"));
        check("great", Some("greet"));
        check("run", None);
        check("x:y/zebra@0.1.0", None);
    }

    #[test]
    fn names_are_cut_after_they_are_escaped() {
        assert_eq!(quoted("it's \"é\"\n"), r#""it's \"é\"\n""#);
        assert_eq!(quoted(&"é".repeat(81)), format!("\"{}\"", "é".repeat(80)));
        // Thirteen of six characters each, and no part of the next.
        assert_eq!(quoted(&"\u{1b}".repeat(80)), format!("\"{}\"", r"\u{1b}".repeat(13)));
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..14).map(|i| format!("n{i}")).collect();
        assert!(list(&names).ends_with("`n11` and 2 more"));
    }
}
