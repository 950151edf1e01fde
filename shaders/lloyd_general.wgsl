// One pass over a chunk for one model of any size: what a row in registers, or sums in workgroup memory, would not fit.
//
// The host puts `const ROWS: u32` (rows per workgroup) in front.
const THREADS: u32 = 128u;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
    let width = params.d + select(1u, 2u, WEIGHTED);
    clear_sums(lane, THREADS, params.k * width);
    workgroupBarrier();

    let start = params.first + (group.y * params.columns + group.x) * ROWS;
    for (var r = 0u; r < ROWS; r += THREADS) {
        let row = start + r + lane;
        if (row < params.end) {
            let at = row / PANEL * (PANEL * params.d) + row % PANEL;
            if (panels[at] < WIDE) {
                let n = nearest(at);
                if (too_close(n.d1, n.d2)) {
                    note_near_tie(params.model, row);
                } else {
                    let weight = weight_of(row);
                    let slot = n.first * width;
                    for (var j = 0u; j < params.d; j++) {
                        add_value(slot + j, weight, i32(panels[at + j * PANEL]));
                    }
                    add_row(slot + params.d, weight);
                    if (is_audited(row)) {
                        note_label(params.model, row, n.first);
                    }
                }
            }
        }
    }
    workgroupBarrier();
    add_sums_to_totals(lane, THREADS, params.k * width);
}
