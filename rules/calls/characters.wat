;; Characters of strings, valid or a trap: strings to their ends, of which runs are converted
;; elsewhere and what is left of them here. There is room for the longest result.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "to" (memory $to to.addr 0))
  (import "traps" "invalid-utf8" (func $invalid-utf8))
  (import "traps" "invalid-utf16" (func $invalid-utf16))
  (import "runs" "utf8-to-utf16"
    (func $utf8-to-utf16 (param from.addr i32 to.addr) (result from.addr i32 to.addr)))
  (import "runs" "utf16-to-utf8"
    (func $utf16-to-utf8 (param from.addr i32 to.addr) (result from.addr i32 to.addr)))
  (import "runs" "utf16-to-utf16"
    (func $utf16-to-utf16 (param from.addr i32 to.addr) (result from.addr i32 to.addr)))

  ;; UTF-8 to UTF-16: returns the end of the result.
  (func $meld:utf8-to-utf16-characters (export "utf8-to-utf16")
    (param $ptr from.addr) (param $left i32) (param $to to.addr) (result to.addr)
    (local $char i32) (local $bits i32)
    (block $done
      (loop $next
        (if (i32.ge_u (local.get $left) (i32.const 8))
          (then
            (call $utf8-to-utf16 (local.get $ptr) (local.get $left) (local.get $to))
            (local.set $to)
            (local.set $left)
            (local.set $ptr)))
        ;; ASCII up to the first character of several bytes.
        (loop $ascii
          (br_if $done (i32.eqz (local.get $left)))
          (local.set $char (i32.load8_u $from (local.get $ptr)))
          (if (i32.lt_u (local.get $char) (i32.const 0x80))
            (then
              (i32.store16 $to (local.get $to) (local.get $char))
              (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 1)))
              (local.set $left (i32.sub (local.get $left) (i32.const 1)))
              (local.set $to (to.addr.add (local.get $to) (to.addr.const 2)))
              (br $ascii))))
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
                          (i32.and (i32.shl (local.get $char) (i32.const 4)) (i32.const 0x3f000)))
                        (i32.or
                          (i32.and (i32.shr_u (local.get $char) (i32.const 10)) (i32.const 0xfc0))
                          (i32.and
                            (i32.shr_u (local.get $char) (i32.const 24))
                            (i32.const 0x3f))))
                      (i32.const 0x10000)))
                  ;; The high surrogate is stored first.
                  (i32.store $to align=2 (local.get $to)
                    (i32.or
                      (i32.or (i32.const 0xdc00d800) (i32.shr_u (local.get $char) (i32.const 10)))
                      (i32.shl (i32.and (local.get $char) (i32.const 0x3ff)) (i32.const 16))))
                  (local.set $to (to.addr.add (local.get $to) (to.addr.const 4)))
                  (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 4)))
                  (local.set $left (i32.sub (local.get $left) (i32.const 4)))
                  ;; No run knows these. What follows may be one again.
                  (if (local.get $left)
                    (then
                      (br_if $char
                        (i32.ge_u (i32.load8_u $from (local.get $ptr)) (i32.const 0xf0)))))
                  (br $next)))))
          ;; Texts that are not ASCII are mostly not ASCII for a while.
          (if (local.get $left)
            (then
              (br_if $char (i32.ge_u (i32.load8_u $from (local.get $ptr)) (i32.const 0x80))))))
        (br $next)))
    (local.get $to))

  ;; UTF-16 to UTF-8: returns the end of the result.
  (func $meld:utf16-to-utf8-characters (export "utf16-to-utf8")
    (param $ptr from.addr) (param $left i32) (param $to to.addr) (result to.addr)
    (local $char i32)
    (block $done
      (loop $next
        (if (i32.ge_u (local.get $left) (i32.const 8))
          (then
            (call $utf16-to-utf8 (local.get $ptr) (local.get $left) (local.get $to))
            (local.set $to)
            (local.set $left)
            (local.set $ptr)))
        (br_if $done (i32.eqz (local.get $left)))
        (loop $char
          (block $more
            (local.set $char (i32.load16_u $from (local.get $ptr)))
            (if (i32.lt_u (local.get $char) (i32.const 0x80))
              (then
                (i32.store8 $to (local.get $to) (local.get $char))
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 2)))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 1)))
                (br $more)))
            (if (i32.lt_u (local.get $char) (i32.const 0x800))
              (then
                (i32.store16 $to align=1 (local.get $to)
                  (i32.or
                    (i32.or (i32.const 0x80c0) (i32.shr_u (local.get $char) (i32.const 6)))
                    (i32.shl (i32.and (local.get $char) (i32.const 0x3f)) (i32.const 8))))
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 2)))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 2)))
                (br $more)))
            (if (i32.ne (i32.and (local.get $char) (i32.const 0xf800)) (i32.const 0xd800))
              (then
                (i32.store16 $to align=1 (local.get $to)
                  (i32.or
                    (i32.or (i32.const 0x80e0) (i32.shr_u (local.get $char) (i32.const 12)))
                    (i32.shl (i32.and (local.get $char) (i32.const 0xfc0)) (i32.const 2))))
                (i32.store8 $to offset=2 (local.get $to)
                  (i32.or (i32.const 0x80) (i32.and (local.get $char) (i32.const 0x3f))))
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 2)))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 3)))
                (br $more)))
            (if (i32.lt_u (local.get $left) (i32.const 2)) (then (call $invalid-utf16) (unreachable)))
            (local.set $char (i32.load $from align=2 (local.get $ptr)))
            (if (i32.ne (i32.and (local.get $char) (i32.const 0xfc00fc00)) (i32.const 0xdc00d800))
              (then (call $invalid-utf16) (unreachable)))
            (local.set $char
              (i32.add
                (i32.const 0x10000)
                (i32.or
                  (i32.shl (i32.and (local.get $char) (i32.const 0x3ff)) (i32.const 10))
                  (i32.and (i32.shr_u (local.get $char) (i32.const 16)) (i32.const 0x3ff)))))
            (i32.store $to align=1 (local.get $to)
              (i32.or
                (i32.or
                  (i32.or (i32.const 0x808080f0) (i32.shr_u (local.get $char) (i32.const 18)))
                  (i32.and (i32.shr_u (local.get $char) (i32.const 4)) (i32.const 0x3f00)))
                (i32.or
                  (i32.shl (i32.and (local.get $char) (i32.const 0xfc0)) (i32.const 10))
                  (i32.shl (i32.and (local.get $char) (i32.const 0x3f)) (i32.const 24)))))
            (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 4)))
            (local.set $left (i32.sub (local.get $left) (i32.const 2)))
            (local.set $to (to.addr.add (local.get $to) (to.addr.const 4)))
            ;; No run knows these. What follows may be one again.
            (br_if $next (i32.eqz (local.get $left)))
            (br_if $char
              (i32.eq
                (i32.and (i32.load16_u $from (local.get $ptr)) (i32.const 0xf800))
                (i32.const 0xd800)))
            (br $next))
          ;; Texts that are not ASCII are mostly not ASCII for a while.
          (if (local.get $left)
            (then
              (br_if $char (i32.ge_u (i32.load16_u $from (local.get $ptr)) (i32.const 0x80))))))
        (br $next)))
    (local.get $to))

  ;; UTF-16 to the same.
  (func $meld:utf16-to-utf16-characters (export "utf16-to-utf16")
    (param $ptr from.addr) (param $left i32) (param $to to.addr)
    (local $char i32)
    (block $done
      (loop $next
        (if (i32.ge_u (local.get $left) (i32.const 8))
          (then
            (call $utf16-to-utf16 (local.get $ptr) (local.get $left) (local.get $to))
            (local.set $to)
            (local.set $left)
            (local.set $ptr)))
        (br_if $done (i32.eqz (local.get $left)))
        (local.set $char (i32.load16_u $from (local.get $ptr)))
        (if (i32.ne (i32.and (local.get $char) (i32.const 0xf800)) (i32.const 0xd800))
          (then
            (i32.store16 $to (local.get $to) (local.get $char))
            (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 2)))
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (local.set $to (to.addr.add (local.get $to) (to.addr.const 2)))
            (br $next)))
        (loop $pair
          (if (i32.lt_u (local.get $left) (i32.const 2))
            (then (call $invalid-utf16) (unreachable)))
          (local.set $char (i32.load $from align=2 (local.get $ptr)))
          (if (i32.ne (i32.and (local.get $char) (i32.const 0xfc00fc00)) (i32.const 0xdc00d800))
            (then (call $invalid-utf16) (unreachable)))
          (i32.store $to align=2 (local.get $to) (local.get $char))
          (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 4)))
          (local.set $left (i32.sub (local.get $left) (i32.const 2)))
          (local.set $to (to.addr.add (local.get $to) (to.addr.const 4)))
          (if (local.get $left)
            (then
              (br_if $pair
                (i32.eq
                  (i32.and (i32.load16_u $from (local.get $ptr)) (i32.const 0xf800))
                  (i32.const 0xd800))))))
        (br $next))))
)
