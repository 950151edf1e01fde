//! The adapters that tests run on. A missing one is never silent.

use segmint::engine::gpu::{AdapterInfo, adapters};

/// Names that `SEGMINT_REQUIRE_ADAPTERS` may demand, and what tells each adapter.
const KNOWN: [(&str, &str, &str); 3] =
    [("lavapipe", "llvmpipe", "Vulkan"), ("llvmpipe-gl", "llvmpipe", "Gl"), ("swiftshader", "SwiftShader", "Vulkan")];

/// Runs a test on each adapter. One that is missing is named, and is a failure where it is required.
pub fn on_every_adapter(test: impl Fn(&AdapterInfo)) {
    let found = adapters();
    let required = std::env::var("SEGMINT_REQUIRE_ADAPTERS").unwrap_or_default();
    for (name, part, backend) in KNOWN {
        if !found.iter().any(|a| a.device.name.contains(part) && a.device.backend == backend) {
            assert!(!required.split(',').any(|r| r == name), "adapter {name} is required and missing");
            eprintln!("skipped: no adapter {name}");
        }
    }
    for adapter in &found {
        eprintln!("adapter {}", adapter.title());
        test(adapter);
    }
}
