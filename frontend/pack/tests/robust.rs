//! No input makes the loader panic, hang or use much memory: neither noise nor broken packs.
//!
//! The noise is pseudo-random with a fixed seed, so that a failure comes again. `MELD_FUZZ=n`
//! runs n times as many rounds.

use meld_pack::{Diagnostics, Loader, reference, ruleset::RuleSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/rules");

/// xorshift64*
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 16) as usize % end.max(1)
    }
}

fn rounds(count: usize) -> usize {
    let times = std::env::var("MELD_FUZZ").ok().and_then(|times| times.parse().ok());
    count * times.unwrap_or(1usize)
}

/// All texts under `tests/rules`, sorted by path.
fn corpus() -> Vec<String> {
    let mut paths = Vec::new();
    let mut folders = vec![Path::new(RULES).to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|e| e == "meld") => paths.push(path),
                false => {}
            }
        }
    }
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// Runs everything that reads a pack.
fn run(text: &str) -> Result<RuleSet, Diagnostics> {
    let vocabulary = fs::read_to_string(Path::new(RULES).join("good/vocabulary.meld")).unwrap();
    let mut loader = Loader::new();
    loader.builtin("vocabulary.meld", &vocabulary, &[]);
    loader.builtin("x.meld", text, &[("ring.wat", b"(module)")]);
    let result = loader.finish();
    match &result {
        Ok(set) => drop(reference(set, |_| true)),
        Err(report) => {
            assert!(!report.is_empty());
            drop((report.render(false), report.to_json()));
        }
    }
    result
}

#[test]
fn noise() {
    let mut noise = Noise(1);
    for _ in 0..rounds(2000) {
        let length = noise.below(200);
        let bytes: Vec<u8> = (0..length).map(|_| noise.next() as u8).collect();
        let _ = run(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn broken_packs() {
    let corpus = corpus();
    let pieces = [
        "?x",
        "_",
        "#a",
        "\"*\"",
        "\"",
        "\"\"\"",
        "(",
        ")",
        "[",
        "]",
        "..?r",
        "{",
        "}",
        ",",
        ";",
        ":",
        "=>",
        "=/=>",
        "==",
        "=",
        "!",
        "-",
        ".x",
        "rule",
        "option",
        "forbid",
        "refuse",
        "test",
        "given",
        "where",
        "match",
        "because \"\"",
        "99999999999999999999",
        "-1",
        "é",
        "\u{0}",
        "///",
        "//",
        "handles(?i, ?r)",
        "pass(?t)",
        "list",
        "u8()",
        "module m() from",
        "(module)",
        "\r\n",
    ];
    let mut noise = Noise(2);
    for _ in 0..rounds(1500) {
        let mut text: Vec<char> = corpus[noise.below(corpus.len())].chars().collect();
        for _ in 0..=noise.below(4) {
            let at = noise.below(text.len() + 1);
            let end = (at + noise.below(12)).min(text.len());
            match noise.below(4) {
                0 => drop(text.drain(at..end)),
                1 => {
                    let piece = pieces[noise.below(pieces.len())];
                    text.splice(at..at, piece.chars());
                }
                2 => {
                    let piece = pieces[noise.below(pieces.len())];
                    text.splice(at..end, piece.chars());
                }
                _ => {
                    let copy = text[at..end].to_vec();
                    let to = noise.below(text.len() + 1);
                    text.splice(to..to, copy);
                }
            }
        }
        let _ = run(&text.into_iter().collect::<String>());
    }
}

#[test]
fn every_prefix() {
    for text in corpus().iter().filter(|text| text.len() < 4000) {
        for (at, _) in text.char_indices().step_by(31) {
            let _ = run(&text[..at]);
        }
    }
}

/// Packs that are made to cost much time, memory or stack.
#[test]
fn hostile() {
    let many = |piece: &str, count: usize| piece.repeat(count);
    let head = "pack x\nuse test.vocabulary\n";
    let rule =
        |pattern: &str| format!("{head}rule r {{ match {pattern} rewrite keep() because \"\" }}");
    let numbered = |count: usize, line: &dyn Fn(usize) -> String| -> String {
        format!("{head}{}", (0..count).map(line).collect::<String>())
    };
    let cases = [
        ("brackets", many("[", 1 << 19)),
        ("closing brackets", many(")", 1 << 19)),
        ("nested pattern", rule(&format!("{}?x{}", many("list(", 100_000), many(")", 100_000)))),
        ("nested in recovered text", format!("\"\"\"\nrule r {{ match {}", many("f(", 100_000))),
        ("exports", rule(&format!("m(){}", many(".x", 200_000)))),
        ("wide list", rule(&format!("pass(record([{}u8()]))", many("u8(), ", 30_000)))),
        (
            "variables",
            rule(&format!(
                "pass(record([{}]))",
                (0..20_000).map(|i| format!("?v{i},")).collect::<String>()
            )),
        ),
        ("negations", many("!", 1 << 19)),
        ("comment", format!("{head}//{}", many("/", 1 << 19))),
        ("docs", format!("{head}{}", many("/// x\n", 100_000))),
        ("one long name", format!("{head}sort {}", many("a", 1 << 19))),
        ("unknown sorts", numbered(20_000, &|i| format!("fact f{i}(a: Missing{i})\n"))),
        ("same sorts", numbered(40_000, &|_| "sort Same\n".to_owned())),
        ("guards", rule(&format!("pass(?t) where {}any-bits(?t)", many("any-bits(?t), ", 1500)))),
        ("syntax errors", many("rule r {\n", 100_000)),
        ("open text", format!("{head}{}", many("\"\"\"", 100_000))),
        ("module of brackets", format!("{head}module m() from \"\"\"{}\"\"\"", many("(", 1 << 19))),
        (
            "module of blocks",
            format!(
                "{head}module m() from \"\"\"(module (func {}))\"\"\"",
                many("block ", 100_000)
            ),
        ),
        ("too large", many(" ", (1 << 20) + 1)),
    ];
    for (name, text) in cases {
        let start = Instant::now();
        let _ = run(&text);
        let time = start.elapsed();
        println!("{name}: {time:?}");
        assert!(time < Duration::from_secs(20), "{name} takes {time:?}");
    }
}

/// The same input gives the same report.
#[test]
fn reports_are_stable() {
    for text in corpus() {
        let report = |text: &str| run(text).err().map(|report| report.to_json());
        assert_eq!(report(&text), report(&text));
    }
}
