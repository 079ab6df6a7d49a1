;; While a `post-return` runs that the host calls, an instance may neither make nor drop a resource; it
;; may ask for a representation.
;; expect nothing => 0
;; expect new => trap
;; expect rep => 2
;; expect drops => trap
(component
  (component $Leaf
    (core module $Dtor (func (export "dtor") (param i32)))
    (core instance $dtor (instantiate $Dtor))
    (type $r (resource (rep i32) (dtor (core func $dtor "dtor"))))
    (core func $new (canon resource.new $r))
    (core func $rep (canon resource.rep $r))
    (core func $drop (canon resource.drop $r))
    (core module $M
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "rep" (func $rep (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (global $saw (mut i32) (i32.const 0))
      (func (export "post") (param $how i32)
        (if (i32.eq (local.get $how) (i32.const 1)) (then
          (global.set $saw (call $new (i32.const 5)))))
        (if (i32.eq (local.get $how) (i32.const 2)) (then
          (global.set $saw (call $rep (i32.const 1)))))
        (if (i32.eq (local.get $how) (i32.const 3)) (then
          (call $drop (i32.const 1)))))
      (func (export "nothing") (result i32)
        (drop (call $new (i32.const 7))) (i32.const 0))
      (func (export "new") (result i32)
        (drop (call $new (i32.const 7))) (i32.const 1))
      (func (export "rep") (result i32)
        (drop (call $new (i32.const 7))) (i32.const 2))
      (func (export "drops") (result i32)
        (drop (call $new (i32.const 7))) (i32.const 3)))
    (core instance $m (instantiate $M (with "" (instance
      (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
    (func (export "nothing") (result u32)
      (canon lift (core func $m "nothing") (post-return (core func $m "post"))))
    (func (export "new") (result u32)
      (canon lift (core func $m "new") (post-return (core func $m "post"))))
    (func (export "rep") (result u32)
      (canon lift (core func $m "rep") (post-return (core func $m "post"))))
    (func (export "drops") (result u32)
      (canon lift (core func $m "drops") (post-return (core func $m "post")))))
  (instance $leaf (instantiate $Leaf))
  (export "nothing" (func $leaf "nothing"))
  (export "new" (func $leaf "new"))
  (export "rep" (func $leaf "rep"))
  (export "drops" (func $leaf "drops")))
