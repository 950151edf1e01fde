#!/usr/bin/env bash
# Prints the environment in which the software adapters are found beside any real GPU: Mesa's lavapipe (Vulkan) and
# llvmpipe (OpenGL through EGL, without a display), and SwiftShader (Vulkan), which Debian ships inside Chromium.
#
#     eval "$(.ci/adapters.sh)"
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
made="${CARGO_TARGET_DIR:-$root/target}/adapters"
mkdir -p "$made/runtime"
chmod 700 "$made/runtime"

# The driver file that comes with Chromium names its library by a relative path, which the loader would look for
# beside the file; ours holds the absolute one.
for library in "${SEGMINT_SWIFTSHADER:-}" /usr/lib/chromium/libvk_swiftshader.so /usr/lib/chromium-browser/libvk_swiftshader.so; do
    if [ -n "$library" ] && [ -f "$library" ]; then
        printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.1.0"}}\n' "$library" \
            > "$made/swiftshader_icd.json"
        echo "export VK_ADD_DRIVER_FILES='$made/swiftshader_icd.json'"
        break
    fi
done

# OpenGL without a display, rendered by llvmpipe.
echo "export EGL_PLATFORM=surfaceless"
echo "export LIBGL_ALWAYS_SOFTWARE=1"
echo "export GALLIUM_DRIVER=llvmpipe"
# EGL complains about its absence on servers.
if [ -z "${XDG_RUNTIME_DIR:-}" ]; then
    echo "export XDG_RUNTIME_DIR='$made/runtime'"
fi
