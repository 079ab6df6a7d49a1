//! What documents say of tests is true: every test that is named exists.

use meld_fuse_tests::sources::{Sources, quoted, rows};

/// Every name in the last column of a document's tables; there are at least so many rows.
fn check(document: &str, least: usize) {
    let text = Sources::read().unwrap().text(document).unwrap();
    check_text(document, &text, least);
}

/// The same of a part of a document.
fn check_text(document: &str, text: &str, least: usize) {
    let sources = Sources::read().unwrap();
    let rows: Vec<_> = rows(text).into_iter().filter(|row| row.len() > 1).collect();
    assert!(rows.len() >= least, "{document}: the tables are read");
    for row in rows {
        let names: Vec<&str> = quoted(&row[row.len() - 1]).collect();
        assert!(!names.is_empty(), "{document}: no test stands beside: {}", row[0]);
        for name in names {
            assert!(sources.has_test(name), "{document}: there is no test `{name}`: {}", row[0]);
        }
    }
}

#[test]
fn every_scenario_has_its_test() {
    check("safety/stpa/hazards.md", 10);
}

/// The same of those tables of a document that have a last column for tests.
fn check_tables(document: &str, least: usize) {
    let text = Sources::read().unwrap().text(document).unwrap();
    let of_tests = |part: &&str| part.contains("| test |\n") || part.contains("| tests |\n");
    let tables: Vec<&str> = text.split("\n\n").filter(of_tests).collect();
    check_text(document, &tables.join("\n\n"), least);
}

#[test]
fn every_property_of_channels_and_the_like_has_its_test() {
    check_tables("docs/async-modules.md", 25);
}

#[test]
fn every_property_of_streams_has_its_test() {
    check_tables("docs/streams.md", 20);
}

#[test]
fn every_point_of_the_abi_has_its_test() {
    check("docs/abi.md", 50);
}
