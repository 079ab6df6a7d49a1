;; A destructor runs in the implementer, with the implementer's table, in which the entry that is
;; dropped is free already.
;; expect own-reused => 24
;; expect own-looked-at => trap
;; expect own-nested => 4321
;; expect user-reused => 12
;; expect user-nested => trap
(component
  (component $Leaf
    (core module $Table (table (export "t") 2 funcref))
    (core instance $table (instantiate $Table))
    (core module $Dtor
      (import "" "t" (table 2 funcref))
      (type $f (func (param i32)))
      (func (export "dtor") (param i32) (call_indirect (type $f) (local.get 0) (i32.const 0))))
    (core instance $dtor (instantiate $Dtor (with "" (instance $table))))
    (type $r (resource (rep i32) (dtor (core func $dtor "dtor"))))
    (core func $new (canon resource.new $r))
    (core func $rep (canon resource.rep $r))
    (core func $drop (canon resource.drop $r))
    (core module $M
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "rep" (func $rep (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (import "" "t" (table 2 funcref))
      (elem (i32.const 0) func $destroy)
      (global $saw (mut i32) (i32.const 0))
      (func $destroy (param i32)
        ;; 1 makes another: which index? 2 looks at its own entry. 3 drops the next.
        (if (i32.eq (local.get 0) (i32.const 1)) (then
          (global.set $saw (i32.add (i32.mul (global.get $saw) (i32.const 10)) (call $new (i32.const 9))))))
        (if (i32.eq (local.get 0) (i32.const 2)) (then
          (global.set $saw (call $rep (i32.const 1)))))
        (if (i32.eq (local.get 0) (i32.const 3)) (then
          (call $drop (i32.const 2))))
        (if (i32.ge_u (local.get 0) (i32.const 3)) (then
          (global.set $saw (i32.add (i32.mul (global.get $saw) (i32.const 10)) (local.get 0))))))
      (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
      (func (export "reuses") (result i32)
        (drop (call $new (i32.const 5))) (drop (call $new (i32.const 1))) (drop (call $new (i32.const 6)))
        (call $drop (i32.const 2))
        (i32.add (i32.mul (global.get $saw) (i32.const 10)) (call $new (i32.const 5))))
      (func (export "looks") (result i32)
        (call $drop (call $new (i32.const 2)))
        (global.get $saw))
      (func (export "nests") (result i32)
        (drop (call $new (i32.const 3))) (drop (call $new (i32.const 4)))
        (call $drop (i32.const 1))
        (i32.add
          (i32.mul (global.get $saw) (i32.const 100))
          (i32.add (i32.mul (call $new (i32.const 5)) (i32.const 10)) (call $new (i32.const 5)))))
      (func (export "seen") (result i32) (global.get $saw)))
    (core instance $m (instantiate $M (with "" (instance
      (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))
      (export "t" (table $table "t"))))))
    (export $r-out "r" (type $r))
    (func (export "make") (param "rep" u32) (result (own $r-out)) (canon lift (core func $m "make")))
    (func (export "reuses") (result u32) (canon lift (core func $m "reuses")))
    (func (export "looks") (result u32) (canon lift (core func $m "looks")))
    (func (export "nests") (result u32) (canon lift (core func $m "nests")))
    (func (export "seen") (result u32) (canon lift (core func $m "seen"))))
  (component $User
    (import "leaf" (instance $leaf
      (export "r" (type $r (sub resource)))
      (export "make" (func (param "rep" u32) (result (own $r))))
      (export "seen" (func (result u32)))
      (export "reuses" (func (result u32)))
      (export "looks" (func (result u32)))
      (export "nests" (func (result u32)))))
    (alias export $leaf "r" (type $r))
    (core func $drop (canon resource.drop $r))
    (core func $make (canon lower (func $leaf "make")))
    (core func $seen (canon lower (func $leaf "seen")))
    (core func $reuses (canon lower (func $leaf "reuses")))
    (core func $looks (canon lower (func $leaf "looks")))
    (core func $nests (canon lower (func $leaf "nests")))
    (core module $M
      (import "" "drop" (func $drop (param i32)))
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "seen" (func $seen (result i32)))
      (import "" "reuses" (func $reuses (result i32)))
      (import "" "looks" (func $looks (result i32)))
      (import "" "nests" (func $nests (result i32)))
      (func (export "own-reused") (result i32) (call $reuses))
      (func (export "own-looked-at") (result i32) (call $looks))
      (func (export "own-nested") (result i32) (call $nests))
      (func (export "user-reused") (result i32)
        (drop (call $make (i32.const 5))) (drop (call $make (i32.const 1))) (drop (call $make (i32.const 6)))
        (call $drop (i32.const 2))
        (i32.add (i32.mul (call $seen) (i32.const 10)) (call $make (i32.const 5))))
      (func (export "user-nested") (result i32)
        (drop (call $make (i32.const 3))) (drop (call $make (i32.const 4)))
        (call $drop (i32.const 1))
        (i32.const 1)))
    (core instance $m (instantiate $M (with "" (instance
      (export "drop" (func $drop)) (export "make" (func $make)) (export "seen" (func $seen))
      (export "reuses" (func $reuses)) (export "looks" (func $looks))
      (export "nests" (func $nests))))))
    (func (export "own-reused") (result u32) (canon lift (core func $m "own-reused")))
    (func (export "own-looked-at") (result u32) (canon lift (core func $m "own-looked-at")))
    (func (export "own-nested") (result u32) (canon lift (core func $m "own-nested")))
    (func (export "user-reused") (result u32) (canon lift (core func $m "user-reused")))
    (func (export "user-nested") (result u32) (canon lift (core func $m "user-nested"))))
  (instance $leaf (instantiate $Leaf))
  (instance $user (instantiate $User (with "leaf" (instance $leaf))))
  (export "own-reused" (func $user "own-reused"))
  (export "own-looked-at" (func $user "own-looked-at"))
  (export "own-nested" (func $user "own-nested"))
  (export "user-reused" (func $user "user-reused"))
  (export "user-nested" (func $user "user-nested")))
