// Sums over all workgroups, dispatches and chunks of a pass: 64-bit integers as two words, low word first.
//
// Words wrap around. An addition that wraps the low word carries one into the high word; which addition that is depends
// on the order of the workgroups, the sum does not.
@group(0) @binding(4) var<storage, read_write> totals: array<atomic<u32>>;

fn add_total(slot: u32, low: u32, high: u32) {
    let old = atomicAdd(&totals[2u * slot], low);
    let carry = select(0u, 1u, old + low < old);
    if (high + carry != 0u) {
        atomicAdd(&totals[2u * slot + 1u], high + carry);
    }
}

// The high word of a 32-bit integer made 64 bits wide.
fn sign_word(value: i32) -> u32 {
    return select(0u, 0xffffffffu, value < 0);
}
