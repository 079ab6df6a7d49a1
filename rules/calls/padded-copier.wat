;; A copy of elements from one memory to the other that leaves what lies between their values as it is
;; there. `first`, `second` and `third` have a bit for each byte of 16, which is 1 in a value: those of
;; as many elements as 48 bytes hold, over and over.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "to" (memory $to to.addr 0))
  (import "" "first" (global $first i32))
  (import "" "second" (global $second i32))
  (import "" "third" (global $third i32))

  (func $meld:copy-padded (export "copy")
    (param $source from.addr) (param $target to.addr) (param $bytes from.to.addr)
    (local $a v128) (local $b v128) (local $c v128)
    (local.set $a
      (i8x16.eq
        (v128.and
          (i8x16.swizzle
            (i16x8.splat (global.get $first))
            (v128.const i64x2 0x0000000000000000 0x0101010101010101))
          (v128.const i64x2 0x8040201008040201 0x8040201008040201))
        (v128.const i64x2 0x8040201008040201 0x8040201008040201)))
    (local.set $b
      (i8x16.eq
        (v128.and
          (i8x16.swizzle
            (i16x8.splat (global.get $second))
            (v128.const i64x2 0x0000000000000000 0x0101010101010101))
          (v128.const i64x2 0x8040201008040201 0x8040201008040201))
        (v128.const i64x2 0x8040201008040201 0x8040201008040201)))
    (local.set $c
      (i8x16.eq
        (v128.and
          (i8x16.swizzle
            (i16x8.splat (global.get $third))
            (v128.const i64x2 0x0000000000000000 0x0101010101010101))
          (v128.const i64x2 0x8040201008040201 0x8040201008040201))
        (v128.const i64x2 0x8040201008040201 0x8040201008040201)))
    (loop $next
      (if (from.to.addr.ge_u (local.get $bytes) (from.to.addr.const 48))
        (then
          (v128.store $to align=1 (local.get $target)
            (v128.bitselect
              (v128.load $from align=1 (local.get $source))
              (v128.load $to align=1 (local.get $target))
              (local.get $a)))
          (v128.store $to offset=16 align=1 (local.get $target)
            (v128.bitselect
              (v128.load $from offset=16 align=1 (local.get $source))
              (v128.load $to offset=16 align=1 (local.get $target))
              (local.get $b)))
          (v128.store $to offset=32 align=1 (local.get $target)
            (v128.bitselect
              (v128.load $from offset=32 align=1 (local.get $source))
              (v128.load $to offset=32 align=1 (local.get $target))
              (local.get $c)))
          (local.set $source (from.addr.add (local.get $source) (from.addr.const 48)))
          (local.set $target (to.addr.add (local.get $target) (to.addr.const 48)))
          (local.set $bytes (from.to.addr.sub (local.get $bytes) (from.to.addr.const 48)))
          (br $next))))
    (loop $next
      (if (from.to.addr.ge_u (local.get $bytes) (from.to.addr.const 16))
        (then
          (v128.store $to align=1 (local.get $target)
            (v128.bitselect
              (v128.load $from align=1 (local.get $source))
              (v128.load $to align=1 (local.get $target))
              (local.get $a)))
          (local.set $a (local.get $b))
          (local.set $b (local.get $c))
          (local.set $source (from.addr.add (local.get $source) (from.addr.const 16)))
          (local.set $target (to.addr.add (local.get $target) (to.addr.const 16)))
          (local.set $bytes (from.to.addr.sub (local.get $bytes) (from.to.addr.const 16)))
          (br $next))))
    (if (from.to.addr.ge_u (local.get $bytes) (from.to.addr.const 8))
      (then
        (v128.store64_lane $to align=1 0 (local.get $target)
          (v128.bitselect
            (v128.load64_zero $from align=1 (local.get $source))
            (v128.load64_zero $to align=1 (local.get $target))
            (local.get $a)))
        (local.set $a (i64x2.splat (i64x2.extract_lane 1 (local.get $a))))
        (local.set $source (from.addr.add (local.get $source) (from.addr.const 8)))
        (local.set $target (to.addr.add (local.get $target) (to.addr.const 8)))
        (local.set $bytes (from.to.addr.sub (local.get $bytes) (from.to.addr.const 8)))))
    (loop $next
      (if (from.to.addr.ne (local.get $bytes) (from.to.addr.const 0))
        (then
          (if (i8x16.extract_lane_u 0 (local.get $a))
            (then
              (i32.store8 $to (local.get $target) (i32.load8_u $from (local.get $source)))))
          (local.set $a
            (i8x16.shuffle 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 0 (local.get $a) (local.get $a)))
          (local.set $source (from.addr.add (local.get $source) (from.addr.const 1)))
          (local.set $target (to.addr.add (local.get $target) (to.addr.const 1)))
          (local.set $bytes (from.to.addr.sub (local.get $bytes) (from.to.addr.const 1)))
          (br $next))))))
