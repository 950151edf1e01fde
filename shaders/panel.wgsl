// The panel layout that every kernel reads, and the parameters that every dispatch gets.
//
// A panel is 64 rows, feature after feature. A row that is wide, or that only fills up the last panel, has 2^20 as its
// first value: kernels skip it.
struct Params {
    first: u32,         // first row of this dispatch, counted within the chunk
    end: u32,           // one past its last row
    base: u32,          // the chunk's first row, counted within the matrix
    columns: u32,       // workgroups along x; y counts rows of them
    d: u32,
    k: u32,             // clusters of all models of this dispatch
    tie: f32,           // two distances are too close to call when far - near <= far * tie
    totals: u32,        // where the totals of this dispatch begin
    models: u32,        // models of this dispatch
    model: u32,         // the first of them, counted within the pass
    all_models: u32,    // models of the pass
    chunk: u32,
    list: u32,          // the word of the notes where the list of near ties begins
    tie_capacity: u32,  // its slots
    turn: u32,          // which model's labels of a row are audited, see notes.wgsl
    unused: u32,
}

const PANEL: u32 = 64u;
const WIDE: f32 = 1048576.0;
const FAR: f32 = 3.4e38;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> panels: array<f32>;
