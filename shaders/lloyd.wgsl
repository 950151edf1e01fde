// One pass over a chunk for many models: every row is read once and goes, model after model, to its nearest centroid.
//
// The host puts in front `const D: u32`, and what tells one variant from another: `const THREADS: u32`, `const ROWS: u32`
// (rows per workgroup) and `const TOGETHER: u32` (rows that a thread takes at once; a centroid is read once for all of
// them). A row stands in registers, in quads of values, the last one filled up with zeros; the sums of all models stand
// in workgroup memory, and whoever packs the models sees to it that they fit.
const WIDTH: u32 = D + select(1u, 2u, WEIGHTED);
const QUADS: u32 = (D + 3u) / 4u;
const LAST: u32 = QUADS - 1u;
// Values in the last quad.
const REST: u32 = D - 4u * LAST;
// Short rows stand in registers as integers, too; of longer ones, each model makes its integers anew.
const TWICE: bool = D <= 16u;

struct Model {
    end: u32,   // one past its last cluster, counted over the models of this dispatch
    tie: f32,   // two distances are too close to call when far - near <= far * tie
}

@group(0) @binding(2) var<storage, read> centroids: array<vec4f>;
@group(0) @binding(3) var<storage, read> models: array<Model>;

// The first n of four values that stand a panel's width apart.
fn quad(at: u32, n: u32) -> vec4f {
    var values = vec4f(panels[at], 0.0, 0.0, 0.0);
    if (n > 1u) { values.y = panels[at + PANEL]; }
    if (n > 2u) { values.z = panels[at + 2u * PANEL]; }
    if (n > 3u) { values.w = panels[at + 3u * PANEL]; }
    return values;
}

// Adds the squares of the first n of four differences.
fn add_squares(distance: f32, t: vec4f, n: u32) -> f32 {
    var sum = fma(t.x, t.x, distance);
    if (n > 1u) { sum = fma(t.y, t.y, sum); }
    if (n > 2u) { sum = fma(t.z, t.z, sum); }
    if (n > 3u) { sum = fma(t.w, t.w, sum); }
    return sum;
}

fn add_quad(slot: u32, weight: u32, values: vec4i, n: u32) {
    add_value(slot, weight, values.x);
    if (n > 1u) { add_value(slot + 1u, weight, values.y); }
    if (n > 2u) { add_value(slot + 2u, weight, values.z); }
    if (n > 3u) { add_value(slot + 3u, weight, values.w); }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
    let n_sums = params.k * WIDTH;
    copy = lane % COPIES;
    clear_sums(lane, THREADS, n_sums);
    workgroupBarrier();

    let start = params.first + (group.y * params.columns + group.x) * ROWS;
    let end = params.end;
    let n_models = params.models;
    for (var r = 0u; r < ROWS; r += THREADS * TOGETHER) {
        let row = start + r + lane;
        if (row < end) {
            var x: array<array<vec4f, QUADS>, TOGETHER>;
            var values: array<array<vec4i, QUADS>, TOGETHER>;
            var own: array<u32, TOGETHER>;
            var narrow: array<bool, TOGETHER>;
            var weight: array<u32, TOGETHER>;
            var audit: array<bool, TOGETHER>;
            var any_narrow = false;
            // Loops over all items of an array: compilers unroll these, however long.
            for (var t = 0u; t < TOGETHER; t++) {
                // Behind the last row that one is looked at again, and not added.
                let is_there = t == 0u || row + t * THREADS < end;
                own[t] = select(end - 1u, row + t * THREADS, is_there);
                let at = own[t] / PANEL * (PANEL * D) + own[t] % PANEL;
                for (var q = 0u; q < QUADS; q++) {
                    x[t][q] = quad(at + 4u * q * PANEL, select(4u, REST, q == LAST));
                    values[t][q] = vec4i(x[t][q]);
                }
                narrow[t] = is_there && x[t][0].x < WIDE;
                any_narrow = any_narrow || narrow[t];
            }
            if (any_narrow) {
                for (var t = 0u; t < TOGETHER; t++) {
                    weight[t] = weight_of(own[t]);
                    audit[t] = is_audited(own[t]);
                }
                var cluster = 0u;
                for (var m = 0u; m < n_models; m++) {
                    let model = models[m];
                    let first = cluster;
                    var near: array<f32, TOGETHER>;
                    var far: array<f32, TOGETHER>;
                    var nearest: array<u32, TOGETHER>;
                    for (var t = 0u; t < TOGETHER; t++) {
                        near[t] = FAR;
                        far[t] = FAR;
                        nearest[t] = cluster;
                    }
                    for (; cluster < model.end; cluster++) {
                        let c = cluster * QUADS;
                        for (var t = 0u; t < TOGETHER; t++) {
                            var distance = 0.0;
                            for (var q = 0u; q < QUADS; q++) {
                                let difference = x[t][q] - centroids[c + q];
                                distance = add_squares(distance, difference, select(4u, REST, q == LAST));
                            }
                            far[t] = min(far[t], max(distance, near[t]));
                            if (distance < near[t]) {
                                near[t] = distance;
                                nearest[t] = cluster;
                            }
                        }
                    }
                    for (var t = 0u; t < TOGETHER; t++) {
                        if (!narrow[t]) {
                            continue;
                        }
                        if (far[t] - near[t] <= far[t] * model.tie) {
                            note_near_tie(params.model + m, own[t]);
                        } else {
                            let slot = nearest[t] * WIDTH;
                            for (var q = 0u; q < QUADS; q++) {
                                if (!TWICE) { values[t][q] = vec4i(x[t][q]); }
                                add_quad(slot + 4u * q, weight[t], values[t][q], select(4u, REST, q == LAST));
                            }
                            add_row(slot + D, weight[t]);
                            if (audit[t]) {
                                note_label(params.model + m, own[t], nearest[t] - first);
                            }
                        }
                    }
                }
            }
        }
    }
    workgroupBarrier();
    add_sums_to_totals(lane, THREADS, n_sums);
}
