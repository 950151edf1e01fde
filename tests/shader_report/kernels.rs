//! The kernels that are reported, their names, and the arithmetic that none of them can do without.

use segmint::engine::gpu::Variant;
use segmint::engine::gpu::shaders::{Kernel, ROW_FEATURES_MAX, Room, Sums, Weights};

/// A sweep over k = 2..10, twice: the pass whose instructions per row are reported.
pub const MODELS: u32 = 18;
pub const CLUSTERS: u32 = 2 * (2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10);

/// Clusters, or other rows, that one value meets at once in the kernels for any shape.
const TOGETHER: u32 = 8;

/// Numbers of features that unusual variants are reported for; the largest is where most registers are needed, and 16 is
/// the largest of those that take two rows at once.
const VARIED: [usize; 4] = [5, 10, 16, ROW_FEATURES_MAX];

/// Every kernel there is, but of many models' one the smaller memory for d = 10 only, its code is the same; and of its
/// unusual variants a few.
pub fn all() -> Vec<Kernel> {
    let kept = |kernel: &Kernel| match kernel {
        Kernel::Lloyd { d, room, variant: Variant::Usual, .. } => *room == Room::Full || *d == 10,
        Kernel::Lloyd { d, room, .. } => *room == Room::Full && VARIED.contains(d),
        _ => true,
    };
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
        Kernel::Lloyd { d, weights, room, variant } => {
            let few = if room == Room::Few { " few" } else { "" };
            let variant = if variant == Variant::Usual { String::new() } else { format!(" {}", variant.name()) };
            format!("lloyd d={d}{}{few}{variant}", weighted(weights))
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
/// feature, centroid and row.
pub fn inner_minimum(kernel: Kernel) -> u32 {
    match kernel {
        Kernel::Lloyd { d, .. } => 2 * d as u32 * rows_at_once(kernel),
        _ => 2 * TOGETHER,
    }
}

/// Rows that one thread takes through its loops together.
pub fn rows_at_once(kernel: Kernel) -> u32 {
    match kernel {
        Kernel::Lloyd { variant, .. } => variant.constants().together as u32,
        _ => 1,
    }
}

/// Loops around the innermost one, itself included: rows, models, clusters; what a kernel of another form would change.
pub fn is_many_models(kernel: Kernel) -> bool {
    matches!(kernel, Kernel::Lloyd { .. })
}
