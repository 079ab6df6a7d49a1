//! The terms and facts through which the frontend speaks to rules.
//!
//! They are declared in `meld.vocabulary`, where rules can name them; this table is the other
//! half of that contract. A vocabulary that lacks one of them, or declares it otherwise, is an
//! error that says so; so is a fact that neither the frontend nor packs state, because `!fact(..)`
//! would then hold without proof.

use crate::error::EngineError;
use meld_pack::ruleset::{FactId, Param, RuleSet, SortRef, TermId};
use std::collections::HashSet;

/// Terms that stand for something of the instance that has the core import which they name: where
/// they are chosen, that instance is needed.
pub const OF_IMPORTER: [&str; 3] = ["first-memory", "first-memory-index", "first-table"];

macro_rules! vocabulary {
    (
        attributes {
            $($attr:ident = $attr_name:literal ($($attr_arg:literal),*) -> $attr_result:literal;)*
        }
        terms { $($term:ident = $term_name:literal ($($arg:literal),*) -> $result:literal;)* }
        facts { $($fact:ident = $fact_name:literal ($($fact_arg:literal),*);)* }
    ) => {
        /// Ids of the terms that the frontend seeds.
        #[derive(Clone, Copy, Debug)]
        pub struct Terms { $(pub $attr: TermId,)* $(pub $term: TermId,)* }

        /// Terms that the frontend equates with what they are. They are names for something else,
        /// even where that is data, and are never chosen themselves.
        pub const ATTRIBUTES: &[&str] = &[$($attr_name),*];

        /// Ids of the facts that the frontend states.
        #[derive(Clone, Copy, Debug)]
        pub struct FactIds { $(pub $fact: FactId,)* }

        const FACT_NAMES: &[&str] = &[$($fact_name),*];

        /// Looks all of them up.
        pub fn look_up(rules: &RuleSet) -> Result<(Terms, FactIds), EngineError> {
            let mut wrong = Vec::new();
            let terms = Terms {
                $($attr: term(rules, $attr_name, &[$($attr_arg),*], $attr_result, &mut wrong),)*
                $($term: term(rules, $term_name, &[$($arg),*], $result, &mut wrong),)*
            };
            let facts = FactIds {
                $($fact: fact(rules, $fact_name, &[$($fact_arg),*], &mut wrong),)*
            };
            for fact in &rules.facts {
                let by_frontend = FACT_NAMES.contains(&fact.name.as_str());
                if !by_frontend && !fact.by_packs {
                    wrong.push(format!(
                        "the frontend does not state the fact `{0}`, so `!{0}(..)` would hold without proof; \
                         if packs state it, declare it `by-packs`",
                        fact.name
                    ));
                }
                if by_frontend && fact.by_packs {
                    wrong.push(format!("the frontend states the fact `{}`, so packs cannot", fact.name));
                }
            }
            if wrong.is_empty() { Ok((terms, facts)) } else { Err(EngineError::Vocabulary(wrong)) }
        }
    };
}

vocabulary! {
    attributes {
        component = "component"("Options") -> "Component";
        memory = "memory"("Options") -> "Memory";
        realloc = "realloc"("Options") -> "Func";
        signature = "signature"("HostFunc") -> "Signature";
        content = "content"("Slot") -> "Func";
        border_options = "border-options"() -> "Options";
        bare = "bare"("Component") -> "Options";
        resource_number = "resource-number"("Resource") -> "Int";
        destructor = "destructor"("Resource") -> "Func";
        destructor_through = "destructor-through"("Resource") -> "Func";
        implementer = "implementer"("Resource") -> "Component";
        guest_of = "guest-of"("CoreImport") -> "CoreImport";
        first_import = "first-import"("CoreImport") -> "CoreImport";
        peers_of = "peers-of"("CoreImport") -> "CoreImport";
    }
    terms {
        first_table = "first-table"("CoreImport") -> "Table";
        first_memory = "first-memory"("CoreImport") -> "Memory";
        func = "func"("[Type]", "[Type]") -> "Signature";
        utf8 = "utf8"() -> "Encoding";
        utf16 = "utf16"() -> "Encoding";
        latin1_utf16 = "latin1-utf16"() -> "Encoding";
        unit = "unit"() -> "Type";
        bool_ = "bool"() -> "Type";
        s8 = "s8"() -> "Type";
        u8 = "u8"() -> "Type";
        s16 = "s16"() -> "Type";
        u16 = "u16"() -> "Type";
        s32 = "s32"() -> "Type";
        u32 = "u32"() -> "Type";
        s64 = "s64"() -> "Type";
        u64 = "u64"() -> "Type";
        f32 = "f32"() -> "Type";
        f64 = "f64"() -> "Type";
        char_ = "char"() -> "Type";
        string = "string"() -> "Type";
        error_context = "error-context"() -> "Type";
        list = "list"("Type") -> "Type";
        fixed_list = "fixed-list"("Type", "Int") -> "Type";
        record = "record"("[Type]") -> "Type";
        tuple = "tuple"("[Type]") -> "Type";
        variant = "variant"("[Type]") -> "Type";
        enum_ = "enum"("Int") -> "Type";
        option = "option"("Type") -> "Type";
        result = "result"("Type", "Type") -> "Type";
        flags = "flags"("Int") -> "Type";
        own = "own"("Resource") -> "Type";
        borrow = "borrow"("Resource") -> "Type";
        stream = "stream"("Type") -> "Type";
        future = "future"("Type") -> "Type";
        lift = "lift"("Func", "Signature", "Options", "PostReturn") -> "ComponentFunc";
        async_lift = "async-lift"("Func", "Signature", "Options") -> "ComponentFunc";
        host = "host"("Str", "Str", "HostFunc") -> "ComponentFunc";
        no_post_return = "no-post-return"() -> "PostReturn";
        post_return = "post-return"("Func") -> "PostReturn";
        body = "body"("Func", "Int") -> "Func";
        called = "called"("Func") -> "Func";
        through = "through"("Func", "Func") -> "Func";
        through_slot = "through-slot"("Func", "Slot") -> "Func";
        proved = "proved"() -> "MayLeave";
        unproved = "unproved"() -> "MayLeave";
        lower = "lower"("ComponentFunc", "Options", "MayLeave") -> "Func";
        async_lower = "async-lower"("ComponentFunc", "Options") -> "Func";
        resource_new = "resource-new"("Component", "Resource", "MayLeave") -> "Func";
        resource_rep = "resource-rep"("Component", "Resource") -> "Func";
        resource_drop = "resource-drop"("Component", "Resource", "MayLeave") -> "Func";
        context_get = "context-get"("Component", "Int", "Int") -> "Func";
        context_set = "context-set"("Component", "Int", "Int") -> "Func";
        async_builtin = "async-builtin"("Str", "Component") -> "Func";
        exported = "exported"("ComponentFunc") -> "Export";
        host_destructor = "host-destructor"("Resource") -> "Func";
        started = "started"() -> "Start";
        host_func = "host-func"("Str", "Str", "CoreImport") -> "Func";
        host_memory = "host-memory"("Str", "Str", "CoreImport") -> "Memory";
        host_table = "host-table"("Str", "Str", "CoreImport") -> "Table";
        host_global = "host-global"("Str", "Str", "CoreImport") -> "Global";
        host_tag = "host-tag"("Str", "Str", "CoreImport") -> "Tag";
    }
    facts {
        simd = "simd"();
        has_memory = "has-memory"("Options");
        has_realloc = "has-realloc"("Options");
        encoding = "encoding"("Options", "Encoding");
        width = "width"("Options", "Int");
        kin = "kin"("Component", "Component");
        observes_leave = "observes-leave"("Component");
        uses_context = "uses-context"("Component");
        may_throw = "may-throw"("Component");
        settled = "settled"("Slot");
        has_handles = "has-handles"("Signature");
        defined = "defined"("Resource");
        implements = "implements"("Component", "Resource");
        has_destructor = "has-destructor"("Resource");
        lent = "lent"("Resource");
        observes_lends = "observes-lends"("Component", "Resource");
        destroyed_by_handle = "destroyed-by-handle"("Resource");
        reaches_host = "reaches-host"("Resource");
        may_reenter = "may-reenter"("Component", "Resource");
        opaque = "opaque"("Resource");
        border = "border"("Component");
        scalar = "scalar"("Signature");
        values = "values"("Signature", "Int");
        in_memory = "in-memory"("Signature");
        whole_word = "whole-word"("Type");
        part_word = "part-word"("Type");
        any_bits = "any-bits"("Type");
        padding = "padding"("Type", "Int", "Int");
        mask_runs = "mask-runs"("Type", "Int");
        core_form = "core-form"();
        several_faces = "several-faces"();
        passes_handles = "passes-handles"();
        has_start = "has-start"();
        has_tasks = "has-tasks"();
        memories = "memories"("CoreImport", "Int");
        has_funcref_table = "has-funcref-table"("CoreImport");
        never_called = "never-called"("CoreImport");
        between_guests = "between-guests"("CoreImport", "Str");
        of_root_module = "of-root-module"("CoreImport", "Int");
        known_as = "known-as"("Int", "Str");
    }
}

/// A term as another stage speaks of it: its name and its sorts as packs write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermShape {
    /// The name.
    pub name: &'static str,
    /// Sorts of its arguments; `[S]` for a list.
    pub params: &'static [&'static str],
    /// Its sort.
    pub result: &'static str,
}

/// Checks that rules and the backend agree on what can be emitted: every term that the backend
/// emits is declared so, with a cost, and every term with a cost is one of those or a module.
///
/// # Errors
///
/// [`EngineError::Vocabulary`], with all that is wrong.
pub fn check_emitted<'s>(
    rules: &RuleSet,
    emitted: impl Iterator<Item = &'s TermShape>,
) -> Result<(), EngineError> {
    let mut wrong = Vec::new();
    let mut known = HashSet::new();
    for shape in emitted {
        let id = term(rules, shape.name, shape.params, shape.result, &mut wrong);
        known.insert(id);
        if rules.term(shape.name).is_some() && rules.terms[id.index()].cost.is_none() {
            wrong.push(format!("the term `{}` can be emitted, so it needs a cost", shape.name));
        }
    }
    for (position, declared) in rules.terms.iter().enumerate() {
        let (id, name) = (TermId(position as u32), declared.name.as_str());
        if declared.cost.is_some() && declared.module.is_none() && !known.contains(&id) {
            wrong.push(format!(
                "the backend cannot emit the term `{name}`: leave out its cost and rewrite it, or \
                 make it a module"
            ));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(EngineError::Vocabulary(wrong)) }
}

fn term(
    rules: &RuleSet,
    name: &str,
    args: &[&str],
    result: &str,
    wrong: &mut Vec<String>,
) -> TermId {
    let Some(id) = rules.term(name) else {
        wrong.push(format!("the term `{name}({}) -> {result}` is missing", args.join(", ")));
        return TermId(0);
    };
    let declared = &rules.terms[id.index()];
    let found = (sorts(rules, &declared.params), sort(rules, declared.result));
    if found.0 != args || found.1 != result {
        wrong.push(format!(
            "the term `{name}` is declared as `({}) -> {}`, but meld speaks of `({}) -> {result}`",
            found.0.join(", "),
            found.1,
            args.join(", ")
        ));
    }
    id
}

fn fact(rules: &RuleSet, name: &str, args: &[&str], wrong: &mut Vec<String>) -> FactId {
    let Some(id) = rules.fact(name) else {
        wrong.push(format!("the fact `{name}({})` is missing", args.join(", ")));
        return FactId(0);
    };
    let found = sorts(rules, &rules.facts[id.index()].params);
    if found != args {
        wrong.push(format!(
            "the fact `{name}` is declared as `({})`, but the frontend states `({})`",
            found.join(", "),
            args.join(", ")
        ));
    }
    id
}

fn sorts(rules: &RuleSet, params: &[Param]) -> Vec<String> {
    params.iter().map(|param| sort(rules, param.sort)).collect()
}

/// A sort as packs write it.
pub fn sort(rules: &RuleSet, sort: SortRef) -> String {
    match sort {
        SortRef::One(id) => rules.sorts[id.index()].name.clone(),
        SortRef::List(id) => format!("[{}]", rules.sorts[id.index()].name),
    }
}
