;; What a start function throws is the end of its instantiation; nothing can be called.
;; expect run => trap
(component
  (component $thrower
    (core module $m
      (tag $e)
      (func $start (throw $e))
      (start $start)
      (func (export "run") (result i32) (i32.const 1)))
    (core instance $m (instantiate $m))
    (func (export "run") (result u32) (canon lift (core func $m "run"))))
  (instance $thrower (instantiate $thrower))
  (export "run" (func $thrower "run")))
