;; Runs of characters that convert alike between UTF-8 and UTF-16, in vectors.
;;
;; Each takes where its source goes on, how many units of it are left, and where its result goes on,
;; and returns the same. It stops before the first block that it does not know or in which it cannot
;; write just what it knows, and where few units are left: those are for `characters.wat`. Where the
;; result goes on there is room for all that the units left can become; nothing may stay written
;; behind the end of what they do become.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "to" (memory $to to.addr 0))

  ;; UTF-8 to UTF-16: characters of up to three bytes. What a block holds of one kind is counted, and
  ;; the block written as if it were all of it; the units that follow overwrite the others, three
  ;; bytes one unit at least. So few bytes have to be wholly of one kind.
  (func $meld:utf8-to-utf16-simd (export "utf8-to-utf16")
    (param $ptr from.addr) (param $left i32) (param $to to.addr)
    (result from.addr i32 to.addr)
    (local $bytes v128) (local $b v128) (local $lanes v128) (local $bits v128)
    (local $lead i32) (local $run i32)
    (block $done
      (loop $next
        (if (i32.ge_u (local.get $left) (i32.const 32))
          (then
            (local.set $bytes (v128.load $from align=1 (local.get $ptr)))
            (local.set $b (v128.load $from offset=16 align=1 (local.get $ptr)))
            (if (i32.eqz (i8x16.bitmask (v128.or (local.get $bytes) (local.get $b))))
              (then
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
                (br $next))))
          (else
            (if (i32.lt_u (local.get $left) (i32.const 16))
              (then
                (br_if $done (i32.lt_u (local.get $left) (i32.const 8)))
                (local.set $bytes (v128.load64_zero $from align=1 (local.get $ptr)))
                (br_if $done (i8x16.bitmask (local.get $bytes)))
                (v128.store $to align=2 (local.get $to)
                  (i16x8.extend_low_i8x16_u (local.get $bytes)))
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 8)))
                (local.set $left (i32.sub (local.get $left) (i32.const 8)))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 16)))
                (br $next)))
            (local.set $bytes (v128.load $from align=1 (local.get $ptr)))))
        (local.set $run (i8x16.bitmask (local.get $bytes)))
        (if (i32.eqz (local.get $run))
          (then
            (v128.store $to align=2 (local.get $to)
              (i16x8.extend_low_i8x16_u (local.get $bytes)))
            (v128.store $to offset=16 align=2 (local.get $to)
              (i16x8.extend_high_i8x16_u (local.get $bytes)))
            (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 16)))
            (local.set $left (i32.sub (local.get $left) (i32.const 16)))
            (local.set $to (to.addr.add (local.get $to) (to.addr.const 32)))
            (br $next)))
        (local.set $run (i32.ctz (local.get $run)))
        (if (local.get $run)
          (then
            (br_if $done (i32.lt_u (local.get $left) (i32.const 64)))
            (v128.store $to align=2 (local.get $to)
              (i16x8.extend_low_i8x16_u (local.get $bytes)))
            (v128.store $to offset=16 align=2 (local.get $to)
              (i16x8.extend_high_i8x16_u (local.get $bytes)))
            (local.set $ptr
              (from.addr.add (local.get $ptr) (from.addr.extend_i32_u (local.get $run))))
            (local.set $left (i32.sub (local.get $left) (local.get $run)))
            (local.set $to
              (to.addr.add
                (local.get $to)
                (to.addr.extend_i32_u (i32.shl (local.get $run) (i32.const 1)))))
            (br $next)))
        (local.set $lead (i8x16.extract_lane_u 0 (local.get $bytes)))
        (if (i32.lt_u (local.get $lead) (i32.const 0xe0))
          (then
            (loop $pairs
              ;; Two bytes a lane, as many as are a character each: no overlong forms.
              (local.set $run
                (i32.xor
                  (i32.const 0xff)
                  (i16x8.bitmask
                    (v128.andnot
                      (i16x8.eq
                        (v128.and (local.get $bytes) (v128.const i32x4 0xc0e0c0e0 0xc0e0c0e0 0xc0e0c0e0 0xc0e0c0e0))
                        (v128.const i32x4 0x80c080c0 0x80c080c0 0x80c080c0 0x80c080c0))
                      (i16x8.eq
                        (v128.and (local.get $bytes) (v128.const i32x4 0x001e001e 0x001e001e 0x001e001e 0x001e001e))
                        (v128.const i64x2 0 0))))))
              (local.set $lanes
                (v128.or
                  (i16x8.shl
                    (v128.and (local.get $bytes) (v128.const i32x4 0x001f001f 0x001f001f 0x001f001f 0x001f001f))
                    (i32.const 6))
                  (v128.and
                    (i16x8.shr_u (local.get $bytes) (i32.const 8))
                    (v128.const i32x4 0x003f003f 0x003f003f 0x003f003f 0x003f003f))))
              (if (i32.eqz (local.get $run))
                (then
                  (v128.store $to align=2 (local.get $to) (local.get $lanes))
                  (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 16)))
                  (local.set $left (i32.sub (local.get $left) (i32.const 16)))
                  (local.set $to (to.addr.add (local.get $to) (to.addr.const 16)))
                  (br_if $next (i32.lt_u (local.get $left) (i32.const 16)))
                  (local.set $bytes (v128.load $from align=1 (local.get $ptr)))
                  (br_if $pairs
                    (i32.lt_u
                      (i32.sub
                        (i8x16.extract_lane_u 0 (local.get $bytes))
                        (i32.const 0xc0))
                      (i32.const 0x20)))
                  (br $next))))
            (br_if $done (i32.lt_u (local.get $left) (i32.const 64)))
            (local.set $run (i32.shl (i32.ctz (local.get $run)) (i32.const 1)))
            (br_if $done (i32.eqz (local.get $run)))
            (v128.store $to align=2 (local.get $to) (local.get $lanes))
            (local.set $ptr
              (from.addr.add (local.get $ptr) (from.addr.extend_i32_u (local.get $run))))
            (local.set $left (i32.sub (local.get $left) (local.get $run)))
            (local.set $to
              (to.addr.add (local.get $to) (to.addr.extend_i32_u (local.get $run))))
            ;; Mostly a space or the like comes next.
            (local.set $lead (i32.load8_u $from (local.get $ptr)))
            (if (i32.lt_u (local.get $lead) (i32.const 0x80))
              (then
                (i32.store16 $to (local.get $to) (local.get $lead))
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 1)))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 2)))))
            (br $next)))
        (br_if $done (i32.ge_u (local.get $lead) (i32.const 0xf0)))
        (loop $threes
          ;; Three bytes a lane, the first one on top: no overlong forms, no surrogates.
          (local.set $lanes
            (i8x16.shuffle 2 1 0 16 5 4 3 16 8 7 6 16 11 10 9 16
              (local.get $bytes) (v128.const i64x2 0 0)))
          (local.set $bits
            (v128.and (local.get $lanes) (v128.const i32x4 0x000f2000 0x000f2000 0x000f2000 0x000f2000)))
          (local.set $run
            (i32.xor
              (i32.const 0xf)
              (i32x4.bitmask
                (v128.andnot
                  (i32x4.eq
                    (v128.and (local.get $lanes) (v128.const i32x4 0x00f0c0c0 0x00f0c0c0 0x00f0c0c0 0x00f0c0c0))
                    (v128.const i32x4 0x00e08080 0x00e08080 0x00e08080 0x00e08080))
                  (v128.or
                    (i32x4.eq (local.get $bits) (v128.const i64x2 0 0))
                    (i32x4.eq (local.get $bits) (v128.const i32x4 0x000d2000 0x000d2000 0x000d2000 0x000d2000)))))))
          (local.set $lanes
            (v128.or
              (v128.or
                (v128.and
                  (i32x4.shr_u (local.get $lanes) (i32.const 4))
                  (v128.const i32x4 0x0000f000 0x0000f000 0x0000f000 0x0000f000))
                (v128.and
                  (i32x4.shr_u (local.get $lanes) (i32.const 2))
                  (v128.const i32x4 0x00000fc0 0x00000fc0 0x00000fc0 0x00000fc0)))
              (v128.and (local.get $lanes) (v128.const i32x4 0x0000003f 0x0000003f 0x0000003f 0x0000003f))))
          (local.set $lanes (i16x8.narrow_i32x4_u (local.get $lanes) (local.get $lanes)))
          (if (i32.eqz (local.get $run))
            (then
              (v128.store64_lane $to align=2 0 (local.get $to) (local.get $lanes))
              (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 12)))
              (local.set $left (i32.sub (local.get $left) (i32.const 12)))
              (local.set $to (to.addr.add (local.get $to) (to.addr.const 8)))
              (br_if $next (i32.lt_u (local.get $left) (i32.const 16)))
              (local.set $bytes (v128.load $from align=1 (local.get $ptr)))
              (br_if $threes
                (i32.eq
                  (i32.and (i8x16.extract_lane_u 0 (local.get $bytes)) (i32.const 0xf0))
                  (i32.const 0xe0)))
              (br $next))))
        (br_if $done (i32.lt_u (local.get $left) (i32.const 64)))
        (local.set $run (i32.ctz (local.get $run)))
        (br_if $done (i32.eqz (local.get $run)))
        (v128.store64_lane $to align=2 0 (local.get $to) (local.get $lanes))
        (local.set $ptr
          (from.addr.add
            (local.get $ptr)
            (from.addr.extend_i32_u (i32.mul (local.get $run) (i32.const 3)))))
        (local.set $left (i32.sub (local.get $left) (i32.mul (local.get $run) (i32.const 3))))
        (local.set $to
          (to.addr.add
            (local.get $to)
            (to.addr.extend_i32_u (i32.shl (local.get $run) (i32.const 1)))))
        (br $next)))
    (local.get $ptr)
    (local.get $left)
    (local.get $to))

  ;; UTF-16 to UTF-8: characters of one unit. Blocks are counted and written as in UTF-8 to UTF-16;
  ;; a unit becomes one byte at least.
  (func $meld:utf16-to-utf8-simd (export "utf16-to-utf8")
    (param $ptr from.addr) (param $left i32) (param $to to.addr)
    (result from.addr i32 to.addr)
    (local $units v128) (local $lanes v128) (local $unit i32) (local $run i32)
    (block $done
      (loop $next
        (br_if $done (i32.lt_u (local.get $left) (i32.const 8)))
        (local.set $units (v128.load $from align=2 (local.get $ptr)))
        (local.set $unit (i16x8.extract_lane_u 0 (local.get $units)))
        (if (i32.lt_u (local.get $unit) (i32.const 0x80))
          (then
            (v128.store64_lane $to align=1 0 (local.get $to)
              (i8x16.narrow_i16x8_u (local.get $units) (local.get $units)))
            (local.set $run
              (i32.xor
                (i32.const 0xff)
                (i16x8.bitmask
                  (i16x8.lt_u (local.get $units) (v128.const i32x4 0x00800080 0x00800080 0x00800080 0x00800080)))))
            (if (i32.eqz (local.get $run))
              (then
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 16)))
                (local.set $left (i32.sub (local.get $left) (i32.const 8)))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 8)))
                (br $next)))
            (local.set $run (i32.ctz (local.get $run)))
            (local.set $ptr
              (from.addr.add
                (local.get $ptr)
                (from.addr.extend_i32_u (i32.shl (local.get $run) (i32.const 1)))))
            (local.set $left (i32.sub (local.get $left) (local.get $run)))
            (local.set $to (to.addr.add (local.get $to) (to.addr.extend_i32_u (local.get $run))))
            (br $next)))
        (br_if $done (i32.lt_u (local.get $left) (i32.const 16)))
        (if (i32.lt_u (local.get $unit) (i32.const 0x800))
          (then
            ;; Two bytes a unit, as many as need two.
            (local.set $run
              (i32.xor
                (i32.const 0xff)
                (i16x8.bitmask
                  (i16x8.lt_u
                    (i16x8.sub (local.get $units) (v128.const i32x4 0x00800080 0x00800080 0x00800080 0x00800080))
                    (v128.const i32x4 0x07800780 0x07800780 0x07800780 0x07800780)))))
            (v128.store $to align=1 (local.get $to)
              (v128.or
                (v128.or
                  (v128.const i32x4 0x80c080c0 0x80c080c0 0x80c080c0 0x80c080c0)
                  (i16x8.shr_u (local.get $units) (i32.const 6)))
                (i16x8.shl
                  (v128.and (local.get $units) (v128.const i32x4 0x003f003f 0x003f003f 0x003f003f 0x003f003f))
                  (i32.const 8))))
            (if (i32.eqz (local.get $run))
              (then
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 16)))
                (local.set $left (i32.sub (local.get $left) (i32.const 8)))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 16)))
                (br $next)))
            (local.set $run (i32.ctz (local.get $run)))
            (local.set $ptr
              (from.addr.add
                (local.get $ptr)
                (from.addr.extend_i32_u (i32.shl (local.get $run) (i32.const 1)))))
            (local.set $left (i32.sub (local.get $left) (local.get $run)))
            (local.set $to
              (to.addr.add
                (local.get $to)
                (to.addr.extend_i32_u (i32.shl (local.get $run) (i32.const 1)))))
            ;; A unit at least is left, and mostly it is a space or the like.
            (local.set $unit (i32.load16_u $from (local.get $ptr)))
            (if (i32.lt_u (local.get $unit) (i32.const 0x80))
              (then
                (i32.store8 $to (local.get $to) (local.get $unit))
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 2)))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 1)))))
            (br $next)))
        (br_if $done
          (i32.eq (i32.and (local.get $unit) (i32.const 0xf800)) (i32.const 0xd800)))
        ;; Three bytes a unit, as many as need three and are no surrogates.
        (local.set $lanes (i32x4.extend_low_i16x8_u (local.get $units)))
        (local.set $run
          (i32.xor
            (i32.const 0xf)
            (i32x4.bitmask
              (v128.andnot
                (i32x4.ge_u (local.get $lanes) (v128.const i32x4 0x00000800 0x00000800 0x00000800 0x00000800))
                (i32x4.eq
                  (v128.and (local.get $lanes) (v128.const i32x4 0x0000f800 0x0000f800 0x0000f800 0x0000f800))
                  (v128.const i32x4 0x0000d800 0x0000d800 0x0000d800 0x0000d800))))))
        (local.set $lanes
          (v128.or
            (v128.or
              (v128.const i32x4 0x008080e0 0x008080e0 0x008080e0 0x008080e0)
              (i32x4.shr_u (local.get $lanes) (i32.const 12)))
            (v128.or
              (i32x4.shl (v128.and (local.get $lanes) (v128.const i32x4 0x00000fc0 0x00000fc0 0x00000fc0 0x00000fc0)) (i32.const 2))
              (i32x4.shl (v128.and (local.get $lanes) (v128.const i32x4 0x0000003f 0x0000003f 0x0000003f 0x0000003f)) (i32.const 16)))))
        (v128.store $to align=1 (local.get $to)
          (i8x16.shuffle 0 1 2 4 5 6 8 9 10 12 13 14 3 3 3 3 (local.get $lanes) (local.get $lanes)))
        (if (i32.eqz (local.get $run))
          (then
            (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 8)))
            (local.set $left (i32.sub (local.get $left) (i32.const 4)))
            (local.set $to (to.addr.add (local.get $to) (to.addr.const 12)))
            (br $next)))
        (local.set $run (i32.ctz (local.get $run)))
        (local.set $ptr
          (from.addr.add
            (local.get $ptr)
            (from.addr.extend_i32_u (i32.shl (local.get $run) (i32.const 1)))))
        (local.set $left (i32.sub (local.get $left) (local.get $run)))
        (local.set $to
          (to.addr.add
            (local.get $to)
            (to.addr.extend_i32_u (i32.mul (local.get $run) (i32.const 3)))))
        (br $next)))
    (local.get $ptr)
    (local.get $left)
    (local.get $to))

  ;; UTF-16 to the same, also surrogates in pairs.
  (func $meld:utf16-to-utf16-simd (export "utf16-to-utf16")
    (param $ptr from.addr) (param $left i32) (param $to to.addr)
    (result from.addr i32 to.addr)
    (local $units v128) (local $b v128) (local $c v128) (local $d v128) (local $run i32)
    (block $done
      (loop $next
        (if (i32.ge_u (local.get $left) (i32.const 32))
          (then
            (v128.store $to align=2 (local.get $to)
              (local.tee $units (v128.load $from align=2 (local.get $ptr))))
            (v128.store $to offset=16 align=2 (local.get $to)
              (local.tee $b (v128.load $from offset=16 align=2 (local.get $ptr))))
            (v128.store $to offset=32 align=2 (local.get $to)
              (local.tee $c (v128.load $from offset=32 align=2 (local.get $ptr))))
            (v128.store $to offset=48 align=2 (local.get $to)
              (local.tee $d (v128.load $from offset=48 align=2 (local.get $ptr))))
            ;; Surrogates become the smallest.
            (if (i32.eqz
                  (v128.any_true
                    (i16x8.lt_u
                      (i16x8.min_u
                        (i16x8.min_u
                          (v128.xor (local.get $units) (v128.const i32x4 0xd800d800 0xd800d800 0xd800d800 0xd800d800))
                          (v128.xor (local.get $b) (v128.const i32x4 0xd800d800 0xd800d800 0xd800d800 0xd800d800)))
                        (i16x8.min_u
                          (v128.xor (local.get $c) (v128.const i32x4 0xd800d800 0xd800d800 0xd800d800 0xd800d800))
                          (v128.xor (local.get $d) (v128.const i32x4 0xd800d800 0xd800d800 0xd800d800 0xd800d800))))
                      (v128.const i32x4 0x08000800 0x08000800 0x08000800 0x08000800))))
              (then
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 64)))
                (local.set $left (i32.sub (local.get $left) (i32.const 32)))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 64)))
                (br $next)))))
        (br_if $done (i32.lt_u (local.get $left) (i32.const 8)))
        (local.set $units (v128.load $from align=2 (local.get $ptr)))
        (v128.store $to align=2 (local.get $to) (local.get $units))
        ;; Behind each high surrogate, and nowhere else, there has to be a low one. The first unit
        ;; follows none.
        (local.set $b
          (i16x8.eq
            (v128.and (local.get $units) (v128.const i32x4 0xfc00fc00 0xfc00fc00 0xfc00fc00 0xfc00fc00))
            (v128.const i32x4 0xd800d800 0xd800d800 0xd800d800 0xd800d800)))
        (br_if $done
          (v128.any_true
            (v128.xor
              (i8x16.shuffle 0 1 16 17 18 19 20 21 22 23 24 25 26 27 28 29
                (v128.const i64x2 0 0) (local.get $b))
              (i16x8.eq
                (v128.and (local.get $units) (v128.const i32x4 0xfc00fc00 0xfc00fc00 0xfc00fc00 0xfc00fc00))
                (v128.const i32x4 0xdc00dc00 0xdc00dc00 0xdc00dc00 0xdc00dc00)))))
        ;; A high one at the end is looked at again.
        (local.set $run (i32.add (i32.const 8) (i16x8.extract_lane_s 7 (local.get $b))))
        (local.set $ptr
          (from.addr.add
            (local.get $ptr)
            (from.addr.extend_i32_u (i32.shl (local.get $run) (i32.const 1)))))
        (local.set $left (i32.sub (local.get $left) (local.get $run)))
        (local.set $to
          (to.addr.add
            (local.get $to)
            (to.addr.extend_i32_u (i32.shl (local.get $run) (i32.const 1)))))
        (br $next)))
    (local.get $ptr)
    (local.get $left)
    (local.get $to))
)
