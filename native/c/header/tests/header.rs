//! `include/tasker.h` is what cbindgen makes of the sources. `TASKER_UPDATE_HEADER=1` writes it.

use std::env;
use std::fs;
use std::path::Path;

#[test]
fn the_header_is_that_of_the_sources() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let config = cbindgen::Config::from_file(crate_folder.join("cbindgen.toml")).expect("settings");
    let bindings =
        cbindgen::Builder::new().with_crate(&crate_folder).with_config(config).generate();
    let mut made = Vec::new();
    bindings.expect("sources that cbindgen can read").write(&mut made);
    let header = crate_folder.join("include/tasker.h");
    if env::var("TASKER_UPDATE_HEADER").is_ok() {
        fs::write(&header, &made).expect("a header that may be written");
    }
    let stored = fs::read(&header).unwrap_or_default();
    assert!(
        stored == made,
        "stale: TASKER_UPDATE_HEADER=1 cargo test --manifest-path native/Cargo.toml -p tasker-c-header"
    );
}
