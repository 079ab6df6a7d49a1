//! States what imports of functions are that are left to the host.

use super::Seeder;
use crate::plan::Entity;
use crate::term::Term;
use crate::vocabulary::FactIds;
use meld_component::facts::{self, Calls};
use meld_component::program::InstanceId;

impl Seeder<'_> {
    /// An import, by its instance and position.
    pub(super) fn core_import(&mut self, (instance, position): (InstanceId, u32)) -> Term {
        self.entity(Entity::CoreImport(instance, position))
    }

    /// Their attributes.
    pub(super) fn imports(&mut self) {
        let (program, terms) = (self.program, self.terms);
        for (attribute, firsts) in [
            (terms.guest_of, facts::guests(program)),
            (terms.peers_of, facts::peers(program)),
            (terms.first_import, facts::first_imports(program, &self.calls.never)),
        ] {
            for (import, first) in firsts {
                let import = self.core_import(import);
                let attribute = self.term(attribute, &[import]);
                let value = self.core_import(first);
                self.into.equations.push((attribute, value));
            }
        }
        for (term, pairs) in [
            (terms.first_memory, facts::same_memory(program)),
            (terms.first_table, facts::same_table(program)),
        ] {
            for (import, first) in pairs {
                let [one, other] = [import, first].map(|import| {
                    let import = self.core_import(import);
                    self.term(term, &[import])
                });
                self.into.equations.push((one, other));
            }
        }
    }

    /// What was proved of them.
    pub(super) fn facts_of_imports(&mut self, ids: &FactIds) {
        let program = self.program;
        for (instance, position, ..) in facts::host_functions(program) {
            let count = program.module_of(instance).memories.len();
            let row = vec![self.core_import((instance, position)), self.count(count)];
            self.state(ids.memories, row);
        }
        let Calls { never, between_guests } = self.calls.clone();
        for (fact, imports) in [
            (ids.has_funcref_table, facts::funcref_tables(program).collect()),
            (ids.never_called, never),
        ] {
            for import in imports {
                let row = vec![self.core_import(import)];
                self.state(fact, row);
            }
        }
        for (import, kind) in between_guests {
            let row = vec![self.core_import(import), self.text(&kind)];
            self.state(ids.between_guests, row);
        }
        for (import, module) in facts::root_modules(program) {
            let row = vec![self.core_import(import), self.int(i64::from(module.0))];
            self.state(ids.of_root_module, row);
        }
        for (module, name) in facts::known_as(program) {
            let row = vec![self.int(i64::from(module.0)), self.text(&name)];
            self.state(ids.known_as, row);
        }
    }
}
