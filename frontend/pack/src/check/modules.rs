//! Modules: each import has a parameter that supplies it, each parameter has a purpose.

use super::{Checker, INT, Module, Param};
use crate::ast::{Declaration, From, ModuleDecl, Name, Span};
use crate::diagnostic::{Code, near};
use crate::module::{self, ItemType, Kind, Loaded, Refused, code_size};
use crate::ruleset::{self, ModuleImport, PAGE_BITS, SortId, SortKind, SortRef};
use std::collections::BTreeMap;
use wasmparser::ValType;

/// Mistakes reported for one module.
const MAX_REPORTS: usize = 20;

impl Checker<'_> {
    pub(super) fn declare_module(&mut self, declaration: &Declaration, module: &ModuleDecl) {
        let params = self.params(&module.params);
        let result = match &module.result {
            Some(sort) => {
                let result = self.sort_ref(sort);
                if let Some(other) = result.filter(|sort| !self.has_exports(*sort)) {
                    let other = self.sort_name(other);
                    self.sink
                        .error(Code::SortMismatch, format!("a module is no {other}"))
                        .label(sort.span, "neither `Instance` nor a choice");
                }
                result
            }
            None => {
                // An `Instance` is needed even though the name does not stand in the text.
                let name = Name { text: "Instance".to_owned(), span: module.name.span };
                self.resolve(super::names::Kind::Sort, &name).map(|id| SortRef::One(SortId(id)))
            }
        };
        // Where mistakes of the module as a whole are shown.
        let at = match &module.from {
            From::File(name) => name.span,
            From::Inline(_) => module.name.span,
        };
        let (decl, checked, size) = match self.load_module(module, &params) {
            Some(loaded) => self.module_face(&loaded, &params, at),
            None => {
                let decl = ruleset::ModuleDecl {
                    binaries: vec![Vec::new().into()],
                    follows: Vec::new(),
                    imports: Vec::new(),
                    exports: Vec::new(),
                };
                (decl, Module::Refused, 0)
            }
        };
        let (stated, call) = module.cost.unwrap_or((None, 0));
        let cost = crate::ast::Cost { size: stated.unwrap_or(size), call };
        let module_decl = Some((decl, checked));
        self.declare_term(declaration, &module.name, params, result, Some(cost), module_decl);
    }

    /// Reads a module; none after a report. What it follows are positions of parameters.
    fn load_module(&mut self, module: &ModuleDecl, params: &[Param]) -> Option<Loaded> {
        let files = &self.modules[module.name.span.source.0 as usize];
        if let Some(Ok(loaded)) = files.made(&module.name.text).map(module::made) {
            return Some(loaded);
        }
        let has_addresses = |param: &Param| {
            let sorts = [Kind::Memory, Kind::Table].map(|kind| self.core.kinds[kind as usize]);
            sorts.iter().flatten().any(|sort| param.sort == Some(SortRef::One(*sort)))
        };
        let (positions, addressed): (Vec<usize>, Vec<&str>) = params
            .iter()
            .enumerate()
            .filter(|(_, param)| has_addresses(param))
            .map(|(position, param)| (position, param.name.as_str()))
            .unzip();
        let load = |contents: &[u8]| {
            let mut loaded = module::load(contents, &addressed)?;
            loaded.follows.iter_mut().for_each(|followed| *followed = positions[*followed]);
            Ok(loaded)
        };
        match &module.from {
            From::File(name) => {
                let files = &self.modules[name.span.source.0 as usize];
                let contents = match files.read(&name.text) {
                    Ok(contents) => contents,
                    Err(why) => {
                        self.sink
                            .error(
                                Code::ModuleFile,
                                format!("the module `{}` cannot be read: {why}", name.text),
                            )
                            .label(name.span, "this file");
                        return None;
                    }
                };
                let refused: Refused = match load(&contents) {
                    Ok(loaded) => return Some(loaded),
                    Err(refused) => refused,
                };
                let place = match refused.at {
                    Some((line, column)) => format!("{}:{line}:{column}", name.text),
                    None => name.text.clone(),
                };
                self.sink
                    .error(
                        Code::ModuleInvalid,
                        format!("the module `{place}` is not valid: {}", refused.message),
                    )
                    .label(name.span, "this file");
            }
            From::Inline(text) => {
                let refused: Refused = match load(text.text.as_bytes()) {
                    Ok(loaded) => return Some(loaded),
                    Err(refused) => refused,
                };
                let name = &module.name.text;
                let span = inline_place(text, &refused).unwrap_or(module.name.span);
                self.sink
                    .error(
                        Code::ModuleInvalid,
                        format!("the module `{name}` is not valid: {}", refused.message),
                    )
                    .label(span, "here");
            }
        }
        None
    }

    /// Compares imports with parameters. Also returns the size of the module's code.
    fn module_face(
        &mut self,
        loaded: &Loaded,
        params: &[Param],
        at: Span,
    ) -> (ruleset::ModuleDecl, Module, u64) {
        let before = self.sink.count();
        let positions: BTreeMap<&str, usize> =
            params.iter().enumerate().map(|(at, param)| (param.name.as_str(), at)).collect();
        let mut used = vec![false; params.len()];
        loaded.follows.iter().for_each(|&followed| used[followed] = true);
        let mut imports = Vec::new();
        for import in &loaded.imports {
            if self.sink.count() - before >= MAX_REPORTS {
                break;
            }
            let written = format!("(import {:?} {:?})", import.module, import.name);
            let from_instance = !import.module.is_empty();
            let page_bits = import.name.strip_suffix(PAGE_BITS).filter(|_| !from_instance);
            let wanted = match page_bits {
                Some(memory) => memory,
                None if from_instance => &import.module,
                None => &import.name,
            };
            let Some(position) = positions.get(wanted).copied() else {
                let like = near(wanted, positions.keys().copied());
                let sort = match page_bits {
                    Some(_) => Kind::Memory.sort(),
                    None if from_instance => "Instance",
                    None => import.ty.kind().sort(),
                };
                let report = self
                    .sink
                    .error(Code::ModuleImport, format!("no parameter supplies `{written}`"))
                    .label(at, format!("imports {}", import.ty));
                match like {
                    Some(like) => {
                        used[positions[like]] = true;
                        let span = params[positions[like]].span;
                        report
                            .context(span, format!("`{like}` is declared here"))
                            .help(format!("is it `{like}`? Names of parameters and imports agree"))
                    }
                    None => report.help(format!("add a parameter `{wanted}: {sort}`")),
                };
                continue;
            };
            used[position] = true;
            let from = match page_bits {
                Some(_) => ModuleImport::PageBits(position),
                None if from_instance => ModuleImport::FromInstance(position, import.name.clone()),
                None => ModuleImport::Param(position),
            };
            self.supplies(&params[position], &import.ty, &from, &written, at);
            imports.push((from, import.ty.clone()));
        }
        for (param, used) in params.iter().zip(used) {
            let Some(sort) = param.sort.filter(|_| !used) else { continue };
            if !self.keeps_apart(sort) && self.sink.count() - before < MAX_REPORTS {
                self.sink
                    .error(
                        Code::ModuleUnused,
                        format!("no import of the module uses the parameter `{}`", param.name),
                    )
                    .label(param.span, "without a use")
                    .context(at, format!("has no `(import \"\" {:?})`", param.name));
            }
        }
        let mut exports = Vec::new();
        for (name, ty) in &loaded.exports {
            let sort = self.kind_sort(ty.kind(), at);
            exports.push((name.clone(), sort.unwrap_or(INT)));
        }
        let decl = ruleset::ModuleDecl {
            binaries: loaded.binaries.clone(),
            follows: loaded.follows.clone(),
            imports: imports.iter().map(|(from, _)| from.clone()).collect(),
            exports,
        };
        let module = Module::Loaded {
            exports: loaded.exports.clone(),
            wide_exports: loaded.wide_exports.clone(),
            imports,
        };
        (decl, module, code_size(&loaded.binaries[0]))
    }

    /// Reports a parameter that cannot supply an import.
    fn supplies(
        &mut self,
        param: &Param,
        import: &ItemType,
        from: &ModuleImport,
        written: &str,
        at: Span,
    ) {
        let Some(sort) = param.sort else { return };
        let from_instance = matches!(from, ModuleImport::FromInstance(..));
        let is_constant = matches!(import, ItemType::Global(ty)
            if !ty.mutable && matches!(ty.content_type, ValType::I32 | ValType::I64));
        let fits = match (from, sort) {
            (ModuleImport::FromInstance(..), sort) => self.has_exports(sort),
            (ModuleImport::PageBits(_), sort) => {
                let memory = self.core.kinds[Kind::Memory as usize];
                is_constant && Some(sort) == memory.map(SortRef::One)
            }
            (ModuleImport::Param(_), SortRef::One(INT)) => is_constant,
            (ModuleImport::Param(_), SortRef::One(id)) => {
                self.core.kinds[import.kind() as usize] == Some(id)
            }
            (ModuleImport::Param(_), SortRef::List(_)) => false,
        };
        if fits {
            return;
        }
        let sort_name = self.a_sort(sort);
        let report = self
            .sink
            .error(
                Code::ModuleKind,
                format!("the parameter `{}` cannot supply `{written}`", param.name),
            )
            .label(param.span, format!("is {sort_name}"))
            .context(at, format!("imports {import}"));
        match (from_instance, sort) {
            _ if matches!(from, ModuleImport::PageBits(_)) => report.help(
                "a `Memory` supplies the size of its pages as an immutable global of type i32 or i64",
            ),
            (true, _) => report.help(format!(
                "an `Instance` supplies this; {sort_name} supplies `(import \"\" {:?})`",
                param.name
            )),
            (false, SortRef::One(INT)) => {
                report.help("an `Int` supplies an immutable global of type i32 or i64")
            }
            (false, sort) if Some(sort) == self.core.instance.map(SortRef::One) => {
                report.help(format!("an `Instance` supplies `(import {:?} ..)`", param.name))
            }
            (false, _) => report.help(format!("a `{}` supplies this", import.kind().sort())),
        };
    }

    /// Whether a parameter of this sort may be there only to keep instances apart.
    fn keeps_apart(&self, sort: SortRef) -> bool {
        match self.sort_kind(sort) {
            SortKind::Entity | SortKind::Data | SortKind::Choice => true,
            SortKind::Builtin => sort != SortRef::One(INT),
            SortKind::Plain => Some(sort) == self.core.instance.map(SortRef::One),
        }
    }

    /// The sort of a kind of core item; reported if no pack declares it.
    pub(super) fn kind_sort(&mut self, kind: Kind, at: Span) -> Option<SortId> {
        let sort = self.core.kinds[kind as usize];
        if sort.is_none() {
            let name = Name { text: kind.sort().to_owned(), span: at };
            self.resolve(super::names::Kind::Sort, &name);
        }
        sort
    }
}

/// The place in a pack of a mistake in an inline module's text.
fn inline_place(text: &Name, refused: &Refused) -> Option<Span> {
    let (line, column) = refused.at?;
    let start: usize = text.text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let offset = start + text.text.get(start..)?.char_indices().nth(column.checked_sub(1)?)?.0;
    let length = text.text[offset..].chars().next()?.len_utf8();
    let start = text.span.start + offset;
    Some(Span { start, end: start + length, ..text.span })
}
