//! The kernels that are reported, their names, and the arithmetic that none of them can do without.

use segmint::engine::gpu::shaders::{Kernel, ROW_FEATURES_MAX, Room, Sums, Weights};

/// A sweep over k = 2..10, twice: the pass whose instructions per row are reported.
pub const MODELS: u32 = 18;
pub const CLUSTERS: u32 = 2 * (2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10);

/// Clusters, or other rows, that one value meets at once in the kernels for any shape.
const TOGETHER: u32 = 8;

/// Every kernel there is, but of many models' one the smaller memory for d = 10 only: its code is the same.
pub fn all() -> Vec<Kernel> {
    let kept = |kernel: &Kernel| !matches!(kernel, Kernel::Lloyd { d, room: Room::Few, .. } if *d != 10);
    Kernel::all().into_iter().filter(kept).collect()
}

/// Those of the table: what a quick check compiles.
pub fn of_table() -> Vec<Kernel> {
    all().into_iter().filter(|kernel| in_table(&name(*kernel))).collect()
}

/// Whether a kernel's line is kept in the table: of the many numbers of features, those below 13 and around the borders.
pub fn in_table(name: &str) -> bool {
    const KEPT: [usize; 7] = [16, 17, 24, 32, 48, 63, ROW_FEATURES_MAX];
    let d = name.strip_prefix("lloyd d=").map(|rest| rest.split(' ').next().unwrap_or_default().parse::<usize>());
    d.is_none_or(|d| d.is_ok_and(|d| d <= 12 || KEPT.contains(&d)))
}

pub fn name(kernel: Kernel) -> String {
    let weighted = |weights| if weights == Weights::Given { " weighted" } else { "" };
    match kernel {
        Kernel::Lloyd { d, weights, room } => {
            let few = if room == Room::Few { " few" } else { "" };
            format!("lloyd d={d}{}{few}", weighted(weights))
        }
        Kernel::LloydGeneral { sums, weights } => {
            let place = if sums == Sums::Local { "local" } else { "global" };
            format!("lloyd_general {place}{}", weighted(weights))
        }
        Kernel::Farthest { weights } => format!("farthest{}", weighted(weights)),
        Kernel::Assign | Kernel::Silhouette => kernel.stem().to_owned(),
    }
}

/// Vector instructions that one turn of the innermost loop needs at least: a subtraction and a fused multiply-add per
/// feature and centroid.
pub fn inner_minimum(kernel: Kernel) -> u32 {
    match kernel {
        Kernel::Lloyd { d, .. } => 2 * d as u32,
        _ => 2 * TOGETHER,
    }
}

/// Loops around the innermost one, itself included: rows, models, clusters; what a kernel of another form would change.
pub fn is_many_models(kernel: Kernel) -> bool {
    matches!(kernel, Kernel::Lloyd { .. })
}
