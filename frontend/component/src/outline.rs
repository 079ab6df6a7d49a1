//! A component as someone sees it who asks for its types only.

use wasm_encoder::{CodeSection, Function, RawSection, Section};
use wasmparser::{BinaryReaderError, Chunk, Encoding, Parser, Payload};

/// A component being written, or something nested in it.
struct Open {
    /// Its section's id in what it is nested in.
    id: u8,
    bytes: Vec<u8>,
    encoding: Encoding,
    parser: Parser,
}

impl Open {
    fn new(id: u8, parser: Parser) -> Self {
        Open { id, bytes: Vec::new(), encoding: Encoding::Component, parser }
    }
}

/// The component, in which core modules at any depth have no code, elements, data and custom sections.
/// Its functions have bodies, so that all counts agree, but not valid ones. The bodies that it has are
/// passed over.
///
/// # Errors
///
/// If the component is malformed.
pub fn outline(component: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut open = vec![Open::new(0, Parser::new(0))];
    let mut rest = component;
    while let Some(now) = open.last_mut() {
        let Chunk::Parsed { consumed, payload } = now.parser.parse(rest, true)? else { break };
        rest = &rest[consumed..];
        let in_module = now.encoding == Encoding::Module;
        match payload {
            Payload::Version { range, encoding, .. } => {
                now.bytes.extend_from_slice(&component[range]);
                now.encoding = encoding;
            }
            Payload::CodeSectionStart { count, size, .. } => {
                now.parser.skip_section();
                rest = rest.get(size as usize..).unwrap_or_default();
                let mut code = CodeSection::new();
                for _ in 0..count {
                    code.function(&Function::new([]));
                }
                code.append_to(&mut now.bytes);
            }
            Payload::ElementSection(_)
            | Payload::DataSection(_)
            | Payload::DataCountSection { .. } => {}
            Payload::CustomSection(_) if in_module => {}
            Payload::End(_) => {
                let Some(Open { id, bytes, .. }) = open.pop() else { break };
                match open.last_mut() {
                    Some(outer) => RawSection { id, data: &bytes }.append_to(&mut outer.bytes),
                    None => return Ok(bytes),
                }
            }
            payload => {
                let Some((id, range)) = payload.as_section() else { continue };
                match payload {
                    Payload::ModuleSection { parser, .. }
                    | Payload::ComponentSection { parser, .. } => open.push(Open::new(id, parser)),
                    _ => RawSection { id, data: &component[range] }.append_to(&mut now.bytes),
                }
            }
        }
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::outline;
    use wit_component::{DecodedWasm, StringEncoding, embed_component_metadata};

    #[test]
    fn types_stay_and_the_bulk_goes() {
        let component = wat::parse_str(
            r#"(component
              (import "h" (func (param "x" string)))
              (component $c
                (core module $m
                  (memory (export "mem") 1)
                  (func (export "f") (result i32) (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 0)) i32.const 77)
                  (data "PASSIVE")
                  (data (i32.const 0) "ACTIVE"))
                (core instance $i (instantiate $m))
                (func (export "f") (result u32) (canon lift (core func $i "f"))))
              (instance $c (instantiate $c))
              (export "f" (func $c "f")))"#,
        )
        .unwrap();
        let outline = outline(&component).unwrap();
        let has = |text: &str| outline.windows(text.len()).any(|bytes| bytes == text.as_bytes());
        assert!(has("mem") && !has("PASSIVE") && !has("ACTIVE"));
        let world = |bytes: &[u8]| {
            let decoded = wit_component::decode(bytes).unwrap();
            let DecodedWasm::Component(resolve, world) = decoded else { unreachable!() };
            let (mut section, encoding) = (Vec::new(), StringEncoding::default());
            embed_component_metadata(&mut section, &resolve, world, encoding).unwrap();
            section
        };
        assert_eq!(world(&component), world(&outline));
    }
}
