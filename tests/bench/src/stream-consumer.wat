(module
  (import "producer" "open" (func $open (result i32)))
  (import "producer" "produce" (func $produce (param i32) (result i32)))
  (import "pulseengine:async" "stream_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global $readable (mut i32) (i32.const -1))
  (global $opened (mut i32) (i32.const 0))
  ;; Moves chunks of bytes and returns how many bytes came through.
  (func (export "run") (param $chunks i32) (param $bytes i32) (result i32)
    (local $sum i32)
    (if (i32.eqz (global.get $opened))
      (then
        (global.set $opened (i32.const 1))
        (global.set $readable (call $open))))
    (loop $next
      (if (i32.ne (call $produce (local.get $bytes)) (local.get $bytes)) (then unreachable))
      (local.set $sum
        (i32.add
          (local.get $sum)
          (call $read (global.get $readable) (i32.const 64) (local.get $bytes) (i32.const 0))))
      (local.set $chunks (i32.sub (local.get $chunks) (i32.const 1)))
      (br_if $next (local.get $chunks)))
    (local.get $sum)))
