//! Exports the tests: each calls the `values` that is imported and compares what comes back, by its
//! hash, with what went in.

#[path = "../../model.rs"]
mod model;
mod relay;

use crate::meld::values::types::*;
use crate::meld::values::values;
use model::{Digest, Hash, Random, digest, sample};

wit_bindgen::generate!({ path: "../../wit", world: "consumer" });
export!(Consumer);

struct Consumer;

/// A run of tests.
struct Test {
    random: Random,
    /// The functions that gave back wrong values, each once.
    failures: Vec<&'static str>,
}

impl Test {
    fn check(&mut self, right: bool, name: &'static str) {
        if !right && !self.failures.contains(&name) {
            self.failures.push(name);
        }
    }

    fn same<T: Digest + ?Sized, U: Digest + ?Sized>(
        &mut self,
        got: &T,
        expected: &U,
        name: &'static str,
    ) {
        self.check(digest(got) == digest(expected), name);
    }

    fn run(tests: &[fn(&mut Test)]) -> String {
        let mut test = Test { random: Random(42), failures: Vec::new() };
        tests.iter().for_each(|run| run(&mut test));
        if test.failures.is_empty() { "ok".to_string() } else { test.failures.join(" ") }
    }
}

macro_rules! tests {
    ($($export:ident: $name:ident,)*) => {
        impl Guest for Consumer {
            fn run() -> String {
                Test::run(&[$($name),*])
            }
            $(fn $export() -> String {
                Test::run(&[$name])
            })*
        }
    };
}

tests! {
    run_scalars: scalars,
    run_strings: strings,
    run_lists: lists,
    run_records: records,
    run_variants: variants,
    run_flags: flags,
    run_options: options,
    run_results: results,
    run_spilled: spilled,
    run_functions: functions,
    run_everything: everything,
}

fn scalars(t: &mut Test) {
    for value in [false, true] {
        t.same(&values::echo_bool(value), &value, "bool");
    }
    for value in 0..=255u8 {
        t.same(&values::echo_u8(value), &value, "u8");
        t.same(&values::echo_s8(value as i8), &(value as i8), "s8");
    }
    // Around every power of two, and around zero.
    for power in (0..64).map(|i| 1u64 << i).chain([0]) {
        for n in [power.wrapping_sub(1), power, power.wrapping_add(1)] {
            t.same(&values::echo_u16(n as u16), &(n as u16), "u16");
            t.same(&values::echo_u32(n as u32), &(n as u32), "u32");
            t.same(&values::echo_u64(n), &n, "u64");
            t.same(&values::echo_s16(n as i16), &(n as i16), "s16");
            t.same(&values::echo_s32(n as i32), &(n as i32), "s32");
            t.same(&values::echo_s64(n as i64), &(n as i64), "s64");
            t.same(&values::echo_f32(n as f32), &(n as f32), "f32");
            t.same(&values::echo_f64(n as f64), &(n as f64), "f64");
        }
    }
    let edges = [0.0, -0.0, 1.0, -1.5, f32::MIN_POSITIVE, f32::MAX, f32::MIN, f32::EPSILON, 1e-45];
    for value in edges.into_iter().chain([f32::INFINITY, f32::NEG_INFINITY]) {
        t.same(&values::echo_f32(value), &value, "f32");
    }
    let edges = [0.0, -0.0, 1.0, -1.5, f64::MIN_POSITIVE, f64::MAX, f64::MIN, f64::EPSILON, 5e-324];
    for value in edges.into_iter().chain([f64::INFINITY, f64::NEG_INFINITY]) {
        t.same(&values::echo_f64(value), &value, "f64");
    }
    // The bits of a NaN may change.
    t.check(values::echo_f32(f32::NAN).is_nan(), "f32-nan");
    t.check(values::echo_f64(f64::NAN).is_nan(), "f64-nan");
    for value in SPECIALS.into_iter().chain(['a', '\u{80}', '\u{800}', '\u{fffd}', '\u{10000}']) {
        t.same(&values::echo_char(value), &value, "char");
    }
}

/// One of each length in UTF-8 and UTF-16, and the last that is Latin-1.
const SPECIALS: [char; 12] = [
    '\0',
    '\x7f',
    'é',
    '\u{ff}',
    '\u{100}',
    '\u{7ff}',
    '€',
    '\u{d7ff}',
    '\u{e000}',
    '\u{ffff}',
    '\u{1f600}',
    '\u{10ffff}',
];

fn string(t: &mut Test, chars: &[char]) {
    let text: String = chars.iter().collect();
    t.check(values::length(&text) as usize == chars.len(), "length");
    t.check(values::echo_string(&text) == text, "string");
}

fn strings(t: &mut Test) {
    let alphabet = |i: usize| (b'a' + (i % 26) as u8) as char;
    // Every special character at every place of every short length.
    for len in 0..=35 {
        let mut chars: Vec<char> = (0..len).map(alphabet).collect();
        string(t, &chars);
        for at in 0..len {
            chars[at] = SPECIALS[(len + at) % SPECIALS.len()];
            string(t, &chars);
            chars[at] = alphabet(at);
        }
    }
    // Nothing but one character.
    for special in SPECIALS {
        for len in [1, 3, 7, 15, 31, 63, 127, 255] {
            string(t, &vec![special; len]);
        }
    }
    // Long ones: ASCII, Latin-1, mixed, with the wide character last.
    let mut chars: Vec<char> = (0..100_000).map(alphabet).collect();
    string(t, &chars);
    *chars.last_mut().unwrap() = '\u{1f600}';
    string(t, &chars);
    chars = (0..100_000).map(|i| (0xa0 + (i % 90) as u8) as char).collect();
    string(t, &chars);
    chars = SPECIALS.into_iter().cycle().take(100_000).collect();
    string(t, &chars);
    for _ in 0..500 {
        let text = t.random.string();
        t.check(values::echo_string(&text) == text, "string");
    }
}

/// Lists of many lengths, each element drawn by `draw` from its index.
fn list<T: Digest>(
    t: &mut Test,
    echo: impl Fn(&[T]) -> Vec<T>,
    name: &'static str,
    mut draw: impl FnMut(&mut Random, usize) -> T,
) {
    for len in [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 255, 257] {
        let list: Vec<T> = (0..len).map(|i| draw(&mut t.random, i)).collect();
        t.same(&echo(&list), &list, name);
    }
}

fn lists(t: &mut Test) {
    list(t, values::echo_list_bool, "list-bool", |r, _| r.bool());
    list(t, values::echo_list_u8, "list-u8", |r, _| r.u32() as u8);
    list(t, values::echo_list_u16, "list-u16", |r, _| r.u32() as u16);
    list(t, values::echo_list_u32, "list-u32", |r, _| r.u32());
    list(t, values::echo_list_u64, "list-u64", |r, _| r.u64());
    list(t, values::echo_list_s8, "list-s8", |r, _| r.u32() as i8);
    list(t, values::echo_list_s16, "list-s16", |r, _| r.u32() as i16);
    list(t, values::echo_list_s32, "list-s32", |r, _| r.u32() as i32);
    list(t, values::echo_list_s64, "list-s64", |r, _| r.u64() as i64);
    list(t, values::echo_list_f32, "list-f32", |r, _| r.f32());
    list(t, values::echo_list_f64, "list-f64", |r, _| r.f64());
    list(t, values::echo_list_char, "list-char", |r, _| r.char());
    list(t, values::echo_list_string, "list-string", |r, _| r.string());
    list(t, values::echo_list_list_string, "list-list-string", |r, i| {
        r.list(i % 5, Random::string)
    });
    list(t, values::echo_list_point, "list-point", |r, _| r.point());
    list(t, values::echo_list_scalars, "list-scalars", |r, _| r.scalars());
    list(t, values::echo_list_person, "list-person", |r, _| r.person());
    list(t, values::echo_list_pair, "list-pair", |r, i| (r.u32(), i as u32));
    list(t, values::echo_list_entry, "list-entry", |r, i| (i as u8, r.string()));
    list(t, values::echo_list_color, "list-color", |_, i| COLORS[i % 3]);
    list(t, values::echo_list_number, "list-number", |r, _| r.number());
    list(t, values::echo_list_payload, "list-payload", |r, _| r.payload());
    list(t, values::echo_list_nine, "list-nine", |r, _| Nine::from_bits_truncate(r.u32() as u16));
    list(t, values::echo_list_option, "list-option", |r, i| r.bool().then_some(i as u16));
    list(t, values::echo_list_result, "list-result", |r, i| {
        if r.bool() { Ok(i as u32) } else { Err(r.string()) }
    });

    // Larger than one page of memory, or many.
    let bytes: Vec<u8> = (0..300_000).map(|i| i as u8).collect();
    t.same(&values::echo_list_u8(&bytes), &bytes, "list-u8");
    let words: Vec<u32> = (0..100_000).collect();
    t.same(&values::echo_list_u32(&words), &words, "list-u32");
    let doubles: Vec<f64> = (0..50_000).map(f64::from).collect();
    t.same(&values::echo_list_f64(&doubles), &doubles, "list-f64");
    let pairs: Vec<(u32, u32)> = (0..50_000).map(|i| (i, !i)).collect();
    t.same(&values::echo_list_pair(&pairs), &pairs, "list-pair");
    let texts = t.random.list(5000, Random::string);
    t.same(&values::echo_list_string(&texts), &texts, "list-string");
}

fn records(t: &mut Test) {
    for i in 0..200u8 {
        let r = &mut t.random;
        let (point, scalars, person) = (r.point(), r.scalars(), r.person());
        let nested =
            Nested { id: r.u64(), who: r.person(), numbers: r.scalars(), spot: (i, r.point()) };
        let tuple = (i, r.string(), r.f64());
        t.same(&values::echo_point(point), &point, "point");
        t.same(&values::echo_scalars(scalars), &scalars, "scalars");
        t.same(&values::echo_person(&person), &person, "person");
        t.same(&values::echo_nested(&nested), &nested, "nested");
        t.same(&values::echo_tuple((tuple.0, &tuple.1, tuple.2)), &tuple, "tuple");
    }
}

const COLORS: [Color; 3] = [Color::Red, Color::Green, Color::Blue];

fn variants(t: &mut Test) {
    for color in COLORS {
        t.same(&values::echo_color(color), &color, "color");
    }
    for seed in 0..50 {
        let step = sample(seed).step;
        t.same(&values::echo_wide(step), &step, "wide");
    }
    for _ in 0..300 {
        let r = &mut t.random;
        let (number, narrow, payload) = (r.number(), r.narrow(), r.payload());
        t.same(&values::echo_number(number), &number, "number");
        t.same(&values::echo_narrow(narrow), &narrow, "narrow");
        t.same(&values::echo_payload(&payload), &payload, "payload");
    }
}

fn flags(t: &mut Test) {
    for value in [One::empty(), One::A] {
        t.check(values::echo_one(value) == value, "one");
    }
    for value in (0..512).map(Nine::from_bits_truncate) {
        t.check(values::echo_nine(value) == value, "nine");
    }
    let single = (0..32).map(|i| 1u32 << i);
    for bits in single.flat_map(|bit| [bit, !bit]).chain([0, u32::MAX]) {
        let value = Full::from_bits_truncate(bits);
        t.check(values::echo_full(value).bits() == bits, "full");
    }
}

fn options(t: &mut Test) {
    for i in 0..100u8 {
        let (r, some) = (&mut t.random, i & 1 == 1);
        let number = some.then(|| r.u32());
        let twice = some.then(|| (i & 2 == 2).then_some(i));
        let text = some.then(|| r.string());
        let texts = some.then(|| r.list(i as usize / 10, Random::string));
        let person = some.then(|| r.person());
        t.same(&values::echo_option(number), &number, "option");
        t.same(&values::echo_option_option(twice), &twice, "option-option");
        t.same(&values::echo_option_string(text.as_deref()), &text, "option-string");
        t.same(&values::echo_option_list(texts.as_deref()), &texts, "option-list");
        t.same(&values::echo_option_person(person.as_ref()), &person, "option-person");
    }
}

fn results(t: &mut Test) {
    for i in 0..100 {
        let (r, err) = (&mut t.random, i & 1 == 1);
        let neither = if err { Err(()) } else { Ok(()) };
        let ok = if err { Err(()) } else { Ok(r.u32()) };
        let floats = if err { Err(r.f64()) } else { Ok(r.f32()) };
        let deep = if err { Err(r.payload()) } else { Ok(r.list(i / 10, Random::string)) };
        let (number, text) = (r.u64(), r.string());
        let error = if err { Err(text.as_str()) } else { Ok(()) };
        let both = if err { Err(text.as_str()) } else { Ok(number) };
        t.same(&values::echo_result(neither), &neither, "result");
        t.same(&values::echo_result_ok(ok), &ok, "result-ok");
        t.same(&values::echo_result_float(floats), &floats, "result-float");
        t.same(&values::echo_result_deep(deep.as_deref()), &deep, "result-deep");
        t.check(values::echo_result_err(error) == error.map_err(str::to_string), "result-err");
        t.check(values::echo_result_both(both) == both.map_err(str::to_string), "result-both");
    }
}

/// The hash of all of them, one after the other.
macro_rules! digest_all {
    ($($value:expr),* $(,)?) => {{
        let mut hash = Hash(digest(&()));
        $($value.digest(&mut hash);)*
        hash.0
    }};
}

fn spilled(t: &mut Test) {
    for i in 0..100u8 {
        let r = &mut t.random;
        let Scalars {
            u_one,
            u_two,
            u_four,
            u_eight,
            s_one,
            s_two,
            s_four,
            s_eight,
            f_four,
            f_eight,
            switch,
            letter,
        } = r.scalars();
        let (first, last, option) = (r.string(), r.string(), (i & 1 == 1).then_some(i));
        let (point, load) = (r.point(), r.payload());
        let (names, who) =
            (r.list(i as usize % 7, Random::string), (i & 2 == 2).then(|| r.person()));

        let mut hash = Hash(digest_all!(
            u_one, u_two, u_four, u_eight, s_one, s_two, s_four, s_eight, f_four, f_eight, switch,
            letter, first, option,
        ));
        let sixteen = values::flat_sixteen(
            u_one, u_two, u_four, u_eight, s_one, s_two, s_four, s_eight, f_four, f_eight, switch,
            letter, &first, option,
        );
        t.check(sixteen == hash.0, "flat-sixteen");
        let seventeen = values::flat_seventeen(
            u_one, u_two, u_four, u_eight, s_one, s_two, s_four, s_eight, f_four, f_eight, switch,
            letter, &first, option, true,
        );
        true.digest(&mut hash);
        t.check(seventeen == hash.0, "flat-seventeen");

        let hash = digest_all!(first, point, names, u_one, load, u_eight, who, switch, last);
        let (their_hash, both, theirs) = values::spilled(
            &first,
            point,
            &names,
            u_one,
            &load,
            u_eight,
            who.as_ref(),
            switch,
            &last,
        );
        t.check(their_hash == hash, "spilled");
        t.check(both == first + &last && theirs == names, "spilled");
    }
}

fn functions(t: &mut Test) {
    let count = values::counter();
    values::bump();
    values::bump();
    t.check(values::counter() == count + 2, "bump");

    for len in 0..20 {
        let parts = t.random.list(len, Random::string);
        let separator = t.random.string();
        let text = parts.join(&separator);
        t.check(values::join(&parts, &separator) == text, "join");
        let backwards = values::reverse(&text);
        t.check(backwards.chars().rev().eq(text.chars()), "reverse");
        t.check(values::letters(&text).into_iter().eq(text.chars()), "letters");
    }

    let numbers = t.random.list(1000, Random::u32);
    t.check(values::sum(&numbers) == numbers.iter().map(|n| *n as u64).sum(), "sum");

    t.check(values::divide(-7, 2) == Ok(-3), "divide");
    t.check(values::divide(i64::MIN, 1) == Ok(i64::MIN), "divide");
    t.check(values::divide(i64::MIN, 0) == Err("division by zero".to_string()), "divide");
    t.check(values::divide(i64::MIN, -1) == Err("overflow".to_string()), "divide");

    let (who, name) = (t.random.person(), t.random.string());
    let renamed = values::rename(&who, &name);
    t.same(&renamed, &Person { name, ..who }, "rename");

    let key = |i: u32| String::from_iter(['\u{1f600}', (b'a' + i as u8) as char]);
    let table: Vec<(String, u32)> = (0..26).map(|i| (key(i), i * 1000)).collect();
    for (key, value) in &table {
        t.check(values::lookup(&table, key) == Some(*value), "lookup");
    }
    t.check(values::lookup(&table, "missing").is_none(), "lookup");

    for length in [0, 1, 4, 13, 40, 121, 364, 1093, 3280, 9841, 29524] {
        let bytes = values::bytes(length);
        t.check(bytes.into_iter().eq((0..length).map(|i| i as u8)), "bytes");
    }
    for n in [0, 1, 4, 13, 40, 121] {
        let letter = |i: u32, k: u32| (b'a' + ((i + k) % 26) as u8) as char;
        let expected = (0..n).map(|i| (0..n).map(|k| letter(i, k)).collect::<String>());
        t.check(values::strings(n, n).into_iter().eq(expected), "strings");
    }
}

fn everything(t: &mut Test) {
    for seed in 0..200 {
        let ours = sample(seed);
        t.same(&values::sample(seed), &ours, "sample");
        t.check(values::digest(&ours) == digest(&ours), "digest");
        t.same(&values::echo_everything(&ours), &ours, "everything");
    }
}
