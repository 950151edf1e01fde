// One pass over a chunk for a model of any size, with sample weights or without.
//
// The host puts in front: `const LOCAL: bool` (sums fit workgroup memory), `const WEIGHTED: bool`, `const WORDS: u32`
// (words of workgroup memory), `const ROWS: u32` (rows per workgroup), and `weight_of`. Per cluster there are d sums, the
// row count and, with weights, the weight. Weighted sums need two words; others fit one for 2,048 rows.
const THREADS: u32 = 128u;

@group(0) @binding(3) var<storage, read_write> labels: array<u32>;
@group(0) @binding(5) var<storage, read_write> ties: array<atomic<u32>>;

var<workgroup> sums: array<atomic<u32>, WORDS>;

fn add(slot: u32, low: u32, high: u32) {
    if (LOCAL) {
        if (WEIGHTED) {
            let old = atomicAdd(&sums[2u * slot], low);
            let carry = select(0u, 1u, old + low < old);
            atomicAdd(&sums[2u * slot + 1u], high + carry);
        } else {
            atomicAdd(&sums[slot], low);
        }
    } else {
        add_total(slot, low, high);
    }
}

// weight * value, of 36 bits and a sign, in two words.
fn add_product(slot: u32, weight: u32, value: i32) {
    let size = u32(abs(value));
    let upper = weight * (size >> 16u);
    let lower = weight * (size & 0xffffu);
    var low = lower + (upper << 16u);
    var high = (upper >> 16u) + select(0u, 1u, low < lower);
    if (value < 0) {
        low = ~low + 1u;
        high = ~high + select(0u, 1u, low == 0u);
    }
    add(slot, low, high);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
    if (LOCAL) {
        for (var i = lane; i < WORDS; i += THREADS) {
            atomicStore(&sums[i], 0u);
        }
    }
    workgroupBarrier();

    let width = params.d + select(1u, 2u, WEIGHTED);
    let start = params.first + (group.y * params.columns + group.x) * ROWS;
    for (var r = 0u; r < ROWS; r += THREADS) {
        let row = start + r + lane;
        if (row < params.end) {
            let at = row / PANEL * (PANEL * params.d) + row % PANEL;
            if (panels[at] < WIDE) {
                let n = nearest(at);
                if (too_close(n.d1, n.d2)) {
                    labels[row] = n.first | NEAR_TIE;
                    let slot = atomicAdd(&ties[0], 1u);
                    if (slot < params.tie_capacity) {
                        atomicStore(&ties[1u + slot], params.base + row);
                    }
                } else {
                    labels[row] = n.first;
                    let slot = n.first * width;
                    add(slot + params.d, 1u, 0u);
                    if (WEIGHTED) {
                        let weight = weight_of(row);
                        for (var j = 0u; j < params.d; j++) {
                            add_product(slot + j, weight, i32(panels[at + j * PANEL]));
                        }
                        add(slot + params.d + 1u, weight, 0u);
                    } else {
                        for (var j = 0u; j < params.d; j++) {
                            let value = i32(panels[at + j * PANEL]);
                            add(slot + j, bitcast<u32>(value), sign_word(value));
                        }
                    }
                }
            }
        }
    }
    workgroupBarrier();

    if (LOCAL) {
        for (var slot = lane; slot < params.k * width; slot += THREADS) {
            if (WEIGHTED) {
                add_total(slot, atomicLoad(&sums[2u * slot]), atomicLoad(&sums[2u * slot + 1u]));
            } else {
                let sum = atomicLoad(&sums[slot]);
                add_total(slot, sum, sign_word(bitcast<i32>(sum)));
            }
        }
    }
}
