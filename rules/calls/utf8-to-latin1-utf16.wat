;; UTF-8 to Latin-1 or UTF-16 (`store_string_to_latin1_or_utf16`): writes Latin-1 as long as that
;; goes, inflates what is written when it does not, and shrinks in the end.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "from.page-bits" (global $page-bits i64))
  (import "" "to" (memory $to to.addr 0))
  (import "" "allocate"
    (func $allocate (param to.addr to.addr to.addr to.addr) (result to.addr)))
  (import "traps" "string-too-long" (func $string-too-long))
  (import "traps" "string-out-of-bounds" (func $string-out-of-bounds))
  (import "traps" "invalid-utf8" (func $invalid-utf8))

  (func $meld:utf8-to-latin1-utf16 (export "transcode")
    (param $ptr from.addr) (param $length from.addr) (result to.addr to.addr)
    (local $result to.addr) (local $to to.addr) (local $size i64) (local $len i32) (local $left i32)
    (local $char i32) (local $bits i32) (local $word i64) (local $half i64)
    (local $written i32)
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
    (local.set $result
      (call $allocate
        (to.addr.const 0)
        (to.addr.const 0)
        (to.addr.const 2)
        (to.addr.extend_i32_u (local.get $len))))
    (local.set $to (local.get $result))
    (local.set $left (local.get $len))
    (block $done
      (block $latin1
        (loop $next
          (if (i32.ge_u (local.get $left) (i32.const 8))
            (then
              (local.set $word (i64.load $from align=1 (local.get $ptr)))
              (if (i64.eqz (i64.and (local.get $word) (i64.const 0x8080808080808080)))
                (then
                  (i64.store $to align=1 (local.get $to) (local.get $word))
                  (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 8)))
                  (local.set $left (i32.sub (local.get $left) (i32.const 8)))
                  (local.set $to (to.addr.add (local.get $to) (to.addr.const 8)))
                  (br $next)))))
          (br_if $done (i32.eqz (local.get $left)))
          (local.set $char (i32.load8_u $from (local.get $ptr)))
          (if (i32.lt_u (local.get $char) (i32.const 0x80))
            (then
              (i32.store8 $to (local.get $to) (local.get $char))
              (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 1)))
              (local.set $left (i32.sub (local.get $left) (i32.const 1)))
              (local.set $to (to.addr.add (local.get $to) (to.addr.const 1)))
              (br $next)))
          ;; Latin-1 above ASCII starts with 0xc2 or 0xc3; what is not valid is found below.
          (br_if $latin1 (i32.ne (i32.and (local.get $char) (i32.const 0xfe)) (i32.const 0xc2)))
          (br_if $latin1 (i32.lt_u (local.get $left) (i32.const 2)))
          (local.set $char (i32.load16_u $from align=1 (local.get $ptr)))
          (br_if $latin1
            (i32.ne (i32.and (local.get $char) (i32.const 0xc000)) (i32.const 0x8000)))
          (i32.store8 $to (local.get $to)
            (i32.or
              (i32.shl (i32.and (local.get $char) (i32.const 0x1f)) (i32.const 6))
              (i32.and (i32.shr_u (local.get $char) (i32.const 8)) (i32.const 0x3f))))
          (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 2)))
          (local.set $left (i32.sub (local.get $left) (i32.const 2)))
          (local.set $to (to.addr.add (local.get $to) (to.addr.const 1)))
          (br $next)))
      ;; A character needs UTF-16: inflate in place what is written, from its end, and go on.
      (local.set $written (i32.wrap_to.addr (to.addr.sub (local.get $to) (local.get $result))))
      (local.set $result
        (call $allocate
          (local.get $result)
          (to.addr.extend_i32_u (local.get $len))
          (to.addr.const 2)
          (to.addr.extend_i32_u (i32.shl (local.get $len) (i32.const 1)))))
      (local.set $to
        (to.addr.add
          (local.get $result)
          (to.addr.extend_i32_u (i32.shl (local.get $written) (i32.const 1)))))
      (block $inflated
        (loop $back
          (br_if $inflated (i32.eqz (local.get $written)))
          (local.set $written (i32.sub (local.get $written) (i32.const 1)))
          (i32.store16 $to
            (to.addr.add
              (local.get $result)
              (to.addr.extend_i32_u (i32.shl (local.get $written) (i32.const 1))))
            (i32.load8_u $to
              (to.addr.add (local.get $result) (to.addr.extend_i32_u (local.get $written)))))
          (br $back)))
      (block $utf16
        (loop $next
          (if (i32.ge_u (local.get $left) (i32.const 8))
            (then
              (local.set $word (i64.load $from align=1 (local.get $ptr)))
              (if (i64.eqz (i64.and (local.get $word) (i64.const 0x8080808080808080)))
                (then
                  (local.set $half (i64.and (local.get $word) (i64.const 0xffffffff)))
                  (local.set $half
                    (i64.and
                      (i64.or (local.get $half) (i64.shl (local.get $half) (i64.const 16)))
                      (i64.const 0x0000ffff0000ffff)))
                  (i64.store $to align=2 (local.get $to)
                    (i64.and
                      (i64.or (local.get $half) (i64.shl (local.get $half) (i64.const 8)))
                      (i64.const 0x00ff00ff00ff00ff)))
                  (local.set $half (i64.shr_u (local.get $word) (i64.const 32)))
                  (local.set $half
                    (i64.and
                      (i64.or (local.get $half) (i64.shl (local.get $half) (i64.const 16)))
                      (i64.const 0x0000ffff0000ffff)))
                  (i64.store $to offset=8 align=2 (local.get $to)
                    (i64.and
                      (i64.or (local.get $half) (i64.shl (local.get $half) (i64.const 8)))
                      (i64.const 0x00ff00ff00ff00ff)))
                  (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 8)))
                  (local.set $left (i32.sub (local.get $left) (i32.const 8)))
                  (local.set $to (to.addr.add (local.get $to) (to.addr.const 16)))
                  (br $next)))))
          (br_if $utf16 (i32.eqz (local.get $left)))
          (local.set $char (i32.load8_u $from (local.get $ptr)))
          (if (i32.lt_u (local.get $char) (i32.const 0x80))
            (then
              (i32.store16 $to (local.get $to) (local.get $char))
              (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 1)))
              (local.set $left (i32.sub (local.get $left) (i32.const 1)))
              (local.set $to (to.addr.add (local.get $to) (to.addr.const 2)))
              (br $next)))
          (loop $char
            ;; One character of two, three or four bytes: continuation bytes, no overlong forms, no
            ;; surrogates, nothing above 0x10ffff.
            (local.set $char (i32.load8_u $from (local.get $ptr)))
            (if (i32.lt_u (local.get $char) (i32.const 0xe0))
              (then
                (if (i32.lt_u (local.get $left) (i32.const 2))
                  (then (call $invalid-utf8) (unreachable)))
                (local.set $char (i32.load16_u $from align=1 (local.get $ptr)))
                (if (i32.or
                      (i32.ne (i32.and (local.get $char) (i32.const 0xc0e0)) (i32.const 0x80c0))
                      (i32.eqz (i32.and (local.get $char) (i32.const 0x1e))))
                  (then (call $invalid-utf8) (unreachable)))
                (i32.store16 $to (local.get $to)
                  (i32.or
                    (i32.shl (i32.and (local.get $char) (i32.const 0x1f)) (i32.const 6))
                    (i32.and (i32.shr_u (local.get $char) (i32.const 8)) (i32.const 0x3f))))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 2)))
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 2)))
                (local.set $left (i32.sub (local.get $left) (i32.const 2))))
              (else
                (if (i32.lt_u (local.get $char) (i32.const 0xf0))
                  (then
                    (if (i32.lt_u (local.get $left) (i32.const 3))
                      (then (call $invalid-utf8) (unreachable)))
                    (local.set $char
                      (i32.or
                        (i32.load16_u $from align=1 (local.get $ptr))
                        (i32.shl (i32.load8_u $from offset=2 (local.get $ptr)) (i32.const 16))))
                    (local.set $bits (i32.and (local.get $char) (i32.const 0x200f)))
                    (if (i32.or
                          (i32.ne
                            (i32.and (local.get $char) (i32.const 0xc0c0f0))
                            (i32.const 0x8080e0))
                          (i32.or
                            (i32.eqz (local.get $bits))
                            (i32.eq (local.get $bits) (i32.const 0x200d))))
                      (then (call $invalid-utf8) (unreachable)))
                    (i32.store16 $to (local.get $to)
                      (i32.or
                        (i32.or
                          (i32.shl (i32.and (local.get $char) (i32.const 0x0f)) (i32.const 12))
                          (i32.and (i32.shr_u (local.get $char) (i32.const 2)) (i32.const 0xfc0)))
                        (i32.and (i32.shr_u (local.get $char) (i32.const 16)) (i32.const 0x3f))))
                    (local.set $to (to.addr.add (local.get $to) (to.addr.const 2)))
                    (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 3)))
                    (local.set $left (i32.sub (local.get $left) (i32.const 3))))
                  (else
                    (if (i32.lt_u (local.get $left) (i32.const 4))
                      (then (call $invalid-utf8) (unreachable)))
                    (local.set $char (i32.load $from align=1 (local.get $ptr)))
                    ;; The character's number without its low 16 bits, which is 1 to 16.
                    (local.set $bits
                      (i32.or
                        (i32.shl (i32.and (local.get $char) (i32.const 7)) (i32.const 2))
                        (i32.and (i32.shr_u (local.get $char) (i32.const 12)) (i32.const 3))))
                    (if (i32.or
                          (i32.ne
                            (i32.and (local.get $char) (i32.const 0xc0c0c0f8))
                            (i32.const 0x808080f0))
                          (i32.gt_u (i32.sub (local.get $bits) (i32.const 1)) (i32.const 15)))
                      (then (call $invalid-utf8) (unreachable)))
                    (local.set $char
                      (i32.sub
                        (i32.or
                          (i32.or
                            (i32.shl (i32.and (local.get $char) (i32.const 7)) (i32.const 18))
                            (i32.and
                              (i32.shl (local.get $char) (i32.const 4))
                              (i32.const 0x3f000)))
                          (i32.or
                            (i32.and
                              (i32.shr_u (local.get $char) (i32.const 10))
                              (i32.const 0xfc0))
                            (i32.and
                              (i32.shr_u (local.get $char) (i32.const 24))
                              (i32.const 0x3f))))
                        (i32.const 0x10000)))
                    ;; The high surrogate is stored first.
                    (i32.store $to align=2 (local.get $to)
                      (i32.or
                        (i32.or
                          (i32.const 0xdc00d800)
                          (i32.shr_u (local.get $char) (i32.const 10)))
                        (i32.shl (i32.and (local.get $char) (i32.const 0x3ff)) (i32.const 16))))
                    (local.set $to (to.addr.add (local.get $to) (to.addr.const 4)))
                    (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 4)))
                    (local.set $left (i32.sub (local.get $left) (i32.const 4)))))))
            ;; Texts that are not ASCII are mostly not ASCII for a while.
            (if (local.get $left)
              (then
                (br_if $char (i32.ge_u (i32.load8_u $from (local.get $ptr)) (i32.const 0x80))))))
          (br $next)))
      (local.set $written (i32.wrap_to.addr (to.addr.sub (local.get $to) (local.get $result))))
      (if (i32.lt_u (local.get $written) (i32.shl (local.get $len) (i32.const 1)))
        (then
          (local.set $result
            (call $allocate
              (local.get $result)
              (to.addr.extend_i32_u (i32.shl (local.get $len) (i32.const 1)))
              (to.addr.const 2)
              (to.addr.extend_i32_u (local.get $written))))))
      (local.get $result)
      ;; The highest bit is the tag.
      (to.addr.or
        (to.addr.extend_i32_u (i32.shr_u (local.get $written) (i32.const 1)))
        (to.addr.rotr (to.addr.const 1) (to.addr.const 1)))
      (return))
    (local.set $written (i32.wrap_to.addr (to.addr.sub (local.get $to) (local.get $result))))
    (if (i32.lt_u (local.get $written) (local.get $len))
      (then
        (local.set $result
          (call $allocate
            (local.get $result)
            (to.addr.extend_i32_u (local.get $len))
            (to.addr.const 2)
            (to.addr.extend_i32_u (local.get $written))))))
    (local.get $result)
    (to.addr.extend_i32_u (local.get $written)))
)
