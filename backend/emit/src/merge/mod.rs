//! Merges instances of core modules into one core module.
//!
//! The merger knows nothing of components, rules or plans: it takes instances with what each of
//! their imports is, and root exports, and writes one module that behaves as the instances would,
//! instantiated in the order of the list. The steps, each a file:
//!
//! 1. [`module`]: every module is read once;
//! 2. [`types`], [`link`]: types are deduplicated, imports followed, every item gets an id;
//! 3. [`consts`]: initial values of globals are computed or copied;
//! 4. [`segments`]: what instantiation does, and what of it a start function has to do;
//! 5. [`scan`]: what each body refers to, and where ([`shapes`]: instructions that are read fast);
//! 6. [`inline`]: calls are found that become bodies;
//! 7. [`reach`]: what root exports and instantiation reach is kept, the rest is not emitted;
//! 8. [`reencode`], [`emit`], [`names`]: ids become indices, and small sections are written;
//! 9. [`fused`], [`bulk`]: so are the others, while someone takes them.
//!
//! Invariants: nothing is matched by name but exports against [`Source`]s; no operator is listed
//! by hand where indices are concerned ([`immediates`]); an id is never an index, and indices only
//! exist in the last step.

mod bulk;
mod consts;
mod emit;
mod error;
mod fused;
mod immediates;
mod inline;
mod link;
mod matching;
mod module;
mod names;
mod not_inlined;
mod reach;
mod reencode;
mod scan;
mod segments;
mod shapes;
mod types;

pub use error::MergeError;
pub(crate) use fused::Fused;
pub use not_inlined::{NotInlined, Reason};

use std::borrow::Cow;

/// An instance of a core module.
#[derive(Clone, Debug)]
pub struct Instance<'a> {
    /// Text for the name section and for messages, for example `adder/main`.
    pub name: String,
    /// Its module, in the binary format.
    pub bytes: Cow<'a, [u8]>,
    /// What each import of the module is, in the module's order.
    pub imports: Vec<Source>,
    /// Who brings the module.
    pub origin: Origin,
}

/// Who brings the module of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An input.
    Input,
    /// A rule pack.
    Pack,
    /// Nobody: it was generated.
    Generated,
}

impl Origin {
    /// No input has the module.
    ///
    /// Its functions named `meld:..` keep that name, so that a backtrace shows
    /// `meld:trap:invalid-utf8` whichever instance it stands in; where the instance's own name
    /// begins with the function's, the function takes the instance's, which says more.
    pub fn is_synthetic(self) -> bool {
        self != Origin::Input
    }
}

/// What an import or a root export is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An export of an instance. It may re-export an import of that instance.
    Export {
        /// Position in [`Merge::instances`]; before or after the user.
        instance: usize,
        /// The export's name.
        name: String,
    },
    /// The same, whose body stands in place of calls where it can. Whoever takes a reference of
    /// the function has the function itself, and what is no function is as with `Export`.
    Inline {
        /// As in [`Source::Export`].
        instance: usize,
        /// As in [`Source::Export`].
        name: String,
    },
    /// An import of the fused module. Its type is what the importing module declares; imports
    /// with equal names are one import and must have equal types.
    Host {
        /// First level name.
        module: String,
        /// Second level name.
        name: String,
    },
    /// A constant in place of an immutable `i32` or `i64` global. Only for imports. An `i32` is
    /// given signed or unsigned.
    Const(i64),
    /// A memory or table of an instance, or another item, exported or not. Only for imports.
    Item {
        /// What it is.
        kind: Kind,
        /// Position in [`Merge::instances`].
        instance: usize,
        /// Index in the instance's own index space.
        index: u32,
    },
    /// The index that a memory has in the fused module, in place of an immutable `i32`
    /// global. Only for imports.
    MemoryIndex {
        /// Position in [`Merge::instances`].
        instance: usize,
        /// Index in the instance's own index space.
        index: u32,
    },
}

/// What to merge.
#[derive(Clone, Debug)]
pub struct Merge<'a> {
    /// The fused module's name in its name section.
    pub name: Option<String>,
    /// Instances in the order in which they are instantiated.
    pub instances: Vec<Instance<'a>>,
    /// Exports of the fused module, in order.
    pub exports: Vec<(String, Source)>,
    /// How start functions are run.
    pub start: StartMode,
}

/// How the fused module runs the instances' start functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartMode {
    /// In a start section.
    Section,
    /// By whoever calls the export of this name. There is no such export when there is nothing
    /// to run.
    Export(String),
    /// The same, and what is thrown there ends in a call of a function of type `() -> ()`, which traps.
    Caught(String, Source),
}

/// A fused module and what it has of the instances.
#[derive(Clone, Debug)]
pub struct Merged<M = Vec<u8>> {
    /// The module: in the binary format, or what it is written from.
    pub module: M,
    /// The module has a start section, or the export that [`StartMode`] names.
    pub has_start: bool,
    /// For each instance, which of the functions that its module defines are in the module, but
    /// for those in which bodies stand in place of calls.
    pub kept: Vec<Vec<bool>>,
    /// For each instance: those of its functions that are in the module are valid in the
    /// instance's own module if this module is valid. Elsewhere this module declares more, or
    /// gives items of more precise types, than the instance's own.
    pub proves: Vec<bool>,
    /// Custom sections that were left out: position of the instance, and the section's name.
    pub dropped_sections: Vec<(usize, String)>,
    /// What is called, though [`Source::Inline`] asked for its body, in order.
    pub not_inlined: Vec<NotInlined>,
}

/// Merges instances into one module.
///
/// Nothing is validated beyond what merging relies on: modules are assumed valid, and limits of
/// imports to match. With invalid modules the result may be invalid, but nothing panics.
///
/// # Errors
///
/// See [`MergeError`]. No output is made in part.
pub fn merge(merge: &Merge<'_>) -> Result<Merged, MergeError> {
    merge_then(
        merge,
        || (),
        |(), merged| {
            let Merged { module, has_start, kept, proves, dropped_sections, not_inlined } = merged;
            let mut bytes = module.head.clone();
            module.put_rest(&mut |pieces: &[&[u8]], _: &[&[u8]]| {
                pieces.iter().for_each(|piece| bytes.extend_from_slice(piece));
                Ok::<_, MergeError>(())
            })?;
            Ok(Merged { module: bytes, has_start, kept, proves, dropped_sections, not_inlined })
        },
    )?
}

/// Merges instances, and hands what the module is written from to `then`, with what `beside` made
/// meanwhile. Before, nothing is written that may be large.
///
/// # Errors
///
/// As [`merge`].
pub(crate) fn merge_then<B: Send, T>(
    merge: &Merge<'_>,
    beside: impl FnOnce() -> B + Send,
    then: impl FnOnce(B, Merged<Fused<'_>>) -> T,
) -> Result<T, MergeError> {
    let (linked, exports) = link::Linked::new(merge)?;
    let inits = consts::Inits::new(&linked)?;
    let steps = || segments::steps(&linked, &inits);
    let scan = || scan::scan(&linked);
    let (beside, (steps, scanned)) = rayon::join(beside, || rayon::join(steps, scan));
    let (steps, (references, sites)) = (steps?, scanned?);
    let inlining = inline::Inlining::new(&linked);
    let live = reach::reach(&linked, (&references, &sites), &inits, &inlining, &steps, &exports)?;
    drop(references);
    let schedule =
        segments::Schedule::new(steps, |write| live.items[write.kind][write.target as usize]);
    emit::emit(merge, &linked, &inits, &inlining, live, &sites, &schedule, &exports, |merged| {
        then(beside, merged)
    })
}

/// The kind of a core item that can be imported and exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A function.
    Func,
    /// A table.
    Table,
    /// A memory.
    Memory,
    /// A global.
    Global,
    /// A tag.
    Tag,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Func, Kind::Table, Kind::Memory, Kind::Global, Kind::Tag];
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Func => "function",
            Kind::Table => "table",
            Kind::Memory => "memory",
            Kind::Global => "global",
            Kind::Tag => "tag",
        })
    }
}

/// One value for each [`Kind`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PerKind<T>([T; 5]);

impl<T> std::ops::Index<Kind> for PerKind<T> {
    type Output = T;

    fn index(&self, kind: Kind) -> &T {
        &self.0[kind as usize]
    }
}

impl<T> std::ops::IndexMut<Kind> for PerKind<T> {
    fn index_mut(&mut self, kind: Kind) -> &mut T {
        &mut self.0[kind as usize]
    }
}
