//! What users name: rules and forbids by `pack.rule`, or as much of its end as names only one, and
//! resources by `interface.resource`.

use crate::error::EngineError;
use meld_component::program::{Program, ResourceId};
use meld_pack::near;
use meld_pack::ruleset::{RuleId, RuleSet};

/// A rule, an option or a forbid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A rule or an option.
    Rule(RuleId),
    /// A forbid: index into `RuleSet::forbids`.
    Forbid(usize),
}

/// Finds what a user names.
///
/// # Errors
///
/// If no pack declares such a rule, or several do.
pub(crate) fn find(rules: &RuleSet, name: &str) -> Result<Named, EngineError> {
    let all = (0..rules.rules.len())
        .map(|index| RuleId(index as u32))
        .map(|id| (rules.rule_name(id), Named::Rule(id)));
    let forbids =
        (0..rules.forbids.len()).map(|index| (rules.forbid_name(index), Named::Forbid(index)));
    let (names, named): (Vec<String>, Vec<Named>) = all.chain(forbids).unzip();
    if let Some(index) = names.iter().position(|known| known == name) {
        return Ok(named[index]);
    }
    let ends = |known: &String| known.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    let candidates: Vec<usize> = (0..names.len()).filter(|index| ends(&names[*index])).collect();
    match candidates.as_slice() {
        [] => Err(unknown("rule", name, &names, "`meld rules list` lists them")),
        [index] => Ok(named[*index]),
        several => Err(EngineError::Ambiguous {
            name: name.to_string(),
            candidates: several.iter().map(|index| names[*index].clone()).collect(),
        }),
    }
}

/// The error for a name that no pack declares, with the one that is most like it, or else a
/// sentence on which there are. Only the last part has to be alike: whoever errs in the pack knows
/// what the rule is called.
pub(crate) fn unknown(
    kind: &'static str,
    name: &str,
    known: &[String],
    elsewhere: &str,
) -> EngineError {
    fn parts(name: &str) -> (&str, &str) {
        name.rsplit_once('.').unwrap_or(("", name))
    }
    let (pack, end) = parts(name);
    let hint = near(end, known.iter().map(|known| parts(known).1)).and_then(|near| {
        let alike = || known.iter().filter(|known| parts(known).1 == near);
        alike().find(|known| parts(known).0 == pack).or_else(|| alike().next())
    });
    let hint = match hint {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; {elsewhere}"),
    };
    EngineError::Unknown { kind, name: name.to_string(), hint }
}

/// The resources that are called so, or that some export shows by that name. There are several where a
/// component is instantiated twice.
///
/// # Errors
///
/// If there is none.
pub fn resources(program: &Program, name: &str) -> Result<Vec<ResourceId>, EngineError> {
    let ids = (0..).map(ResourceId).zip(&program.resources);
    let found: Vec<ResourceId> = ids
        .filter(|(_, resource)| resource.name == name || resource.aliases.contains(name))
        .map(|(id, _)| id)
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let known = program.resources.iter().flat_map(|resource| {
        [&resource.name].into_iter().chain(&resource.aliases).map(String::as_str)
    });
    let hint = match near(name, known) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => "; `meld inspect` lists them, by interface, a dot and the name".to_string(),
    };
    Err(EngineError::NoResource { name: name.to_string(), hint })
}
