//! The string modules of `rules/calls`, each alone under wasmtime, between memories of all widths:
//! text, length, trap, and the exact sequence of allocations are the reference's.

mod support;

use meld_component::abi::PtrWidth::{self, W32, W64};
use proptest::prelude::*;
use support::reference::{
    self, ALL, Call, Compact, Encoding, Form, TAG, Utf8, Utf16, decode, encode, encode_tagged, wide,
};
use support::{Allocator, Host, StringModules, Transcoder, Wiring, memory, trap_name};
use wasmtime::{Func, MemoryTypeBuilder, Module, Store, Val};

const LIMIT: u64 = (1 << 28) - 1;
const PAGE: usize = 0x1_0000;

/// The tag of UTF-16 in lengths of `latin1-utf16`.
fn tag(width: PtrWidth) -> u64 {
    match width {
        W32 => 1 << 31,
        W64 => 1 << 63,
    }
}

/// A length whose tag is that of 32 bits, with the tag of a width.
fn tagged(length: u32, width: PtrWidth) -> u64 {
    if length & TAG == 0 { length.into() } else { u64::from(length & !TAG) | tag(width) }
}

/// What a transcoder should do: the string's bytes, its length as it is passed, and what it
/// allocates.
type Outcome = (Vec<u8>, u64, Vec<Call>);

fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

/// The Canonical ABI's `load_string_from_range` and `store_string_into_range`: which bytes are
/// meant, and what the reference makes of them.
fn model(
    from: Encoding,
    to: Encoding,
    memory: &[u8],
    ptr: u64,
    len: u64,
    widths: [PtrWidth; 2],
) -> Result<Outcome, &'static str> {
    let from_tag = tag(widths[0]);
    let units = if from == Compact { len & !from_tag } else { len };
    let form = match from {
        Utf8 => Form::Utf8,
        Compact if len & from_tag == 0 => Form::Latin1,
        Utf16 | Compact => Form::Utf16,
    };
    let bytes = units.saturating_mul(form.unit() as u64);
    if bytes > LIMIT {
        return Err("string-too-long");
    }
    if from != Utf8 && !ptr.is_multiple_of(2) {
        return Err("unaligned-string");
    }
    let end = ptr.checked_add(bytes).ok_or("string-out-of-bounds")?;
    let source = memory.get(ptr as usize..end as usize).ok_or("string-out-of-bounds")?;
    let text = decode(form, source)?;
    let reference::Outcome { bytes, length, calls } = match (form, from, to) {
        (Form::Utf16, Compact, Compact) => encode_tagged(units as u32, &text),
        _ => encode(form, units as u32, &text, to),
    };
    Ok((bytes, tagged(length, widths[1]), calls))
}

/// Runs a transcoder on the source memory, whose size is a multiple of pages.
fn run(
    host: &Host,
    transcoder: &Transcoder,
    to: Encoding,
    source_bytes: &[u8],
    (ptr, len): (u64, u64),
    widths: [PtrWidth; 2],
) -> Result<Outcome, String> {
    let mut store = Store::new(&host.engine, Allocator::new(0));
    let source = memory(&mut store, widths[0], (source_bytes.len() / PAGE) as u64);
    source.data_mut(&mut store).copy_from_slice(source_bytes);
    let modules = host.string_modules(transcoder, widths);
    let (result, dest) = transcode(host, &mut store, &modules, (source, 16), (ptr, len), widths);
    assert_eq!(source.data(&store), source_bytes, "the source is left alone");
    let (ptr, len) = result?;
    let to_tag = tag(widths[1]);
    let units = (len & if to == Compact { !to_tag } else { !0 }) as usize;
    let wide = to == Utf16 || (to == Compact && len & to_tag != 0);
    let bytes = units * if wide { 2 } else { 1 };
    let bytes = dest.data(&store)[ptr as usize..][..bytes].to_vec();
    // What each call is given is what the one before it gave.
    let mut old = 0;
    let mut calls = Vec::new();
    for call in &store.data().calls {
        assert_eq!(call.old, old);
        old = call.result;
        calls.push((call.old_size, call.align, call.size));
    }
    assert_eq!(ptr, u64::from(old));
    Ok((bytes, len, calls))
}

/// Runs a transcoder into a new memory. The source's pages have so many bits.
fn transcode(
    host: &Host,
    store: &mut Store<Allocator>,
    modules: &StringModules,
    source: (wasmtime::Memory, i64),
    (ptr, len): (u64, u64),
    [from, to]: [PtrWidth; 2],
) -> (Result<(u64, u64), String>, wasmtime::Memory) {
    let dest = memory(store, to, 1);
    store.data_mut().memory = Some(dest);
    let realloc = Allocator::realloc(store, to);
    let checked_realloc = host.checked_realloc(to);
    let wiring = Wiring { traps: &host.traps, checked_realloc, source, dest, realloc };
    let transcode = modules.instantiate(store, wiring);
    (call(store, transcode, from, (ptr, len)), dest)
}

/// Calls a transcoder with a pointer and a length of this width.
fn call(
    store: &mut Store<Allocator>,
    transcode: Func,
    width: PtrWidth,
    (ptr, len): (u64, u64),
) -> Result<(u64, u64), String> {
    let args = [ptr, len].map(|value| match width {
        W32 => Val::I32(value as i32),
        W64 => Val::I64(value as i64),
    });
    let mut results = [Val::I32(0), Val::I32(0)];
    transcode.call(store, &args, &mut results).map_err(|error| trap_name(&error))?;
    let [ptr, len] = results.map(|value| match value {
        Val::I32(value) => u64::from(value as u32),
        Val::I64(value) => value as u64,
        value => panic!("{value:?}"),
    });
    Ok((ptr, len))
}

/// Checks a string between memories of these widths. The tag in the length is that of 32 bits.
fn check_widths(
    host: &Host,
    (from, to): (Encoding, Encoding),
    memory: &[u8],
    (ptr, len): (u64, u32),
    widths: [PtrWidth; 2],
) {
    let len = if from == Compact { tagged(len, widths[0]) } else { len.into() };
    let expect = model(from, to, memory, ptr, len, widths).map_err(String::from);
    for transcoder in support::transcoders(from.name(), to.name()) {
        let found = run(host, &transcoder, to, memory, (ptr, len), widths);
        assert_eq!(found, expect, "{transcoder:?} of {len:#x} at {ptr:#x}, {widths:?}");
    }
}

/// Checks a string between memories of 32 bits, and of one of the three other pairs of widths.
fn check(host: &Host, from: Encoding, to: Encoding, memory: &[u8], ptr: u32, len: u32) {
    let at = (ptr.into(), len);
    check_widths(host, (from, to), memory, at, [W32, W32]);
    let other = [[W32, W64], [W64, W32], [W64, W64]][(ptr ^ len) as usize % 3];
    check_widths(host, (from, to), memory, at, other);
}

/// Lays source bytes into a memory of one page, also so that they end where it ends.
fn check_bytes(host: &Host, bytes: &[u8], is_wide: bool, at_end: bool) {
    let mut memory = vec![0xff; PAGE];
    let start = if at_end { PAGE - bytes.len() } else { 64 };
    let start = if bytes.len().is_multiple_of(2) { start } else { start & !1 };
    memory[start..][..bytes.len()].copy_from_slice(bytes);
    for from in ALL {
        let len = match (from, is_wide) {
            (Utf8, false) | (Compact, false) => bytes.len() as u32,
            (Utf16, true) => bytes.len() as u32 / 2,
            (Compact, true) => (bytes.len() as u32 / 2) | TAG,
            _ => continue,
        };
        for to in ALL {
            check(host, from, to, &memory, start as u32, len);
        }
    }
}

/// Text in runs of one kind, so that fast paths are entered and left at every offset.
fn text() -> impl Strategy<Value = String> {
    let run = |chars: std::ops::RangeInclusive<char>, most| {
        proptest::collection::vec(proptest::char::range(*chars.start(), *chars.end()), 0..most)
    };
    let part = prop_oneof![
        run(' '..='~', 80),
        run(' '..='~', 9),
        run('\u{80}'..='\u{ff}', 10),
        run('\u{100}'..='\u{7ff}', 6),
        run('\u{800}'..='\u{d7ff}', 6),
        run('\u{e000}'..='\u{ffff}', 3),
        run('\u{10000}'..='\u{10ffff}', 4),
    ];
    proptest::collection::vec(part, 0..6)
        .prop_map(|parts| parts.into_iter().flatten().collect::<String>())
}

fn latin1_text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[ -~]{0,40}([\u{80}-\u{ff}]{0,3}[ -~]{0,9}){0,5}").unwrap()
}

#[test]
fn valid_text() {
    let host = Host::new();
    let config = ProptestConfig { failure_persistence: None, cases: 150, ..Default::default() };
    proptest!(config, |(text in prop_oneof![text(), latin1_text()], at_end: bool)| {
        check_bytes(&host, text.as_bytes(), false, at_end);
        check_bytes(&host, &wide(&text), true, at_end);
        if let Some(bytes) = latin1(&text) {
            check_bytes(&host, &bytes, false, at_end);
        }
    });
}

/// Valid text with a few bytes changed or cut off: mostly invalid, sometimes just so valid.
#[test]
fn damaged_text() {
    let host = Host::new();
    let config = ProptestConfig { failure_persistence: None, cases: 300, ..Default::default() };
    let edit = (
        any::<prop::sample::Index>(),
        prop_oneof![
            any::<u8>(),
            Just(0x80u8),
            Just(0xc0),
            Just(0xc1),
            Just(0xd8),
            Just(0xdc),
            Just(0xdf),
            Just(0xe0),
            Just(0xed),
            Just(0xef),
            Just(0xf0),
            Just(0xf4),
            Just(0xf5),
            Just(0xff),
        ],
    );
    let edits = proptest::collection::vec(edit, 0..3);
    proptest!(config, |(text in text(), edits in edits, cut in 0..4usize, at_end: bool)| {
        for (mut bytes, is_wide) in [(text.as_bytes().to_vec(), false), (wide(&text), true)] {
            bytes.truncate(bytes.len().saturating_sub(if is_wide { 2 * cut } else { cut }));
            for (at, byte) in &edits {
                if !bytes.is_empty() {
                    *at.get_mut(&mut bytes) = *byte;
                }
            }
            check_bytes(&host, &bytes, is_wide, at_end);
        }
    });
}

#[test]
fn every_lead_and_second_byte() {
    let host = Host::new();
    for lead in 0x80..=0xffu8 {
        for second in [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff] {
            let bytes = [b'x', lead, second, 0x80, 0xbf];
            for len in 2..=bytes.len() {
                let mut memory = vec![0x80; PAGE];
                let start = PAGE - len;
                memory[start..].copy_from_slice(&bytes[..len]);
                check(&host, Utf8, Utf8, &memory, start as u32, len as u32);
                check(&host, Utf8, Utf16, &memory, start as u32, len as u32);
            }
        }
    }
}

#[test]
fn lengths_around_words() {
    let host = Host::new();
    for len in 0..70 {
        for odd in [None, Some('é'), Some('€'), Some('😀'), Some('\u{ff}')] {
            for at in [0, 7, 8, 31, 32, 33, 64] {
                let mut text = "x".repeat(len);
                match odd {
                    Some(odd) if at <= len => text.insert(at, odd),
                    Some(_) => continue,
                    None if at > 0 => continue,
                    None => {}
                }
                check_bytes(&host, text.as_bytes(), false, true);
                check_bytes(&host, &wide(&text), true, true);
            }
        }
    }
}

#[test]
fn pointers_and_lengths() {
    let host = Host::new();
    let memory = vec![b'x'; PAGE];
    let lens = [
        0,
        1,
        2,
        3,
        0x8000,
        0x8001,
        0xffff,
        0x1_0000,
        0x7ff_ffff,
        0x800_0000,
        0xfff_ffff,
        0x1000_0000,
        0x7fff_ffff,
        TAG,
        TAG | 1,
        TAG | 0x8000,
        TAG | 0x8001,
        TAG | 0x7ff_ffff,
        TAG | 0x800_0000,
        0xffff_ffff,
    ];
    for ptr in [0, 1, 2, 0xfffe, 0xffff, 0x1_0000, 0x1_0001, 0x1_0002, 0x7fff_ffff, !1, !0] {
        for len in lens {
            for from in ALL {
                for to in ALL {
                    check(&host, from, to, &memory, ptr, len);
                }
            }
        }
    }
}

/// Pointers and lengths that only 64 bits hold: nothing is cut off, and no sum wraps.
#[test]
fn wide_pointers_and_lengths() {
    let host = Host::new();
    let memory = vec![b'x'; PAGE];
    let tag = tag(W64);
    let lens = [
        0,
        2,
        0x8000,
        0x8000_0000,
        0x8000_0002,
        1 << 32,
        (1 << 32) | 2,
        tag,
        tag | 0x8000,
        tag | 0x8000_0002,
        tag | (1 << 32),
        tag | (1 << 62),
        u64::MAX - 1,
        u64::MAX,
    ];
    for ptr in [0, 2, 0x1_0000, 1 << 32, (1 << 32) | 2, 1 << 63, u64::MAX - 1, u64::MAX] {
        for len in lens {
            for (from, to) in ALL.into_iter().flat_map(|from| ALL.map(|to| (from, to))) {
                for widths in [[W64, W32], [W64, W64]] {
                    let expect = model(from, to, &memory, ptr, len, widths).map_err(String::from);
                    for transcoder in support::transcoders(from.name(), to.name()) {
                        let found = run(&host, &transcoder, to, &memory, (ptr, len), widths);
                        assert_eq!(found, expect, "{transcoder:?} of {len:#x} at {ptr:#x}");
                    }
                }
            }
        }
    }
}

/// Bounds follow the size of pages. Alone, a module imports pages of 64 KiB; fused, the merger
/// lets it have others, as is done to its text here.
#[test]
fn pages_of_one_byte() {
    let host = Host::new();
    let pairs = ALL.into_iter().flat_map(|from| ALL.map(|to| (from, to)));
    let all = pairs.flat_map(|(from, to)| {
        support::transcoders(from.name(), to.name()).into_iter().map(move |one| (from, one))
    });
    for (from, transcoder) in all {
        for width in [W32, W64] {
            let wide: &[&str] = if width == W64 { &["from"] } else { &[] };
            let modules = StringModules::new(&transcoder, |name| {
                let text = wasmprinter::print_bytes(support::pack_binary(name, wide)).unwrap();
                let import = text.find("(import \"\" \"from\"").unwrap();
                let end = import + text[import..].find("))").unwrap();
                let text = format!("{} (pagesize 1){}", &text[..end], &text[end..]);
                Module::new(&host.engine, text).unwrap()
            });
            let run = |len: u64| {
                let mut store = Store::new(&host.engine, Allocator::new(0));
                let ty = MemoryTypeBuilder::default()
                    .memory64(width == W64)
                    .page_size_log2(0)
                    .min(10)
                    .build()
                    .unwrap();
                let source = wasmtime::Memory::new(&mut store, ty).unwrap();
                transcode(&host, &mut store, &modules, (source, 0), (4, len), [width, W32]).0
            };
            let units = if from == Utf16 { 3 } else { 6 };
            assert!(run(units).is_ok(), "{transcoder:?}");
            assert_eq!(run(units + 1), Err("string-out-of-bounds".to_string()), "{transcoder:?}");
        }
    }
}
