;; UTF-16 to Latin-1 or UTF-16 (`store_string_to_latin1_or_utf16`): writes Latin-1 as long as that
;; goes, and inflates what is written when it does not.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "from.page-bits" (global $page-bits i64))
  (import "" "to" (memory $to to.addr 0))
  (import "" "allocate"
    (func $allocate (param to.addr to.addr to.addr to.addr) (result to.addr)))
  (import "traps" "unaligned-string" (func $unaligned-string))
  (import "traps" "string-too-long" (func $string-too-long))
  (import "traps" "string-out-of-bounds" (func $string-out-of-bounds))
  (import "traps" "invalid-utf16" (func $invalid-utf16))

  (func $meld:utf16-to-latin1-utf16 (export "transcode")
    (param $ptr from.addr) (param $length from.addr) (result to.addr to.addr)
    (local $result to.addr) (local $to to.addr) (local $size i64) (local $len i32) (local $left i32)
    (local $char i32) (local $word i64) (local $lanes i64) (local $written i32)
    (if (from.addr.gt_u (local.get $length) (from.addr.const 0x07ffffff))
      (then (call $string-too-long) (unreachable)))
    (local.set $len (i32.wrap_from.addr (local.get $length)))
    (if (i32.and (i32.wrap_from.addr (local.get $ptr)) (i32.const 1))
      (then (call $unaligned-string) (unreachable)))
    (local.set $size
      (i64.shl (i64.extend_from.addr_u (memory.size $from)) (global.get $page-bits)))
    ;; The sum of pointer and length could wrap.
    (if (i32.or
          (i64.lt_u (local.get $size) (i64.extend_i32_u (i32.shl (local.get $len) (i32.const 1))))
          (i64.gt_u
            (i64.extend_from.addr_u (local.get $ptr))
            (i64.sub
              (local.get $size)
              (i64.extend_i32_u (i32.shl (local.get $len) (i32.const 1))))))
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
          (if (i32.ge_u (local.get $left) (i32.const 4))
            (then
              (local.set $word (i64.load $from align=2 (local.get $ptr)))
              (if (i64.eqz (i64.and (local.get $word) (i64.const 0xff00ff00ff00ff00)))
                (then
                  (local.set $word
                    (i64.and
                      (i64.or (local.get $word) (i64.shr_u (local.get $word) (i64.const 8)))
                      (i64.const 0x0000ffff0000ffff)))
                  (i64.store32 $to align=1 (local.get $to)
                    (i64.or (local.get $word) (i64.shr_u (local.get $word) (i64.const 16))))
                  (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 8)))
                  (local.set $left (i32.sub (local.get $left) (i32.const 4)))
                  (local.set $to (to.addr.add (local.get $to) (to.addr.const 4)))
                  (br $next)))))
          (br_if $done (i32.eqz (local.get $left)))
          (local.set $char (i32.load16_u $from (local.get $ptr)))
          (br_if $latin1 (i32.ge_u (local.get $char) (i32.const 0x100)))
          (i32.store8 $to (local.get $to) (local.get $char))
          (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 2)))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
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
          (if (i32.ge_u (local.get $left) (i32.const 4))
            (then
              (local.set $word (i64.load $from align=2 (local.get $ptr)))
              ;; A lane is zero where a unit is a surrogate.
              (local.set $lanes
                (i64.and
                  (i64.xor (local.get $word) (i64.const 0xd800d800d800d800))
                  (i64.const 0xf800f800f800f800)))
              (if
                (i64.eqz
                  (i64.and
                    (i64.and
                      (i64.sub (local.get $lanes) (i64.const 0x0001000100010001))
                      (i64.xor (local.get $lanes) (i64.const -1)))
                    (i64.const 0x8000800080008000)))
                (then
                  (i64.store $to align=2 (local.get $to) (local.get $word))
                  (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 8)))
                  (local.set $left (i32.sub (local.get $left) (i32.const 4)))
                  (local.set $to (to.addr.add (local.get $to) (to.addr.const 8)))
                  (br $next)))))
          (br_if $utf16 (i32.eqz (local.get $left)))
          (local.set $char (i32.load16_u $from (local.get $ptr)))
          (if (i32.ne (i32.and (local.get $char) (i32.const 0xf800)) (i32.const 0xd800))
            (then
              (i32.store16 $to (local.get $to) (local.get $char))
              (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 2)))
              (local.set $left (i32.sub (local.get $left) (i32.const 1)))
              (local.set $to (to.addr.add (local.get $to) (to.addr.const 2)))
              (br $next)))
          (if (i32.lt_u (local.get $left) (i32.const 2))
            (then (call $invalid-utf16) (unreachable)))
          (local.set $char (i32.load $from align=2 (local.get $ptr)))
          (if (i32.ne (i32.and (local.get $char) (i32.const 0xfc00fc00)) (i32.const 0xdc00d800))
            (then (call $invalid-utf16) (unreachable)))
          (i32.store $to align=2 (local.get $to) (local.get $char))
          (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 4)))
          (local.set $left (i32.sub (local.get $left) (i32.const 2)))
          (local.set $to (to.addr.add (local.get $to) (to.addr.const 4)))
          (br $next)))
      (local.get $result)
      ;; The highest bit is the tag.
      (to.addr.or
        (to.addr.extend_i32_u (local.get $len))
        (to.addr.rotr (to.addr.const 1) (to.addr.const 1)))
      (return))
    (local.get $result)
    (to.addr.extend_i32_u (local.get $len)))
)
