;; The floor of all copying: `run(calls, bytes)` copies that many bytes from one memory to another,
;; that often.
(module
  (memory $from 64)
  (memory $to 64)
  (func (export "run") (param $calls i32) (param $bytes i32) (result i32)
    (loop $again
      (memory.copy $to $from (i32.const 1024) (i32.const 0) (local.get $bytes))
      (br_if $again (local.tee $calls (i32.sub (local.get $calls) (i32.const 1)))))
    (i32.const 0)))
