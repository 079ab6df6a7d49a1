//! What the tests of plans share.

use meld_engine::plan::{Node, NodeId, Plan, Port};

/// A port's term, as text.
pub fn show(plan: &Plan, port: Port) -> String {
    fn write(plan: &Plan, id: NodeId) -> String {
        let list = |ids: &[_]| ids.iter().map(|id| write(plan, *id)).collect::<Vec<_>>().join(", ");
        match plan.node(id) {
            Node::Entity(entity) => format!("{entity:?}"),
            Node::Int(value) => value.to_string(),
            Node::Str(text) => format!("{text:?}"),
            Node::List(ids) => format!("[{}]", list(ids)),
            Node::Term(name, args) => format!("{name}({})", list(args)),
            Node::Module(index, args) => {
                format!("{}({})", plan.modules[*index as usize].name, list(args))
            }
            Node::Export(of, name) => format!("{}.{name}", write(plan, *of)),
        }
    }
    write(plan, plan.ports[&port])
}
