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
  (import "runs" "ascii"
    (func $ascii (param from.addr i32 to.addr) (result from.addr i32 to.addr)))
  (import "runs" "utf8-to-latin1"
    (func $utf8-to-latin1 (param from.addr i32 to.addr) (result from.addr i32 to.addr)))
  (import "runs" "inflate" (func $inflate (param to.addr i32)))
  (import "characters" "utf8-to-utf16"
    (func $utf8-to-utf16 (param from.addr i32 to.addr) (result to.addr)))

  (func $meld:utf8-to-latin1-utf16 (export "transcode")
    (param $ptr from.addr) (param $length from.addr) (result to.addr to.addr)
    (local $result to.addr) (local $to to.addr) (local $size i64) (local $len i32) (local $left i32)
    (local $char i32) (local $written i32)
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
              (call $ascii (local.get $ptr) (local.get $left) (local.get $to))
              (local.set $to)
              (local.set $left)
              (local.set $ptr)))
          (loop $char
            (br_if $done (i32.eqz (local.get $left)))
            (local.set $char (i32.load8_u $from (local.get $ptr)))
            (if (i32.lt_u (local.get $char) (i32.const 0x80))
              (then
                (i32.store8 $to (local.get $to) (local.get $char))
                (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 1)))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (local.set $to (to.addr.add (local.get $to) (to.addr.const 1)))
                (br $char))))
          (if (i32.ge_u (local.get $left) (i32.const 8))
            (then
              (local.set $written (local.get $left))
              (call $utf8-to-latin1 (local.get $ptr) (local.get $left) (local.get $to))
              (local.set $to)
              (local.set $left)
              (local.set $ptr)
              (br_if $next (i32.ne (local.get $left) (local.get $written)))))
          (loop $pair
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
            (br_if $done (i32.eqz (local.get $left)))
            (local.set $char (i32.load8_u $from (local.get $ptr)))
            (br_if $pair (i32.ge_u (local.get $char) (i32.const 0x80))))
          (br $next)))
      ;; A character needs UTF-16: inflate in place what is written, from its end, and go on.
      (local.set $written (i32.wrap_to.addr (to.addr.sub (local.get $to) (local.get $result))))
      (local.set $result
        (call $allocate
          (local.get $result)
          (to.addr.extend_i32_u (local.get $len))
          (to.addr.const 2)
          (to.addr.extend_i32_u (i32.shl (local.get $len) (i32.const 1)))))
      (call $inflate (local.get $result) (local.get $written))
      (local.set $written
        (i32.wrap_to.addr
          (to.addr.sub
            (call $utf8-to-utf16
              (local.get $ptr)
              (local.get $left)
              (to.addr.add
                (local.get $result)
                (to.addr.extend_i32_u (i32.shl (local.get $written) (i32.const 1)))))
            (local.get $result))))
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
