;; A guest's `realloc`, with what it returns checked for alignment and bounds.
(module
  (import "" "memory" (memory 0))
  (import "" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
  (import "traps" "realloc-unaligned" (func $realloc-unaligned))
  (import "traps" "realloc-out-of-bounds" (func $realloc-out-of-bounds))

  (func $meld:checked-realloc (export "realloc")
    (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $result i32)
    (local.set $result
      (call $realloc (local.get $old) (local.get $old-size) (local.get $align) (local.get $size)))
    (if (i32.and (local.get $result) (i32.sub (local.get $align) (i32.const 1)))
      (then (call $realloc-unaligned) (unreachable)))
    ;; Also nothing has to be in memory, which may just have grown.
    (if (i64.gt_u
          (i64.add (i64.extend_i32_u (local.get $result)) (i64.extend_i32_u (local.get $size)))
          (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16)))
      (then (call $realloc-out-of-bounds) (unreachable)))
    (local.get $result))
)
