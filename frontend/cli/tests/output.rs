//! How the output comes to its place.

mod common;

use common::{APP, GREETER, check, meld, root, stderr};
use std::fmt::Write as _;
use std::io::{Read as _, Seek as _};
use std::process::{Command, Stdio};

/// A component whose code is written in many rounds, on one thread as on several: all functions
/// but the first call others, some of them imported.
fn large() -> Vec<u8> {
    let mut functions = String::new();
    for i in 0..3000 {
        let calls = "(call $log) (drop (call $f0))".repeat(i % 40);
        let constant = "(drop (i64.const 0x123456789abcdef))".repeat(i % 17);
        writeln!(
            functions,
            "(func $f{i} (result i32) {constant} {calls} (i32.load offset={i} (i32.const 0)))"
        )
        .unwrap();
    }
    let elements: String = (0..3000).map(|i| format!(" $f{i}")).collect();
    let text = format!(
        r#"(component
          (core module $log (func (export "log")))
          (core instance $log (instantiate $log))
          (core module $m
            (import "" "log" (func $log))
            (memory 1) (data (i32.const 0) "data")
            (table 3000 funcref) (elem (i32.const 0) func {elements})
            {functions}
            (func (export "run") (param i32) (result i32)
              (call_indirect (result i32) (local.get 0))))
          (core instance $i (instantiate $m (with "" (instance $log))))
          (func (export "run") (param "x" u32) (result u32) (canon lift (core func $i "run"))))"#
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn the_same_bytes_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("large.wasm");
    std::fs::write(&input, large()).unwrap();
    for form in [None, Some("--core")] {
        let run = |threads: &str| {
            let output = Command::new(env!("CARGO_BIN_EXE_meld"))
                .args([Some("fuse"), input.to_str(), form].into_iter().flatten())
                .env("RAYON_NUM_THREADS", threads)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", stderr(&output));
            output.stdout
        };
        let one = run("1");
        assert!(one.len() > 400_000, "{} bytes are too few for several rounds", one.len());
        for threads in ["2", "7"] {
            assert!(one == run(threads), "{threads} threads");
        }
    }
}

#[test]
fn an_output_stays_until_another_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.wasm");
    let (out, files) = (path.to_str().unwrap(), || std::fs::read_dir(&folder).unwrap().count());
    std::fs::write(&path, "what was there").unwrap();

    // The body that is not valid is found when all the others have been written.
    let invalid = folder.path().join("invalid.wat");
    let text = r#"(component
        (core module $m (func (export "run")) (func (drop)))
        (core instance $i (instantiate $m))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    std::fs::write(&invalid, text).unwrap();
    check(&["fuse", invalid.to_str().unwrap(), "-o", out], 3, "type mismatch");
    assert_eq!(std::fs::read(&path).unwrap(), b"what was there");
    assert_eq!(files(), 2);

    let expected = meld(&["fuse", APP, GREETER]).stdout;
    let fused = meld(&["fuse", APP, GREETER, "-o", out]);
    assert!(fused.status.success(), "{}", stderr(&fused));
    assert!(std::fs::read(&path).unwrap() == expected);
    assert_eq!(files(), 2);
    check(&["fuse", APP, GREETER, "-o", "no/such/folder/out.wasm"], 3, "no/such/folder/out.wasm");
    assert!(!root().join("no").exists());
}

#[cfg(unix)]
#[test]
fn an_output_stays_where_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    for form in ["", "--wat"] {
        std::fs::write(&path, "what was there").unwrap();
        // A file may have two blocks, which neither form goes into.
        let script = r#"trap "" XFSZ; ulimit -f 2; exec "$@""#;
        let output = Command::new("sh")
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_meld"), "fuse", APP, GREETER, "-o"])
            .args(
                [path.to_str().unwrap(), form].into_iter().filter(|argument| !argument.is_empty()),
            )
            .current_dir(root())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3), "{form}: {}", stderr(&output));
        assert!(stderr(&output).contains(path.to_str().unwrap()), "{}", stderr(&output));
        assert_eq!(std::fs::read(&path).unwrap(), b"what was there", "{form}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "{form}");
    }
}

/// How many files in a folder are not complete.
#[cfg(unix)]
fn parts_in(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    entries.filter(|name| name.to_string_lossy().ends_with(".part")).count()
}

#[cfg(unix)]
#[test]
fn nothing_is_left_of_what_is_stopped() {
    use std::os::unix::process::ExitStatusExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("large.wasm"), folder.path().join("out.wasm"));
    std::fs::write(&input, large()).unwrap();
    let parts = || parts_in(folder.path());
    for (name, number) in [("-INT", 2), ("-TERM", 15)] {
        // It may be done before it is stopped, which tells nothing.
        let stopped = (0..20).any(|_| {
            let mut child = Command::new(env!("CARGO_BIN_EXE_meld"))
                .args(["fuse".as_ref(), input.as_os_str(), "-o".as_ref(), out.as_os_str()])
                .spawn()
                .unwrap();
            while parts() == 0 && child.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            let kill = Command::new("kill").args([name, &child.id().to_string()]).status();
            let status = child.wait().unwrap();
            assert_eq!(parts(), 0, "{name}: {status}");
            kill.unwrap().success() && status.signal() == Some(number)
        });
        assert!(stopped, "{name}: it was always done before");
    }
}

/// Whoever starts a command behind which nobody waits has it ignore what is typed.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_is_ignored_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("large.wasm"), folder.path().join("out.wasm"));
    std::fs::write(&input, large()).unwrap();
    let parts = || parts_in(folder.path());
    // It may be done before the signal comes, which tells nothing.
    let hit = (0..20).any(|_| {
        let mut child = Command::new("sh")
            .args(["-c", r#"trap "" INT; exec "$@""#, "sh", env!("CARGO_BIN_EXE_meld"), "fuse"])
            .args([input.as_os_str(), "-o".as_ref(), out.as_os_str()])
            .spawn()
            .unwrap();
        while parts() == 0 && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let at_work = child.try_wait().unwrap().is_none();
        let id = child.id().to_string();
        let kill = Command::new("kill").args(["-INT", &id]).stderr(Stdio::null()).status();
        let status = child.wait().unwrap();
        assert!(status.success(), "{status}");
        assert!(std::fs::read(&out).unwrap().starts_with(b"\0asm"));
        at_work && kill.unwrap().success()
    });
    assert!(hit, "it was always done before");
}

/// What a new file would lack stays: attributes, and who else may read and write it.
#[cfg(unix)]
#[test]
fn attributes_stay() {
    let expected = meld(&["fuse", APP, GREETER]).stdout;
    // The owner reads and writes, user 1000 too, others nothing.
    let entries: [(u16, u16, u32); 5] =
        [(1, 6, u32::MAX), (2, 6, 1000), (4, 4, u32::MAX), (16, 6, u32::MAX), (32, 0, u32::MAX)];
    let mut list = 2u32.to_le_bytes().to_vec();
    for (tag, may, id) in entries {
        list.extend([tag.to_le_bytes(), may.to_le_bytes()].concat());
        list.extend(id.to_le_bytes());
    }
    // What is kept for the time being is in memory here and there, where files have no attributes.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for (name, value) in [("user.note", &b"kept"[..]), ("system.posix_acl_access", &list)] {
        let path = folder.path().join(name);
        std::fs::write(&path, "what was there before").unwrap();
        if let Err(error) = xattr::set(&path, name, value) {
            println!("not tried: no file here can have `{name}`: {error}");
            continue;
        }
        let fused = meld(&["fuse", APP, GREETER, "-o", path.to_str().unwrap()]);
        assert!(fused.status.success(), "{}", stderr(&fused));
        assert!(std::fs::read(&path).unwrap() == expected, "{name}");
        assert_eq!(xattr::get(&path, name).unwrap().as_deref(), Some(value), "{name}");
    }
}

/// What is open already is written to, whatever name it has.
#[cfg(target_os = "linux")]
#[test]
fn standard_output_by_its_name() {
    let expected = meld(&["fuse", APP, GREETER]).stdout;
    let piped = meld(&["fuse", APP, GREETER, "-o", "/dev/stdout"]);
    assert!(piped.status.success() && piped.stdout == expected, "{}", stderr(&piped));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.wasm");
    for name in ["/dev/stdout", "/proc/self/fd/1", "-"] {
        let mut file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .unwrap();
        let status = Command::new(env!("CARGO_BIN_EXE_meld"))
            .args(["fuse", APP, GREETER, "-o", name])
            .current_dir(root())
            .stdout(file.try_clone().unwrap())
            .status()
            .unwrap();
        assert!(status.success(), "{name}: {status}");
        // Who reads what was open before finds it there.
        let mut read = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut read).unwrap();
        assert!(read == expected, "{name}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "{name}");
    }
}

/// What is written over and not replaced may be cut, and that is said.
#[cfg(target_os = "linux")]
#[test]
fn what_is_cut_is_told() {
    let cut = "what the file holds now is not complete";
    check(&["fuse", APP, GREETER, "-o", "/dev/full"], 3, cut);
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("out"), folder.path().join("other"));
    std::fs::write(&path, "what was there").unwrap();
    // It has two names, so it is written over.
    std::fs::hard_link(&path, &other).unwrap();
    let script = r#"trap "" XFSZ; ulimit -f 2; exec "$@""#;
    let output = Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_meld"), "fuse", APP, GREETER, "-o"])
        .arg(&path)
        .current_dir(root())
        .output()
        .unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(path.to_str().unwrap()) && said.contains(cut), "{said}");
}

#[test]
fn an_input_that_is_too_large_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.wasm");
    std::fs::File::create(&path).unwrap().set_len(8 << 30).unwrap();
    for command in ["fuse", "inspect"] {
        check(
            &[command, path.to_str().unwrap()],
            3,
            "huge.wasm: 8589934592 bytes are more than meld reads, 1 GiB",
        );
    }
}

#[cfg(unix)]
#[test]
fn links_and_permissions_stay() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real.wasm"), folder.path().join("link.wasm"));
    std::fs::write(&real, "").unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o604)).unwrap();
    symlink("real.wasm", &link).unwrap();
    let fused = meld(&["fuse", APP, GREETER, "-o", link.to_str().unwrap()]);
    assert!(fused.status.success(), "{}", stderr(&fused));
    assert!(link.is_symlink() && std::fs::read(&real).unwrap().starts_with(b"\0asm"));
    assert_eq!(real.metadata().unwrap().mode() & 0o777, 0o604);
    // What has two names keeps both, and what a link leads to need not be there.
    let (first, second) = (folder.path().join("first.wasm"), folder.path().join("second.wasm"));
    std::fs::write(&first, "").unwrap();
    std::fs::hard_link(&first, &second).unwrap();
    std::fs::remove_file(&real).unwrap();
    for (to, read) in [(&first, &second), (&link, &real)] {
        let fused = meld(&["fuse", APP, GREETER, "-o", to.to_str().unwrap()]);
        assert!(fused.status.success(), "{}", stderr(&fused));
        assert!(std::fs::read(read).unwrap().starts_with(b"\0asm"), "{}", read.display());
    }
    assert!(link.is_symlink());
    // What is no file is written to.
    check(&["fuse", APP, GREETER, "-o", "/dev/null"], 0, "");
}
