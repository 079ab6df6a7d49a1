//! The core modules of a batch: text for either width of addresses.

use super::types::{Core, Width};

/// Fills in what depends on the width of addresses:
///
/// | mark | meaning |
/// |---|---|
/// | `%p` | the type of an address |
/// | `%s` | its bytes |
/// | `(%n x)` | an address as `i32` |
/// | `(%x x)` | an address as `i64` |
/// | `(%c x)` | an `i32` as an address |
pub(crate) fn for_width(text: &str, width: Width) -> String {
    let same = |core: &str| format!("{core}.or ({core}.const 0)");
    let (narrow, extend, convert) = match width {
        Width::W32 => (same("i32"), "i64.extend_i32_u".to_string(), same("i32")),
        Width::W64 => ("i32.wrap_i64".to_string(), same("i64"), "i64.extend_i32_u".to_string()),
    };
    text.replace("%p", width.core().text())
        .replace("%s", &width.bytes().to_string())
        .replace("%n", &narrow)
        .replace("%x", &extend)
        .replace("%c", &convert)
}

/// A bump allocator that grows its memory just as far as it must and keeps a log of its calls.
/// `arm` makes one of its calls misbehave, as [`super::Misbehaviour`] says.
pub(crate) fn allocator(pages: u32, heap: u32, width: Width) -> String {
    let kind = if width == Width::W64 { "i64 " } else { "" };
    format!(
        r#"
    (memory (export "memory") {kind}{pages})
    (global $next (mut %p) (%p.const {heap}))
    (global $at-call (mut i32) (i32.const -1))
    (global $kind (mut i32) (i32.const 0))
    ;; Pointer and length of the notes, then the notes, as many as fit.
    (memory $notes (export "notes") 1)
    (data (memory $notes) (i32.const 0) "\08")
    (func $note (param $x i64) (local $count i32)
      (local.set $count (i32.load $notes (i32.const 4)))
      (if (i32.lt_u (local.get $count) (i32.const 8000)) (then
        (i64.store $notes offset=8 (i32.shl (local.get $count) (i32.const 3)) (local.get $x))
        (i32.store $notes (i32.const 4) (i32.add (local.get $count) (i32.const 1))))))
    (func (export "log") (result i32) (i32.const 0))
    (func (export "arm") (param $at-call i32) (param $kind i32)
      (global.set $at-call (local.get $at-call))
      (global.set $kind (local.get $kind)))
    (func $guest:gives-up unreachable)
    ;; Grows the memory until an address is inside.
    (func $reach (param $end %p)
      (block $fits (loop $more
        (br_if $fits (%p.le_u (local.get $end) (%p.shl (memory.size) (%p.const 16))))
        (if (%p.eq (memory.grow (%p.const 1)) (%p.const -1)) (then (call $guest:gives-up)))
        (br $more))))
    (func $place (param $align %p) (param $size %p) (result %p) (local $at %p)
      (local.set $at (%p.and
        (%p.add (global.get $next) (%p.sub (local.get $align) (%p.const 1)))
        (%p.sub (%p.const 0) (local.get $align))))
      (global.set $next (%p.add (local.get $at) (local.get $size)))
      (call $reach (global.get $next))
      (local.get $at))
    (func (export "realloc") (param $old %p) (param $old-size %p) (param $align %p)
      (param $size %p) (result %p) (local $at %p) (local $kind i32) (local $halved i32)
      (call $note (%x (local.get $old)))
      (call $note (%x (local.get $old-size)))
      ;; The engine shrinks a string that turned out to be Latin-1, to half its size, with
      ;; alignment 2, where the specification says 1: either will do, and 2 is taken for both.
      (local.set $halved
        (%p.eq (local.get $old-size) (%p.shl (local.get $size) (%p.const 1))))
      (local.set $align (select (%p.const 2) (local.get $align)
        (i32.and (local.get $halved) (%p.eq (local.get $align) (%p.const 1)))))
      (call $note (%x (local.get $align)))
      (call $note (%x (local.get $size)))
      (if (i32.eqz (global.get $at-call)) (then (local.set $kind (global.get $kind))))
      (global.set $at-call (i32.sub (global.get $at-call) (i32.const 1)))
      (if (i32.eq (local.get $kind) (i32.const 1)) (then (call $guest:gives-up)))
      (if (i32.eq (local.get $kind) (i32.const 2)) (then (return (%p.const -16))))
      (local.set $at (call $place (local.get $align) (local.get $size)))
      ;; Ends where the memory ends, or not quite.
      (if (i32.or (i32.eq (local.get $kind) (i32.const 3)) (i32.eq (local.get $kind) (i32.const 4)))
        (then
          (call $reach (%p.add (%p.shl (memory.size) (%p.const 16))
            (%p.add (local.get $size) (local.get $align))))
          (global.set $next (%p.shl (memory.size) (%p.const 16)))
          (local.set $at (%p.and (%p.sub (global.get $next) (local.get $size))
            (%p.sub (%p.const 0) (local.get $align))))))
      (if (i32.eq (local.get $kind) (i32.const 4))
        (then (local.set $at (%p.add (local.get $at) (local.get $align)))))
      (if (i32.and (i32.eq (local.get $kind) (i32.const 5)) (i32.eqz (local.get $halved)))
        (then
          (local.set $at (%p.add (local.get $at) (%p.const 1)))
          (global.set $next (%p.add (global.get $next) (%p.const 1)))
          (call $reach (global.get $next))))
      ;; Whoever remembers the memory's size from before is wrong now.
      (if (i32.eq (local.get $kind) (i32.const 6))
        (then
          (global.set $next (%p.add (global.get $next) (%p.const 0x23456)))
          (local.set $at (call $place (local.get $align) (local.get $size)))))
      ;; Stays where it is, if it can.
      (if (i32.and (i32.eq (local.get $kind) (i32.const 7)) (i32.and
            (%p.ne (local.get $old) (%p.const 0))
            (%p.le_u (local.get $size) (local.get $old-size))))
        (then (local.set $at (local.get $old))))
      (local.set $old-size (select (local.get $size) (local.get $old-size)
        (%p.lt_u (local.get $size) (local.get $old-size))))
      ;; What misbehaves does so in what it returns, not by a trap of its own.
      (if (%p.le_u (%p.add (local.get $at) (local.get $old-size))
            (%p.shl (memory.size) (%p.const 16)))
        (then (memory.copy (local.get $at) (local.get $old) (local.get $old-size))))
      (local.get $at))"#
    )
}

/// Loads entry `index` of a row of entries of eight bytes.
pub(crate) fn entry(core: Core, row: &str, index: u32) -> String {
    let offset = index * 8;
    format!("({}.load offset={offset} {row})", core.text())
}
