// Sample weights of a chunk, two to a word.
@group(0) @binding(6) var<storage, read> weights: array<u32>;

fn weight_of(row: u32) -> u32 {
    return (weights[row / 2u] >> (16u * (row % 2u))) & 0xffffu;
}
