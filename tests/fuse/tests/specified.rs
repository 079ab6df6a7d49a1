//! What the specification says and the engine does not do, so that fused and unfused differ:
//! `specified/*.wat`, whose expectations are the specification's.

use meld_fuse_tests::read_cases;
use std::path::Path;

#[test]
fn fused_it_is_as_specified() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("specified");
    let cases = read_cases(&folder).unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        assert!(!case.expectations().is_empty(), "{}: expects nothing", case.name);
        let composed = wat::parse_str(&case.text).unwrap();
        let fused = meld::Fuser::new().input("root", composed.clone()).fuse().unwrap();
        assert_eq!(case.check(&fused.bytes), Vec::<String>::new(), "{}", case.name);
        let unfused = case.check(&composed);
        assert!(
            !unfused.is_empty(),
            "{}: the engine does so, too: make it a composition",
            case.name
        );
    }
}
