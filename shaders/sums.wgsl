// A workgroup's sums: per cluster d values, the row count and, with weights, the weight.
//
// The host puts in front `const LOCAL: bool` (they stand in workgroup memory; else each row goes straight to the totals),
// `const WEIGHTED: bool`, `const WORDS: u32` (words of workgroup memory) and `const COPIES: u32` (how often each sum stands
// there). A weighted sum takes two words; another one fits a word, as long as a workgroup has 2,048 rows of values
// below 2^20.
const WORDS_PER_SUM: u32 = select(1u, 2u, WEIGHTED);

var<workgroup> sums: array<atomic<u32>, WORDS>;

// The copy that this thread adds to: neighbours, whose rows often lie in the same cluster, need not wait for each other.
var<private> copy: u32;

fn add(slot: u32, low: u32, high: u32) {
    if (LOCAL) {
        let place = slot * COPIES + select(0u, copy, COPIES > 1u);
        if (WEIGHTED) {
            let old = atomicAdd(&sums[2u * place], low);
            let carry = select(0u, 1u, old + low < old);
            atomicAdd(&sums[2u * place + 1u], high + carry);
        } else {
            atomicAdd(&sums[place], low);
        }
    } else {
        add_total(params.totals + slot, low, high);
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

fn add_value(slot: u32, weight: u32, value: i32) {
    if (WEIGHTED) {
        add_product(slot, weight, value);
    } else {
        add(slot, bitcast<u32>(value), sign_word(value));
    }
}

// The row itself: `slot` is behind the d values of its cluster.
fn add_row(slot: u32, weight: u32) {
    add(slot, 1u, 0u);
    if (WEIGHTED) {
        add(slot + 1u, weight, 0u);
    }
}

fn clear_sums(lane: u32, threads: u32, n_sums: u32) {
    if (LOCAL) {
        for (var i = lane; i < n_sums * WORDS_PER_SUM * COPIES; i += threads) {
            atomicStore(&sums[i], 0u);
        }
    }
}

fn add_sums_to_totals(lane: u32, threads: u32, n_sums: u32) {
    if (LOCAL) {
        for (var slot = lane; slot < n_sums; slot += threads) {
            var low = 0u;
            var high = 0u;
            for (var place = slot * COPIES; place < (slot + 1u) * COPIES; place++) {
                let more = atomicLoad(&sums[WORDS_PER_SUM * place]);
                low += more;
                if (WEIGHTED) {
                    high += atomicLoad(&sums[2u * place + 1u]) + select(0u, 1u, low < more);
                }
            }
            // All copies together are of no more rows than a word holds.
            if (!WEIGHTED) {
                high = sign_word(bitcast<i32>(low));
            }
            add_total(params.totals + slot, low, high);
        }
    }
}
