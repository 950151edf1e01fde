#!/bin/sh
# Prints the environment in which the software adapters of this machine are found: `eval "$(.ci/adapters.sh)"`.
# lavapipe brings its own Vulkan manifest; SwiftShader comes with Debian's chromium and gets one written here, because
# the packaged one holds a relative path. OpenGL (llvmpipe) needs nothing but a runtime folder to stay quiet.
set -eu
place="${TMPDIR:-/tmp}/segmint-adapters-$(id -u)"
mkdir -p "$place/runtime"
chmod 700 "$place/runtime"
drivers=""
for manifest in /usr/share/vulkan/icd.d/lvp_icd*.json; do
    [ -e "$manifest" ] && drivers="$manifest"
done
for library in /usr/lib/chromium/libvk_swiftshader.so /usr/lib/*/chromium/libvk_swiftshader.so; do
    [ -e "$library" ] || continue
    cat > "$place/swiftshader.json.new" <<END
{"file_format_version": "1.0.0", "ICD": {"library_path": "$library", "api_version": "1.0.5"}}
END
    mv "$place/swiftshader.json.new" "$place/swiftshader.json"
    drivers="${drivers:+$drivers:}$place/swiftshader.json"
    break
done
if [ -n "$drivers" ]; then
    # Older loaders know the second name only.
    echo "export VK_DRIVER_FILES='$drivers' VK_ICD_FILENAMES='$drivers'"
fi
[ -n "${XDG_RUNTIME_DIR:-}" ] || echo "export XDG_RUNTIME_DIR='$place/runtime'"
