;; What an exported function throws at the host, or its realloc or post-return, is a trap.
;; expect thrown => trap
;; expect thrown-after => trap
(component
  (core module $m
    (tag $e)
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (throw $e))
    (func (export "takes") (param i32 i32))
    (func (export "thrown") (result i32) (throw $e))
    (func (export "fine") (result i32) (i32.const 3))
    (func (export "post") (param i32) (throw $e)))
  (core instance $m (instantiate $m))
  (func (export "thrown") (result u32) (canon lift (core func $m "thrown")))
  (func (export "takes") (param "text" string)
    (canon lift (core func $m "takes") (memory (core memory $m "memory"))
      (realloc (core func $m "realloc"))))
  (func (export "thrown-after") (result u32)
    (canon lift (core func $m "fine") (post-return (core func $m "post")))))
