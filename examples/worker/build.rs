//! How `worker-in-image` finds its loader and libraries inside of any image: in its own volume, never in the image.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The old kind of rpath (no "new dtags") wins over a LD_LIBRARY_PATH that an image may set: our loader must never
    // meet another C library.
    for argument in ["--dynamic-linker=/.fleet/ld.so", "-rpath,/.fleet/lib", "--disable-new-dtags"] {
        println!("cargo::rustc-link-arg-bin=worker-in-image=-Wl,{argument}");
    }
}
