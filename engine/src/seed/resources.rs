//! States what is known of resource types.

use super::Seeder;
use crate::error::EngineError;
use crate::plan::Entity;
use crate::vocabulary::FactIds;
use meld_component::facts;
use meld_component::program::{CanonicalOptions, OptionsId, ResourceId};

impl Seeder<'_> {
    /// What is known of resources, and under which options they are destroyed.
    pub(super) fn resources(&mut self) -> Result<(), EngineError> {
        let program = self.program;
        for (index, options) in program.options.iter().enumerate() {
            // Rules say what the border's name; there are others of it that name nothing.
            let of_border = program.border.as_ref().is_some_and(|b| b.options.index() == index);
            if !of_border && *options == CanonicalOptions::bare(options.component) {
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
                equations.push((self.terms.destructor, self.item(item)?));
                equations.push((self.terms.destructor_through, self.import(item)?));
            }
            for (attribute, value) in equations {
                let attribute = self.term(attribute, &[leaf]);
                self.into.equations.push((attribute, value));
            }
        }
        Ok(())
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
            (ids.destroyed_by_handle, facts::destroyed_by_handle(program, &self.trampolines)),
            (ids.reaches_host, facts::reaches_host(program)),
        ] {
            for resource in resources {
                let row = vec![self.entity(Entity::Resource(resource))];
                self.state(fact, row);
            }
        }
        for (fact, pairs) in [
            (ids.observes_lends, facts::observes_lends(program)),
            (ids.may_reenter, facts::may_reenter(program)),
        ] {
            for (component, resource) in pairs {
                let component = self.entity(Entity::Component(component));
                let row = vec![component, self.entity(Entity::Resource(resource))];
                self.state(fact, row);
            }
        }
    }
}
