//! Exports the `inner` that it imports, with a mark on every text.

use exports::meld::chain::inner::{Guest, Item};
use meld::chain::inner;

wit_bindgen::generate!({ path: "../../wit", world: "wrap" });
export!(Wrap);

struct Wrap;

impl Guest for Wrap {
    fn depth() -> u32 {
        inner::depth() + 1
    }

    fn add(a: u32, b: u32) -> u32 {
        inner::add(a, b)
    }

    fn total(values: Vec<u32>) -> u64 {
        inner::total(&values)
    }

    fn shout(text: String) -> String {
        format!("~{}", inner::shout(&text))
    }

    fn note(items: Vec<Item>) -> Vec<Item> {
        let items: Vec<inner::Item> = items
            .into_iter()
            .map(|Item { name, weight, mut notes }| {
                notes.push("wrap".to_string());
                inner::Item { name, weight, notes }
            })
            .collect();
        let noted = inner::note(&items).into_iter();
        noted.map(|inner::Item { name, weight, notes }| Item { name, weight, notes }).collect()
    }
}
