//! Exports `outer`, each function by the one of `inner` that is imported.

use exports::meld::chain::outer::{Guest, Item};
use meld::chain::inner;

wit_bindgen::generate!({ path: "../../wit", world: "middle" });
export!(Middle);

struct Middle;

impl Guest for Middle {
    fn depth() -> u32 {
        inner::depth() + 1
    }

    fn add(a: u32, b: u32) -> u32 {
        inner::add(a, b) * 10
    }

    fn total(values: Vec<u32>) -> u64 {
        let doubled: Vec<u32> = values.iter().map(|value| value * 2).collect();
        inner::total(&doubled)
    }

    fn shout(text: String) -> String {
        format!("<{}>", inner::shout(&format!("[{text}]")))
    }

    fn note(items: Vec<Item>) -> Vec<Item> {
        let items: Vec<inner::Item> = items
            .into_iter()
            .map(|Item { name, weight, mut notes }| {
                notes.push("middle".to_string());
                inner::Item { name, weight: weight * 10, notes }
            })
            .collect();
        let noted = inner::note(&items).into_iter();
        noted.map(|inner::Item { name, weight, notes }| Item { name, weight, notes }).collect()
    }
}
