(module
  (import "pulseengine:async" "stream_new" (func $new (result i64)))
  (import "pulseengine:async" "stream_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global $writable (mut i32) (i32.const 0))
  ;; Makes the stream and returns its readable end.
  (func (export "open") (result i32)
    (local $pair i64)
    (local.set $pair (call $new))
    (global.set $writable (i32.wrap_i64 (i64.shr_u (local.get $pair) (i64.const 32))))
    (i32.wrap_i64 (local.get $pair)))
  (func (export "produce") (param $bytes i32) (result i32)
    (call $write (global.get $writable) (i32.const 64) (local.get $bytes) (i32.const 0))))
