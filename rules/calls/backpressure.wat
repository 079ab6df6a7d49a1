;; The backpressure counter of one component instance ("backpressure.inc" in the Canonical ABI).
;; Calls of synchronous functions pass it by, so that only its limits can be seen.
(module
  (import "traps" "backpressure-out-of-range" (func $out-of-range))
  (global $count (mut i32) (i32.const 0))

  (func $meld:backpressure-inc (export "inc")
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (if (i32.eq (global.get $count) (i32.const 0x10000))
      (then (call $out-of-range) (unreachable))))

  (func $meld:backpressure-dec (export "dec")
    (if (i32.eqz (global.get $count)) (then (call $out-of-range) (unreachable)))
    (global.set $count (i32.sub (global.get $count) (i32.const 1))))
)
