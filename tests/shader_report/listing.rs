//! Reads the listing that Mesa's compiler for AMD gives of a kernel, and counts the instructions of its loops.
//!
//! The listing is the compiler's own form after registers were spilled: blocks with their predecessors, instructions by
//! their names. What is put in later (waits, copies, branches) is not in it.

/// Instructions of a loop, without those of loops inside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub all: u32,
    /// Those on vector registers that are arithmetic.
    pub vector: u32,
}

struct Block {
    count: Count,
    predecessors: Vec<usize>,
}

/// The deepest nest of loops, from the outermost to the innermost. Where another loop lies as deep, the listing is not
/// of a kernel that this report can count.
pub fn deepest_nest(listing: &str) -> Result<Vec<Count>, String> {
    let blocks = blocks(listing)?;
    let mut loops: Vec<(usize, usize)> = Vec::new();
    for (header, block) in blocks.iter().enumerate() {
        if let Some(&last) = block.predecessors.iter().filter(|&&from| from >= header).max() {
            loops.push((header, last));
        }
    }
    let inside = |inner: &(usize, usize), outer: &(usize, usize)| inner.0 >= outer.0 && inner.1 <= outer.1;
    let around = |inner: &(usize, usize)| loops.iter().filter(|outer| inside(inner, outer)).count();
    let innermost = *loops.iter().max_by_key(|inner| around(inner)).ok_or("the listing has no loop")?;
    let as_deep = loops.iter().filter(|inner| around(inner) == around(&innermost)).count();
    if as_deep > 1 {
        return Err(format!("{as_deep} loops lie as deep as the innermost one: a loop over features was not unrolled"));
    }
    let mut nest: Vec<(usize, usize)> = loops.iter().filter(|outer| inside(&innermost, outer)).copied().collect();
    nest.sort_by_key(|&(first, last)| (first, usize::MAX - last));
    let count = |outer: &(usize, usize)| {
        let deeper =
            |block: &usize| loops.iter().any(|l| l != outer && inside(l, outer) && (l.0..=l.1).contains(block));
        let own = (outer.0..=outer.1).filter(|block| !deeper(block));
        own.fold(Count::default(), |sum, block| Count {
            all: sum.all + blocks[block].count.all,
            vector: sum.vector + blocks[block].count.vector,
        })
    };
    Ok(nest.iter().map(count).collect())
}

fn blocks(listing: &str) -> Result<Vec<Block>, String> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in listing.lines() {
        if let Some(number) = line.strip_prefix("BB") {
            if number.trim() != blocks.len().to_string() {
                return Err(format!("blocks of the listing are out of order at {line:?}"));
            }
            blocks.push(Block { count: Count::default(), predecessors: Vec::new() });
            continue;
        }
        let Some(block) = blocks.last_mut() else { continue };
        if let Some((_, rest)) = line.split_once("linear preds:") {
            let named = rest.split('/').next().unwrap_or_default();
            block.predecessors =
                named.split(',').filter_map(|name| name.trim().strip_prefix("BB")?.parse().ok()).collect();
            continue;
        }
        let Some(name) = opcode(line) else { continue };
        let real =
            ["s_", "v_", "ds_", "buffer_", "global_", "flat_", "scratch_"].iter().any(|start| name.starts_with(start));
        if real {
            block.count.all += 1;
            block.count.vector += u32::from(name.starts_with("v_"));
        }
    }
    Ok(blocks)
}

/// The instruction's name: behind the equals sign where it defines something, else the first word.
fn opcode(line: &str) -> Option<&str> {
    let line = line.trim();
    let text = line.split_once(" = ").map_or(line, |(_, right)| right);
    text.split_whitespace().next()
}

/// A made-up listing of two nested loops beside a third; the counts must be these, or no figure of the report is.
pub fn self_check() -> Result<(), String> {
    let listing = "After Spilling:\nBB0\n/* logical preds: / linear preds: / kind: uniform, */\n\t s1: %1 = s_mov_b32 0\n\
        BB1\n/* logical preds: BB0, BB1, / linear preds: BB0, BB1, / kind: loop-header, */\n\t v1: %2 = v_mov_b32 1\n\
        BB2\n/* linear preds: BB1, BB5, / kind: loop-header, */\n\t v1: %3:v[0],  s1: %4:scc = v_add_u32 %2, 1\n\tp_logical_start\n\
        BB3\n/* linear preds: BB2, BB4, / kind: loop-header, */\n\t v1: %5 = v_fma_f32 %1, %2\n\t ds_add_u32 %1, %2\n\
        BB4\n/* linear preds: BB3, / kind: uniform, */\n\t s2: %9 = p_branch BB3\n\t s1: %6 = s_add_u32 1, 2\n\
        BB5\n/* linear preds: BB4, / kind: uniform, */\n\t v1: %7 = p_parallelcopy 0\n\t buffer_store_dword %1\n";
    let found = deepest_nest(listing)?;
    let expected = [Count { all: 2, vector: 1 }, Count { all: 3, vector: 1 }];
    if found == expected { Ok(()) } else { Err(format!("the made-up listing is counted as {found:?}")) }
}
