;; Whether a handle of the host's table is dropped only to take it from there.
(module
  (global (export "taking") (mut i32) (i32.const 0))
)
