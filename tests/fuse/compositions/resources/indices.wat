;; Indices begin at 1 and are given out in order; what was freed last is given out first.
;; Every digit is an index that the caller was given.
;; expect order => 123
;; expect reuse => 2135
;; expect given-away => 324
;; expect many => 50005000
(component
  (component $Leaf
    (core module $Dtor
      (global $drops (export "drops") (mut i32) (i32.const 0))
      (func (export "dtor") (param i32)
        (global.set $drops (i32.add (global.get $drops) (i32.const 1)))))
    (core instance $dtor (instantiate $Dtor))
    (type $r (resource (rep i32) (dtor (core func $dtor "dtor"))))
    (core func $new (canon resource.new $r))
    (core func $rep (canon resource.rep $r))
    (core func $drop (canon resource.drop $r))
    (core module $M
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "rep" (func $rep (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (import "" "drops" (global $drops (mut i32)))
      (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
      (func (export "take") (param i32) (result i32)
        (local $rep i32)
        (local.set $rep (call $rep (local.get 0)))
        (call $drop (local.get 0))
        (local.get $rep)))
    (core instance $m (instantiate $M (with "" (instance
      (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))
      (export "drops" (global $dtor "drops"))))))
    (export $r-out "r" (type $r))
    (func (export "make") (param "rep" u32) (result (own $r-out))
      (canon lift (core func $m "make")))
    (func (export "take") (param "x" (own $r-out)) (result u32)
      (canon lift (core func $m "take"))))
  (component $User
    (import "leaf" (instance $leaf
      (export "r" (type $r (sub resource)))
      (export "make" (func (param "rep" u32) (result (own $r))))
      (export "take" (func (param "x" (own $r)) (result u32)))))
    (alias export $leaf "r" (type $r))
    (core func $drop (canon resource.drop $r))
    (core func $make (canon lower (func $leaf "make")))
    (core func $take (canon lower (func $leaf "take")))
    (core module $M
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "take" (func $take (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (func (export "order") (result i32)
        (i32.add (i32.mul (call $make (i32.const 7)) (i32.const 100))
          (i32.add (i32.mul (call $make (i32.const 7)) (i32.const 10)) (call $make (i32.const 7)))))
      (func (export "reuse") (result i32)
        (drop (call $make (i32.const 1))) (drop (call $make (i32.const 2))) (drop (call $make (i32.const 3)))
        (drop (call $make (i32.const 4)))
        (call $drop (i32.const 3)) (call $drop (i32.const 1)) (call $drop (i32.const 2))
        (i32.add (i32.mul (call $make (i32.const 5)) (i32.const 1000))
          (i32.add (i32.mul (call $make (i32.const 6)) (i32.const 100))
            (i32.add (i32.mul (call $make (i32.const 7)) (i32.const 10)) (call $make (i32.const 8))))))
      (func (export "given-away") (result i32)
        (drop (call $make (i32.const 1))) (drop (call $make (i32.const 2))) (drop (call $make (i32.const 3)))
        (drop (call $take (i32.const 2))) (drop (call $take (i32.const 3)))
        (i32.add (i32.mul (call $make (i32.const 4)) (i32.const 100))
          (i32.add (i32.mul (call $make (i32.const 5)) (i32.const 10)) (call $make (i32.const 6)))))
      (func (export "many") (result i32)
        (local $i i32) (local $sum i32)
        (loop $more
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (if (i32.ne (call $make (local.get $i)) (local.get $i)) (then unreachable))
          (br_if $more (i32.lt_u (local.get $i) (i32.const 10000))))
        (loop $less
          (local.set $sum (i32.add (local.get $sum) (call $take (local.get $i))))
          (br_if $less (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
        (local.get $sum)))
    (core instance $m (instantiate $M (with "" (instance
      (export "make" (func $make)) (export "take" (func $take)) (export "drop" (func $drop))))))
    (func (export "order") (result u32) (canon lift (core func $m "order")))
    (func (export "reuse") (result u32) (canon lift (core func $m "reuse")))
    (func (export "given-away") (result u32) (canon lift (core func $m "given-away")))
    (func (export "many") (result u32) (canon lift (core func $m "many"))))
  (instance $leaf (instantiate $Leaf))
  (instance $user (instantiate $User (with "leaf" (instance $leaf))))
  (export "order" (func $user "order"))
  (export "reuse" (func $user "reuse"))
  (export "given-away" (func $user "given-away"))
  (export "many" (func $user "many")))
