//! Every check that fails says so: the backtrace begins with a function that is named after the
//! reason. `docs/traps.md` lists all reasons, and for each a composition in which it shows, or a test
//! where that would take too long.

use meld_fuse_tests::batch::Subject;
use meld_fuse_tests::sources::{Sources, quoted, rows};
use meld_fuse_tests::{Case, cases};
use std::collections::BTreeSet;

/// Traps that are the guest's own, or that the host of the fused component finds, by composition
/// and export.
const OTHERS: [(&str, &str); 14] = [
    ("bodies/core-imports", "bad"),
    ("bodies/core-imports", "not-caught"),
    ("bodies/core-imports", "out-of-bounds"),
    ("exceptions/at-the-host", "thrown"),
    ("exceptions/at-the-host", "thrown-after"),
    ("exceptions/in-start", "run"),
    ("linking/start-traps", "run"),
    ("resources/built-ins-as-functions", "indirect-type"),
    ("resources/destructor-traps", "dropped-7"),
    ("resources/destructor-traps", "ended-7"),
    ("trampolines/shim-twice", "empty"),
    ("trampolines/start-calls-early", "run"),
    ("trampolines/table-written", "empty"),
    ("trampolines/wrong-signature", "run"),
];

fn fused(case: &Case) -> Result<Subject, String> {
    let fused = meld::Fuser::new().input("root", case.text.as_bytes().to_vec()).fuse();
    let bytes = fused.map_err(|error| error.to_string())?.bytes;
    Subject::new(&bytes).map_err(|error| format!("{error:#}"))
}

/// Reason, composition and export of each row of the document.
fn listed() -> Vec<[String; 3]> {
    let text = Sources::read().unwrap().text("docs/traps.md").unwrap();
    let row = |row: Vec<String>| {
        let cell = |i: usize| quoted(&row[i]).next().unwrap_or_default().to_string();
        [cell(0), cell(2), cell(3)]
    };
    rows(&text).into_iter().map(row).collect()
}

#[test]
fn all_reasons_are_listed() {
    let module = Sources::read().unwrap().text("rules/calls/traps.wat").unwrap();
    let exported =
        |line: &str| Some(line.split_once("(export \"")?.1.split_once('"')?.0.to_string());
    let exported: BTreeSet<String> = module.lines().filter_map(exported).collect();
    let listed: Vec<String> = listed().into_iter().map(|[reason, ..]| reason).collect();
    assert!(exported.len() > 10, "the module is read");
    assert_eq!(exported, listed.iter().cloned().collect());
    assert_eq!(exported.len(), listed.len(), "a reason is listed twice");
}

/// The backtrace that the document shows is one of the engine, addresses apart.
#[test]
fn the_backtrace_of_the_book_is_true() {
    let page = Sources::read().unwrap().text("docs/traps.md").unwrap();
    let (command, rest) = page.split_once("```sh\n").unwrap().1.split_once("\n```").unwrap();
    let words: Vec<&str> = command.split(' ').collect();
    let ["meld", "fuse", path, "-O", "size", ..] = words[..] else { panic!("{command}") };
    let shown = rest.split_once("```text\n").unwrap().1.split_once("```").unwrap().0;
    let text = Sources::read().unwrap().text(path).unwrap();
    let fuser = meld::Fuser::new().input("chars", text.into_bytes());
    let fused = fuser.weight(meld::Weight::Size).fuse().unwrap();
    let subject = Subject::new(&fused.bytes).unwrap();
    let trace = subject.backtrace("surrogate-flat").unwrap().expect("it traps");
    let without_addresses = |text: &str| {
        let words = text.split_whitespace().filter(|word| !word.starts_with("0x"));
        words.map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(without_addresses(shown), without_addresses(&trace), "{trace}");
}

#[test]
fn failed_checks_say_why() {
    let mut listed = listed();
    let mut wrong = Vec::new();
    for case in cases().unwrap() {
        let label = format!("{}/{}", case.class, case.name);
        let traps: Vec<&str> = case
            .expectations()
            .into_iter()
            .filter(|(_, expected)| *expected == "trap")
            .map(|(export, _)| export)
            .collect();
        if traps.is_empty() {
            continue;
        }
        // Whether it has to fuse is asked elsewhere.
        let Ok(subject) = fused(&case) else { continue };
        for export in traps {
            let Some(name) = subject.trap(export).unwrap() else {
                wrong.push(format!("{label} {export} returns"));
                continue;
            };
            let reason = name.strip_prefix("meld:trap:");
            if reason.is_none() && !OTHERS.contains(&(&label, export)) {
                wrong.push(format!("{label} {export} traps in {name}"));
            }
            listed.retain(|[known, place, function]| {
                (Some(known.as_str()), place, function.as_str()) != (reason, &label, export)
            });
        }
    }
    let sources = Sources::read().unwrap();
    listed.retain(|[_, place, test]| !place.is_empty() || !sources.has_test(test));
    wrong.extend(listed.iter().map(|row| format!("does not show so: {row:?}")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
