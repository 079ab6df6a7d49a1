;; A guest's `realloc`, with what it returns checked for alignment and bounds.
(module
  (import "" "memory" (memory memory.addr 0))
  (import "" "memory.page-bits" (global $page-bits i64))
  (import "" "realloc"
    (func $realloc
      (param memory.addr memory.addr memory.addr memory.addr) (result memory.addr)))
  (import "traps" "realloc-unaligned" (func $realloc-unaligned))
  (import "traps" "realloc-out-of-bounds" (func $realloc-out-of-bounds))

  (func $meld:checked-realloc (export "realloc")
    (param $old memory.addr) (param $old-size memory.addr) (param $align memory.addr)
    (param $size memory.addr) (result memory.addr)
    (local $result memory.addr) (local $have i64)
    (local.set $result
      (call $realloc (local.get $old) (local.get $old-size) (local.get $align) (local.get $size)))
    (if (i32.wrap_memory.addr
          (memory.addr.and
            (local.get $result)
            (memory.addr.sub (local.get $align) (memory.addr.const 1))))
      (then (call $realloc-unaligned) (unreachable)))
    ;; Also nothing has to be in memory, which may just have grown. The sum of result and size
    ;; could wrap.
    (local.set $have
      (i64.shl (i64.extend_memory.addr_u (memory.size)) (global.get $page-bits)))
    (if (i32.or
          (i64.lt_u (local.get $have) (i64.extend_memory.addr_u (local.get $size)))
          (i64.gt_u
            (i64.extend_memory.addr_u (local.get $result))
            (i64.sub (local.get $have) (i64.extend_memory.addr_u (local.get $size)))))
      (then (call $realloc-out-of-bounds) (unreachable)))
    (local.get $result))
)
