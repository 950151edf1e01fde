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
    k: u32,
    tie_capacity: u32,  // slots in the list of near ties
    tie: f32,           // two distances are too close to call when far - near <= far * tie
}

const PANEL: u32 = 64u;
const WIDE: f32 = 1048576.0;
const FAR: f32 = 3.4e38;
// In a label: the two nearest centroids were too close to call, the host decides.
const NEAR_TIE: u32 = 0x80000000u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> panels: array<f32>;
