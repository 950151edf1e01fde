// Distances of the asked rows to a range of other rows, all of one cluster, added up per asked row.
//
// Both stand in panels of 64 rows, feature after feature; the other ones are read four rows at a time. A distance
// becomes a whole number of units before it is added, in 64 bits as two words. Every invocation owns one row and its sum.
struct Params {
    first: u32,        // first asked row of this dispatch
    end: u32,          // one past its last
    columns: u32,      // workgroups along x; y counts rows of them
    d: u32,
    other_first: u32,  // first of the other rows, a multiple of eight
    other_end: u32,    // one past the last of them
    units: f32,        // per step; eight distances in units fit a word
    fresh: u32,        // 1 where sums begin anew
}

const THREADS: u32 = 64u;
const PANEL: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read> others: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> sums: array<vec2u>;

// Rounded, and 0 behind the last of the other rows.
fn whole_units(squares: vec4f, place: vec4u) -> vec4u {
    let units = vec4u(sqrt(squares) * params.units + 0.5);
    return select(vec4u(0u), units, place < vec4u(params.other_end));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
    let row = params.first + (group.y * params.columns + group.x) * THREADS + lane;
    if (row < params.end) {
        let at = row / PANEL * (PANEL * params.d) + row % PANEL;
        var sum = vec2u(0u);
        if (params.fresh == 0u) {
            sum = sums[row];
        }
        for (var other = params.other_first; other < params.other_end; other += 8u) {
            let place = (other / PANEL * (PANEL * params.d) + other % PANEL) / 4u;
            var low = vec4f();
            var high = vec4f();
            for (var j = 0u; j < params.d; j++) {
                let x = vec4f(rows[at + j * PANEL]);
                let a = x - others[place + j * (PANEL / 4u)];
                let b = x - others[place + j * (PANEL / 4u) + 1u];
                low = fma(a, a, low);
                high = fma(b, b, high);
            }
            let four = vec4u(other, other + 1u, other + 2u, other + 3u);
            let units = whole_units(low, four) + whole_units(high, four + 4u);
            let eight = units.x + units.y + units.z + units.w;
            sum.x += eight;
            sum.y += select(0u, 1u, sum.x < eight);
        }
        sums[row] = sum;
    }
}
