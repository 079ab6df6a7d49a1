;; The backpressure counter goes from 0 to 65535.
;; expect fine => 1
;; expect above => trap
;; expect below => trap
(component
  (core func $inc (canon backpressure.inc))
  (core func $dec (canon backpressure.dec))
  (core module $m
    (import "" "inc" (func $inc))
    (import "" "dec" (func $dec))
    (func $up (param $times i32)
      (loop $more
        (call $inc)
        (local.set $times (i32.sub (local.get $times) (i32.const 1)))
        (br_if $more (local.get $times))))
    (func (export "fine") (result i32)
      (call $up (i32.const 65535)) (call $dec) (call $inc) (i32.const 1))
    (func (export "above") (result i32) (call $up (i32.const 65536)) (i32.const 1))
    (func (export "below") (result i32) (call $inc) (call $dec) (call $dec) (i32.const 1)))
  (core instance $m (instantiate $m (with "" (instance
    (export "inc" (func $inc)) (export "dec" (func $dec))))))
  (func (export "fine") (result u32) (canon lift (core func $m "fine")))
  (func (export "above") (result u32) (canon lift (core func $m "above")))
  (func (export "below") (result u32) (canon lift (core func $m "below"))))
