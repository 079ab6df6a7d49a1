//! Gives the fused core module the face that the input had.
//!
//! [`wrap`] makes a component with the same world as the input's root: names, order, labels and
//! type identities of imports and exports are the input's, so that the component drops in
//! wherever the input ran. [`core_module`] instead gives the core module itself the names by
//! which tools know host imports and exports, and [`WitWorld`] describes its world in a
//! `component-type` section.
//!
//! Both take a [`Wrapping`]: the merged module, whose names are the caller's own, and what each
//! of its imports and exports is.

mod check;
mod component;
mod core_form;
mod embed;
mod exports;
mod face;
mod limits;
mod linkage;
mod resources;
mod types;

pub(crate) use check::same_world;
pub(crate) use component::component_face;
pub use component::wrap;
pub(crate) use core_form::core_face;
pub use core_form::{
    CoreForm, INITIALIZE, MEMORY, REALLOC, core_export_name, core_import_name, core_module,
    core_post_return_name,
};
pub use embed::{EmbedError, WitWorld};
pub(crate) use face::Face;
pub use resources::{Destructor, ResourceBuiltin, ResourceOperation};

use meld_component::needs::{Needs, NeedsOf};
use meld_component::program::{
    ComponentWorld, FuncDef, HostFuncId, HostInstanceId, Program, StringEncoding, World,
};
use meld_component::types::FuncTypeId;
use std::collections::HashMap;

/// A merged core module and what its imports and exports are.
#[derive(Clone, Debug)]
pub struct Wrapping<'a> {
    /// The program that was fused; its world is the output's.
    pub program: &'a Program,
    /// The merged core module. It imports functions only, under names of the caller's choice.
    pub module: Vec<u8>,
    /// One for each host function that the module imports.
    pub lowers: Vec<Lowered>,
    /// One for each built-in on handles that the module imports.
    pub builtins: Vec<ResourceBuiltin>,
    /// One for each function that it imports of a core module which the root imports.
    pub supplied: Vec<Supplied>,
    /// One for each resource type that the root exports, that a guest defines and that has a
    /// destructor.
    pub destructors: Vec<Destructor>,
    /// One for each of [`Program::root_exports`].
    pub lifts: Vec<Lifted>,
    /// The exported function, without parameters and results, that is to run once every import
    /// works: the start functions of the guests.
    pub start: Option<String>,
}

/// A core import of the merged module that is a host function, lowered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lowered {
    /// First level name of the core import.
    pub module: String,
    /// Second level name of the core import.
    pub name: String,
    /// The host function.
    pub host: HostFuncId,
    /// How strings are encoded.
    pub encoding: StringEncoding,
    /// The exported memory that values are in.
    pub memory: Option<String>,
    /// The exported function that allocates what the host function returns.
    pub realloc: Option<String>,
}

/// A core import of the merged module that a core module supplies which the root imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supplied {
    /// First level name of the core import, for hosts of core modules, too.
    pub module: String,
    /// Second level name that hosts of core modules know.
    pub name: String,
    /// Second level name of the core import in the merged module.
    pub import: String,
    /// The instance of the imported module.
    pub instance: HostInstanceId,
    /// Its export.
    pub export: String,
}

/// What a core import of the merged module is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Imported<'a> {
    Lowered(&'a Lowered),
    Builtin(&'a ResourceBuiltin),
    Supplied(&'a Supplied),
}

/// What a function that the root exports is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lifted {
    /// An export of the merged module, to be lifted. Names are exports of the merged module.
    Core {
        /// The function.
        export: String,
        /// How strings are encoded.
        encoding: StringEncoding,
        /// The memory that values are in.
        memory: Option<String>,
        /// The function that allocates arguments.
        realloc: Option<String>,
        /// The function to be called with the results when they have been read.
        post_return: Option<String>,
    },
    /// A function that the root imports, exported again.
    Host(HostFuncId),
}

/// Why a module could not be given the input's face.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    /// The program was not made from a component.
    #[error("plain core modules were fused, so there is no component world; ask for a core module")]
    NoWorld,
    /// The root imports or exports something that a fused component cannot pass on.
    #[error("the root imports or exports {what} (`{}`); only functions, types and instances of \
             them can cross the border of a fusion", at.join("` / `"))]
    Kind {
        /// What kind of item it is, with its article.
        what: &'static str,
        /// Names from the root down to the item.
        at: Vec<String>,
    },
    /// Two functions of the host would be one for the host of a core module.
    #[error(
        "two functions of the host are both `{module}` `{name}` for the core modules that import them, and \
         a core module cannot import both; import one of them by another module name, let both use one core \
         module, or write a component instead of a core module"
    )]
    HostNames {
        /// First level name.
        module: String,
        /// Second level name.
        name: String,
    },
    /// Two core modules that the root imports would be one for the host of a core module.
    #[error(
        "`{first}` and `{second}` are two core modules that the root imports, and both are `{module}` for the \
         core modules that import from them, so the host of a core module cannot tell them apart; import \
         the core module once, or write a component instead of a core module"
    )]
    HostModules {
        /// First level name.
        module: String,
        /// The root's names for one of them.
        first: String,
        /// The root's names for the other.
        second: String,
    },
    /// An import of the merged module is not a plain function, or nothing is known of it.
    #[error("the merged module imports `{module}` `{name}`, which is nothing of the host's")]
    Import {
        /// First level name of the core import.
        module: String,
        /// Second level name of the core import.
        name: String,
    },
    /// A function's type needs a canonical option that was not given.
    #[error(
        "{function} passes values that need the canonical option `{option}`, which its \
             component does not give"
    )]
    MissingOption {
        /// The function and which way it goes.
        function: String,
        /// `memory` or `realloc`.
        option: &'static str,
    },
    /// Two functions at the border use different memories, allocators or string encodings, and
    /// a core module can offer its host only one.
    #[error(
        "{first} uses one {what} and {second} another, but a core module can offer its host \
             only one; write a component instead of a core module"
    )]
    Several {
        /// `memory`, `realloc function` or `string encoding`.
        what: &'static str,
        /// A function that uses one.
        first: String,
        /// A function that uses another.
        second: String,
    },
    /// A core module has no name for a function or a resource type at this depth of instances.
    #[error("`{}` is inside nested instances, for which core modules have no names; \
             write a component instead of a core module", path.join("` / `"))]
    Nested {
        /// Names from the root down to the function.
        path: Vec<String>,
    },
    /// A core module cannot hand a host function on to the host.
    #[error(
        "`{export}` is the imported function `{import}`, exported again, which a core module \
             cannot do; write a component instead of a core module"
    )]
    ReExport {
        /// The export.
        export: String,
        /// The import.
        import: String,
    },
    /// The root exports a function under a name that the core ABI uses for something else.
    #[error(
        "the root exports `{name}`, a name that core modules keep for something else; \
             write a component instead of a core module"
    )]
    Reserved {
        /// The name.
        name: String,
    },
    /// The component would define more than engines accept.
    #[error(
        "{} would have {count} {what}, but engines accept at most {limit}; import and export fewer instances, \
         or ask for a core module (--core)",
        made_for(at)
    )]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many are accepted.
        limit: usize,
        /// Names from the root down to the exported instance for which the component is made, none for the
        /// fused component itself.
        at: Vec<String>,
    },
    /// The result is not what it must be, which is a fault of meld.
    #[error("internal error: wrapping the fused module failed: {0}")]
    Internal(String),
}

fn made_for(at: &[String]) -> String {
    match at {
        [] => "the fused component".into(),
        at => format!("the component that makes the export `{}`", at.join("` / `")),
    }
}

impl WrapError {
    fn kind(what: &'static str) -> WrapError {
        WrapError::Kind { what, at: Vec::new() }
    }

    /// Notes that the error is about something within the item of that name.
    fn within(mut self, name: &str) -> WrapError {
        if let WrapError::Kind { at, .. } | WrapError::TooMany { at, .. } = &mut self {
            at.insert(0, name.to_string());
        }
        self
    }
}

impl<'a> Wrapping<'a> {
    /// Names from the root import down to a host function.
    fn host_path(&self, host: HostFuncId) -> Result<&'a [String], WrapError> {
        match self.program.host_funcs.get(host.index()) {
            Some(host) => Ok(&host.path),
            None => Err(WrapError::Internal(format!("there is no host function {host}"))),
        }
    }

    /// What the merged module imports, by the names of the import.
    fn imported(&self) -> Result<HashMap<(&str, &str), Imported<'_>>, WrapError> {
        let lowers = self.lowers.iter().map(|l| (&l.module, &l.name, Imported::Lowered(l)));
        let builtins = self.builtins.iter().map(|b| (&b.module, &b.name, Imported::Builtin(b)));
        let supplied = self.supplied.iter().map(|s| (&s.module, &s.import, Imported::Supplied(s)));
        let mut all = HashMap::new();
        for (module, name, imported) in lowers.chain(builtins).chain(supplied) {
            let old = all.insert((module.as_str(), name.as_str()), imported);
            if old.is_some_and(|old| old != imported) {
                let text = format!("two descriptions of the core import `{module}` `{name}`");
                return Err(WrapError::Internal(text));
            }
        }
        Ok(all)
    }

    fn world(&self) -> Result<&'a ComponentWorld, WrapError> {
        match &self.program.world {
            World::Component(world) => Ok(world),
            World::Core { .. } => Err(WrapError::NoWorld),
        }
    }
}

/// What the functions at a program's border need.
struct SurfaceNeeds<'a> {
    program: &'a Program,
    of: NeedsOf<'a>,
    /// The types of host functions, by [`HostFuncId`].
    hosts: Vec<Option<FuncTypeId>>,
}

impl<'a> SurfaceNeeds<'a> {
    fn new(program: &'a Program) -> Self {
        let mut hosts = vec![None; program.host_funcs.len()];
        for func in &program.funcs {
            if let FuncDef::Host(host) = func.def
                && let Some(slot) = hosts.get_mut(host.index())
            {
                *slot = Some(func.ty);
            }
        }
        SurfaceNeeds { program, of: NeedsOf::new(&program.types), hosts }
    }

    /// What lowering a host function needs of the module that imports it.
    fn lower(&self, host: HostFuncId) -> Result<Needs, WrapError> {
        let ty = self.hosts.get(host.index()).copied().flatten();
        let ty = ty.ok_or_else(|| WrapError::Internal(format!("{host} is no function")))?;
        Ok(self.of.lower(ty))
    }

    /// What lifting a core function as this root export needs of the module that exports it.
    fn lift(&self, export: usize) -> Result<Needs, WrapError> {
        let export = self.program.root_exports.get(export);
        let func = export.and_then(|export| self.program.funcs.get(export.func.index()));
        let func =
            func.ok_or_else(|| WrapError::Internal("a root export is no function".into()))?;
        Ok(self.of.lift(func.ty))
    }
}
