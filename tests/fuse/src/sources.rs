//! What the project's documents name: tests and compositions.

use std::path::{Path, PathBuf};

/// The sources of the project.
pub struct Sources {
    root: PathBuf,
    /// The texts of all Rust files.
    rust: Vec<String>,
}

impl Sources {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// If a file cannot be read.
    pub fn read() -> std::io::Result<Sources> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut rust = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if path.is_dir() {
                    if !name.starts_with('.') && name != "target" {
                        folders.push(path);
                    }
                } else if name.ends_with(".rs") {
                    rust.push(std::fs::read_to_string(&path)?);
                }
            }
        }
        Ok(Sources { root, rust })
    }

    /// A text, by its path from the project's folder.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn text(&self, path: &str) -> std::io::Result<String> {
        std::fs::read_to_string(self.root.join(path))
    }

    /// There is a test function of this name, or a composition `class/case`.
    pub fn has_test(&self, name: &str) -> bool {
        if name.contains('/') {
            return crate::folder().join(name).with_extension("wat").is_file();
        }
        // One with parameters is given them by proptest.
        let function = format!("fn {name}(");
        self.rust.iter().any(|text| {
            text.match_indices(&function).any(|(at, _)| {
                // The attribute stands right above.
                text[..at].trim_end().ends_with("#[test]")
            })
        })
    }
}

/// The cells of the rows of all tables in a Markdown text, without headings.
pub fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let heading = lines.peek().is_some_and(|next| next.starts_with("|---"));
        if line.starts_with("| ") && !heading {
            let cells = line.trim_matches('|').split(" | ");
            rows.push(cells.map(|cell| cell.trim().to_string()).collect());
        }
    }
    rows
}

/// What stands in backquotes.
pub fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
