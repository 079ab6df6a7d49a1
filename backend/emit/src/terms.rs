//! The backend's half of the vocabulary: the terms that it emits.
//!
//! `rules/vocabulary.meld` declares them, with costs, for rules to rewrite to. Packs are held
//! against this table ([`meld_engine::check_emitted`]) before anything is decided, so that a term
//! that is declared otherwise, or that nothing here emits, is an error that says so.

use meld_engine::TermShape;

macro_rules! terms {
    ($($name:literal ($($param:literal),*) -> $result:literal;)*) => {
        &[$(TermShape { name: $name, params: &[$($param),*], result: $result },)*]
    };
}

/// Functions whose shape follows a signature: each becomes a core module that is generated; see
/// [`crate::adapter::from_plan`].
pub const GENERATED: &[TermShape] = terms! {
    "as-lifted"("Func", "Signature", "Options", "Func") -> "Func";
    "adapter"("Func", "Signature", "Side", "Side", "PostReturn", "Passes", "Passes", "Instance") -> "Func";
    "always"("Signature", "Options", "Func") -> "Func";
    "catch-all"("Func", "Signature", "Options", "Func") -> "Func";
    "catch-all-after"("Func", "Signature", "Options", "Func") -> "Func";
    "check-leave"("Func", "Signature", "Options", "Leave", "Func") -> "Func";
    "clear-context"("Func", "Signature", "Options", "Global", "Global") -> "Func";
    "discard"("Func", "Signature", "Options") -> "Func";
    "enter"("Func", "Signature", "Options", "Global", "Func") -> "Func";
    "enter-after"("Func", "Signature", "Options", "Global", "Func") -> "Func";
    "host-lower"("ComponentFunc", "Options", "HostSide") -> "Func";
    "without-leave"("Func", "Signature", "Options", "Leave") -> "Func";
};

/// All others: items of the host, the border, and what stands inside of generated functions.
const OTHERS: &[TermShape] = terms! {
    "host"("Str", "Str", "HostFunc") -> "ComponentFunc";
    "no-post-return"() -> "PostReturn";
    "post-return"("Func") -> "PostReturn";
    "host-import"("Str", "Str", "CoreImport") -> "Func";
    "host-memory"("Str", "Str", "CoreImport") -> "Memory";
    "host-table"("Str", "Str", "CoreImport") -> "Table";
    "host-global"("Str", "Str", "CoreImport") -> "Global";
    "host-tag"("Str", "Str", "CoreImport") -> "Tag";
    "separate"("Func") -> "Func";
    "inline"("Func") -> "Func";
    "by-way"("Func", "Func") -> "Func";
    "host-flat"() -> "HostSide";
    "host-memory-only"("Memory") -> "HostSide";
    "host-heap"("Memory", "Func") -> "HostSide";
    "host-resource-new"("Resource") -> "Func";
    "host-resource-rep"("Resource") -> "Func";
    "host-resource-drop"("Resource") -> "Func";
    "host-lift"("Func", "Signature", "Options", "HostSide", "PostReturn") -> "Export";
    "re-export"("ComponentFunc") -> "Export";
    "new-memory"("Str", "Int", "[Int]", "Int") -> "Memory";
    "first-memory"("CoreImport") -> "Memory";
    "first-memory-index"("CoreImport") -> "Global";
    "first-table"("CoreImport") -> "Table";
    "after-start"("Instance") -> "Instance";
    "start-as-is"() -> "Start";
    "start-caught"("Func") -> "Start";
    "unobserved"() -> "Leave";
    "flag"("Global") -> "Leave";
    "flat-side"("Leave") -> "Side";
    "memory-side"("Memory", "Leave") -> "Side";
    "heap-side"("Memory", "Func", "Leave") -> "Side";
    "done"() -> "Passes";
    "then"("Pass", "Passes") -> "Passes";
    "keep"("Type", "Options", "Options") -> "Pass";
    "normalise"("Type", "Options", "Options") -> "Pass";
    "check-char"("Type", "Options", "Options") -> "Pass";
    "mask"("Type", "Options", "Options") -> "Pass";
    "check-case"("Type", "Options", "Options") -> "Pass";
    "fields"("Type", "Passes", "Options", "Options") -> "Pass";
    "cases"("Type", "Passes", "Options", "Options") -> "Pass";
    "select-cases"("Type", "Passes", "Options", "Options") -> "Pass";
    "repeat"("Type", "Pass", "Options", "Options") -> "Pass";
    "copy"("Type", "Options", "Options") -> "Pass";
    "copy-by"("Type", "Func", "Options", "Options") -> "Pass";
    "each"("Type", "Pass", "Options", "Options") -> "Pass";
    "text"("Type", "Func", "Options", "Options") -> "Pass";
    "convert"("Type", "Func", "Options", "Options") -> "Pass";
    "scoped"("Type", "Pass", "Func", "Options", "Options") -> "Pass";
};

/// Every term that can be emitted.
pub fn emitted() -> impl Iterator<Item = &'static TermShape> {
    GENERATED.iter().chain(OTHERS)
}
