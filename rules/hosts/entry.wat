;; Whether the host may enter the fused module ("Component Instances" in the Canonical ABI).
(module
  (import "" "open" (global $open i32))
  ;; 0 while an exported function runs, and for good when one did not return; else 1.
  (global $may-enter (export "may-enter") (mut i32) (global.get $open))
)
