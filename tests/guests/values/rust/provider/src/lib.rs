//! Exports `values`.

#[path = "../../model.rs"]
#[allow(dead_code)] // the consumer draws more kinds of values
mod model;

use crate::meld::values::types::*;
use exports::meld::values::values::Guest;
use model::{Digest, Hash};
use std::cell::Cell;

wit_bindgen::generate!({ path: "../../wit", world: "provider" });
export!(Provider);

struct Provider;

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

macro_rules! echo {
    ($($name:ident: $type:ty,)*) => {
        $(fn $name(value: $type) -> $type { value })*
    };
}

/// The hash of all of them, one after the other.
macro_rules! digest {
    ($($value:expr),*) => {{
        let mut hash = Hash(model::digest(&()));
        $($value.digest(&mut hash);)*
        hash.0
    }};
}

impl Guest for Provider {
    echo! {
        echo_bool: bool,
        echo_u8: u8,
        echo_u16: u16,
        echo_u32: u32,
        echo_u64: u64,
        echo_s8: i8,
        echo_s16: i16,
        echo_s32: i32,
        echo_s64: i64,
        echo_f32: f32,
        echo_f64: f64,
        echo_char: char,
        echo_string: String,
        echo_list_bool: Vec<bool>,
        echo_list_u8: Vec<u8>,
        echo_list_u16: Vec<u16>,
        echo_list_u32: Vec<u32>,
        echo_list_u64: Vec<u64>,
        echo_list_s8: Vec<i8>,
        echo_list_s16: Vec<i16>,
        echo_list_s32: Vec<i32>,
        echo_list_s64: Vec<i64>,
        echo_list_f32: Vec<f32>,
        echo_list_f64: Vec<f64>,
        echo_list_char: Vec<char>,
        echo_list_string: Vec<String>,
        echo_list_list_string: Vec<Vec<String>>,
        echo_list_point: Vec<Point>,
        echo_list_scalars: Vec<Scalars>,
        echo_list_person: Vec<Person>,
        echo_list_pair: Vec<(u32, u32)>,
        echo_list_entry: Vec<(u8, String)>,
        echo_list_color: Vec<Color>,
        echo_list_number: Vec<Number>,
        echo_list_payload: Vec<Payload>,
        echo_list_nine: Vec<Nine>,
        echo_list_option: Vec<Option<u16>>,
        echo_list_result: Vec<Result<u32, String>>,
        echo_point: Point,
        echo_scalars: Scalars,
        echo_person: Person,
        echo_nested: Nested,
        echo_tuple: (u8, String, f64),
        echo_everything: Everything,
        echo_color: Color,
        echo_wide: Wide,
        echo_number: Number,
        echo_narrow: Narrow,
        echo_payload: Payload,
        echo_one: One,
        echo_nine: Nine,
        echo_full: Full,
        echo_option: Option<u32>,
        echo_option_option: Option<Option<u8>>,
        echo_option_string: Option<String>,
        echo_option_list: Option<Vec<String>>,
        echo_option_person: Option<Person>,
        echo_result: Result<(), ()>,
        echo_result_ok: Result<u32, ()>,
        echo_result_err: Result<(), String>,
        echo_result_both: Result<u64, String>,
        echo_result_float: Result<f32, f64>,
        echo_result_deep: Result<Vec<String>, Payload>,
    }

    fn digest(value: Everything) -> u64 {
        model::digest(&value)
    }

    fn sample(seed: u32) -> Everything {
        model::sample(seed)
    }

    #[rustfmt::skip]
    fn flat_sixteen(
        a: u8, b: u16, c: u32, d: u64, e: i8, f: i16, g: i32, h: i64, i: f32, j: f64, k: bool,
        l: char, m: String, n: Option<u8>,
    ) -> u64 {
        digest!(a, b, c, d, e, f, g, h, i, j, k, l, m, n)
    }

    #[rustfmt::skip]
    fn flat_seventeen(
        a: u8, b: u16, c: u32, d: u64, e: i8, f: i16, g: i32, h: i64, i: f32, j: f64, k: bool,
        l: char, m: String, n: Option<u8>, o: bool,
    ) -> u64 {
        digest!(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o)
    }

    #[rustfmt::skip]
    fn spilled(
        first: String, a: Point, names: Vec<String>, b: u8, load: Payload, c: u64,
        who: Option<Person>, d: bool, last: String,
    ) -> (u64, String, Vec<String>) {
        (digest!(first, a, names, b, load, c, who, d, last), first + &last, names)
    }

    fn bump() {
        COUNT.set(COUNT.get() + 1);
    }

    fn counter() -> u32 {
        COUNT.get()
    }

    fn join(parts: Vec<String>, separator: String) -> String {
        parts.join(&separator)
    }

    fn reverse(text: String) -> String {
        text.chars().rev().collect()
    }

    fn letters(text: String) -> Vec<char> {
        text.chars().collect()
    }

    fn length(text: String) -> u32 {
        text.chars().count() as u32
    }

    fn sum(values: Vec<u32>) -> u64 {
        values.into_iter().map(u64::from).sum()
    }

    fn divide(a: i64, b: i64) -> Result<i64, String> {
        if b == 0 {
            return Err("division by zero".to_string());
        }
        a.checked_div(b).ok_or_else(|| "overflow".to_string())
    }

    fn rename(who: Person, name: String) -> Person {
        Person { name, ..who }
    }

    fn lookup(table: Vec<(String, u32)>, key: String) -> Option<u32> {
        table.into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    fn bytes(length: u32) -> Vec<u8> {
        (0..length).map(|i| i as u8).collect()
    }

    fn strings(count: u32, length: u32) -> Vec<String> {
        let letter = |i: u32, k: u32| (b'a' + ((i + k) % 26) as u8) as char;
        (0..count).map(|i| (0..length).map(|k| letter(i, k)).collect()).collect()
    }
}
