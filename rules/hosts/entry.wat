;; Whether the host may enter the fused module ("Component Instances" in the Canonical ABI).
(module
  ;; 0 while an exported function runs, and for good when one did not return; else 1.
  (global (export "may-enter") (mut i32) (i32.const 1))
)
