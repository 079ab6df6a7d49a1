(module (memory (export "rings") 1))
