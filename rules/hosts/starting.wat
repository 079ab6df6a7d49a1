;; Whether the host may enter a fused module that has something to start, which is done once.
(module
  (import "traps" "cannot-enter" (func $cannot-enter))
  ;; 0 until everything has been started; then as in `entry.wat`.
  (global (export "may-enter") (mut i32) (i32.const 0))
  (global $started (mut i32) (i32.const 0))

  ;; The host starts the module by a call of an export, which it could make twice.
  (func $meld:start-once
    (if (global.get $started) (then (call $cannot-enter) (unreachable)))
    (global.set $started (i32.const 1)))
  (start $meld:start-once)
)
