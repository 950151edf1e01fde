// Picks the labels of the audited rows, for the host to compare with its own. `rows` counts within the matrix.
const THREADS: u32 = 64u;

@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read> rows: array<u32>;
@group(0) @binding(5) var<storage, read_write> audited: array<u32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let slot = params.first + id.x;
    if (slot < params.end) {
        audited[slot] = labels[rows[slot] - params.base];
    }
}
