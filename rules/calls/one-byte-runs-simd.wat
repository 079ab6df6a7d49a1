;; Runs of characters that convert alike and have one byte on one side, in vectors.
;;
;; Each takes where its source goes on, how many units of it are left, and where its result goes on,
;; and returns the same. It stops before the first block that it does not know or in which it cannot
;; write just what it knows, and where few units are left: those are for the transcoders. Where the
;; result goes on there is room for all that the units left can become; nothing may stay written
;; behind the end of what they do become.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "to" (memory $to to.addr 0))

  ;; ASCII to the same.
  (func $meld:ascii-simd (export "ascii")
    (param $ptr from.addr) (param $left i32) (param $to to.addr)
    (result from.addr i32 to.addr)
    (local $bytes v128) (local $b v128) (local $c v128) (local $d v128) (local $word i64)
    (block $done
      (loop $next
        (if (i32.ge_u (local.get $left) (i32.const 64))
          (then
            (local.set $bytes (v128.load $from align=1 (local.get $ptr)))
            (local.set $b (v128.load $from offset=16 align=1 (local.get $ptr)))
            (local.set $c (v128.load $from offset=32 align=1 (local.get $ptr)))
            (local.set $d (v128.load $from offset=48 align=1 (local.get $ptr)))
            (if (i32.eqz
                  (i8x16.bitmask
                    (v128.or
                      (v128.or (local.get $bytes) (local.get $b))
                      (v128.or (local.get $c) (local.get $d)))))
              (then
                (v128.store $to align=1 (local.get $to) (local.get $bytes))
                (v128.store $to offset=16 align=1 (local.get $to) (local.get $b))
                (v128.store $to offset=32 align=1 (local.get $to) (local.get $c))
                (v128.store $to offset=48 align=1 (local.get $to) (local.get $d))
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 64)))
                (local.set $left (i32.sub (local.get $left) (i32.const 64)))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 64)))
                (br $next)))))
        (if (i32.ge_u (local.get $left) (i32.const 16))
          (then
            (local.set $bytes (v128.load $from align=1 (local.get $ptr)))
            (if (i32.eqz (i8x16.bitmask (local.get $bytes)))
              (then
                (v128.store $to align=1 (local.get $to) (local.get $bytes))
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 16)))
                (local.set $left (i32.sub (local.get $left) (i32.const 16)))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 16)))
                (br $next)))))
        (br_if $done (i32.lt_u (local.get $left) (i32.const 8)))
        (local.set $word (i64.load $from align=1 (local.get $ptr)))
        (br_if $done
          (i64.ne (i64.and (local.get $word) (i64.const 0x8080808080808080)) (i64.const 0)))
        (i64.store $to align=1 (local.get $to) (local.get $word))
        (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 8)))
        (local.set $left (i32.sub (local.get $left) (i32.const 8)))
        (local.set $to (to.addr.add (local.get $to) (to.addr.const 8)))
        (br $next)))
    (local.get $ptr)
    (local.get $left)
    (local.get $to))

  ;; UTF-8 to Latin-1: blocks of ASCII, of characters of two bytes, and of both. Bytes that lead are
  ;; taken out, and those behind them become the characters: eight at least, so that two stores that
  ;; may overlap write just these.
  (func $meld:utf8-to-latin1-simd (export "utf8-to-latin1")
    (param $ptr from.addr) (param $left i32) (param $to to.addr)
    (result from.addr i32 to.addr)
    (local $bytes v128) (local $leads v128) (local $high i32) (local $lead i32) (local $run i32)
    (block $done
      (loop $next
        (br_if $done (i32.lt_u (local.get $left) (i32.const 16)))
        (local.set $bytes (v128.load $from align=1 (local.get $ptr)))
        (local.set $high (i8x16.bitmask (local.get $bytes)))
        (if (i32.eqz (local.get $high))
          (then
            (v128.store $to align=1 (local.get $to) (local.get $bytes))
            (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 16)))
            (local.set $left (i32.sub (local.get $left) (i32.const 16)))
            (local.set $to (to.addr.add (local.get $to) (to.addr.const 16)))
            (br $next)))
        (local.set $leads
          (i8x16.eq
            (v128.and (local.get $bytes) (v128.const i64x2 0xfefefefefefefefe 0xfefefefefefefefe))
            (v128.const i64x2 0xc2c2c2c2c2c2c2c2 0xc2c2c2c2c2c2c2c2)))
        (local.set $lead (i8x16.bitmask (local.get $leads)))
        ;; What is not ASCII leads or, just behind that, continues.
        (local.set $run
          (i32.and (i32.shl (local.get $lead) (i32.const 1)) (i32.const 0xffff)))
        (br_if $done
          (i32.or
            (i32.ne (local.get $high) (i32.or (local.get $lead) (local.get $run)))
            (i32.ne
              (local.get $run)
              (i8x16.bitmask
                (i8x16.lt_s
                  (local.get $bytes)
                  (v128.const i64x2 0xc0c0c0c0c0c0c0c0 0xc0c0c0c0c0c0c0c0))))))
        ;; The last bit of a byte that leads is the second of the character.
        (local.set $bytes
          (v128.or
            (local.get $bytes)
            (i16x8.shl
              (i8x16.shuffle 0 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30
                (v128.const i64x2 0 0)
                (v128.and
                  (v128.and (local.get $bytes) (local.get $leads))
                  (v128.const i64x2 0x0101010101010101 0x0101010101010101)))
              (i32.const 6))))
        (if (i32.eq (local.get $lead) (i32.const 0x5555))
          (then
            (local.set $bytes (i16x8.shr_u (local.get $bytes) (i32.const 8)))
            (v128.store64_lane $to align=1 0 (local.get $to)
              (i8x16.narrow_i16x8_u (local.get $bytes) (local.get $bytes)))
            (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 16)))
            (local.set $left (i32.sub (local.get $left) (i32.const 16)))
            (local.set $to (to.addr.add (local.get $to) (to.addr.const 8)))
            (br $next)))
        ;; What the last byte leads is for the next block.
        (local.set $run (i32.sub (i32.const 16) (i32.shr_u (local.get $lead) (i32.const 15))))
        (local.set $ptr
          (from.addr.add (local.get $ptr) (from.addr.extend_i32_u (local.get $run))))
        (local.set $left (i32.sub (local.get $left) (local.get $run)))
        (local.set $lead (i32.and (local.get $lead) (i32.const 0x7fff)))
        (local.set $run (i32.sub (local.get $run) (i32.popcnt (local.get $lead))))
        (loop $take
          (if (local.get $lead)
            (then
              ;; The highest first, so that the others stay where they are.
              (local.set $high (i32.sub (i32.const 31) (i32.clz (local.get $lead))))
              (local.set $lead
                (i32.xor (local.get $lead) (i32.shl (i32.const 1) (local.get $high))))
              (local.set $bytes
                (i8x16.swizzle
                  (local.get $bytes)
                  (i8x16.sub
                    (v128.const i64x2 0x0706050403020100 0x0f0e0d0c0b0a0908)
                    (i8x16.ge_u
                      (v128.const i64x2 0x0706050403020100 0x0f0e0d0c0b0a0908)
                      (i8x16.splat (local.get $high))))))
              (br $take))))
        (v128.store64_lane $to align=1 0 (local.get $to) (local.get $bytes))
        (local.set $to (to.addr.add (local.get $to) (to.addr.extend_i32_u (local.get $run))))
        (v128.store64_lane $to align=1 0
          (to.addr.sub (local.get $to) (to.addr.const 8))
          (i8x16.swizzle
            (local.get $bytes)
            (i8x16.add
              (v128.const i64x2 0x0706050403020100 0x0f0e0d0c0b0a0908)
              (i8x16.splat (i32.sub (local.get $run) (i32.const 8))))))
        (br $next)))
    (local.get $ptr)
    (local.get $left)
    (local.get $to))

  ;; Latin-1 to UTF-16, to the end.
  (func $meld:latin1-to-utf16-simd (export "latin1-to-utf16")
    (param $ptr from.addr) (param $left i32) (param $to to.addr)
    (local $bytes v128) (local $b v128)
    (block $done
      (loop $next
        (if (i32.ge_u (local.get $left) (i32.const 32))
          (then
            (local.set $bytes (v128.load $from align=1 (local.get $ptr)))
            (local.set $b (v128.load $from offset=16 align=1 (local.get $ptr)))
            (v128.store $to align=2 (local.get $to)
              (i16x8.extend_low_i8x16_u (local.get $bytes)))
            (v128.store $to offset=16 align=2 (local.get $to)
              (i16x8.extend_high_i8x16_u (local.get $bytes)))
            (v128.store $to offset=32 align=2 (local.get $to)
              (i16x8.extend_low_i8x16_u (local.get $b)))
            (v128.store $to offset=48 align=2 (local.get $to)
              (i16x8.extend_high_i8x16_u (local.get $b)))
            (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 32)))
            (local.set $left (i32.sub (local.get $left) (i32.const 32)))
            (local.set $to (to.addr.add (local.get $to) (to.addr.const 64)))
            (br $next)))
        (if (i32.ge_u (local.get $left) (i32.const 16))
          (then
            (local.set $bytes (v128.load $from align=1 (local.get $ptr)))
            (v128.store $to align=2 (local.get $to) (i16x8.extend_low_i8x16_u (local.get $bytes)))
            (v128.store $to offset=16 align=2 (local.get $to)
              (i16x8.extend_high_i8x16_u (local.get $bytes)))
            (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 16)))
            (local.set $left (i32.sub (local.get $left) (i32.const 16)))
            (local.set $to (to.addr.add (local.get $to) (to.addr.const 32)))
            (br $next)))
        (if (i32.ge_u (local.get $left) (i32.const 8))
          (then
            (v128.store $to align=2 (local.get $to)
              (v128.load8x8_u $from align=1 (local.get $ptr)))
            (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 8)))
            (local.set $left (i32.sub (local.get $left) (i32.const 8)))
            (local.set $to (to.addr.add (local.get $to) (to.addr.const 16)))
            (br $next)))
        (br_if $done (i32.eqz (local.get $left)))
        (i32.store16 $to (local.get $to) (i32.load8_u $from (local.get $ptr)))
        (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 1)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (local.set $to (to.addr.add (local.get $to) (to.addr.const 2)))
        (br $next))))

  ;; UTF-16 to one byte a unit: units without a bit of the mask, which has all above the low byte.
  (func $meld:narrow-simd (export "narrow")
    (param $ptr from.addr) (param $left i32) (param $to to.addr) (param $mask i32)
    (result from.addr i32 to.addr)
    (local $units v128) (local $others v128) (local $lanes v128)
    (local.set $lanes (i16x8.splat (local.get $mask)))
    (block $done
      (loop $next
        (if (i32.ge_u (local.get $left) (i32.const 16))
          (then
            (local.set $units (v128.load $from align=2 (local.get $ptr)))
            (local.set $others (v128.load $from offset=16 align=2 (local.get $ptr)))
            (if (i32.eqz
                  (v128.any_true
                    (v128.and
                      (v128.or (local.get $units) (local.get $others))
                      (local.get $lanes))))
              (then
                (v128.store $to align=1 (local.get $to)
                  (i8x16.narrow_i16x8_u (local.get $units) (local.get $others)))
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 32)))
                (local.set $left (i32.sub (local.get $left) (i32.const 16)))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 16)))
                (br $next)))))
        (br_if $done (i32.lt_u (local.get $left) (i32.const 8)))
        (local.set $units (v128.load $from align=2 (local.get $ptr)))
        (br_if $done (v128.any_true (v128.and (local.get $units) (local.get $lanes))))
        (v128.store64_lane $to align=1 0 (local.get $to)
          (i8x16.narrow_i16x8_u (local.get $units) (local.get $units)))
        (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 16)))
        (local.set $left (i32.sub (local.get $left) (i32.const 8)))
        (local.set $to (to.addr.add (local.get $to) (to.addr.const 8)))
        (br $next)))
    (local.get $ptr)
    (local.get $left)
    (local.get $to))

  ;; Latin-1 to UTF-16 in place, from the end.
  (func $meld:inflate-simd (export "inflate") (param $at to.addr) (param $units i32)
    (local $bytes v128) (local $read to.addr) (local $to to.addr)
    (local.set $read
      (to.addr.add (local.get $at) (to.addr.extend_i32_u (local.get $units))))
    (local.set $to
      (to.addr.add
        (local.get $read)
        (to.addr.extend_i32_u (local.get $units))))
    (block $done
      (loop $back
        (if (i32.ge_u (local.get $units) (i32.const 16))
          (then
            (local.set $read (to.addr.sub (local.get $read) (to.addr.const 16)))
            (local.set $units (i32.sub (local.get $units) (i32.const 16)))
            (local.set $to (to.addr.sub (local.get $to) (to.addr.const 32)))
            (local.set $bytes (v128.load $to align=1 (local.get $read)))
            (v128.store $to align=2 (local.get $to) (i16x8.extend_low_i8x16_u (local.get $bytes)))
            (v128.store $to offset=16 align=2 (local.get $to)
              (i16x8.extend_high_i8x16_u (local.get $bytes)))
            (br $back)))
        (br_if $done (i32.eqz (local.get $units)))
        (local.set $read (to.addr.sub (local.get $read) (to.addr.const 1)))
        (local.set $units (i32.sub (local.get $units) (i32.const 1)))
        (local.set $to (to.addr.sub (local.get $to) (to.addr.const 2)))
        (i32.store16 $to (local.get $to) (i32.load8_u $to (local.get $read)))
        (br $back))))

  ;; UTF-16 to Latin-1 in place: 1 if all of it is Latin-1, and 0 with nothing done if not.
  (func $meld:deflate-simd (export "deflate")
    (param $at to.addr) (param $units i32) (result i32)
    (local $read to.addr) (local $left i32)
    (local.set $read (local.get $at))
    (local.set $left (local.get $units))
    (block $seen
      (loop $next
        (if (i32.ge_u (local.get $left) (i32.const 8))
          (then
            (if (v128.any_true
                  (v128.and
                    (v128.load $to align=2 (local.get $read))
                    (v128.const i32x4 0xff00ff00 0xff00ff00 0xff00ff00 0xff00ff00)))
              (then (return (i32.const 0))))
            (local.set $read (to.addr.add (local.get $read) (to.addr.const 16)))
            (local.set $left (i32.sub (local.get $left) (i32.const 8)))
            (br $next)))
        (br_if $seen (i32.eqz (local.get $left)))
        (if (i32.load8_u $to offset=1 (local.get $read)) (then (return (i32.const 0))))
        (local.set $read (to.addr.add (local.get $read) (to.addr.const 2)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next)))
    (local.set $read (local.get $at))
    (block $done
      (loop $next
        (if (i32.ge_u (local.get $units) (i32.const 16))
          (then
            (v128.store $to align=1 (local.get $at)
              (i8x16.narrow_i16x8_u
                (v128.load $to align=2 (local.get $read))
                (v128.load $to offset=16 align=2 (local.get $read))))
            (local.set $read (to.addr.add (local.get $read) (to.addr.const 32)))
            (local.set $units (i32.sub (local.get $units) (i32.const 16)))
            (local.set $at (to.addr.add (local.get $at) (to.addr.const 16)))
            (br $next)))
        (br_if $done (i32.eqz (local.get $units)))
        (i32.store8 $to (local.get $at) (i32.load8_u $to (local.get $read)))
        (local.set $read (to.addr.add (local.get $read) (to.addr.const 2)))
        (local.set $units (i32.sub (local.get $units) (i32.const 1)))
        (local.set $at (to.addr.add (local.get $at) (to.addr.const 1)))
        (br $next)))
    (i32.const 1))
)
