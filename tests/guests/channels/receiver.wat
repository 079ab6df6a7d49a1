(module ;; Adds up what a channel has, until its writer has closed it and all was read.
  (import "meld:channels" "read" (func $read (param i32 i32 i32) (result i32)))
  (import "meld:channels" "drop-readable" (func $close (param i32) (result i32)))
  (memory 1)
  (func (export "receive") (param $readable i32) (result i64) (local $sum i64)
    (block $end
      (loop $more
        ;; One element a call: 1 if there was one, 0 at the end.
        (br_if $end (i32.ne (call $read (local.get $readable) (i32.const 64) (i32.const 1)) (i32.const 1)))
        (local.set $sum (i64.add (local.get $sum) (i64.load (i32.const 64))))
        (br $more)))
    (drop (call $close (local.get $readable)))
    (local.get $sum)))
