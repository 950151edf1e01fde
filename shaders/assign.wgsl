// Label and runner-up of every row, in one word: 12 bits each, and the flag where either was too close to call.
const THREADS: u32 = 128u;
// The two nearest, or the second and the third, were too close to call: the host decides.
const NEAR_TIE: u32 = 0x80000000u;

@group(0) @binding(3) var<storage, read_write> labels: array<u32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
    let row = params.first + (group.y * params.columns + group.x) * THREADS + lane;
    if (row < params.end) {
        let at = row / PANEL * (PANEL * params.d) + row % PANEL;
        if (panels[at] < WIDE) {
            let n = nearest(at);
            let close = too_close(n.d1, n.d2) || too_close(n.d2, n.d3);
            labels[row] = n.first | (n.second << 12u) | select(0u, NEAR_TIE, close);
        } else {
            labels[row] = NEAR_TIE;
        }
    }
}
