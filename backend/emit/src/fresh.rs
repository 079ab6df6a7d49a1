//! Memories of meld's own (`new-memory`), as large as constants of packs say.

use crate::error::EmitError;
use meld_engine::plan::{Node, NodeId, Plan};
use wasm_encoder::{ExportKind, ExportSection, MemorySection, MemoryType, Module};

/// The term for such a memory.
pub const TERM: &str = "new-memory";

/// The name under which its module exports it.
pub const EXPORT: &str = "memory";

/// Bytes in a page, and pages that a memory may have.
const PAGE: u64 = 1 << 16;
const MOST_PAGES: u64 = 1 << 16;

/// The module that exports the memory of a term as [`EXPORT`]: `count` times the bytes of
/// all parts and `more`, in whole pages, at least one. It never grows.
///
/// # Errors
///
/// If it has more bytes than addresses of 32 bits can tell apart.
pub fn module(plan: &Plan, arguments: &[NodeId]) -> Result<Vec<u8>, EmitError> {
    let wrong = || EmitError::Term { term: TERM.to_string(), wanted: "a name and three numbers" };
    let [name, count, parts, more] = *arguments else { return Err(wrong()) };
    let Node::List(parts) = plan.node(parts) else { return Err(wrong()) };
    let number = |id: NodeId| match plan.node(id) {
        Node::Int(value) => u64::try_from(*value).map_err(|_| wrong()),
        _ => Err(wrong()),
    };
    let (count, more) = (number(count)?, number(more)?);
    let parts = parts.iter().map(|part| number(*part)).collect::<Result<Vec<_>, _>>()?;
    let bytes = parts.into_iter().fold(0, u64::saturating_add);
    let all = count.checked_mul(bytes).and_then(|product| product.checked_add(more));
    let pages = all.map(|all| all.div_ceil(PAGE).max(1)).filter(|pages| *pages <= MOST_PAGES);
    let Some(pages) = pages else {
        let name = match plan.node(name) {
            Node::Str(name) => name.to_string(),
            _ => return Err(wrong()),
        };
        return Err(EmitError::MemorySize { name, count, bytes, more });
    };
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: pages,
        maximum: Some(pages),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    exports.export(EXPORT, ExportKind::Memory, 0);
    let mut module = Module::new();
    module.section(&memories).section(&exports);
    Ok(module.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(count: i64, parts: &[i64], more: i64) -> Result<u64, EmitError> {
        let mut plan = Plan::default();
        let mut add = |node| {
            plan.nodes.push(node);
            NodeId(plan.nodes.len() as u32 - 1)
        };
        let parts = parts.iter().map(|part| add(Node::Int(*part))).collect();
        let arguments = [
            add(Node::Str("test".into())),
            add(Node::Int(count)),
            add(Node::List(parts)),
            add(Node::Int(more)),
        ];
        let bytes = module(&plan, &arguments)?;
        let memory = wasmparser::Parser::new(0).parse_all(&bytes).find_map(|payload| {
            let wasmparser::Payload::MemorySection(section) = payload.unwrap() else { return None };
            section.into_iter().next()
        });
        let memory = memory.unwrap().unwrap();
        assert_eq!(memory.maximum, Some(memory.initial));
        Ok(memory.initial)
    }

    #[test]
    fn memories_are_as_large_as_they_have_to_be() {
        assert_eq!(pages(0, &[32, 4096], 0).unwrap(), 1);
        assert_eq!(pages(8, &[32, 8160], 0).unwrap(), 1);
        assert_eq!(pages(8, &[32, 8160], 1).unwrap(), 2);
        assert_eq!(pages(1 << 16, &[1 << 16], 0).unwrap(), 1 << 16);
        for (count, parts, more) in
            [(1 << 16, &[1 << 16][..], 1), (i64::MAX, &[i64::MAX, i64::MAX], i64::MAX)]
        {
            let error = pages(count, parts, more).unwrap_err().to_string();
            assert!(error.contains("`test`") && error.contains("4 GiB"), "{error}");
        }
        assert!(pages(-1, &[1], 0).is_err());
    }
}
