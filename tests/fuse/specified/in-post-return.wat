;; While `post-return` runs, an instance may neither make nor drop a resource; it may ask for a
;; representation. Between composed components the engine lets it.
;; expect nothing => 0
;; expect new => trap
;; expect rep => 7
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
      (func (export "answer") (param i32) (result i32)
        (drop (call $new (i32.const 7)))
        (local.get 0))
      (func (export "post") (param $how i32)
        (if (i32.eq (local.get $how) (i32.const 1)) (then
          (global.set $saw (call $new (i32.const 5)))))
        (if (i32.eq (local.get $how) (i32.const 2)) (then
          (global.set $saw (call $rep (i32.const 1)))))
        (if (i32.eq (local.get $how) (i32.const 3)) (then
          (call $drop (i32.const 1)))))
      (func (export "seen") (result i32) (global.get $saw)))
    (core instance $m (instantiate $M (with "" (instance
      (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
    (func (export "answer") (param "how" u32) (result u32)
      (canon lift (core func $m "answer") (post-return (core func $m "post"))))
    (func (export "seen") (result u32) (canon lift (core func $m "seen"))))
  (component $User
    (import "leaf" (instance $leaf
      (export "answer" (func (param "how" u32) (result u32)))
      (export "seen" (func (result u32)))))
    (core func $answer (canon lower (func $leaf "answer")))
    (core func $seen (canon lower (func $leaf "seen")))
    (core module $M
      (import "" "answer" (func $answer (param i32) (result i32)))
      (import "" "seen" (func $seen (result i32)))
      (func (export "nothing") (result i32) (call $answer (i32.const 0)))
      (func (export "new") (result i32) (call $answer (i32.const 1)))
      (func (export "rep") (result i32)
        (drop (call $answer (i32.const 2)))
        (call $seen))
      (func (export "drops") (result i32) (call $answer (i32.const 3))))
    (core instance $m (instantiate $M (with "" (instance
      (export "answer" (func $answer)) (export "seen" (func $seen))))))
    (func (export "nothing") (result u32) (canon lift (core func $m "nothing")))
    (func (export "new") (result u32) (canon lift (core func $m "new")))
    (func (export "rep") (result u32) (canon lift (core func $m "rep")))
    (func (export "drops") (result u32) (canon lift (core func $m "drops"))))
  (instance $leaf (instantiate $Leaf))
  (instance $user (instantiate $User (with "leaf" (instance $leaf))))
  (export "nothing" (func $user "nothing"))
  (export "new" (func $user "new"))
  (export "rep" (func $user "rep"))
  (export "drops" (func $user "drops")))
