;; Latin-1 or UTF-16 to UTF-16 (`store_string_copy`): one allocation. What is UTF-16 is for `utf16`.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "from.page-bits" (global $page-bits i64))
  (import "" "to" (memory $to to.addr 0))
  (import "" "allocate"
    (func $allocate (param to.addr to.addr to.addr to.addr) (result to.addr)))
  (import "traps" "unaligned-string" (func $unaligned-string))
  (import "traps" "string-too-long" (func $string-too-long))
  (import "traps" "string-out-of-bounds" (func $string-out-of-bounds))
  (import "runs" "latin1-to-utf16"
    (func $latin1-to-utf16 (param from.addr i32 to.addr)))
  (import "utf16" "transcode"
    (func $utf16 (param from.addr from.addr) (result to.addr to.addr)))

  (func $meld:latin1-utf16-to-utf16 (export "transcode")
    (param $ptr from.addr) (param $length from.addr) (result to.addr to.addr)
    (local $result to.addr) (local $size i64) (local $len i32)
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
        (to.addr.const 2)
        (to.addr.extend_i32_u (i32.shl (local.get $len) (i32.const 1)))))
    (call $latin1-to-utf16 (local.get $ptr) (local.get $len) (local.get $result))
    (local.get $result)
    (to.addr.extend_i32_u (local.get $len)))
)
