// The largest distance of a row of positive weight to its nearest centroid, per panel. The host looks closer at the
// panels that may hold the farthest rows. Distances are not negative, so their bits are ordered like the numbers.
const THREADS: u32 = 64u;

@group(0) @binding(3) var<storage, read_write> largest: array<u32>;

var<workgroup> panel_largest: atomic<u32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
    if (lane == 0u) {
        atomicStore(&panel_largest, 0u);
    }
    workgroupBarrier();
    let row = params.first + (group.y * params.columns + group.x) * THREADS + lane;
    if (row < params.end) {
        let at = row / PANEL * (PANEL * params.d) + row % PANEL;
        if (panels[at] < WIDE && weight_of(row) > 0u) {
            atomicMax(&panel_largest, bitcast<u32>(nearest(at).d1));
        }
    }
    workgroupBarrier();
    if (lane == 0u && row < params.end) {
        largest[row / PANEL] = atomicLoad(&panel_largest);
    }
}
