;; An implementer that makes and drops its own in its start function, and for nobody else.
;; expect seen => 872
(component
  (component $Leaf
    (core module $Dtor
      (global $sum (export "sum") (mut i32) (i32.const 0))
      (func (export "dtor") (param i32)
        (global.set $sum (i32.add (i32.mul (global.get $sum) (i32.const 10)) (local.get 0)))))
    (core instance $dtor (instantiate $Dtor))
    (type $r (resource (rep i32) (dtor (core func $dtor "dtor"))))
    (core func $new (canon resource.new $r))
    (core func $rep (canon resource.rep $r))
    (core func $drop (canon resource.drop $r))
    (core module $M
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "rep" (func $rep (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (import "" "sum" (global $sum (mut i32)))
      (func $start
        (drop (call $new (i32.const 7)))
        (call $drop (call $new (i32.const 8))))
      (start $start)
      (func (export "seen") (result i32)
        (i32.add (i32.mul (global.get $sum) (i32.const 100))
          (i32.add (i32.mul (call $rep (i32.const 1)) (i32.const 10)) (call $new (i32.const 9))))))
    (core instance $m (instantiate $M (with "" (instance
      (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))
      (export "sum" (global $dtor "sum"))))))
    (func (export "seen") (result u32) (canon lift (core func $m "seen"))))
  (instance $leaf (instantiate $Leaf))
  (export "seen" (func $leaf "seen")))
