// What a pass tells the host beside its sums: rows whose two nearest centroids are too close to call, and a checksum of
// the labels of audited rows.
//
// Words: the number of near ties; the same per model; the checksum of each model; the number of near ties per chunk; and
// from `params.list` on the near ties themselves, chunk after chunk because dispatches are.
@group(0) @binding(5) var<storage, read_write> notes: array<atomic<u32>>;
// One bit per row of the chunk.
@group(0) @binding(7) var<storage, read> audited: array<u32>;

fn note_near_tie(model: u32, row: u32) {
    let slot = atomicAdd(&notes[0], 1u);
    atomicAdd(&notes[1u + model], 1u);
    atomicAdd(&notes[1u + 2u * params.all_models + params.chunk], 1u);
    if (slot < params.tie_capacity) {
        atomicStore(&notes[params.list + slot], row * params.all_models + model);
    }
}

fn is_audited(row: u32) -> bool {
    return ((audited[row / 32u] >> (row % 32u)) & 1u) != 0u;
}

// Adds a row and its label to the model's checksum, so mixed that no other labels are likely to have the same sum. Of an
// audited row it is one model's turn in each pass.
fn note_label(model: u32, row: u32, label: u32) {
    if ((params.base + row + model) % params.all_models != params.turn) {
        return;
    }
    var word = ((params.base + row) * 0x9e3779b9u) ^ ((label + 1u) * 0x85ebca6bu);
    word = (word ^ (word >> 16u)) * 0x7feb352du;
    word = (word ^ (word >> 15u)) * 0x846ca68bu;
    atomicAdd(&notes[1u + params.all_models + model], word ^ (word >> 16u));
}
