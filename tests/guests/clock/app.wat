;; Asks the host what time it is, and in which time zone.
(component
  (import "my:app/clock" (instance $clock
    (export "now" (func (result s64)))
    (export "zone" (func (result s32)))))
  (core func $now (canon lower (func $clock "now")))
  (core func $zone (canon lower (func $clock "zone")))
  (core module $main
    (import "clock" "now" (func $now (result i64)))
    (import "clock" "zone" (func $zone (result i32)))
    (func (export "later") (param i64) (result i64) (i64.add (call $now) (local.get 0)))
    (func (export "zone") (result i32) (call $zone)))
  (core instance $main (instantiate $main
    (with "clock" (instance (export "now" (func $now)) (export "zone" (func $zone))))))
  (func (export "later") (param "by" s64) (result s64) (canon lift (core func $main "later")))
  (func (export "zone") (result s32) (canon lift (core func $main "zone"))))
