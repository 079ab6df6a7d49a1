//! The modules of `rules/calls` that copy lists, alone: every length on both sides of their borders, at the
//! very end of both memories, and nothing written besides.

mod support;

use meld_component::abi::PtrWidth;
use support::{engine, memory, pack_binary, pack_module, trap_name};
use wasmtime::{Extern, Global, Instance, Memory, Module, Store, Val, ValType};

const PAGE: usize = 0x1_0000;
const JUNK: u8 = 0xa5;

/// An instance of a module that copies, between two memories of a page each.
struct Copier {
    store: Store<()>,
    source: Memory,
    target: Memory,
    instance: Instance,
    /// Whether the memories have 64-bit addresses.
    wide: [bool; 2],
}

impl Copier {
    fn new(name: &str, wide: [bool; 2]) -> Self {
        Copier::with(name, wide, &[])
    }

    /// The same, given numbers.
    fn with(name: &str, wide: [bool; 2], numbers: &[(&str, i64)]) -> Self {
        let engine = engine();
        let names: Vec<&str> = ["from", "to"]
            .into_iter()
            .zip(wide)
            .filter(|(_, wide)| *wide)
            .map(|(n, _)| n)
            .collect();
        let module = Module::new(&engine, pack_binary(name, &names)).unwrap();
        let mut store = Store::new(&engine, ());
        let widths = wide.map(|wide| if wide { PtrWidth::W64 } else { PtrWidth::W32 });
        let [source, target] = widths.map(|width| memory(&mut store, width, 1));
        let traps = Instance::new(&mut store, &pack_module(&engine, "traps"), &[]).unwrap();
        let imports: Vec<Extern> = module
            .imports()
            .map(|import| match import.name() {
                "from" => source.into(),
                "to" => target.into(),
                name if numbers.iter().any(|(number, _)| *number == name) => {
                    let number = numbers.iter().find(|(number, _)| *number == name).unwrap().1;
                    let ty = import.ty().unwrap_global().clone();
                    let value = match ty.content() {
                        ValType::I32 => Val::I32(number as i32),
                        _ => Val::I64(number),
                    };
                    Global::new(&mut store, ty, value).unwrap().into()
                }
                trap => traps.get_export(&mut store, trap).unwrap(),
            })
            .collect();
        let instance = Instance::new(&mut store, &module, &imports).unwrap();
        Copier { store, source, target, instance, wide }
    }

    fn copy(&mut self, source: usize, target: usize, bytes: usize) -> wasmtime::Result<()> {
        let number = |wide, value: usize| match wide {
            true => Val::I64(value as i64),
            false => Val::I32(value as i32),
        };
        let [from, to] = self.wide;
        let arguments = [number(from, source), number(to, target), number(from && to, bytes)];
        let copy = self.instance.get_func(&mut self.store, "copy").unwrap();
        copy.call(&mut self.store, &arguments, &mut [])
    }
}

/// Copies lists of elements of `size` bytes; `expected` says what each byte of the source becomes.
fn every_length(name: &str, size: usize, fill: fn(usize) -> u8, expected: fn(u8) -> u8) {
    for wide in [[false, false], [false, true], [true, false], [true, true]] {
        let mut copier = Copier::new(name, wide);
        for (at, byte) in copier.source.data_mut(&mut copier.store).iter_mut().enumerate() {
            *byte = fill(at);
        }
        for length in (0..=300).chain([1000, PAGE]).filter(|length| length % size == 0) {
            for [source, target] in [[0, PAGE - length], [PAGE - length, 0]] {
                copier.target.data_mut(&mut copier.store).fill(JUNK);
                copier.copy(source, target, length).unwrap();
                let wanted = &copier.source.data(&copier.store)[source..][..length];
                let wanted: Vec<u8> = wanted.iter().map(|byte| expected(*byte)).collect();
                let found = copier.target.data(&copier.store);
                assert_eq!(&found[target..][..length], wanted, "{length} bytes");
                let others = found[..target].iter().chain(&found[target + length..]);
                assert!(others.into_iter().all(|byte| *byte == JUNK), "{length} bytes");
            }
        }
    }
}

#[test]
fn lists_are_copied() {
    every_length("copier", 1, |at| (at * 7 + at / 256) as u8, |byte| byte);
}

/// Which bytes of elements are of values, and how large the elements are.
#[test]
fn padding_stays_as_it_was() {
    let sizes = [1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 32, 40, 48, 56, 62, 63, 64];
    let patterns = [0x1f1, !0x07f1_f10f_3ff1_00fe_u64];
    for (size, pattern) in sizes.into_iter().flat_map(|size| patterns.map(|p| (size, p))) {
        // Bytes of values.
        let bits = pattern & u64::MAX >> (64 - size);
        let padding = !bits & u64::MAX >> (64 - size);
        let numbers = [("size", size as i64), ("padding", padding.cast_signed())];
        for wide in [[false, false], [false, true], [true, false], [true, true]] {
            let mut copier = Copier::with("padded-copier", wide, &numbers);
            for (at, byte) in copier.source.data_mut(&mut copier.store).iter_mut().enumerate() {
                *byte = (at * 7 + at / 256) as u8;
            }
            for length in (0..=300).chain([1000, PAGE]).filter(|length| length % size == 0) {
                for [source, target] in [[0, PAGE - length], [PAGE - length, 0]] {
                    copier.target.data_mut(&mut copier.store).fill(JUNK);
                    copier.copy(source, target, length).unwrap();
                    let wanted = &copier.source.data(&copier.store)[source..][..length];
                    let mut expected = vec![JUNK; PAGE];
                    for (at, byte) in wanted.iter().enumerate() {
                        if bits >> (at % size) & 1 == 1 {
                            expected[target + at] = *byte;
                        }
                    }
                    assert!(
                        copier.target.data(&copier.store) == expected,
                        "{size}: {length} bytes"
                    );
                }
            }
        }
    }
}

#[test]
fn bools_become_0_or_1() {
    let fill = |at: usize| if at.is_multiple_of(3) { 0 } else { (at * 7 + at / 256) as u8 };
    every_length("bools", 1, fill, |byte| u8::from(byte != 0));
}

#[test]
fn chars_are_copied() {
    // Every word is some character above 0xffff.
    let fill = |at: usize| [at * 5, at / 256, 1 + at % 13, 0][at % 4] as u8;
    every_length("chars", 4, fill, |byte| byte);
}

#[test]
fn chars_are_checked_wherever_they_are() {
    let edges =
        [0, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0x10_ffff, 0x11_0000, 0x8000_0000, !0];
    for value in edges {
        for count in 1..=9 {
            for place in 0..count {
                let mut copier = Copier::new("chars", [false, false]);
                let data = copier.source.data_mut(&mut copier.store);
                data[place * 4..][..4].copy_from_slice(&u32::to_le_bytes(value));
                // What stands behind the list is none of its concern.
                data[count * 4..][..4].fill(0xff);
                match (char::from_u32(value), copier.copy(0, 0, count * 4)) {
                    (Some(_), result) => result.unwrap(),
                    (None, result) => {
                        let error = result.expect_err("a value that is no character passed");
                        assert_eq!(trap_name(&error), "invalid-char");
                    }
                }
            }
        }
    }
}
