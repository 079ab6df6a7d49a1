;; The memory by which values reach the host, and its allocator.
;;
;; What is allocated lies one behind the other. A call from the host leaves its arguments there, and
;; its result until the host has read it; a call of the host lies behind what was kept by then. Such
;; calls do not nest: while the host runs, nothing is entered.
(module
  (import "traps" "border-full" (func $border-full))

  (memory (export "memory") 1)

  ;; Addresses from here on are given out. 0 is none: embedders may take it for a failure.
  (global $first i32 (i32.const 16))
  ;; What lies below stays until the exported function that runs has been done with.
  (global $kept (mut i32) (i32.const 16))
  ;; The end of all that is allocated.
  (global $end (mut i32) (i32.const 16))

  (func $meld:border-realloc (export "realloc")
    (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $start i32) (local $stop i64)
    (local.set $start
      (i32.and
        (i32.add (global.get $end) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (if (local.get $old)
      (then
        (if (i32.le_u (local.get $size) (local.get $old-size))
          (then (return (local.get $old))))
        ;; The last allocation grows where it is.
        (if (i32.eq (i32.add (local.get $old) (local.get $old-size)) (global.get $end))
          (then (local.set $start (local.get $old))))))
    (local.set $stop
      (i64.add (i64.extend_i32_u (local.get $start)) (i64.extend_i32_u (local.get $size))))
    ;; Rounding up may have wrapped around.
    (if (i32.lt_u (local.get $start) (global.get $first))
      (then (call $border-full) (unreachable)))
    (if (i64.gt_u (local.get $stop) (i64.extend_i32_u (i32.const -1)))
      (then (call $border-full) (unreachable)))
    (call $reach (local.get $stop))
    (global.set $end (i32.wrap_i64 (local.get $stop)))
    (if (i32.and (i32.ne (local.get $old) (i32.const 0)) (i32.ne (local.get $old) (local.get $start)))
      (then
        (memory.copy (local.get $start) (local.get $old) (local.get $old-size))))
    (local.get $start))

  ;; Grows the memory until it reaches up to here.
  (func $reach (param $stop i64)
    (local $pages i32)
    (local.set $pages
      (i32.sub
        (i32.wrap_i64 (i64.shr_u (i64.add (local.get $stop) (i64.const 0xffff)) (i64.const 16)))
        (memory.size)))
    (if (i32.gt_s (local.get $pages) (i32.const 0))
      (then
        (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1))
          (then (call $border-full) (unreachable))))))

  ;; Allocates for the result of an exported function, which lies there while the function runs.
  (func $meld:border-keep (export "keep")
    (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (call $meld:border-realloc
      (local.get $old) (local.get $old-size) (local.get $align) (local.get $size))
    (global.set $kept (global.get $end)))

  ;; Ends a call of the host.
  (func $meld:border-release (export "release") (global.set $end (global.get $kept)))

  ;; Ends a call from the host.
  (func $meld:border-reset (export "reset")
    (global.set $kept (global.get $first))
    (global.set $end (global.get $first)))
)
