//! Layout and flattening of component-level types (Canonical ABI, "Despecialization" to
//! "Flattening").
