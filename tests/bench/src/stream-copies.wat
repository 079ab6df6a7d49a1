;; The least that a stream between two memories has to do: into a ring, and out of it.
(module
  (memory $from 2)
  (memory $ring 2)
  (memory $to 2)
  (func (export "run") (param $chunks i32) (param $bytes i32) (result i32)
    (local $sum i32)
    (loop $next
      (memory.copy $ring $from (i32.const 64) (i32.const 64) (local.get $bytes))
      (memory.copy $to $ring (i32.const 64) (i32.const 64) (local.get $bytes))
      (local.set $sum (i32.add (local.get $sum) (local.get $bytes)))
      (local.set $chunks (i32.sub (local.get $chunks) (i32.const 1)))
      (br_if $next (local.get $chunks)))
    (local.get $sum)))
