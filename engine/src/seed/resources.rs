//! States what is known of resource types.

use super::Seeder;
use crate::error::EngineError;
use crate::plan::Entity;
use crate::term::Term;
use crate::vocabulary::FactIds;
use meld_component::facts::{self, Callee};
use meld_component::program::{CanonicalOptions, CoreItem, OptionsId, ResourceId};

impl Seeder<'_> {
    /// What is known of resources, and under which options they are destroyed.
    pub(super) fn resources(&mut self) -> Result<(), EngineError> {
        let program = self.program;
        for (index, options) in program.options.iter().enumerate() {
            if *options == CanonicalOptions::bare(options.component) {
                let leaf = self.entity(Entity::Component(options.component));
                let attribute = self.term(self.terms.bare, &[leaf]);
                let value = self.entity(Entity::Options(OptionsId(index as u32)));
                self.into.equations.push((attribute, value));
            }
        }
        for (index, resource) in program.resources.iter().enumerate() {
            let leaf = self.entity(Entity::Resource(ResourceId(index as u32)));
            let mut equations = vec![(self.terms.resource_number, self.int(index as i64 + 1))];
            if let Some(component) = resource.implementer() {
                equations.push((self.terms.implementer, self.entity(Entity::Component(component))));
            }
            if let Some(item) = resource.destructor() {
                equations.push((self.terms.destructor, self.destructor_item(item)?));
            }
            for (attribute, value) in equations {
                let attribute = self.term(attribute, &[leaf]);
                self.into.equations.push((attribute, value));
            }
        }
        Ok(())
    }

    /// A destructor, seen through what only calls another function if that is one of a core instance.
    /// A built-in may drop what this destroys, and its answer would stand in itself.
    fn destructor_item(&mut self, item: &CoreItem) -> Result<Term, EngineError> {
        let mut at = item.clone();
        while let Some(callee) = self.trampolines.callee(self.program, &at) {
            let next = match callee {
                Callee::Item(item) => Some(item),
                Callee::Slot(slot) => self.trampolines.contents.get(slot),
            };
            match next {
                Some(next) => at = next.clone(),
                None => break,
            }
        }
        match at {
            CoreItem::Export { .. } => self.import(item),
            _ => self.item(item),
        }
    }

    /// What is proved of resources.
    pub(super) fn facts_of_resources(&mut self, ids: &FactIds) {
        let program = self.program;
        for (index, resource) in program.resources.iter().enumerate() {
            let leaf = self.entity(Entity::Resource(ResourceId(index as u32)));
            if resource.implementer().is_some() {
                self.state(ids.defined, vec![leaf]);
            }
            // To guests, the border is who implements what the host does.
            if let Some(component) = resource.implementer().or(program.border_component()) {
                let component = self.entity(Entity::Component(component));
                self.state(ids.implements, vec![component, leaf]);
            }
            if resource.destructor().is_some() {
                self.state(ids.has_destructor, vec![leaf]);
            }
        }
        for (fact, resources) in [
            (ids.lent, facts::lent(&program.types)),
            (ids.observes_lends, facts::observes_lends(program)),
            (ids.reaches_host, facts::reaches_host(program)),
        ] {
            for resource in resources {
                let row = vec![self.entity(Entity::Resource(resource))];
                self.state(fact, row);
            }
        }
        for (component, resource) in facts::may_reenter(program) {
            let component = self.entity(Entity::Component(component));
            let row = vec![component, self.entity(Entity::Resource(resource))];
            self.state(ids.may_reenter, row);
        }
    }
}
