;; What the host's table calls when a handle that owns is dropped.
(module
  (import "" "destroy" (func $destroy (param i32)))
  (import "taking" "taking" (global $taking (mut i32)))

  (func $meld:host-destructor (export "destroy") (param $rep i32)
    (if (i32.eqz (global.get $taking)) (then (call $destroy (local.get $rep)))))
)
