;; A component may not call its own function through the component model.
;; expect run => trap
;; expect direct => 7
(component
  (component $self
    (core module $m (func (export "f") (result i32) (i32.const 7)))
    (core instance $m (instantiate $m))
    (func $f (result u32) (canon lift (core func $m "f")))
    (core func $lowered (canon lower (func $f)))
    (core module $n
      (import "" "f" (func $f (result i32)))
      (func (export "run") (result i32) (call $f)))
    (core instance $n (instantiate $n (with "" (instance (export "f" (func $lowered))))))
    (func (export "run") (result u32) (canon lift (core func $n "run")))
    (export "direct" (func $f)))
  (instance $self (instantiate $self))
  (export "run" (func $self "run"))
  (export "direct" (func $self "direct")))
