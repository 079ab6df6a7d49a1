;; UTF-8 to UTF-16 (`store_utf8_to_utf16`): allocates for one unit a byte, and shrinks if that was
;; too much.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "from.page-bits" (global $page-bits i64))
  (import "" "to" (memory $to to.addr 0))
  (import "" "allocate"
    (func $allocate (param to.addr to.addr to.addr to.addr) (result to.addr)))
  (import "traps" "string-too-long" (func $string-too-long))
  (import "traps" "string-out-of-bounds" (func $string-out-of-bounds))
  (import "characters" "utf8-to-utf16"
    (func $utf8-to-utf16 (param from.addr i32 to.addr) (result to.addr)))

  (func $meld:utf8-to-utf16 (export "transcode")
    (param $ptr from.addr) (param $length from.addr) (result to.addr to.addr)
    (local $result to.addr) (local $size i64) (local $len i32) (local $written i32)
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
        (to.addr.extend_i32_u (i32.shl (local.get $len) (i32.const 1)))))
    (local.set $written
      (i32.wrap_to.addr
        (to.addr.sub
          (call $utf8-to-utf16 (local.get $ptr) (local.get $len) (local.get $result))
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
    (to.addr.extend_i32_u (i32.shr_u (local.get $written) (i32.const 1))))
)
