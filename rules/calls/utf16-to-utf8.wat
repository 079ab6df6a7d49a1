;; UTF-16 to UTF-8 (`store_utf16_to_utf8`): allocates for ASCII, grows to the worst case at the
;; first unit that is not, and shrinks in the end.
(module
  (import "" "from" (memory $from from.addr 0))
  (import "" "from.page-bits" (global $page-bits i64))
  (import "" "to" (memory $to to.addr 0))
  (import "" "allocate"
    (func $allocate (param to.addr to.addr to.addr to.addr) (result to.addr)))
  (import "traps" "unaligned-string" (func $unaligned-string))
  (import "traps" "string-too-long" (func $string-too-long))
  (import "traps" "string-out-of-bounds" (func $string-out-of-bounds))
  (import "runs" "narrow"
    (func $narrow (param from.addr i32 to.addr i32) (result from.addr i32 to.addr)))
  (import "characters" "utf16-to-utf8"
    (func $utf16-to-utf8 (param from.addr i32 to.addr) (result to.addr)))

  (func $meld:utf16-to-utf8 (export "transcode")
    (param $ptr from.addr) (param $length from.addr) (result to.addr to.addr)
    (local $result to.addr) (local $to to.addr) (local $size i64) (local $len i32)
    (local $written i32) (local $left i32) (local $char i32)
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
        (to.addr.const 1)
        (to.addr.extend_i32_u (local.get $len))))
    (local.set $to (local.get $result))
    (local.set $left (local.get $len))
    ;; One byte a unit, as long as that goes.
    (if (i32.ge_u (local.get $left) (i32.const 8))
      (then
        (call $narrow
          (local.get $ptr)
          (local.get $left)
          (local.get $to)
          (i32.const 0xff80))
        (local.set $to)
        (local.set $left)
        (local.set $ptr)))
    (loop $next
      (if (local.get $left)
        (then
          (local.set $char (i32.load16_u $from (local.get $ptr)))
          (if (i32.lt_u (local.get $char) (i32.const 0x80))
            (then
              (i32.store8 $to (local.get $to) (local.get $char))
              (local.set $ptr (from.addr.add (local.get $ptr) (from.addr.const 2)))
              (local.set $left (i32.sub (local.get $left) (i32.const 1)))
              (local.set $to (to.addr.add (local.get $to) (to.addr.const 1)))
              (br $next))))))
    (if (i32.eqz (local.get $left))
      (then
        (local.get $result)
        (to.addr.extend_i32_u (local.get $len))
        (return)))
    ;; Three bytes a unit are always enough. What is written stays.
    (local.set $written (i32.wrap_to.addr (to.addr.sub (local.get $to) (local.get $result))))
    (local.set $result
      (call $allocate
        (local.get $result)
        (to.addr.extend_i32_u (local.get $len))
        (to.addr.const 1)
        (to.addr.extend_i32_u (i32.mul (local.get $len) (i32.const 3)))))
    (local.set $written
      (i32.wrap_to.addr
        (to.addr.sub
          (call $utf16-to-utf8
            (local.get $ptr)
            (local.get $left)
            (to.addr.add (local.get $result) (to.addr.extend_i32_u (local.get $written))))
          (local.get $result))))
    (if (i32.lt_u (local.get $written) (i32.mul (local.get $len) (i32.const 3)))
      (then
        (local.set $result
          (call $allocate
            (local.get $result)
            (to.addr.extend_i32_u (i32.mul (local.get $len) (i32.const 3)))
            (to.addr.const 1)
            (to.addr.extend_i32_u (local.get $written))))))
    (local.get $result)
    (to.addr.extend_i32_u (local.get $written)))
)
