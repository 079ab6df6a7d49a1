//! What can be wrong with a merge. Every error names the instance and the item.

use super::Kind;

/// Why instances could not be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// A module cannot be read, or an index in it points nowhere.
    #[error("{instance}: malformed module: {message}; validate the module before merging it")]
    Malformed {
        /// The instance.
        instance: String,
        /// What is malformed, and where.
        message: String,
    },
    /// The list of sources is not as long as the list of imports.
    #[error("{instance}: the module has {imports} imports but {sources} sources were given")]
    Sources {
        /// The instance.
        instance: String,
        /// Imports of its module.
        imports: usize,
        /// Sources given.
        sources: usize,
    },
    /// A source names an instance that is not in the list.
    #[error("{user}: its source is instance number {instance}, but there are only {count}")]
    NoInstance {
        /// The import or root export.
        user: String,
        /// The instance's position that was asked for.
        instance: usize,
        /// Instances in the list.
        count: usize,
    },
    /// A root export is an item that is named by its index, or such an index.
    #[error(
        "{user}: {kind} {index} of instance {instance} can be imported by its index, not exported"
    )]
    NotExported {
        /// The root export.
        user: String,
        /// What the item is.
        kind: Kind,
        /// The instance's position.
        instance: usize,
        /// The item's index there.
        index: u32,
    },
    /// A source names an export that its instance does not have.
    #[error("{user}: its source `{export}` is not an export of {instance}")]
    NoExport {
        /// The import or root export.
        user: String,
        /// The export that was asked for.
        export: String,
        /// The instance that was asked.
        instance: String,
    },
    /// A chain of re-exports comes back to itself.
    #[error("{user}: its source is a chain of re-exports that never reaches a definition")]
    Cycle {
        /// The import or root export where the chain was entered.
        user: String,
    },
    /// An import got an item of another kind.
    #[error("{user}: it wants a {wanted}, but its source is a {found}")]
    Kind {
        /// The import.
        user: String,
        /// What the import declares.
        wanted: Kind,
        /// What the source is.
        found: Kind,
    },
    /// An import got an item of another type.
    #[error("{user}: its declared type does not match its source, {source_item}: {reason}{}", at_fault(.pack_module))]
    Type {
        /// The import.
        user: String,
        /// What the import was wired to.
        source_item: String,
        /// What differs.
        reason: String,
        /// The module of a pack that imports or supplies the item, if there is one: no input is
        /// at fault then.
        pack_module: Option<String>,
        /// The position of the importing instance, and that of the import among its imports.
        import: (usize, u32),
    },
    /// A constant was given to something that is not an immutable integer global.
    #[error("{user}: the constant {value} cannot stand for it: {reason}")]
    Const {
        /// The import or root export.
        user: String,
        /// The constant.
        value: i64,
        /// Why not.
        reason: String,
    },
    /// Two imports of the fused module with the same names have different types.
    #[error(
        "the host import `{module}` `{name}` has two types: {first} and {second} declare it \
         differently; give them the same type or different names"
    )]
    HostConflict {
        /// First level name.
        module: String,
        /// Second level name.
        name: String,
        /// An importing instance.
        first: String,
        /// Another one.
        second: String,
    },
    /// A root export is a host import that no instance imports, so that its type is unknown.
    #[error(
        "root export `{export}`: no instance imports `{module}` `{name}` from the host, so its \
         type is unknown"
    )]
    HostUntyped {
        /// The root export.
        export: String,
        /// First level name.
        module: String,
        /// Second level name.
        name: String,
    },
    /// Two exports of the fused module have one name.
    #[error("two exports of the fused module are named `{name}`; rename one")]
    DuplicateExport {
        /// The name.
        name: String,
    },
    /// Globals whose initial values depend on each other.
    #[error("{instance}: the initial value of global {global} depends on itself")]
    GlobalCycle {
        /// The instance.
        instance: String,
        /// The global's index among those that the module defines.
        global: u32,
    },
    /// The value that a table starts with comes from a global that is defined in the fused module,
    /// where tables come before globals.
    #[error(
        "{instance}: table {table} starts with the value of a global that another input defines, \
         which no single module can say; let the table start empty and fill it by a start function"
    )]
    TableInit {
        /// The instance.
        instance: String,
        /// The table's name in backquotes, or its index in the module.
        table: String,
    },
    /// The fused module would exceed what engines accept.
    #[error("the fused module would have {count} {what}, but engines accept at most {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many are accepted.
        limit: usize,
    },
}

fn at_fault(pack_module: &Option<String>) -> String {
    match pack_module {
        Some(module) => format!(
            "; the pack's module `{module}` does not fit where a rule put it: correct the module, or \
             guard the rule"
        ),
        None => String::new(),
    }
}

impl MergeError {
    pub(super) fn malformed(instance: &str, message: impl std::fmt::Display) -> Self {
        MergeError::Malformed { instance: instance.into(), message: message.to_string() }
    }
}
