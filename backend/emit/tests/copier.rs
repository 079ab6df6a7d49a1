//! The copier of `rules/calls`, alone: every length on both sides of its borders, at the very end of
//! both memories, and nothing written besides.

mod support;

use support::{engine, pack_binary};
use wasmtime::{Instance, MemoryTypeBuilder, Module, Store, Val};

const PAGE: usize = 0x1_0000;
const JUNK: u8 = 0xa5;

#[test]
fn every_length() {
    let engine = engine();
    for (from, to) in [(false, false), (false, true), (true, false), (true, true)] {
        let wide: Vec<&str> = [("from", from), ("to", to)]
            .iter()
            .filter(|(_, wide)| *wide)
            .map(|(n, _)| *n)
            .collect();
        let module = Module::new(&engine, pack_binary("copier", &wide)).unwrap();
        let mut store = Store::new(&engine, ());
        let [source, target] = [from, to].map(|wide| {
            let ty = MemoryTypeBuilder::default().memory64(wide).min(1).build().unwrap();
            wasmtime::Memory::new(&mut store, ty).unwrap()
        });
        for (at, byte) in source.data_mut(&mut store).iter_mut().enumerate() {
            *byte = (at * 7 + at / 256) as u8;
        }
        let instance = Instance::new(&mut store, &module, &[source.into(), target.into()]).unwrap();
        let copy = instance.get_func(&mut store, "copy").unwrap();
        for length in (0..=300).chain([1000, PAGE]) {
            for [source_at, target_at] in [[0, PAGE - length], [PAGE - length, 0]] {
                target.data_mut(&mut store).fill(JUNK);
                let number = |wide, value: usize| match wide {
                    true => Val::I64(value as i64),
                    false => Val::I32(value as i32),
                };
                let arguments =
                    [number(from, source_at), number(to, target_at), number(from && to, length)];
                copy.call(&mut store, &arguments, &mut []).unwrap();
                let expected = &source.data(&store)[source_at..][..length];
                let found = target.data(&store);
                assert_eq!(&found[target_at..][..length], expected, "{length} bytes");
                let others = found[..target_at].iter().chain(&found[target_at + length..]);
                assert!(others.into_iter().all(|byte| *byte == JUNK), "{length} bytes");
            }
        }
    }
}
