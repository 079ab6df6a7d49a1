;; Latin-1 or UTF-16 to UTF-8 (`store_latin1_to_utf8`): allocates for ASCII, grows to the worst case
;; at the first character that is not, and shrinks in the end. What is UTF-16 is for `utf16`.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "from.page-bits" (global $page-bits i64))
  (import "" "to" (memory $to to.addr 0))
  (import "" "allocate"
    (func $allocate (param to.addr to.addr to.addr to.addr) (result to.addr)))
  (import "traps" "unaligned-string" (func $unaligned-string))
  (import "traps" "string-too-long" (func $string-too-long))
  (import "traps" "string-out-of-bounds" (func $string-out-of-bounds))
  (import "runs" "ascii"
    (func $ascii (param from.addr i32 to.addr) (result from.addr i32 to.addr)))
  (import "utf16" "transcode"
    (func $utf16 (param from.addr from.addr) (result to.addr to.addr)))

  (func $meld:latin1-utf16-to-utf8 (export "transcode")
    (param $ptr from.addr) (param $length from.addr) (result to.addr to.addr)
    (local $result to.addr) (local $to to.addr) (local $size i64) (local $len i32)
    (local $written i32) (local $left i32) (local $char i32)
    (if (from.addr.lt_s (local.get $length) (from.addr.const 0))
      (then
        ;; Without the tag in the highest bit.
        (return
          (call $utf16
            (local.get $ptr)
            (from.addr.shr_u
              (from.addr.shl (local.get $length) (from.addr.const 1))
              (from.addr.const 1))))))
    (if (from.addr.gt_u (local.get $length) (from.addr.const 0x0fffffff))
      (then (call $string-too-long) (unreachable)))
    (local.set $len (i32.wrap_from.addr (local.get $length)))
    (if (i32.and (i32.wrap_from.addr (local.get $ptr)) (i32.const 1))
      (then (call $unaligned-string) (unreachable)))
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
        (to.addr.const 1)
        (to.addr.extend_i32_u (local.get $len))))
    (local.set $to (local.get $result))
    (local.set $left (local.get $len))
    ;; One byte a character, as long as that goes.
    (if (i32.ge_u (local.get $left) (i32.const 8))
      (then
        (call $ascii (local.get $ptr) (local.get $left) (local.get $to))
        (local.set $to)
        (local.set $left)
        (local.set $ptr)))
    (loop $next
      (if (local.get $left)
        (then
          (local.set $char (i32.load8_u $from (local.get $ptr)))
          (if (i32.lt_u (local.get $char) (i32.const 0x80))
            (then
              (i32.store8 $to (local.get $to) (local.get $char))
              (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 1)))
              (local.set $left (i32.sub (local.get $left) (i32.const 1)))
              (local.set $to (to.addr.add (local.get $to) (to.addr.const 1)))
              (br $next))))))
    (if (i32.eqz (local.get $left))
      (then
        (local.get $result)
        (to.addr.extend_i32_u (local.get $len))
        (return)))
    ;; Two bytes a character are always enough. What is written stays.
    (local.set $written (i32.wrap_to.addr (to.addr.sub (local.get $to) (local.get $result))))
    (local.set $result
      (call $allocate
        (local.get $result)
        (to.addr.extend_i32_u (local.get $len))
        (to.addr.const 1)
        (to.addr.extend_i32_u (i32.shl (local.get $len) (i32.const 1)))))
    (local.set $to
      (to.addr.add (local.get $result) (to.addr.extend_i32_u (local.get $written))))
    (block $done
      (loop $next
        (if (i32.ge_u (local.get $left) (i32.const 8))
          (then
            (call $ascii (local.get $ptr) (local.get $left) (local.get $to))
            (local.set $to)
            (local.set $left)
            (local.set $ptr)))
        (loop $char
          (br_if $done (i32.eqz (local.get $left)))
          (local.set $char (i32.load8_u $from (local.get $ptr)))
          (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 1)))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (if (i32.lt_u (local.get $char) (i32.const 0x80))
            (then
              (i32.store8 $to (local.get $to) (local.get $char))
              (local.set $to (to.addr.add (local.get $to) (to.addr.const 1)))
              (br $char)))
          (i32.store16 $to align=1 (local.get $to)
            (i32.or
              (i32.or (i32.const 0x80c0) (i32.shr_u (local.get $char) (i32.const 6)))
              (i32.shl (i32.and (local.get $char) (i32.const 0x3f)) (i32.const 8))))
          (local.set $to (to.addr.add (local.get $to) (to.addr.const 2)))
          (br_if $done (i32.eqz (local.get $left)))
          (br_if $char (i32.ge_u (i32.load8_u $from (local.get $ptr)) (i32.const 0x80)))
          (br $next))))
    (local.set $written (i32.wrap_to.addr (to.addr.sub (local.get $to) (local.get $result))))
    (if (i32.lt_u (local.get $written) (i32.shl (local.get $len) (i32.const 1)))
      (then
        (local.set $result
          (call $allocate
            (local.get $result)
            (to.addr.extend_i32_u (i32.shl (local.get $len) (i32.const 1)))
            (to.addr.const 1)
            (to.addr.extend_i32_u (local.get $written))))))
    (local.get $result)
    (to.addr.extend_i32_u (local.get $written)))
)
