//! Links against the host that loads the addon.

fn main() {
    napi_build::setup();
}
