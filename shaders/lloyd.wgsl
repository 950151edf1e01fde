// One pass over a chunk for a small model: every row goes to its nearest centroid, and is added to that one's sums.
//
// The host puts `const D: u32` and `const K: u32` in front. A row stands in registers; sums stand in workgroup memory as
// i32, which cannot overflow: 2,048 rows of values below 2^20.
const THREADS: u32 = 128u;
const ROWS: u32 = 2048u;
const SLOTS: u32 = K * (D + 1u);

@group(0) @binding(2) var<storage, read> centroids: array<f32>;
@group(0) @binding(3) var<storage, read_write> labels: array<u32>;
@group(0) @binding(5) var<storage, read_write> ties: array<atomic<u32>>;

var<workgroup> sums: array<atomic<i32>, SLOTS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
    for (var i = lane; i < SLOTS; i += THREADS) {
        atomicStore(&sums[i], 0);
    }
    workgroupBarrier();

    let start = params.first + (group.y * params.columns + group.x) * ROWS;
    for (var r = 0u; r < ROWS; r += THREADS) {
        let row = start + r + lane;
        if (row < params.end) {
            let at = row / PANEL * (PANEL * D) + row % PANEL;
            var x: array<f32, D>;
            for (var j = 0u; j < D; j++) {
                x[j] = panels[at + j * PANEL];
            }
            if (x[0] < WIDE) {
                var near = FAR;
                var far = FAR;
                var label = 0u;
                for (var c = 0u; c < K; c++) {
                    var distance = 0.0;
                    for (var j = 0u; j < D; j++) {
                        let t = x[j] - centroids[c * D + j];
                        distance = fma(t, t, distance);
                    }
                    far = min(far, max(distance, near));
                    if (distance < near) {
                        near = distance;
                        label = c;
                    }
                }
                if (far - near <= far * params.tie) {
                    labels[row] = label | NEAR_TIE;
                    let slot = atomicAdd(&ties[0], 1u);
                    if (slot < params.tie_capacity) {
                        atomicStore(&ties[1u + slot], params.base + row);
                    }
                } else {
                    labels[row] = label;
                    for (var j = 0u; j < D; j++) {
                        atomicAdd(&sums[label * (D + 1u) + j], i32(x[j]));
                    }
                    atomicAdd(&sums[label * (D + 1u) + D], 1);
                }
            }
        }
    }
    workgroupBarrier();

    for (var i = lane; i < SLOTS; i += THREADS) {
        let sum = atomicLoad(&sums[i]);
        add_total(i, bitcast<u32>(sum), sign_word(sum));
    }
}
