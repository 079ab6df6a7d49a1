;; UTF-8 to UTF-8 (`store_string_copy`) in vectors: one allocation, validated and copied in one pass.
;;
;; Whether a byte may follow the one before it is looked up by three half bytes: each table says
;; which mistakes its half byte allows, and a mistake that all three allow is one (Keiser and
;; Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte", 2020). The bits:
;;
;;   0x01  a lead that nothing continues      0x10  a surrogate
;;   0x02  a continuation of nothing          0x20  an overlong form of two bytes
;;   0x04  an overlong form of three bytes    0x40  an overlong form of four bytes, or far too large
;;   0x08  above 0x10ffff                     0x80  two continuations, which three or four bytes need
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "from.page-bits" (global $page-bits i64))
  (import "" "to" (memory $to to.addr 0))
  (import "" "allocate"
    (func $allocate (param to.addr to.addr to.addr to.addr) (result to.addr)))
  (import "traps" "string-too-long" (func $string-too-long))
  (import "traps" "string-out-of-bounds" (func $string-out-of-bounds))
  (import "traps" "invalid-utf8" (func $invalid-utf8))

  ;; Up to 15 bytes, copied and followed by zeros.
  (func $copy-few (param $ptr from.addr) (param $len i32) (param $to to.addr) (result v128)
    (local $first i64) (local $second i64)
    (if (i32.ge_u (local.get $len) (i32.const 8))
      (then
        (local.set $first (i64.load $from align=1 (local.get $ptr)))
        (local.set $second
          (i64.load $from align=1
            (from.addr.add (local.get $ptr) (from.addr.extend_i32_u (i32.sub (local.get $len) (i32.const 8))))))
        (i64.store $to align=1 (local.get $to) (local.get $first))
        (i64.store $to align=1
          (to.addr.add (local.get $to) (to.addr.extend_i32_u (i32.sub (local.get $len) (i32.const 8))))
          (local.get $second))
        (if (i32.eq (local.get $len) (i32.const 8))
          (then (local.set $second (i64.const 0)))
          (else
            (local.set $second
              (i64.shr_u
                (local.get $second)
                (i64.extend_i32_u
                  (i32.shl (i32.sub (i32.const 16) (local.get $len)) (i32.const 3))))))))
      (else
        (loop $next
          (if (local.get $len)
            (then
              (local.set $len (i32.sub (local.get $len) (i32.const 1)))
              (local.set $second
                (i64.load8_u $from
                  (from.addr.add (local.get $ptr) (from.addr.extend_i32_u (local.get $len)))))
              (i64.store8 $to
                (to.addr.add (local.get $to) (to.addr.extend_i32_u (local.get $len)))
                (local.get $second))
              (local.set $first
                (i64.or (i64.shl (local.get $first) (i64.const 8)) (local.get $second)))
              (br $next))))
        (local.set $second (i64.const 0))))
    (i64x2.replace_lane 1 (i64x2.splat (local.get $first)) (local.get $second)))

  ;; Any bytes that are in memory, copied and validated.
  (func $copy (param $ptr from.addr) (param $len i32) (param $to to.addr)
    ;; The end of all blocks of 16 bytes, and what follows it with zeros behind.
    (local $end from.addr) (local $tail v128)
    ;; The end of the blocks that are looked at one by one.
    (local $stop from.addr) (local $last i32)
    (local $before v128) (local $bytes v128) (local $one-before v128) (local $wrong v128)
    (local $b v128) (local $c v128) (local $d v128) (local $all v128)
    (if (i32.lt_u (local.get $len) (i32.const 16))
      (then
        (local.set $tail (call $copy-few (local.get $ptr) (local.get $len) (local.get $to)))
        (if (i32.eqz (i8x16.bitmask (local.get $tail)))
          (then (return))))
      (else
        (local.set $end
          (from.addr.add
            (local.get $ptr)
            (from.addr.extend_i32_u (i32.sub (local.get $len) (i32.const 16)))))
        (local.set $bytes (v128.load $from align=1 (local.get $end)))
        (v128.store $to align=1
          (to.addr.add
            (local.get $to)
            (to.addr.extend_i32_u (i32.sub (local.get $len) (i32.const 16))))
          (local.get $bytes))
        ;; Lanes from 16 up read as zero.
        (local.set $tail
          (i8x16.swizzle
            (local.get $bytes)
            (i8x16.sub
              (v128.const i8x16 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)
              (i8x16.splat (i32.and (local.get $len) (i32.const 15))))))))
    (local.set $end
      (from.addr.add
        (local.get $ptr)
        (from.addr.extend_i32_u (i32.and (local.get $len) (i32.const -16)))))
    (block $done
      (loop $next
        (if (from.addr.ge_u
              (from.addr.sub (local.get $end) (local.get $ptr))
              (from.addr.const 64))
          (then
            (v128.store $to align=1 (local.get $to)
              (local.tee $bytes (v128.load $from align=1 (local.get $ptr))))
            (v128.store $to offset=16 align=1 (local.get $to)
              (local.tee $b (v128.load $from offset=16 align=1 (local.get $ptr))))
            (v128.store $to offset=32 align=1 (local.get $to)
              (local.tee $c (v128.load $from offset=32 align=1 (local.get $ptr))))
            (v128.store $to offset=48 align=1 (local.get $to)
              (local.tee $d (v128.load $from offset=48 align=1 (local.get $ptr))))
            (local.set $all
              (i8x16.max_u
                (i8x16.max_u (local.get $before) (local.get $bytes))
                (i8x16.max_u (i8x16.max_u (local.get $b) (local.get $c)) (local.get $d))))
            (if (i32.eqz (i8x16.bitmask (local.get $all)))
              (then
                (local.set $before (local.get $d))
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 64)))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 64)))
                (br $next)))
            (if (i32.eqz
                  (v128.any_true
                    (i8x16.sub_sat_u
                      (local.get $all)
                      (v128.const i32x4 0xdfdfdfdf 0xdfdfdfdf 0xdfdfdfdf 0xdfdfdfdf))))
              (then
                ;; One or two bytes a character: after a lead, and nowhere else, a continuation.
                ;; Leads of 0xc0 and 0xc1 are of overlong forms.
                (local.set $one-before
                  (i8x16.shuffle 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30
                    (local.get $before) (local.get $bytes)))
                (local.set $wrong
                  (v128.or
                    (local.get $wrong)
                    (v128.or
                      (v128.xor
                        (i8x16.lt_s (local.get $bytes) (v128.const i32x4 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0))
                        (i8x16.ge_u (local.get $one-before) (v128.const i32x4 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0)))
                      (i8x16.eq
                        (v128.and (local.get $one-before) (v128.const i32x4 0xfefefefe 0xfefefefe 0xfefefefe 0xfefefefe))
                        (v128.const i32x4 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0)))))
                (local.set $one-before
                  (i8x16.shuffle 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30
                    (local.get $bytes) (local.get $b)))
                (local.set $wrong
                  (v128.or
                    (local.get $wrong)
                    (v128.or
                      (v128.xor
                        (i8x16.lt_s (local.get $b) (v128.const i32x4 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0))
                        (i8x16.ge_u (local.get $one-before) (v128.const i32x4 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0)))
                      (i8x16.eq
                        (v128.and (local.get $one-before) (v128.const i32x4 0xfefefefe 0xfefefefe 0xfefefefe 0xfefefefe))
                        (v128.const i32x4 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0)))))
                (local.set $one-before
                  (i8x16.shuffle 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30
                    (local.get $b) (local.get $c)))
                (local.set $wrong
                  (v128.or
                    (local.get $wrong)
                    (v128.or
                      (v128.xor
                        (i8x16.lt_s (local.get $c) (v128.const i32x4 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0))
                        (i8x16.ge_u (local.get $one-before) (v128.const i32x4 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0)))
                      (i8x16.eq
                        (v128.and (local.get $one-before) (v128.const i32x4 0xfefefefe 0xfefefefe 0xfefefefe 0xfefefefe))
                        (v128.const i32x4 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0)))))
                (local.set $one-before
                  (i8x16.shuffle 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30
                    (local.get $c) (local.get $d)))
                (local.set $wrong
                  (v128.or
                    (local.get $wrong)
                    (v128.or
                      (v128.xor
                        (i8x16.lt_s (local.get $d) (v128.const i32x4 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0))
                        (i8x16.ge_u (local.get $one-before) (v128.const i32x4 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0)))
                      (i8x16.eq
                        (v128.and (local.get $one-before) (v128.const i32x4 0xfefefefe 0xfefefefe 0xfefefefe 0xfefefefe))
                        (v128.const i32x4 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0 0xc0c0c0c0)))))
                (local.set $before (local.get $d))
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 64)))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 64)))
                (br $next)))
            (local.set $stop (from.addr.add (local.get $ptr) (from.addr.const 64))))
          (else (local.set $stop (local.get $end))))
        (loop $block
          (if (from.addr.eq (local.get $ptr) (local.get $stop))
            (then
              (br_if $next (from.addr.ne (local.get $ptr) (local.get $end)))
              (local.set $last (i32.const 1))
              (local.set $bytes (local.get $tail)))
            (else
              (v128.store $to align=1 (local.get $to)
                (local.tee $bytes (v128.load $from align=1 (local.get $ptr))))
              (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 16)))
              (local.set $to (to.addr.add (local.get $to) (to.addr.const 16)))))
          (if (i8x16.bitmask (v128.or (local.get $before) (local.get $bytes)))
            (then
              (local.set $one-before
                (i8x16.shuffle 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30
                  (local.get $before) (local.get $bytes)))
              (local.set $wrong
                (v128.or
                  (local.get $wrong)
                  (v128.xor
                    (v128.and
                      (v128.and
                        (i8x16.swizzle
                          (v128.const i8x16 0x02 0x02 0x02 0x02 0x02 0x02 0x02 0x02 0x80 0x80 0x80 0x80 0x21 0x01 0x15 0x49)
                          (i8x16.shr_u (local.get $one-before) (i32.const 4)))
                        (i8x16.swizzle
                          (v128.const i8x16 0xe7 0xa3 0x83 0x83 0x8b 0xcb 0xcb 0xcb 0xcb 0xcb 0xcb 0xcb 0xcb 0xdb 0xcb 0xcb)
                          (v128.and
                            (local.get $one-before)
                            (v128.const i32x4 0x0f0f0f0f 0x0f0f0f0f 0x0f0f0f0f 0x0f0f0f0f))))
                      (i8x16.swizzle
                        (v128.const i8x16 0x01 0x01 0x01 0x01 0x01 0x01 0x01 0x01 0xe6 0xae 0xba 0xba 0x01 0x01 0x01 0x01)
                        (i8x16.shr_u (local.get $bytes) (i32.const 4))))
                    ;; Two behind a lead of three bytes, and two and three behind one of four,
                    ;; there has to be a second continuation in a row.
                    (v128.and
                      (v128.or
                        (i8x16.sub_sat_u
                          (i8x16.shuffle 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29
                            (local.get $before) (local.get $bytes))
                          (v128.const i32x4 0x60606060 0x60606060 0x60606060 0x60606060))
                        (i8x16.sub_sat_u
                          (i8x16.shuffle 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28
                            (local.get $before) (local.get $bytes))
                          (v128.const i32x4 0x70707070 0x70707070 0x70707070 0x70707070)))
                      (v128.const i32x4 0x80808080 0x80808080 0x80808080 0x80808080)))))))
          (local.set $before (local.get $bytes))
          (br_if $done (local.get $last))
          (br $block))))
    (if (v128.any_true (local.get $wrong))
      (then (call $invalid-utf8) (unreachable))))

  (func $meld:utf8-to-utf8-simd (export "transcode")
    (param $ptr from.addr) (param $length from.addr) (result to.addr to.addr)
    (local $to to.addr) (local $size i64) (local $len i32)
    (local $behind i32) (local $head v128) (local $tail v128) (local $first i64) (local $second i64)
    (if (from.addr.gt_u (local.get $length) (from.addr.const 0x0fffffff))
      (then (call $string-too-long) (unreachable)))
    (local.set $len (i32.wrap_from.addr (local.get $length)))
    (local.set $size
      (i64.shl (i64.extend_from.addr_u (memory.size $from)) (global.get $page-bits)))
    ;; The sum of pointer and length could wrap.
    (if (i32.or
          (i64.lt_u (local.get $size) (i64.extend_i32_u (local.get $len)))
          (i64.gt_u
            (i64.extend_from.addr_u (local.get $ptr))
            (i64.sub (local.get $size) (i64.extend_i32_u (local.get $len)))))
      (then (call $string-out-of-bounds) (unreachable)))
    (local.set $to
      (call $allocate
        (to.addr.const 0)
        (to.addr.const 0)
        (to.addr.const 1)
        (to.addr.extend_i32_u (local.get $len))))
    ;; 8 to 32 bytes of ASCII are all that the first and the last bytes are, which may overlap.
    (block $other
      (if (i32.ge_u (i32.sub (local.get $len) (i32.const 16)) (i32.const 17))
        (then
          (br_if $other (i32.ge_u (i32.sub (local.get $len) (i32.const 8)) (i32.const 8)))
          (local.set $behind (i32.sub (local.get $len) (i32.const 8)))
          (local.set $first (i64.load $from align=1 (local.get $ptr)))
          (local.set $second
            (i64.load $from align=1
              (from.addr.add (local.get $ptr) (from.addr.extend_i32_u (local.get $behind)))))
          (br_if $other
            (i64.ne
              (i64.and
                (i64.or (local.get $first) (local.get $second))
                (i64.const 0x8080808080808080))
              (i64.const 0)))
          (i64.store $to align=1 (local.get $to) (local.get $first))
          (i64.store $to align=1
            (to.addr.add (local.get $to) (to.addr.extend_i32_u (local.get $behind)))
            (local.get $second)))
        (else
          (local.set $behind (i32.sub (local.get $len) (i32.const 16)))
          (local.set $head (v128.load $from align=1 (local.get $ptr)))
          (local.set $tail
            (v128.load $from align=1
              (from.addr.add (local.get $ptr) (from.addr.extend_i32_u (local.get $behind)))))
          (br_if $other (i8x16.bitmask (v128.or (local.get $head) (local.get $tail))))
          (v128.store $to align=1 (local.get $to) (local.get $head))
          (v128.store $to align=1
            (to.addr.add (local.get $to) (to.addr.extend_i32_u (local.get $behind)))
            (local.get $tail))))
      (return (local.get $to) (to.addr.extend_i32_u (local.get $len))))
    (call $copy (local.get $ptr) (local.get $len) (local.get $to))
    (local.get $to)
    (to.addr.extend_i32_u (local.get $len)))
)
