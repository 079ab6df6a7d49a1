//! `--opaque-rep`: what nobody borrows does the same without a table.

use meld_fuse_tests::{Verdict, cases};

fn fuse(bytes: &[u8], opaque: bool) -> Result<Vec<u8>, String> {
    let mut fuser = meld::Fuser::new().input("root", bytes.to_vec()).assume("no-forged-handles");
    if opaque {
        fuser = fuser.opaque_rep("maker.thing");
    }
    fuser.fuse().map(|fused| fused.bytes).map_err(|error| error.to_string())
}

#[test]
fn representations_as_handles() {
    let case = cases().unwrap().into_iter().find(|case| case.name == "never-borrowed").unwrap();
    let has_table = |opaque| {
        let bytes = fuse(case.text.as_bytes(), opaque).unwrap();
        String::from_utf8_lossy(&bytes).contains("handle-table")
    };
    assert!(has_table(false) && !has_table(true));
    let verdict = case.verdict(&|bytes| fuse(bytes, true));
    assert!(matches!(verdict, Verdict::Same), "{verdict}");
}
