//! Exports `relay`: hands every call on to the `values` that is imported.

use crate::Consumer;
use crate::exports::meld::values::relay::Guest;
use crate::meld::values::types::*;
use crate::meld::values::values;

macro_rules! relay {
    ($($name:ident($($parameter:ident: $type:ty = $argument:expr),*) $(-> $result:ty)?;)*) => {
        $(fn $name($($parameter: $type),*) $(-> $result)? { values::$name($($argument),*) })*
    };
}

#[rustfmt::skip]
impl Guest for Consumer {
    relay! {
        echo_bool(v: bool = v) -> bool;
        echo_u8(v: u8 = v) -> u8;
        echo_u16(v: u16 = v) -> u16;
        echo_u32(v: u32 = v) -> u32;
        echo_u64(v: u64 = v) -> u64;
        echo_s8(v: i8 = v) -> i8;
        echo_s16(v: i16 = v) -> i16;
        echo_s32(v: i32 = v) -> i32;
        echo_s64(v: i64 = v) -> i64;
        echo_f32(v: f32 = v) -> f32;
        echo_f64(v: f64 = v) -> f64;
        echo_char(v: char = v) -> char;
        echo_string(v: String = &v) -> String;
        echo_list_bool(v: Vec<bool> = &v) -> Vec<bool>;
        echo_list_u8(v: Vec<u8> = &v) -> Vec<u8>;
        echo_list_u16(v: Vec<u16> = &v) -> Vec<u16>;
        echo_list_u32(v: Vec<u32> = &v) -> Vec<u32>;
        echo_list_u64(v: Vec<u64> = &v) -> Vec<u64>;
        echo_list_s8(v: Vec<i8> = &v) -> Vec<i8>;
        echo_list_s16(v: Vec<i16> = &v) -> Vec<i16>;
        echo_list_s32(v: Vec<i32> = &v) -> Vec<i32>;
        echo_list_s64(v: Vec<i64> = &v) -> Vec<i64>;
        echo_list_f32(v: Vec<f32> = &v) -> Vec<f32>;
        echo_list_f64(v: Vec<f64> = &v) -> Vec<f64>;
        echo_list_char(v: Vec<char> = &v) -> Vec<char>;
        echo_list_string(v: Vec<String> = &v) -> Vec<String>;
        echo_list_list_string(v: Vec<Vec<String>> = &v) -> Vec<Vec<String>>;
        echo_list_point(v: Vec<Point> = &v) -> Vec<Point>;
        echo_list_scalars(v: Vec<Scalars> = &v) -> Vec<Scalars>;
        echo_list_person(v: Vec<Person> = &v) -> Vec<Person>;
        echo_list_pair(v: Vec<(u32, u32)> = &v) -> Vec<(u32, u32)>;
        echo_list_entry(v: Vec<(u8, String)> = &v) -> Vec<(u8, String)>;
        echo_list_color(v: Vec<Color> = &v) -> Vec<Color>;
        echo_list_number(v: Vec<Number> = &v) -> Vec<Number>;
        echo_list_payload(v: Vec<Payload> = &v) -> Vec<Payload>;
        echo_list_nine(v: Vec<Nine> = &v) -> Vec<Nine>;
        echo_list_option(v: Vec<Option<u16>> = &v) -> Vec<Option<u16>>;
        echo_list_result(v: Vec<Result<u32, String>> = &v) -> Vec<Result<u32, String>>;
        echo_point(v: Point = v) -> Point;
        echo_scalars(v: Scalars = v) -> Scalars;
        echo_person(v: Person = &v) -> Person;
        echo_nested(v: Nested = &v) -> Nested;
        echo_tuple(v: (u8, String, f64) = (v.0, &v.1, v.2)) -> (u8, String, f64);
        echo_everything(v: Everything = &v) -> Everything;
        echo_color(v: Color = v) -> Color;
        echo_wide(v: Wide = v) -> Wide;
        echo_number(v: Number = v) -> Number;
        echo_narrow(v: Narrow = v) -> Narrow;
        echo_payload(v: Payload = &v) -> Payload;
        echo_one(v: One = v) -> One;
        echo_nine(v: Nine = v) -> Nine;
        echo_full(v: Full = v) -> Full;
        echo_option(v: Option<u32> = v) -> Option<u32>;
        echo_option_option(v: Option<Option<u8>> = v) -> Option<Option<u8>>;
        echo_option_string(v: Option<String> = v.as_deref()) -> Option<String>;
        echo_option_list(v: Option<Vec<String>> = v.as_deref()) -> Option<Vec<String>>;
        echo_option_person(v: Option<Person> = v.as_ref()) -> Option<Person>;
        echo_result(v: Result<(), ()> = v) -> Result<(), ()>;
        echo_result_ok(v: Result<u32, ()> = v) -> Result<u32, ()>;
        echo_result_err(v: Result<(), String> = v.as_ref().map(|_| ()).map_err(|e| e.as_str()))
            -> Result<(), String>;
        echo_result_both(v: Result<u64, String> = v.as_ref().map(|n| *n).map_err(|e| e.as_str()))
            -> Result<u64, String>;
        echo_result_float(v: Result<f32, f64> = v) -> Result<f32, f64>;
        echo_result_deep(v: Result<Vec<String>, Payload> = v.as_deref())
            -> Result<Vec<String>, Payload>;

        digest(v: Everything = &v) -> u64;
        sample(seed: u32 = seed) -> Everything;
        flat_sixteen(
            a: u8 = a, b: u16 = b, c: u32 = c, d: u64 = d, e: i8 = e, f: i16 = f, g: i32 = g,
            h: i64 = h, i: f32 = i, j: f64 = j, k: bool = k, l: char = l, m: String = &m,
            n: Option<u8> = n
        ) -> u64;
        flat_seventeen(
            a: u8 = a, b: u16 = b, c: u32 = c, d: u64 = d, e: i8 = e, f: i16 = f, g: i32 = g,
            h: i64 = h, i: f32 = i, j: f64 = j, k: bool = k, l: char = l, m: String = &m,
            n: Option<u8> = n, o: bool = o
        ) -> u64;
        spilled(
            first: String = &first, a: Point = a, names: Vec<String> = &names, b: u8 = b,
            load: Payload = &load, c: u64 = c, who: Option<Person> = who.as_ref(), d: bool = d,
            last: String = &last
        ) -> (u64, String, Vec<String>);
        bump();
        counter() -> u32;
        join(parts: Vec<String> = &parts, separator: String = &separator) -> String;
        reverse(text: String = &text) -> String;
        letters(text: String = &text) -> Vec<char>;
        length(text: String = &text) -> u32;
        sum(values: Vec<u32> = &values) -> u64;
        divide(a: i64 = a, b: i64 = b) -> Result<i64, String>;
        rename(who: Person = &who, name: String = &name) -> Person;
        lookup(table: Vec<(String, u32)> = &table, key: String = &key) -> Option<u32>;
        bytes(length: u32 = length) -> Vec<u8>;
        strings(count: u32 = count, length: u32 = length) -> Vec<String>;
    }
}
