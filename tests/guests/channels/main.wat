(module ;; What the fused module exports: it hands the end from the sender to the receiver.
  (import "sender" "send" (func $send (result i32)))
  (import "receiver" "receive" (func $receive (param i32) (result i64)))
  (func (export "run") (result i64) (call $receive (call $send))))
