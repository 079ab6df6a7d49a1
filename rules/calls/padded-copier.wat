;; A copy of elements of `size` bytes from one memory to the other that leaves as it is what is padding
;; there: the bytes of which `padding` has a bit, the first the lowest.
;;
;; A step copies as many elements as are 64 bytes, or 48, or fill 64 best.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "to" (memory $to to.addr 0))
  (import "" "size" (global $size i32))
  (import "" "padding" (global $padding i64))

  (func $meld:copy-padded (export "copy")
    (param $source from.addr) (param $target to.addr) (param $bytes from.to.addr)
    (local $known i32) (local $all i64) (local $step i32)
    (local $bits v128) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    ;; The padding of 64 bytes that begin with an element: known when this is compiled, as there is no loop.
    (local.set $all (global.get $padding))
    (local.set $known (global.get $size))
    (local.set $all
      (select
        (i64.or
          (local.get $all)
          (i64.shl (local.get $all) (i64.extend_i32_u (local.get $known))))
        (local.get $all)
        (i32.lt_u (local.get $known) (i32.const 64))))
    (local.set $known (i32.shl (local.get $known) (i32.const 1)))
    (local.set $all
      (select
        (i64.or
          (local.get $all)
          (i64.shl (local.get $all) (i64.extend_i32_u (local.get $known))))
        (local.get $all)
        (i32.lt_u (local.get $known) (i32.const 64))))
    (local.set $known (i32.shl (local.get $known) (i32.const 1)))
    (local.set $all
      (select
        (i64.or
          (local.get $all)
          (i64.shl (local.get $all) (i64.extend_i32_u (local.get $known))))
        (local.get $all)
        (i32.lt_u (local.get $known) (i32.const 64))))
    (local.set $known (i32.shl (local.get $known) (i32.const 1)))
    (local.set $all
      (select
        (i64.or
          (local.get $all)
          (i64.shl (local.get $all) (i64.extend_i32_u (local.get $known))))
        (local.get $all)
        (i32.lt_u (local.get $known) (i32.const 64))))
    (local.set $known (i32.shl (local.get $known) (i32.const 1)))
    (local.set $all
      (select
        (i64.or
          (local.get $all)
          (i64.shl (local.get $all) (i64.extend_i32_u (local.get $known))))
        (local.get $all)
        (i32.lt_u (local.get $known) (i32.const 64))))
    (local.set $known (i32.shl (local.get $known) (i32.const 1)))
    (local.set $all
      (select
        (i64.or
          (local.get $all)
          (i64.shl (local.get $all) (i64.extend_i32_u (local.get $known))))
        (local.get $all)
        (i32.lt_u (local.get $known) (i32.const 64))))
    (local.set $bits (i64x2.splat (local.get $all)))
    (local.set $a
      (i8x16.eq
        (v128.and
          (i8x16.swizzle
            (local.get $bits)
            (v128.const i64x2 0x0000000000000000 0x0101010101010101))
          (v128.const i64x2 0x8040201008040201 0x8040201008040201))
        (v128.const i64x2 0 0)))
    (if (from.to.addr.gt_u (local.get $bytes) (from.to.addr.const 16))
      (then
        (local.set $b
          (i8x16.eq
            (v128.and
              (i8x16.swizzle
                (local.get $bits)
                (v128.const i64x2 0x0202020202020202 0x0303030303030303))
              (v128.const i64x2 0x8040201008040201 0x8040201008040201))
            (v128.const i64x2 0 0)))
        (local.set $c
          (i8x16.eq
            (v128.and
              (i8x16.swizzle
                (local.get $bits)
                (v128.const i64x2 0x0404040404040404 0x0505050505050505))
              (v128.const i64x2 0x8040201008040201 0x8040201008040201))
            (v128.const i64x2 0 0)))
        (local.set $d
          (i8x16.eq
            (v128.and
              (i8x16.swizzle
                (local.get $bits)
                (v128.const i64x2 0x0606060606060606 0x0707070707070707))
              (v128.const i64x2 0x8040201008040201 0x8040201008040201))
            (v128.const i64x2 0 0)))))
    (local.set $step
      (select
        (i32.const 48)
        (i32.sub (i32.const 64) (i32.rem_u (i32.const 64) (global.get $size)))
        (i32.and
          (i32.eqz (i32.rem_u (i32.const 48) (global.get $size)))
          (i32.ne (i32.rem_u (i32.const 64) (global.get $size)) (i32.const 0)))))
    (loop $next
      (if (from.to.addr.ge_u (local.get $bytes) (from.to.addr.const 64))
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
          ;; Of the step after this one, what this copies is right, too.
          (if (i32.gt_u (local.get $step) (i32.const 48))
            (then
              (v128.store $to offset=48 align=1 (local.get $target)
                (v128.bitselect
                  (v128.load $from offset=48 align=1 (local.get $source))
                  (v128.load $to offset=48 align=1 (local.get $target))
                  (local.get $d)))))
          (local.set $source
            (from.addr.add (local.get $source) (from.addr.extend_i32_u (local.get $step))))
          (local.set $target
            (to.addr.add (local.get $target) (to.addr.extend_i32_u (local.get $step))))
          (local.set $bytes
            (from.to.addr.sub
              (local.get $bytes)
              (from.to.addr.extend_i32_u (local.get $step))))
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
          (local.set $c (local.get $d))
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
