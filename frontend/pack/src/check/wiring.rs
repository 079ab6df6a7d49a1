//! Arguments of modules: what they export against what is imported from them.
//!
//! Only arguments that are modules themselves, or exports of modules, have types that are known
//! here, and of those that follow address types only one combination is compared; the merger of a
//! fusion compares all that meet in any case.

use super::node::{Node, NodeKind};
use super::sorts::find;
use super::{Checker, Module};
use crate::ast::Span;
use crate::diagnostic::{Code, near};
use crate::module::ItemType;
use crate::ruleset::{Limits, ModuleImport, TermId};

impl Checker<'_> {
    /// Reports arguments that do not fit, anywhere in what a rule makes.
    pub(super) fn wired(&mut self, made: &Node) {
        let mut modules = Vec::new();
        made.walk(&mut |node| {
            if let NodeKind::Term(term, args) = &node.kind
                && let Module::Loaded { imports, .. } = &self.terms[term.index()].module
            {
                modules.push((*term, args, imports.clone()));
            }
        });
        for (term, args, imports) in modules {
            self.numbers(term, args);
            for (from, import) in &imports {
                let reports = self.sink.count();
                match from {
                    ModuleImport::FromInstance(position, name) => {
                        self.instance_argument(&args[*position], name, import);
                    }
                    ModuleImport::Param(position) => self.item_argument(&args[*position], import),
                    ModuleImport::PageBits(_) => {}
                }
                if self.sink.count() > reports {
                    let at = self.terms[term.index()].span;
                    self.sink.amend(|report| report.context(at, "the module that imports it"));
                    break;
                }
            }
        }
    }

    /// Reports numbers that are not within the limits of a module's parameters, or are not known here.
    fn numbers(&mut self, module: TermId, args: &[Node]) {
        for (param, arg) in self.terms[module.index()].params.iter().zip(args) {
            let wrong = match &arg.kind {
                _ if param.limits == Limits::NONE => None,
                NodeKind::Int(value) => {
                    param.limits.wrong(*value).map(|wrong| format!("{value}, which {wrong}"))
                }
                _ => Some("not known before the rule fires".to_owned()),
            };
            if let Some(wrong) = wrong {
                let wrong = format!("the number for `{}` is {wrong}", param.name);
                let (code, wrong) = self.wrong_number(arg.span, wrong);
                self.sink
                    .error(code, wrong)
                    .label(arg.span, "this one")
                    .context(param.span, "declared here");
            }
        }
    }

    /// What is wrong with a number: the user's mistake where it is a constant that the user set.
    fn wrong_number(&self, number: Span, wrong: String) -> (Code, String) {
        let set_by = self.constant_at.get(&number).and_then(|at| self.set_by.get(at));
        match set_by {
            Some(set) => (Code::SettingValue, format!("`{set}`: {wrong}")),
            None => (Code::ModuleWiring, wrong),
        }
    }

    fn instance_argument(&mut self, arg: &Node, name: &str, import: &ItemType) {
        let NodeKind::Term(term, _) = &arg.kind else { return };
        let Some(module) = self.exporting_module(*term) else { return };
        let Module::Loaded { exports, .. } = &self.terms[module.index()].module else { return };
        let module_name = &self.set.terms[module.index()].name;
        match find(exports, name) {
            Some(export) if export.supplies(import) => {}
            Some(export) => {
                let message = format!(
                    "`{module_name}` exports `{name}` as {export}, but {import} is imported"
                );
                self.sink.error(Code::ModuleWiring, message).label(arg.span, "of another type");
            }
            None => {
                let like = near(name, exports.iter().map(|(name, _)| name.as_str()));
                let like = like.map(|like| format!("is it `{like}`?"));
                let message =
                    format!("`{module_name}` does not export `{name}`, which is imported from it");
                let report =
                    self.sink.error(Code::ModuleWiring, message).label(arg.span, "lacks an export");
                if let Some(like) = like {
                    report.help(like);
                }
            }
        }
    }

    fn item_argument(&mut self, arg: &Node, import: &ItemType) {
        match &arg.kind {
            NodeKind::Int(value) => {
                let narrow = matches!(import, ItemType::Global(ty)
                    if ty.content_type == wasmparser::ValType::I32);
                if narrow && !(i64::from(i32::MIN)..=i64::from(u32::MAX)).contains(value) {
                    let wrong = format!("{value} does not fit in 32 bits");
                    let (code, wrong) = self.wrong_number(arg.span, wrong);
                    self.sink.error(code, wrong).label(arg.span, "imported as an i32");
                }
            }
            NodeKind::Export(base, name) => {
                let NodeKind::Term(term, _) = &base.kind else { return };
                let Some(module) = self.exporting_module(*term) else { return };
                let Module::Loaded { exports, .. } = &self.terms[module.index()].module else {
                    return;
                };
                if let Some(export) = find(exports, name).filter(|export| !export.supplies(import))
                {
                    let message = format!("`.{name}` is {export}, but {import} is imported");
                    self.sink.error(Code::ModuleWiring, message).label(arg.span, "of another type");
                }
            }
            _ => {}
        }
    }
}
